"""Line and column of what is known by its pointer in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from msgspec.structs import replace

from evalkit import documents, workspace
from evalkit.documents import Document
from evalkit.errors import InputError, Problem


def placed(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems, each with its line where its file can be read as one document (or, of JSON Lines, its first)."""
    opened = cache(_opened)
    return tuple(_placed(problem, opened) for problem in problems)


def _placed(problem: Problem, opened: Callable[[str], Document | None]) -> Problem:
    if problem.place is None or problem.place.line is not None or not problem.path.startswith("/"):
        return problem
    document = opened(problem.place.file)
    return problem if document is None else replace(problem, place=document.place(problem.path, key=True))


def _opened(file: str) -> Document | None:
    try:
        if file.endswith(".jsonl"):
            return next(documents.parse_lines(workspace.read_lines(file), file, []), None)
        return documents.parse(workspace.read_text(file), file)
    except InputError:
        return None
