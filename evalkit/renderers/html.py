"""One self-contained HTML file: no network, no storage, nothing a model said can run."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from evalkit import numerals
from evalkit.data import Block, Drilldown, Figure, Json, Prose, Report, Table
from evalkit.renderers import _cells as cells
from evalkit.renderers import _drawing as drawing
from evalkit.renderers import _visible as visible

SUFFIX = ".html"
PLAIN = 150
"""Cases that stand in the file as plain HTML, for readers without scripts; further ones are packed."""
PACK = 50
"""Cases in one compressed pack: unpacked together when one of them is opened."""
ASSETS = Path(__file__).with_name("_html")


def render(report: Report) -> str:
    """The page. Everything in it that comes from outside passes `_shown`, which escapes it."""
    style, script = _asset("report.css"), _asset("report.js")
    cases = [block for section in report.sections for block in section.blocks if isinstance(block, Drilldown)]
    page: str = _template("report.html.j2").render(
        report=report,
        verdict=report.verdict,
        tone="differs" if not report.verdict.comparable else report.verdict.outcome,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        groups=_groups,
        plain=PLAIN,
        pack_size=PACK,
        order={case.case: place for place, case in enumerate(cases)},
        packs=_packs(cases[PLAIN:]),
    )
    return page


def _policy(style: str, script: str) -> str:
    """Content Security Policy: these two inline blocks, by hash, and nothing else from anywhere."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        shown=_shown, pretty=pretty, marked=marked, cell=cells.show, draw=_draw, longest=_longest, plain=visible.plain
    )
    environment.globals.update(
        OUTCOMES=cells.OUTCOMES,
        VERDICTS=cells.VERDICTS,
        CHANGES=cells.CHANGES,
        NUMERIC=cells.NUMERIC,
        numerals=numerals,
    )
    return environment


def _template(name: str) -> Any:
    return _environment().get_template(name)


def _shown(text: object) -> Markup:
    """Escaped, with what cannot be seen as a small label."""
    return Markup("").join(
        Markup('<span class="unseen">{}</span>').format(piece) if hidden else escape(piece)
        for piece, hidden in visible.pieces(str(text))
    )


def _longest(text: str) -> int:
    """Characters of the longest word: what is longer than a column may be broken anywhere."""
    return max(map(len, text.split()), default=0)


# --------------------------------------------------------------------------- blocks


class Group(NamedTuple):
    """Blocks of one kind that stand together: sentences make a list, cases an explorer."""

    kind: str
    blocks: Sequence[Any]


_KINDS: Mapping[type, str] = {Table: "table", Figure: "figure", Prose: "prose", Drilldown: "cases"}


def _groups(blocks: Sequence[Block]) -> list[Group]:
    return [Group(kind, list(found)) for kind, found in groupby(blocks, key=lambda block: _KINDS[type(block)])]


def _draw(figure: Figure) -> Mapping[str, Any]:
    draw = {
        "forest": drawing.forest,
        "ecdf": drawing.ecdf,
        "shares": drawing.shares,
        "tiles": drawing.tiles,
    }
    return draw[figure.kind](figure)


# --------------------------------------------------------------------------- cases


def _packs(cases: Sequence[Drilldown]) -> Iterator[str]:
    """The bodies of `cases` as HTML, PACK at a time: a JSON list, compressed, in base64."""
    template = _template("case.html.j2")
    for start in range(0, len(cases), PACK):
        bodies = json.dumps([template.render(case=case) for case in cases[start : start + PACK]])
        yield base64.b64encode(gzip.compress(bodies.encode("ascii"), mtime=0)).decode("ascii")


class Segment(NamedTuple):
    """A stretch of a payload: unmarked if `codes` is empty. An empty text marks a gap."""

    text: str
    codes: Sequence[str]


def marked(call: Mapping[str, Json]) -> list[Segment]:
    """A payload's text cut at its marks."""
    text, marks = call["text"], call["marks"]
    cuts = sorted({0, len(text), *(place for start, end, _ in marks for place in (start, end))})
    segments: list[Segment] = []
    for start, end in zip(cuts, [*cuts[1:], None], strict=True):
        if gaps := [code for a, b, code in marks if a == b == start]:
            segments.append(Segment("", gaps))
        if end is not None:
            segments.append(Segment(text[start:end], [code for a, b, code in marks if a <= start and end <= b]))
    return segments


def pretty(value: Json, width: int = 84) -> str:
    """JSON with as few lines as fit: what is short stands on one."""
    return "\n".join(_lines(value, 0, width))


def _lines(value: Json, indent: int, width: int) -> Iterator[str]:
    short = json.dumps(value, ensure_ascii=False)
    if len(short) + indent <= width or not isinstance(value, dict | list) or not value:
        yield " " * indent + short
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield " " * indent + opening
    members = list(value.items()) if isinstance(value, dict) else [(None, item) for item in value]
    for place, (key, item) in enumerate(members):
        lines = list(_lines(item, indent + 2, width))
        if key is not None:
            name = json.dumps(key, ensure_ascii=False)
            lines = [f"{' ' * (indent + 2)}{name}: {lines[0].lstrip()}", *lines[1:]]
        if place < len(members) - 1:
            lines[-1] += ","
        yield from lines
    yield " " * indent + closing
