"""Lines and tables of text that fit 80 columns, or as many as COLUMNS says."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence

import typer

_USUAL, _LEAST, _MOST = 80, 40, 110
"""Columns: narrower tables break, and wider lines are not read with ease."""


def width() -> int:
    """Columns that a line may have, be it on a terminal or in a pipe."""
    told = os.environ.get("COLUMNS", "")
    return min(max(int(told), _LEAST), _MOST) if told.isdecimal() else _USUAL


def several(names: Sequence[str], width: int) -> str:
    """All of them if they fit, else the first and how many there are beside it."""
    told = ", ".join(names)
    if len(told) <= width or len(names) < 2:
        return cut(told, width)
    more = f" +{len(names) - 1}"
    return cut(names[0], width - len(more)) + more


def cut(text: str, width: int) -> str:
    """In the middle: names that begin alike (a provider's, one model's arms) differ at their ends."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell. Where a line would be too long, a long first cell has a line of its own."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    widths[0] = max(len(head[0]), min(widths[0], width() - sum(widths[1:]) - 2 * len(widths[1:])))
    for first, *others in (head, *rows):
        rest = "".join(f"  {cell:>{each}}" for cell, each in zip(others, widths[1:], strict=True))
        if len(first) > widths[0]:
            typer.echo(textwrap.fill(first, width(), break_on_hyphens=False))
            first = ""
        typer.echo(f"{first:{widths[0]}}{rest}".rstrip())


def note(text: str) -> None:
    """A remark on as many lines as it needs. A number and its % stay together."""
    bound = text.replace(" %", "\u00a0%")
    lines = textwrap.fill(bound, width(), subsequent_indent="  ", break_on_hyphens=False)
    typer.echo(lines.replace("\u00a0%", " %"))
