"""The whole report as JSON, for programs: versioned, every number unrounded."""

from __future__ import annotations

import json

from evalkit import codec
from evalkit.data import Block, Json, Report, Section

SUFFIX = ".json"
FORMAT = "evalkit.report"
VERSION = 1
"""Keys are added, never renamed, without a new one."""


def render(report: Report) -> str:
    """ASCII only, so that nothing a model said can disturb a reader or a terminal; nor, as `##[`, a CI runner's log."""
    told = codec.plain(report) | {"sections": [_section(section) for section in report.sections]}
    text = json.dumps({"format": FORMAT, "version": VERSION, **told}, indent=1, allow_nan=False) + "\n"
    return text.replace("##", "#\\u0023")


def schema() -> str:
    """JSON Schema of what `render` writes: pretty, and the same every time."""
    made = codec.schema(Report)
    made["properties"] = {"format": {"const": FORMAT}, "version": {"const": VERSION}, **made["properties"]}
    made["required"] = ["format", "version", *made["required"]]
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "evalkit report", **made}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _section(section: Section) -> Json:
    return codec.plain(section) | {"blocks": [_block(block) for block in section.blocks]}


def _block(block: Block) -> Json:
    return {"block": type(block).__name__.lower(), **codec.plain(block)}
