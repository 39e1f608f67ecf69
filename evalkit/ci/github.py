"""What a GitHub runner and a pull request take: commands on the log, annotations, Markdown of a bounded size. Pure.

Whatever a model or a suite said is data here: in a command it is escaped, and it begins no line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath

from evalkit import numerals
from evalkit.data import Change, Report
from evalkit.renderers import _visible as visible

SUMMARY = 1_048_576
"""Bytes that a job summary may have, all steps' writes to it together."""
COMMENT = 65_536
"""Characters of a comment: of bytes there are never fewer."""
ANNOTATIONS = 10
"""Of one level that are shown for a step; the rest would be dropped without a word."""


def command(level: str, message: str, **properties: str) -> str:
    """`::error file=...,line=...::message`: one line, of which only this shape is obeyed."""
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{level}{' ' if told else ''}{told}::{_data(message)}"


def _data(text: str) -> str:
    return visible.inert(visible.line(text)).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def marks(report: Report, root: Path, here: Path) -> list[str]:
    """A command for each broken case, at its line if that lies below `root`; `here` is what its path is relative to.

    Errors if the verdict is a failure, else warnings. Those that would not be shown are counted in a last one.
    """
    level = "error" if report.verdict.outcome == "fail" else "warning"
    broken = [change for change in report.changes if change.kind == "broken"]
    shown = broken if len(broken) <= ANNOTATIONS else broken[: ANNOTATIONS - 1]
    commands = [_annotation(level, change, report, root, here) for change in shown]
    if len(broken) > len(shown):
        more = numerals.counted(len(broken) - len(shown), "further case")
        commands.append(command(level, f"{more} broke: see the report", title=report.title))
    return commands


def _annotation(level: str, change: Change, report: Report, root: Path, here: Path) -> str:
    place = _place(report.sources.get(change.case, ""), root, here)
    return command(level, f"{change.case} broke: {change.why}", **place, title=report.title)


def _place(source: str, root: Path, here: Path) -> dict[str, str]:
    """{"file", "line"} of a source below `root`, else {}."""
    file, _, line = source.rpartition(":")
    if not file or not line.isdecimal():
        return {}
    path = (here / file).resolve()
    if not path.is_relative_to(root.resolve()):
        return {}
    return {"file": PurePath(path.relative_to(root.resolve())).as_posix(), "line": line}


# --------------------------------------------------------------------------- Markdown that fits


def fit(pages: Sequence[str], limit: int) -> str:
    """Pages of Markdown one below the other in at most `limit` bytes: each gets its share, what one spares the others.

    What does not fit is cut between lines, so that rows stay whole, and what is left out is counted.
    """
    shares: dict[int, str] = {}
    left = limit
    for rank, index in enumerate(sorted(range(len(pages)), key=lambda index: _size(pages[index]))):
        shares[index] = _cut(pages[index], left // (len(pages) - rank) - 1)
        left -= _size(shares[index]) + 1
    return "\n".join(shares[index] for index in range(len(pages)))


def _cut(page: str, limit: int) -> str:
    if _size(page) <= limit:
        return page
    lines = page.split("\n")
    room, kept = limit - _size(_ending(len(lines), open_details=True)), 0
    for line in lines:
        room -= _size(line) + 1
        if room < 0:
            break
        kept += 1
    text = "\n".join(lines[:kept])
    gone = sum(line.startswith(("| ", "- ")) for line in lines[kept:])
    ending = _ending(gone, open_details=text.count("<details>") > text.count("</details>"))
    return text + ending if _size(text + ending) <= limit else ""


def _ending(gone: int, *, open_details: bool) -> str:
    closing = "\n\n</details>" if open_details else ""
    return f"{closing}\n\nCut here: {numerals.counted(gone, 'further row')} would not fit. The full report has them.\n"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
