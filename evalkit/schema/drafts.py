"""The drafts of JSON Schema and two engines for each: jsonschema, which says why, and jsonschema-rs, which is fast.

jsonschema is the verdict of record. Where it reads a schema through Python's `re` (patterns that back-track for
years, another dialect than ECMA's) or through binary floats (19.99 is no multiple of 0.01), or has no opinion (most
formats), its keywords are replaced here: patterns and formats are asked of jsonschema-rs, multiples are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache, lru_cache, partial
from math import isfinite
from typing import Any, Literal

import jsonschema_rs
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
from referencing import Registry, Specification
from referencing.jsonschema import DRAFT4, DRAFT6, DRAFT7, DRAFT201909, DRAFT202012

from evalkit.data import Json

Formats = Literal["assert", "annotate"]

# All that the latest draft names. Older drafts know fewer; who writes `date` under draft 4 means it all the same.
FORMATS = (
    "date-time",
    "date",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uuid",
    "uri-template",
    "json-pointer",
    "relative-json-pointer",
    "regex",
)

# Look-around and back-references are no job for a linear-time engine; they back-track, at most this many steps.
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)


class Draft(Struct, frozen=True):
    """One draft: its name, the `$schema` that means it, and what reads it."""

    name: str
    uri: str
    specification: Specification[Any]
    reasons: Any
    """The class of jsonschema."""
    speed: Any
    """The class of jsonschema-rs."""

    def engine(self, schema: Json, formats: Formats) -> Any:
        """A jsonschema validator that never fetches anything. `schema` must be sound and without a root `$schema`."""
        return _reasons(self, formats)(schema, registry=Registry())

    def fast_engine(self, schema: Json, formats: Formats) -> Any:
        """A jsonschema-rs validator that never fetches anything. Raises ValueError if it cannot read `schema`."""
        return self.speed(
            schema,
            formats={name: partial(of_format, name) for name in FORMATS} if self.name in ("4", "6", "7") else None,
            validate_formats=formats == "assert",
            pattern_options=_PATTERNS,
            offline=True,
        )


DRAFTS: tuple[Draft, ...] = (
    Draft(
        "2020-12",
        "https://json-schema.org/draft/2020-12/schema",
        DRAFT202012,
        Draft202012Validator,
        jsonschema_rs.Draft202012Validator,
    ),
    Draft(
        "2019-09",
        "https://json-schema.org/draft/2019-09/schema",
        DRAFT201909,
        Draft201909Validator,
        jsonschema_rs.Draft201909Validator,
    ),
    Draft("7", "http://json-schema.org/draft-07/schema", DRAFT7, Draft7Validator, jsonschema_rs.Draft7Validator),
    Draft("6", "http://json-schema.org/draft-06/schema", DRAFT6, Draft6Validator, jsonschema_rs.Draft6Validator),
    Draft("4", "http://json-schema.org/draft-04/schema", DRAFT4, Draft4Validator, jsonschema_rs.Draft4Validator),
)
LATEST = DRAFTS[0]
_BY_URI: Mapping[str, Draft] = {draft.uri.partition("://")[2]: draft for draft in DRAFTS}


def draft_of(schema: Json) -> Draft | None:
    """The draft that `$schema` names, the latest without one, None for one we do not know."""
    declared = schema.get("$schema") if isinstance(schema, dict) else None
    if declared is None:
        return LATEST
    if not isinstance(declared, str):
        return None
    return _BY_URI.get(declared.strip().partition("://")[2].rstrip("#").rstrip("/"))


def of_format(name: str, text: str) -> bool:
    """Whether `text` is of the format `name`; True for a format that no draft names."""
    return bool(_format(name).is_valid(_encodable(text)))


def pattern_error(pattern: str) -> str | None:
    """Why `pattern` is no regular expression that we can run, or None."""
    try:
        _pattern(pattern)
    except ValueError as error:
        return str(error).partition("\n")[0]
    return None


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


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> Any:
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_PATTERNS, offline=True)


@cache
def _format(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True, offline=True)


def _found(pattern: str, text: str) -> bool:
    return bool(_pattern(pattern).is_valid(_encodable(text)))


def _encodable(text: str) -> str:
    """`text` with U+FFFD for lone surrogates, which cannot cross into Rust."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _pattern_keyword(validator: Any, pattern: str, instance: Json, schema: Json) -> _Errors:
    if isinstance(instance, str) and not _found(pattern, instance):
        yield ValidationError(f"does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Json], instance: Json, schema: Json) -> _Errors:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in patterns.items():
        for name, value in instance.items():
            if _found(pattern, name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Json, instance: Json, schema: Json) -> _Errors:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in known or any(_found(pattern, name) for pattern in patterns):
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


@cache
def _reasons(draft: Draft, formats: Formats) -> Any:
    replaced = {
        "pattern": _pattern_keyword,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "propertyNames": _property_names,
        "required": _required,
        "multipleOf": _multiple_of,
    }
    known = {name: keyword for name, keyword in replaced.items() if name in draft.reasons.VALIDATORS}
    known["format"] = _format_keyword if formats == "assert" else _no_opinion
    return validators.extend(draft.reasons, known)  # type: ignore[no-untyped-call]


def _format_keyword(validator: Any, name: str, instance: Json, schema: Json) -> _Errors:
    if isinstance(instance, str) and not of_format(name, instance):
        yield ValidationError(f"is no {name}")


def _no_opinion(validator: Any, name: str, instance: Json, schema: Json) -> _Errors:
    yield from ()
