"""One self-contained HTML file: no network, no storage, nothing a model said can run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from evalkit import numerals
from evalkit.data import Block, Drilldown, Figure, Ledger, Prose, Report, Table
from evalkit.renderers import _cells as cells
from evalkit.renderers import _drawing as drawing
from evalkit.renderers import _packing as packing
from evalkit.renderers import _source as source
from evalkit.renderers import _visible as visible

SUFFIX = ".html"
PLAIN = 60
"""Cases that stand in the file as plain HTML, for readers without scripts and for paper; further ones are packed."""
ASSETS = Path(__file__).with_name("_html")


def render(report: Report) -> str:
    """The page. Everything in it that comes from outside passes `_shown`, which escapes it, or is packed."""
    style = _asset("page.css") + _asset("cases.css")
    script = _asset("page.js") + _asset("cases.js")
    blocks = [block for section in report.sections for block in section.blocks]
    cases = [block for block in blocks if isinstance(block, Drilldown)]
    ledger = next((block for block in blocks if isinstance(block, Ledger)), None)
    packs = packing.packs(_template("case.html.j2"), cases[PLAIN:])
    page: str = _template("report.html.j2").render(
        report=report,
        verdict=report.verdict,
        tone="differs" if not report.verdict.comparable else report.verdict.outcome,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        groups=_groups,
        linked=ledger is not None,
        plain=PLAIN,
        order={case.case: place for place, case in enumerate(cases)},
        packs=packs.texts,
        columns=packing.columns(ledger, report.run, cases, PLAIN, packs.cases) if ledger else {},
    )
    return page


def case(told: Drilldown, offers: Mapping[str, str]) -> Markup:
    """One case in full for a page without scripts; `offers`: the lists of tools that its commands name."""
    return Markup(_template("case.html.j2").render(case=told, offers=offers))


def figure(block: Figure) -> Markup:
    """A drawing for a page without scripts."""
    return Markup(_template("blocks.html.j2").make_module({"linked": False}).figure(block))


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
        shown=_shown,
        pretty=source.pretty,
        marked=source.marked,
        declared=source.declared,
        cell=cells.show,
        draw=_draw,
        longest=_longest,
        filtered=_filtered,
        plain=visible.plain,
    )
    environment.globals.update(
        OUTCOMES=cells.OUTCOMES,
        VERDICTS=cells.VERDICTS,
        CHANGES=cells.CHANGES,
        WORDS={kind: " ".join(said) for kind, said in cells.CHANGES.items()},
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


def _filtered(wish: Mapping[str, str]) -> str:
    """The part of an address that has the table of cases show some of them, by the names that its columns have."""
    return urlencode({name: visible.plain(value) for name, value in wish.items()})


def _longest(text: str) -> int:
    """Characters of the longest word: what is longer than a column may be broken anywhere."""
    return max(map(len, text.split()), default=0)


# --------------------------------------------------------------------------- blocks


class Group(NamedTuple):
    """Blocks of one kind that stand together: sentences make a list, cases an explorer."""

    kind: str
    blocks: Sequence[Any]


_KINDS: Mapping[type, str] = {Table: "table", Figure: "figure", Prose: "prose", Drilldown: "cases", Ledger: "ledger"}


def _groups(blocks: Sequence[Block]) -> list[Group]:
    return [Group(kind, list(found)) for kind, found in groupby(blocks, key=lambda block: _KINDS[type(block)])]


def _draw(figure: Figure) -> Mapping[str, Any]:
    draw = {
        "forest": drawing.forest,
        "ecdf": drawing.ecdf,
        "shares": drawing.shares,
        "tiles": drawing.tiles,
        "heat": drawing.heat,
        "dots": drawing.dots,
    }
    return draw[figure.kind](figure)
