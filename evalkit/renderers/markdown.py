"""Markdown for a pull request: the verdict, the checks, every table, and what broke, in short."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evalkit import numerals
from evalkit.data import Column, Drilldown, Figure, Json, Prose, Report, Section, Table
from evalkit.renderers import _cells as cells
from evalkit.renderers import _visible as visible

SUFFIX = ".md"
ROWS = 25
CASES = 20
"""Of each kind. A comment may hold 65,536 characters; the HTML file has them all."""
WHY = 160

# All that Markdown or HTML could read as markup: also what would link by itself (`://`, `www.`), call people and issues
# (`@`, `#`), become a picture (`:name:`) or a command of a CI log (`::error`), and what opens a list at a line's start.
_ACTIVE = re.compile(
    r"[\\`*_\[\]<>|~@#&]|:(?=/|:|[a-z+-]\w*:)|(?<=www)\.|^[-+=]|(?<=^\d)[.)](?=\s)|(?<=^\d\d)[.)](?=\s)", re.IGNORECASE
)
_SIGNS = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}


def render(report: Report) -> str:
    """The page. Text from outside passes `inline` or `_code`."""
    verdict = report.verdict
    sign = _SIGNS[verdict.outcome] if verdict.comparable else "🚫"
    lines = [
        f"## {sign} {cells.VERDICTS[verdict.word]}: {_code(report.baseline)} → {_code(report.candidate)}",
        "",
        inline(verdict.headline),
        "",
        f"Suite {_code(report.suite)}, {inline(report.created)}{_of_several(report)}",
    ]
    for section in report.sections:
        lines += ["", *_section(section)]
    return "\n".join(lines) + "\n"


def _of_several(report: Report) -> str:
    return f"; one of {report.candidates:,} candidates" if report.candidates > 1 else ""


def _section(section: Section) -> Iterator[str]:
    yield f"### {inline(section.title)}"
    if section.lead:
        yield from ("", inline(section.lead))
    told = [block for block in section.blocks if isinstance(block, Prose)]
    if told:
        yield from ("", *(f"- {inline(block.text)}" for block in told))
    for block in section.blocks:
        if isinstance(block, Figure) and block.kind != "forest":
            yield from ("", f"{inline(block.title)}: {inline(block.alt)}")
        elif isinstance(block, Table):
            yield from ("", *_table(block))
    yield from _cases([block for block in section.blocks if isinstance(block, Drilldown)])


def _table(table: Table) -> Iterator[str]:
    yield f"**{inline(table.title)}**"
    yield ""
    yield "| " + " | ".join(inline(column.label) for column in table.columns) + " |"
    yield "|" + "|".join("---:" if column.kind in cells.NUMERIC else "---" for column in table.columns) + "|"
    for row in table.rows[:ROWS]:
        yield "| " + " | ".join(_cell(column, row[column.key]) for column in table.columns) + " |"
    if len(table.rows) > ROWS:
        yield from ("", f"{numerals.counted(len(table.rows) - ROWS, 'further row')} in the full report.")
    if table.note:
        yield from ("", f"<sub>{inline(table.note)}</sub>")


def _cell(column: Column, value: Json) -> str:
    said = cells.show(column, value)
    if column.kind == "code" and value is not None:
        return _code(said.text)
    return " ".join(part for part in (inline(said.text), inline(said.interval)) if part)


def _cases(drilldowns: Sequence[Drilldown]) -> Iterator[str]:
    for kind, (_, word) in cells.CHANGES.items():
        found = [case for case in drilldowns if case.kind == kind]
        if found and kind != "same":
            yield from ("", f"<details><summary>{len(found):,} {word}</summary>", "")
            yield from (f"- {_code(case.case)}: {inline(_short(case.why))}" for case in found[:CASES])
            if len(found) > CASES:
                yield from ("", f"{len(found) - CASES:,} more in the full report.")
            yield from ("", "</details>")


def _short(text: str) -> str:
    return text if len(text) <= WHY else text[: WHY - 1] + "…"


def inline(text: str) -> str:
    """On one line, with nothing in it that Markdown or HTML acts on."""
    return _ACTIVE.sub(lambda found: f"&#{ord(found[0])};", visible.line(text))


def _code(text: str) -> str:
    """As code: in HTML, because no Markdown fence is longer than every text."""
    return f"<code>{inline(text)}</code>" if text else ""
