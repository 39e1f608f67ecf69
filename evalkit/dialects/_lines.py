"""Streams of one JSON object a line: to the objects with their places in the text, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from evalkit.data import Json
from evalkit.dialects._body import Fields, cut_off, dump, no_answer, refuse_error, too_deep
from evalkit.values import excerpt

_LINE = re.compile(r"[^\n]*\n|[^\n]+")  # and no other line end: a string of JSON may hold those


def first(body: str) -> Fields:
    """The object on the first line; empty if there is none."""
    try:
        value = json.loads(body.lstrip().partition("\n")[0])
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def objects(body: str) -> Iterator[tuple[int, Fields]]:
    """(offset after its line, object) of each line.

    Raises ProviderError: `network` where the body breaks off inside a line, `server` for a line that holds no object,
    and the endpoint's own error where it sent one.
    """
    for found in _LINE.finditer(body):
        line = found[0]
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except RecursionError:
            raise too_deep() from None
        except ValueError:
            raise (no_answer(f"a line holds {excerpt(line)!r}") if line.endswith("\n") else cut_off()) from None
        if not isinstance(value, dict):
            raise no_answer(f"a line holds {excerpt(line)!r}")
        refuse_error(value)
        yield found.end(), value


def write(objects: Sequence[Json]) -> str:
    return "".join(f"{dump(value)}\n" for value in objects)
