"""A value in its shape, or in plain words what is wrong with it, each finding with its place.

Unions are told apart by looking, not by trying, so that a finding is about what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct
from msgspec.structs import fields

from evalkit.data import Json, Pointer
from evalkit.documents import Document
from evalkit.errors import Problem, suggest
from evalkit.files.shapes import DATE, ID, Kinds, Shape, Spelled
from evalkit.values import canonical, excerpt, pointer

S = TypeVar("S", bound=Shape)


class _Findings(Struct, frozen=True):
    """What is wrong with a document, and where in it."""

    document: Document
    problems: list[Problem]

    def add(self, at: Pointer, what: str, hint: str = "", *, key: bool = False) -> None:
        self.problems.append(Problem(what=what, hint=hint, place=self.document.place(at, key=key), path=at))

    def must_be(self, wanted: str, value: Json, at: Pointer, hint: str = "") -> None:
        self.add(at, f"must be {wanted}, not {_shown(value)}", hint)

    def unknown(self, value: Json, words: Sequence[str], at: Pointer, *, key: bool = False) -> None:
        self.add(at, f"{_shown(value)} is not known here", suggest(str(value), words), key=key)


Reader: TypeAlias = Callable[[Json, Pointer, _Findings], Any]
"""(value, where it stands, findings) -> the value as its shape has it; anything, once something is found."""


def fit(shape: type[S], value: Json, document: Document, problems: list[Problem], at: Pointer = "") -> S | None:
    """`value`, which stands at `at` in `document`, in its shape; None if it has not got it: see `problems`."""
    before = len(problems)
    fitted: S = _shape(shape)(value, at, _Findings(document, problems))
    return fitted if len(problems) == before else None


@cache
def _shape(shape: type[Shape]) -> Reader:
    hints = get_type_hints(shape, include_extras=True)
    parts = {each.name: _reader(hints[each.name]) for each in fields(shape)}
    required = [each.name for each in fields(shape) if each.required]

    def read(value: Json, at: Pointer, findings: _Findings) -> Shape | None:
        if not isinstance(value, dict):
            findings.must_be("an object", value, at)
            return None
        before = len(findings.problems)
        unknown = [] if shape.OPEN else [key for key in value if key not in parts]
        # That a key is missing need not be told as well where an unknown one looks like it.
        meant = {near for key in unknown for near in get_close_matches(key, parts, n=1)}
        found = {}
        for name, part in parts.items():
            if name in value:
                found[name] = part(value[name], f"{at}/{name}", findings)
            elif name in required and name not in meant:
                findings.add(at, f"{name!r} is missing")
        for key in unknown:
            findings.add(at + pointer(key), f"unknown key {key!r}", suggest(key, parts), key=True)
        if len(findings.problems) > before:
            return None
        fitted = shape(**found)
        if wrong := fitted.wrong():
            findings.add(at, *wrong)
        return fitted

    return read


def _reader(hint: Any) -> Reader:
    """Of a type, and of what `Meta` and the markers of `shapes` say about it."""
    plain, said = (hint.__origin__, hint.__metadata__) if get_origin(hint) is Annotated else (hint, ())
    metas = [each for each in said if isinstance(each, Meta)]
    origin, inner = get_origin(plain), get_args(plain)
    for kinds in said:
        if isinstance(kinds, Kinds):
            return _either(kinds, inner)
    if origin in (Union, UnionType):
        return _or_null(_reader(inner[0]))
    if origin is Literal:
        return _word(inner)
    if origin is list:
        return _list(_reader(inner[0]), least=max((meta.min_length or 0 for meta in metas), default=0))
    if origin is dict:
        return _object(get_args(inner[0]), _reader(inner[1]))
    if plain is Any:
        return _anything
    if issubclass(plain, Shape):  # whose own reader is made where there is such an object
        return lambda value, at, findings: _shape(plain)(value, at, findings)
    if plain is str:
        return _spelled(_string(metas)) if Spelled() in said else _string(metas)
    return _flag if plain is bool else _number(plain, metas)


# --------------------------------------------------------------------------- what is made of others


def _either(kinds: Kinds, alternatives: tuple[Any, ...]) -> Reader:
    readers = {_kind(alternative): _reader(alternative) for alternative in alternatives}

    def read(value: Json, at: Pointer, findings: _Findings) -> Any:
        reader = readers.get(kinds.by(value))
        if reader is None:
            findings.add(at, kinds.otherwise)
            return None
        return reader(value, at, findings)

    return read


def _kind(alternative: Any) -> str | None:
    """What `Kinds` knows it by."""
    is_shape = isinstance(alternative, type) and issubclass(alternative, Shape)
    return fields(alternative)[0].name if is_shape else ""


def _or_null(reader: Reader) -> Reader:
    return lambda value, at, findings: None if value is None else reader(value, at, findings)


def _list(item: Reader, least: int) -> Reader:
    def read(value: Json, at: Pointer, findings: _Findings) -> list[Any] | None:
        if not isinstance(value, list):
            findings.must_be("a list", value, at)
            return None
        if len(value) < least:
            findings.add(at, "must not be empty")
            return None
        if item is _anything:
            return value
        return [item(each, f"{at}/{index}", findings) for index, each in enumerate(value)]

    return read


def _object(words: tuple[str, ...], item: Reader) -> Reader:
    """`words`: the keys there may be; () for any."""

    def read(value: Json, at: Pointer, findings: _Findings) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            findings.must_be("an object", value, at)
            return None
        if item is _anything:
            return value
        found = {}
        for name, each in value.items():
            below = at + pointer(name)
            if words and name not in words:
                findings.unknown(name, words, below, key=True)
            found[name] = item(each, below, findings)
        return found

    return read


# --------------------------------------------------------------------------- what stands for itself


def _anything(value: Json, at: Pointer, findings: _Findings) -> Json:
    return value


def _word(words: tuple[str, ...]) -> Reader:
    def read(value: Json, at: Pointer, findings: _Findings) -> Json:
        if not isinstance(value, str) or value not in words:
            findings.unknown(value, words, at)
        return value

    return read


_PATTERNS: Mapping[str, tuple[str, str]] = {
    ID: ("id", "an id holds letters, digits, '_', '.' and '-'"),
    DATE: ("date", "write it as 2026-12-31"),
}


def _string(metas: list[Meta]) -> Reader:
    least = max((meta.min_length or 0 for meta in metas), default=0)
    pattern = next((meta.pattern for meta in metas if meta.pattern), None)
    matches = re.compile(pattern.replace("$", r"\Z")).match if pattern else None

    def read(value: Json, at: Pointer, findings: _Findings) -> Json:
        if not isinstance(value, str):
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            findings.must_be("a string", value, at, f'put it in quotes: "{value}"' if plain else "")
        elif len(value) < least:
            findings.add(at, "must not be empty")
        elif pattern and matches and not matches(value):
            what, hint = _PATTERNS[pattern]
            findings.add(at, f"{_shown(value)} is no {what}", hint)
        return value

    return read


def _spelled(reader: Reader) -> Reader:
    def read(value: Json, at: Pointer, findings: _Findings) -> Any:
        spelled = isinstance(value, int | float) and not isinstance(value, bool)
        return reader(str(value) if spelled else value, at, findings)

    return read


def _flag(value: Json, at: Pointer, findings: _Findings) -> Json:
    if not isinstance(value, bool):
        findings.must_be("true or false", value, at)
    return value


def _number(kind: type, metas: list[Meta]) -> Reader:
    wanted = "a number" if kind is float else "a whole number"

    def read(value: Json, at: Pointer, findings: _Findings) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | kind):
            findings.must_be(wanted, value, at)
            return None
        try:
            number = kind(value)
        except OverflowError:  # no double is as large
            findings.must_be(wanted, value, at)
            return None
        for meta in metas:
            _bound(number, value, meta, at, findings)
        return number

    return read


def _bound(number: float, value: Json, meta: Meta, at: Pointer, findings: _Findings) -> None:
    if meta.gt is not None and not number > meta.gt:
        findings.must_be(f"more than {meta.gt:g}", value, at)
    elif meta.ge is not None and not number >= meta.ge:
        findings.must_be(f"at least {meta.ge:g}", value, at)
    elif meta.le is not None and not number <= meta.le:
        findings.must_be(f"at most {meta.le:g}", value, at, "rates are shares: 0.98, not 98" if meta.le == 1 else "")


def _shown(value: Json) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return excerpt(canonical(value))
