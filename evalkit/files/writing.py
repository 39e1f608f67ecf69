"""A suite as the JSON Lines that `read_suite_lines` reads as the same suite, its tools in place. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from evalkit.data import Json, Suite
from evalkit.patterns import spell_all


def suite_lines(suite: Suite) -> Iterator[str]:
    """Its header, and a line for each case, read as it is taken."""
    return (json.dumps(line, ensure_ascii=False) + "\n" for line in _lines(suite))


def _lines(suite: Suite) -> Iterator[Json]:
    tools = [
        {"key": key, "name": spec.name, "description": spec.description, "parameters": spec.schema}
        for key, spec in suite.specs.items()
    ]
    yield {"suite": suite.name, "tools": tools, "formats": suite.formats}
    for case in suite.cases:
        line = {
            "id": case.id,
            "messages": case.messages,
            "offer": case.tools,
            "tags": case.tags,
            "expect": spell_all(case.accept),
            "forbid": case.forbid,
            "flaws": case.flaws,
        }
        yield {key: value for key, value in line.items() if value != ()}
