"""For a terminal of 80 columns, readable without colour: verdict, scores, checks, worst tools, what broke."""

from __future__ import annotations

import io
from collections.abc import Sequence

from msgspec.structs import replace
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from evalkit import numerals
from evalkit.data import Column, Drilldown, Figure, Json, Prose, Report, Section, Table
from evalkit.renderers import _cells as cells
from evalkit.renderers import _visible as visible

SUFFIX = ""
WIDTH = 80
CASES = 8
TOOLS = 6
SIGNS = {"better": "▲", "worse": "▼", "neutral": "•"}
LINES = 2
"""That a broken case may take."""
STYLES = {
    "pass": "bold cyan",
    "fail": "bold red",
    "inconclusive": "bold yellow",
    "not_applicable": "dim",
    "blocked": "bold red",
    "watch": "bold yellow",
    "safe only strict": "cyan",
    "not enough data": "dim",
    "safe": "bold cyan",
    "broken": "red",
    "fixed": "cyan",
    "unjudged": "yellow",
}


def render(report: Report, width: int = WIDTH) -> str:
    """Plain text, without colour, `width` columns wide; no line of it is a command to a CI runner."""
    out = io.StringIO()
    draw(report, Console(file=out, width=width, color_system=None, legacy_windows=False))
    return visible.inert("\n".join(line.rstrip() for line in out.getvalue().split("\n")))


def draw(report: Report, console: Console, written: Sequence[str] = ()) -> None:
    """The same on a console of any width, with colour if that has it. `written`: where further reports are."""
    sections = {section.id: section for section in report.sections}
    console.print(_verdict(report))
    for name, show in _SHOWN.items():
        if name in sections:
            console.print()
            console.print(Text(visible.line(sections[name].title), style="bold"))
            console.print(Padding(show(sections[name]), (0, 0, 0, 2)))
    for place in written:
        console.print()
        console.print(Text(f"Report: {visible.line(place)}"), soft_wrap=True)


def _verdict(report: Report) -> RenderableType:
    verdict = report.verdict
    style = STYLES[verdict.outcome]
    sign = cells.OUTCOMES[verdict.outcome][0] if verdict.comparable else "≠"
    return Panel(
        Text(visible.line(verdict.headline)),
        title=Text(f" {sign} {cells.VERDICTS[verdict.word].upper()} ", style=style),
        title_align="left",
        subtitle=Text(f" {visible.line(report.title)} · {visible.line(report.suite)} "),
        subtitle_align="right",
        border_style=style,
        box=box.ROUNDED,
        padding=(1, 2),
    )


# --------------------------------------------------------------------------- sections


def _overview(section: Section) -> RenderableType:
    shares = next((block for block in section.blocks if isinstance(block, Figure) and block.kind == "shares"), None)
    return Text(visible.line(f"{shares.title}: {shares.alt}") if shares else "")


def _findings(section: Section) -> RenderableType:
    grid = Grid.grid(padding=(0, 1))
    for block in section.blocks:
        if isinstance(block, Prose):
            grid.add_row(SIGNS[block.tone], Text(visible.line(block.text)))
    return grid


def _checks(section: Section) -> RenderableType:
    """A sentence each: the columns of the table would not fit."""
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    for block in section.blocks:
        if isinstance(block, Prose):
            grid.add_row("≠", Text(visible.line(block.text)))
        elif isinstance(block, Table) and "outcome" in block.rows[0]:
            for row in block.rows:
                grid.add_row(_outcome(row["outcome"]), Text(visible.line(row["reading"])))
        elif isinstance(block, Table):
            for row in block.rows:
                grid.add_row(Text(visible.line(row["state"])), Text(visible.line(f"{row['case']}: {row['why']}")))
    return grid


def _outcome(outcome: str) -> Text:
    return Text(" ".join(cells.OUTCOMES[outcome]), style=STYLES[outcome], no_wrap=True)


