"""Why a value breaks a schema, as jsonschema says: the verdict of record. The one room that imports it.

Where jsonschema reads a schema through Python's `re` (patterns that back-track for years, another dialect than
ECMA's) or through binary floats (19.99 is no multiple of 0.01), or has no opinion (most formats), its keywords are
replaced here: patterns and formats are asked of jsonschema-rs, multiples are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from math import isfinite
from typing import Any

from jsonschema import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
    ValidationError,
    validators,
)
from msgspec import Struct
from referencing import Registry

from evalkit.data import Json, Pointer, Violation
from evalkit.schema.drafts import Draft, Formats, matches, of_format
from evalkit.schema.references import places
from evalkit.schema.resolving import metaschema
from evalkit.schema.violations import violations

_CLASSES: Mapping[str, Any] = {
    "2020-12": Draft202012Validator,
    "2019-09": Draft201909Validator,
    "7": Draft7Validator,
    "6": Draft6Validator,
    "4": Draft4Validator,
}
KEYWORDS: frozenset[str] = frozenset().union(*(each.VALIDATORS for each in _CLASSES.values()))
"""All that judge anything, of every draft."""


class Reasons(Struct, frozen=True):
    """jsonschema's validator of one schema, and the pointer of each object of the schema by its id."""

    engine: Any
    places: Mapping[int, Pointer]

    def violations(self, value: Json, payload: int | None) -> tuple[Violation, ...]:
        return violations(self.engine.iter_errors(value), self.places, payload)


def of_schema(schema: Json, draft: Draft, formats: Formats) -> Reasons:
    """`schema` must be sound, spelled out and without a root `$schema`."""
    return Reasons(_engine({"not": {}} if schema is False else schema, draft, formats), dict(places(schema)))


def of_metaschema(draft: Draft) -> Reasons:
    bare = {keyword: value for keyword, value in metaschema(draft).items() if keyword != "$schema"}
    return Reasons(_engine(bare, draft, "annotate"), {})


def _engine(schema: Json, draft: Draft, formats: Formats) -> Any:
    """Never fetches anything."""
    return _with_ours(draft.name, formats)(schema, registry=Registry())


@cache
def _with_ours(draft: str, formats: Formats) -> Any:
    theirs = _CLASSES[draft]
    replaced = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "propertyNames": _property_names,
        "required": _required,
        "multipleOf": _multiple_of,
    }
    known = {name: keyword for name, keyword in replaced.items() if name in theirs.VALIDATORS}
    known["format"] = _format if formats == "assert" else _no_opinion
    return validators.extend(theirs, known)  # type: ignore[no-untyped-call]


def spell_out(subschema: dict[str, Json]) -> None:
    """Write {"not": {}} for `false` within `subschema`, in place: jsonschema forgets where in a value a `false` stood.

    Keywords that give `false` a sense of their own (no further properties, no further items) keep it.
    """
    for keyword in ("properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"):
        for name, part in subschema.get(keyword, {}).items():
            if part is False:
                subschema[keyword][name] = {"not": {}}
    for keyword in ("allOf", "anyOf", "oneOf", "prefixItems", "items"):
        parts = subschema.get(keyword)
        if isinstance(parts, list):
            subschema[keyword] = [{"not": {}} if part is False else part for part in parts]
    for keyword in ("then", "else"):
        if subschema.get(keyword) is False:
            subschema[keyword] = {"not": {}}


# --------------------------------------------------------------------------- the replaced keywords

_Errors = Iterator[ValidationError]


def _pattern(validator: Any, pattern: str, instance: Json, schema: Json) -> _Errors:
    if isinstance(instance, str) and not matches(pattern, instance):
        yield ValidationError(f"does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Json], instance: Json, schema: Json) -> _Errors:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in patterns.items():
        for name, value in instance.items():
            if matches(pattern, name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Json, instance: Json, schema: Json) -> _Errors:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in known or any(matches(pattern, name) for pattern in patterns):
            continue
        if allowed is False:
            yield ValidationError("is not allowed", path=(name,), instance=value)
        else:
            yield from validator.descend(value, allowed, path=name)


def _property_names(validator: Any, names: Json, instance: Json, schema: Json) -> _Errors:
    if isinstance(instance, dict):
        rule = validator.evolve(schema=names)
        for name in instance:
            if not rule.is_valid(name):
                yield ValidationError("is not an allowed name", path=(name,), instance=name)


def _required(validator: Any, names: list[str], instance: Json, schema: Json) -> _Errors:
    if isinstance(instance, dict):
        for name in names:
            if name not in instance:
                yield ValidationError("is missing", path=(name,))


def _multiple_of(validator: Any, factor: int | float, instance: Json, schema: Json) -> _Errors:
    """Decimal, as JSON writes numbers: 19.99 is a multiple of 0.01, though no binary float says so."""
    if not validator.is_type(instance, "number"):
        return
    if not isfinite(factor) or (isinstance(instance, float) and not isfinite(instance)):
        yield ValidationError("is no multiple")
    elif isinstance(instance, int) and isinstance(factor, int):
        if instance % factor:
            yield ValidationError("is no multiple")
    elif _exact(instance) % _exact(factor):
        yield ValidationError("is no multiple")


def _exact(number: int | float) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _format(validator: Any, name: str, instance: Json, schema: Json) -> _Errors:
    if isinstance(instance, str) and not of_format(name, instance):
        yield ValidationError(f"is no {name}")


def _no_opinion(validator: Any, name: str, instance: Json, schema: Json) -> _Errors:
    yield from ()
