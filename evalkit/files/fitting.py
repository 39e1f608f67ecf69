"""A value in its shape, or in plain words what is wrong with it, each finding with its place.

Unions are told apart by looking, not by trying, so that a finding is about what was meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from evalkit.data import Json, Pointer
from evalkit.documents import Document
from evalkit.errors import Problem, suggest
from evalkit.files.shapes import DATE, ID
from evalkit.values import canonical, excerpt, pointer

S = TypeVar("S", bound=BaseModel)


def fit(shape: type[S], value: Json, document: Document, problems: list[Problem], at: Pointer = "") -> S | None:
    """`value`, which stands at `at` in `document`, in its shape; None if it has not got it: see `problems`."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False)
        meant = {_meant(finding, shape) for finding in found if finding["type"] == "extra_forbidden"}
        told = (finding for finding in found if finding["type"] != "missing" or finding["loc"] not in meant)
        problems += (_problem(finding, shape, document, at) for finding in told)
        return None


def _meant(finding: ErrorDetails, shape: type[BaseModel]) -> tuple[int | str, ...]:
    """Where the key would stand that an unknown one looks like: that it is missing need not be told as well."""
    *path, name = finding["loc"]
    close = get_close_matches(str(name), _keys(shape, tuple(path)), n=1)
    return (*path, *close)


_TAGS = frozenset({"<word>", "<call>", "<calls>", "<any_of>", "<file>", "<name>"})


def _problem(finding: ErrorDetails, shape: type[BaseModel], document: Document, at: Pointer) -> Problem:
    kind, given, context = finding["type"], finding["input"], finding.get("ctx", {})
    path = [token for token in finding["loc"] if token not in _TAGS]
    is_key = kind == "extra_forbidden" or path[-1:] == ["[key]"]
    if path[-1:] == ["[key]"]:
        path.pop()
    if kind == "extra_forbidden":
        what, hint = f"unknown key {path[-1]!r}", suggest(str(path[-1]), _keys(shape, finding["loc"][:-1]))
    elif kind == "missing":
        what, hint = f"{path.pop()!r} is missing", ""
    elif kind == "literal_error":
        known = context["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        what, hint = f"{_shown(given)} is not known here", suggest(str(given), known)
    elif kind == "said":
        what, hint = context["what"], context["hint"]
    else:
        what, hint = _sentence(kind, given, context)
    where = at + pointer(*path)
    return Problem(what=what, hint=hint, place=document.place(where, key=is_key), path=where)


_WANTED: Mapping[str, str] = {
    "string_type": "a string",
    "bool_type": "true or false",
    "float_type": "a number",
    "int_type": "a whole number",
    "finite_number": "a finite number",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}


_PATTERNS: Mapping[str, tuple[str, str]] = {
    ID: ("id", "an id holds letters, digits, '_', '.' and '-'"),
    DATE: ("date", "write it as 2026-12-31"),
}


def _sentence(kind: str, given: Any, context: Mapping[str, Any]) -> tuple[str, str]:
    if kind in _WANTED:
        plain = kind == "string_type" and isinstance(given, int | float) and not isinstance(given, bool)
        return f"must be {_WANTED[kind]}, not {_shown(given)}", f'put it in quotes: "{given}"' if plain else ""
    if kind in ("too_short", "string_too_short"):
        return "must not be empty", ""
    if kind == "string_pattern_mismatch":
        what, hint = _PATTERNS[context["pattern"]]
        return f"{_shown(given)} is no {what}", hint
    if kind == "greater_than":
        return f"must be more than {context['gt']:g}, not {_shown(given)}", ""
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']:g}, not {_shown(given)}", ""
    if kind == "less_than_equal":
        hint = "rates are shares: 0.98, not 98" if context["le"] == 1 else ""
        return f"must be at most {context['le']:g}, not {_shown(given)}", hint
    raise AssertionError(f"no sentence for {kind}")


def _shown(value: Json) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return excerpt(canonical(value))


def _keys(shape: type[BaseModel], path: tuple[int | str, ...]) -> Iterator[str]:
    """The keys that the shape of what stands at `path` has."""
    shapes = {shape}
    for token in path:
        fields = [found.model_fields[str(token)] for found in shapes if token in found.model_fields]
        if fields:
            shapes = {found for field in fields for found in _shapes_in(field.annotation)}
        elif token in _TAGS:
            shapes = {found for found in shapes if str(token)[1:-1] in found.model_fields}
    yield from (key for found in shapes for key in found.model_fields)


def _shapes_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _shapes_in(argument)
