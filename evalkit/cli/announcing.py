"""What a CI job is told beside the exit code: GitHub's job summary and annotations, and a comment for the request."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evalkit.errors import InputError

if TYPE_CHECKING:
    from evalkit.data import Report

MARK = "<!-- evalkit -->"
"""By which a job finds its own comment again, to replace it."""


def tell(reports: Sequence[Report]) -> None:
    """The job's summary, where GitHub has a file for one, and annotations, where a runner reads along."""
    from evalkit.ci import github

    if os.environ.get("GITHUB_ACTIONS") == "true":
        root = Path(os.environ.get("GITHUB_WORKSPACE") or ".")
        for built in reports:
            for command in github.marks(built, root, Path()):
                typer.echo(command, err=True)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        _append(Path(summary), reports)


def comment(path: Path, reports: Sequence[Report], lines: Sequence[str]) -> None:
    """Markdown of a size that a comment may have: `lines` first, then each report."""
    from evalkit import workspace
    from evalkit.ci import github
    from evalkit.renderers import markdown

    head = "\n".join([MARK, *(f"- {markdown.inline(line)}" for line in lines), "", ""])
    workspace.write_atomic(path, head + github.fit(_pages(reports), github.COMMENT - len(head.encode("utf-8"))))
    typer.echo(f"comment: {path}", err=True)


def _append(path: Path, reports: Sequence[Report]) -> None:
    """What the step wrote before counts, too: a summary that is too long is not shown at all."""
    from evalkit.ci import github

    try:
        there = path.stat().st_size if path.exists() else 0
        with path.open("a", encoding="utf-8") as file:
            file.write(github.fit(_pages(reports), max(github.SUMMARY - there - 1, 0)) + "\n")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path}: the job summary cannot be written: {reason.lower()}") from None


def _pages(reports: Sequence[Report]) -> list[str]:
    from evalkit import plugins

    return [plugins.renderer("markdown").render(built) for built in reports]
