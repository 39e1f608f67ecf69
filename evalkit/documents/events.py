"""YAML text to its value and the places in it.

The value is built from the parser's events and not from its nodes: nesting is bounded before it can exhaust the stack,
and an alias costs what it would cost written out, so that ten lines cannot ask for a billion values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import yaml

from evalkit.data import Json, Pointer
from evalkit.documents import Marks, Position, position, scalar
from evalkit.errors import InputError, Place, Problem
from evalkit.values import MAX_DEPTH, pointer

MAX_VALUES = 1_000_000


def read(text: str, file: str) -> tuple[Json, Marks]:
    """Raises InputError with a place for everything that is not plain, strict YAML."""
    try:
        return _Events(text, file).document()
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        place = Place(file=file, line=where.line + 1, column=where.column + 1) if where else Place(file=file)
        problem = error.problem or error.context or "it cannot be read"
        raise InputError(
            Problem(what=f"not YAML: {problem}", hint=_yaml_hint(problem, text, place), place=place)
        ) from None
    except yaml.reader.ReaderError as error:
        line, column = position(text, error.position)
        what = f"not YAML: the control character U+{ord(text[error.position]):04X}"
        raise InputError(Problem(what=what, place=Place(file=file, line=line, column=column))) from None


class _Events:
    """One pass over the events of a YAML text."""

    def __init__(self, text: str, file: str) -> None:
        self.parser = yaml.CBaseLoader(text)
        self.file = file
        self.marks: dict[Pointer, tuple[Position, Position]] = {}
        self.anchors: dict[str, tuple[Json, int]] = {}
        self.values = 0

    def document(self) -> tuple[Json, Marks]:
        self.next()  # the stream begins
        if isinstance(self.next(), yaml.StreamEndEvent):
            return None, {}
        value = self.value(self.next(), "", 0)
        self.next()  # the document ends
        after = self.next()
        if not isinstance(after, yaml.StreamEndEvent):
            self.refuse(after, "a second document begins here", "a file holds one")
        return value, self.marks

    def next(self) -> Any:
        return self.parser.get_event()

    def value(self, event: Any, path: Pointer, depth: int, key: Position | None = None) -> Json:
        here = (event.start_mark.line + 1, event.start_mark.column + 1)
        self.marks[path] = (key or here, here)
        before = self.values
        self.count(event, 1)
        if depth > MAX_DEPTH:
            self.refuse(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, path)
        if isinstance(event, yaml.ScalarEvent):
            value = self.scalar(event, path)
        else:
            if event.tag not in (None, "!"):
                self.refuse(event, f"the tag {event.tag} has no meaning here", "write the value without it", path)
            value = (
                self.mapping(path, depth) if isinstance(event, yaml.MappingStartEvent) else self.sequence(path, depth)
            )
        if event.anchor:
            self.anchors[event.anchor] = value, self.values - before
        return value

    def mapping(self, path: Pointer, depth: int) -> Json:
        found: dict[str, Json] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.scalar(event, path) if isinstance(event, yaml.ScalarEvent) else None
            if not isinstance(key, str):
                hint = f'put it in quotes: "{event.value}"' if isinstance(event, yaml.ScalarEvent) else ""
                self.refuse(event, "a key that is not a string", hint, path)
            below = path + pointer(key)
            if key in found:
                first = self.marks[below][0][0]
                self.refuse(event, f"the key {key!r} stands twice", f"the first is on line {first}", path)
            at = (event.start_mark.line + 1, event.start_mark.column + 1)
            found[key] = self.value(self.next(), below, depth + 1, at)
        return found

    def sequence(self, path: Pointer, depth: int) -> Json:
        found: list[Json] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            found.append(self.value(event, f"{path}/{len(found)}", depth + 1))
        return found

    def alias(self, event: Any, path: Pointer) -> Json:
        if event.anchor not in self.anchors:
            self.refuse(event, f"no anchor &{event.anchor} is complete before this alias", path=path)
        value, size = self.anchors[event.anchor]
        self.count(event, size)
        return value

    def scalar(self, event: Any, path: Pointer) -> Json:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            self.refuse(event, f"the tag {event.tag} has no meaning here", "write the value without it", path)
        if event.tag is not None or not event.implicit[0]:
            return str(event.value)
        try:
            return scalar(event.value)
        except ValueError as error:
            self.refuse(event, str(error), "put it in quotes if it is a string", path)

    def count(self, event: Any, values: int) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            self.refuse(event, f"more than {MAX_VALUES:,} values", "write large suites as JSON Lines (.jsonl)")

    def refuse(self, event: Any, what: str, hint: str = "", path: Pointer = "") -> NoReturn:
        place = Place(file=self.file, line=event.start_mark.line + 1, column=event.start_mark.column + 1)
        raise InputError(Problem(what=what, hint=hint, place=place, path=path))


_HINTS: Mapping[str, str] = {
    "mapping values are not allowed": "put a text that holds ': ' in quotes, and check the indentation",
    "did not find expected key": "check the indentation and the quotes of the lines above",
    "did not find expected '-' indicator": "check the indentation: an item of a list begins with '- '",
    "did not find expected ',' or": "a bracket is not closed",
    "unexpected end of stream": "a quote is not closed",
    "alphabetic or numeric character": "put a text that begins with * or & in quotes",
}


def _yaml_hint(problem: str, text: str, place: Place) -> str:
    if "cannot start any token" in problem and place.line and place.column:
        wrong = text.splitlines()[place.line - 1][place.column - 1]
        return "indent with spaces, not tabs" if wrong == "\t" else f"put a text that begins with {wrong} in quotes"
    return next((hint for words, hint in _HINTS.items() if words in problem), "")
