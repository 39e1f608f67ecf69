"""Lines and tables of text that fit 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import typer

LINE = 80


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
    """Columns as wide as their widest cell. Where a line would pass 80, a long first cell has a line of its own."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    widths[0] = max(len(head[0]), min(widths[0], LINE - sum(widths[1:]) - 2 * len(widths[1:])))
    for first, *others in (head, *rows):
        rest = "".join(f"  {cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        if len(first) > widths[0]:
            typer.echo(textwrap.fill(first, LINE, break_on_hyphens=False))
            first = ""
        typer.echo(f"{first:{widths[0]}}{rest}".rstrip())


def note(text: str) -> None:
    """A remark on as many lines as it needs."""
    typer.echo(textwrap.fill(text, LINE, subsequent_indent="  ", break_on_hyphens=False))
