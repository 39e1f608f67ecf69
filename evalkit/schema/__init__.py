"""JSON Schema: is a declared schema sound, and does a payload fit it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

from evalkit import values
from evalkit.data import Json, Pointer, Violation
from evalkit.errors import InputError, Place, Problem
from evalkit.schema.drafts import DRAFTS, LATEST, Draft, Formats, draft_of, pattern_error
from evalkit.schema.references import Survey, survey

if TYPE_CHECKING:
    from evalkit.schema.reasons import Reasons

# `reasons` and `resolving` are imported where they are first needed: jsonschema and what it needs take longer to import
# than thousands of payloads to judge, and neither a sound schema nor a payload that fits it needs any of it.

# Binary floats and the digits of jsonschema-rs end here; beyond, only jsonschema is asked.
_PLAIN = 2**53
# jsonschema takes about ten Python frames a level, and values may have MAX_DEPTH levels behind several `$ref` each.
_FRAMES = 10_000


_MOST = 4096
"""Schemas that are remembered at a time."""


class Validator:
    """Says whether values fit one schema. Made by `compile_schema`."""

    def __init__(self, fast: Any, reasons: Callable[[], Reasons]) -> None:
        """`fast`: of jsonschema-rs. `reasons` are made when they are first asked: most schemas are never broken."""
        self._fast, self._make_reasons = fast, reasons

    @cached_property
    def reasons(self) -> Reasons:
        """The verdict of record."""
        return self._make_reasons()

    def valid(self, value: Json) -> bool:
        """True if `value` fits: `violations` finds nothing. About a microsecond for a value that does."""
        return self._surely_valid(value) or not self.violations(value)

    def violations(self, value: Json, payload: int | None = None) -> tuple[Violation, ...]:
        """All that is wrong with `value`, as jsonschema sees it. `payload` is copied into the violations.

        Never raises: what is nested too deeply to be judged is a violation itself.
        """
        if self._surely_valid(value):
            return ()
        if values.depth(value) > values.MAX_DEPTH:
            return (_too_deep(payload),)
        try:
            with _deep_stack():
                return self.reasons.violations(value, payload)
        except RecursionError:
            return (_too_deep(payload),)
        except ValueError:  # jsonschema prints what it finds; Python prints no number of more than 4300 digits
            message = "holds a number of more digits than can be judged"
            return (Violation(payload=payload, code="json.too_large", message=message),)

    def _surely_valid(self, value: Json) -> bool:
        """True only if jsonschema-rs can be trusted with `value` and finds it valid."""
        if not _plain(value):
            return False
        try:
            return bool(self._fast.is_valid(value))
        except ValueError:  # a lone surrogate, a key that is no string
            return False


_met: dict[tuple[int, Formats], tuple[Json, Validator]] = {}
"""(id of a schema, formats) -> the schema itself, so that its id stays its own, and its validator."""


def compile_schema(schema: Json, formats: Formats = "assert", *, checked: bool = False) -> Validator:
    """The validator of a sound schema; one for each distinct schema. Raises InputError if it is unsound.

    `checked`: `check` found it sound, in this process or in the one that stored it, and it is not walked again.
    No noun is ever changed, so a schema met before is known by what it is, unread: to read it anew for each case took
    a tenth of the time of a run.
    """
    known = _met.get((id(schema), formats))
    if known is None:
        if not checked and values.depth(schema) > values.MAX_DEPTH:
            raise InputError(check(schema, "schema", arguments=False))
        text = values.canonical(schema)
        if not checked and (problems := _problems(text)):
            raise InputError(problems)
        if len(_met) >= _MOST:
            _met.clear()
        known = _met[id(schema), formats] = (schema, _own(text).validator(formats))
    return known[1]


def check(schema: Json, source: str, *, arguments: bool = True) -> tuple[Problem, ...]:
    """What makes `schema` unusable: () if it is sound. `source` is `file#pointer`.

    `arguments`: it is the schema of a tool's arguments, so its root must allow an object. Nothing is ever fetched: a
    `$ref` must lead to a place within the schema, or to a meta-schema.
    """
    file, _, pointer = source.partition("#")
    place = Place(file=file) if file else None

    def problem(path: Pointer, what: str, hint: str = "") -> Problem:
        return Problem(what=what, hint=hint, place=place, path=pointer + path)

    if values.depth(schema) > values.MAX_DEPTH:
        return (problem("", f"the schema is nested deeper than {values.MAX_DEPTH} levels"),)
    if not isinstance(schema, dict | bool):
        return (problem("", f"a schema is an object, not {values.quoted(schema, 40)}"),)
    draft = draft_of(schema)
    if draft is None:
        known = ", ".join(draft.name for draft in DRAFTS)
        what = f"unknown draft {values.quoted(values.at(schema, '/$schema'), 80)}"
        return (problem("/$schema", what, f"leave `$schema` out for 2020-12, or name one of the drafts {known}"),)
    unsound = [problem(found.path, found.message) for found in _metaschema(draft).violations(schema)]
    return tuple(unsound or [problem(*what) for what in _unusable(schema, arguments)])


def _unusable(schema: Json, arguments: bool) -> Iterator[tuple[Pointer, str, str]]:
    """(place, what, hint) of what a meta-schema does not see."""
    own = _own(values.canonical(schema))
    found = own.found
    yield from found.problems
    sound = not found.problems
    for place, subschema in found.subschemas:
        for where, pattern in _patterns(subschema):
            error = pattern_error(pattern)
            if error is not None:
                sound = False
                yield place + where, f"{values.quoted(pattern, 100)} is no regular expression", error
    if sound and arguments and not found.allows_object:
        hint = 'declare {"type": "object", "properties": {...}}'
        yield "", "arguments are an object, and this schema allows none", hint
    elif sound:
        try:
            own.validator("assert")
        except ValueError as error:
            yield "", str(error).partition("\n")[0], ""


def _patterns(subschema: Mapping[str, Json]) -> Iterator[tuple[Pointer, str]]:
    if "pattern" in subschema:
        yield "/pattern", subschema["pattern"]
    for pattern in subschema.get("patternProperties", ()):
        yield values.pointer("patternProperties", pattern), pattern


@contextmanager
def _deep_stack() -> Iterator[None]:
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(max(usual, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def _too_deep(payload: int | None) -> Violation:
    message = f"nested too deeply to be judged (the limit is {values.MAX_DEPTH} levels)"
    return Violation(payload=payload, code="json.too_deep", message=message)


def _plain(value: Json) -> bool:
    """Whether jsonschema-rs reads `value` as it is: it crashes on deep nesting and loses digits of large numbers."""
    found, containers = [value], 0
    for item in found:
        kind = type(item)
        if kind is str:
            continue
        if kind is dict:
            containers += 1
            found += item.values()
        elif kind is list:
            containers += 1
            found += item
        elif kind is int or kind is float:
            if not -_PLAIN <= item <= _PLAIN:
                return False
        elif kind is not bool and item is not None:
            return False
    return containers <= values.MAX_DEPTH or values.depth(value) <= values.MAX_DEPTH


@lru_cache(maxsize=_MOST)
def _problems(text: str) -> tuple[Problem, ...]:
    return check(json.loads(text), "", arguments=False)


@lru_cache(maxsize=_MOST)
def _own(text: str) -> _Own:
    return _Own(text)


class _Own:
    """A schema as the engines get it, from its `values.canonical` text, and what was found in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._names_draft = '"$schema"' in text
        self._draft = (draft_of(self._schema) or LATEST) if self._names_draft else LATEST
        self._validators: dict[Formats, Validator] = {}

    @cached_property
    def _schema(self) -> Json:
        return json.loads(self._text)

    @cached_property
    def found(self) -> Survey:
        """From here on the schema is without `$schema` where it means nothing more: at its root, and in parts that are
        no document. Both engines would change the draft there, and jsonschema would leave our keywords for its own.
        """
        found = survey(self._schema, self._draft, _metaschema(self._draft).valid)
        for place, subschema in found.subschemas:
            if not place or not {"$id", "id"} & subschema.keys():
                subschema.pop("$schema", None)
        return found

    def validator(self, formats: Formats) -> Validator:
        """Raises ValueError if jsonschema-rs cannot read the schema."""
        if formats not in self._validators:
            self._validators[formats] = Validator(self._fast(formats), partial(self._reasons, formats))
        return self._validators[formats]

    def _fast(self, formats: Formats) -> Any:
        """The schema is parsed and walked only where that may change what it means."""
        if self._names_draft:
            return self._draft.fast_engine(self._walked(), formats)
        try:
            return self._draft.fast_engine(self._text, formats)
        except ValueError:  # read as a text, it may be no deeper than 127 levels
            return self._draft.fast_engine(self._schema, formats)

    def _reasons(self, formats: Formats) -> Reasons:
        from evalkit.schema import reasons

        schema = self._walked()
        for _, subschema in self.found.subschemas:
            reasons.spell_out(subschema)
        return reasons.of_schema(schema, self._draft, formats)

    def _walked(self) -> Json:
        _ = self.found
        return self._schema


@lru_cache(maxsize=len(DRAFTS))
def _metaschema(draft: Draft) -> Validator:
    def why() -> Reasons:
        from evalkit.schema import reasons

        return reasons.of_metaschema(draft)

    schema: Mapping[str, Json] = {"$ref": draft.uri}
    if draft.old:  # jsonschema-rs has all of them within it, but these without a rule or two
        from evalkit.schema.resolving import metaschema

        schema = metaschema(draft)
    return Validator(draft.fast_engine(schema, "annotate"), why)