def _readiness(section: Section) -> RenderableType:
    """Tools that need a look; the others are counted by the lead."""
    rows = [row for row in _first_table(section).rows if row["ready"] in ("blocked", "watch", "safe only strict")]
    grid = Grid.grid(padding=(0, 1))
    for row in rows[:TOOLS]:
        grid.add_row(_outcome(row["ready"]), Text(visible.line(row["tool"])), Text(visible.line(row["why"])))
    parts: list[RenderableType] = [Text(visible.line(section.lead)), *([grid] if rows else [])]
    if len(rows) > TOOLS:
        parts.append(Text(f"{len(rows) - TOOLS:,} more in the full report"))
    return Group(*parts)


def _models(section: Section) -> RenderableType:
    """All candidates; who is in focus is told in full below."""
    lead = Text(visible.line(section.lead))
    table = _first_table(section)
    candidates = replace(table, rows=tuple(row for row in table.rows if row["gate"] != "baseline"))
    return Group(lead, _grid(candidates, ("model", "gate", "correct", "broken", "fixed"), None))


def _scorecard(section: Section) -> RenderableType:
    return _grid(_first_table(section), ("score", "baseline", "candidate", "difference", "fixed", "broken"), None)


def _tools(section: Section) -> RenderableType:
    table = _first_table(section)
    lead = Text(visible.line(section.lead))
    if not table.rows:
        return lead
    shown = _grid(table, ("tool", "cases", "difference", "broken", "fixed", "reading"), TOOLS)
    more = len(table.rows) - TOOLS
    return Group(lead, shown, Text(f"{more:,} more in the full report")) if more > 0 else Group(lead, shown)


def _flips(section: Section) -> RenderableType:
    broken = [block for block in section.blocks if isinstance(block, Drilldown) and block.kind == "broken"]
    grid = Grid.grid(padding=(0, 1))
    for case in broken[:CASES]:
        sign, word = cells.CHANGES[case.kind]
        told = Text.assemble((visible.line(case.case), "bold"), " ", visible.line(case.why))
        told.truncate(LINES * (WIDTH - 14), overflow="ellipsis")
        grid.add_row(Text(f"{sign} {word}", style=STYLES[case.kind], no_wrap=True), told)
    parts: list[RenderableType] = [Text(visible.line(section.lead)), *([grid] if broken else [])]
    if len(broken) > CASES:
        parts.append(Text(f"{numerals.counted(len(broken) - CASES, 'more broken case')} in the full report"))
    return Group(*parts)


def _lead(section: Section) -> RenderableType:
    return Text(visible.line(section.lead))


_SHOWN = {
    "models": _models,
    "overview": _overview,
    "findings": _findings,
    "readiness": _readiness,
    "checks": _checks,
    "scorecard": _scorecard,
    "tools": _tools,
    "flips": _flips,
    "latency": _lead,
    "spending": _lead,
    "faults": _lead,
    "limits": _lead,
}
"""What a terminal shows, in this order. The rest is for the full report."""


def _first_table(section: Section) -> Table:
    return next(block for block in section.blocks if isinstance(block, Table))


def _grid(table: Table, keys: Sequence[str], limit: int | None) -> Grid:
    """The columns `keys`; the models' names, which may be long, stand above in the panel."""
    columns = [column for key in keys for column in table.columns if column.key == key]
    grid = Grid(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False)
    for column in columns:
        numeric = column.kind in cells.NUMERIC
        whole = numeric or column.kind == "outcome"
        label = column.key.capitalize() if column.key in ("baseline", "candidate") else column.label
        grid.add_column(
            Text(visible.line(label)), justify="right" if numeric else "left", overflow="fold", no_wrap=whole
        )
    for row in table.rows[:limit]:
        grid.add_row(*(_cell(column, row[column.key]) for column in columns))
    return grid


def _cell(column: Column, value: Json) -> Text:
    """Only a difference keeps its interval: there is no room for more."""
    said = cells.show(column, value)
    text = f"{said.text} {said.interval}" if column.kind == "points" and said.interval else said.text
    return Text(visible.line(text))
