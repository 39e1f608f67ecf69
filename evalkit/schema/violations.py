"""What jsonschema finds wrong, in evalkit's codes and in words a reader of a report understands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jsonschema import ValidationError

from evalkit import values
from evalkit.data import Json, Pointer, Violation

_UNIONS = ("anyOf", "oneOf")
_CHOICES = ("enum", "const")
_CODES: Mapping[str, str] = {
    "required": "schema.required",
    "dependentRequired": "schema.required",
    "dependencies": "schema.required",
    "additionalProperties": "schema.additional",
    "unevaluatedProperties": "schema.additional",
    "propertyNames": "schema.additional",
    "format": "schema.format",
    "pattern": "schema.pattern",
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "schema.range"),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), "schema.length"),
    **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), "schema.length"),
    **dict.fromkeys(("items", "additionalItems", "unevaluatedItems"), "schema.length"),
    "anyOf": "schema.union",
    "oneOf": "schema.union",
}


def violations(
    errors: Iterable[ValidationError], places: Mapping[int, Pointer], payload: int | None
) -> tuple[Violation, ...]:
    """One violation for each thing wrong; unions report the branch that was meant.

    `places`: id of each object of the schema -> its pointer there, so that what a `$ref` leads to is named
    where it stands.
    """
    found: dict[tuple[str, Pointer], Violation] = {}
    for error in errors:
        for leaf in _meant(error):
            violation = _violation(leaf, places, payload)
            # `type` and `enum` often fail over one and the same fault: once is enough.
            found.setdefault((violation.code, violation.path), violation)
    return tuple(found.values())


def _violation(error: ValidationError, places: Mapping[int, Pointer], payload: int | None) -> Violation:
    schema_path = values.pointer(*error.absolute_schema_path)
    if isinstance(error.schema, dict) and id(error.schema) in places:
        schema_path = places[id(error.schema)]
        if not _is_false_schema(error):
            schema_path += values.pointer(str(error.validator))
    return Violation(
        payload=payload,
        code=_code(error),
        path=values.pointer(*error.absolute_path),
        schema_path=schema_path,
        message=_message(error),
        excerpt=values.excerpt(error.instance),
    )


# --------------------------------------------------------------------------- which branch of a union was meant


def _meant(error: ValidationError) -> Iterator[ValidationError]:
    """The errors to report for `error`: itself, or those of the branch that fits best if it is a union."""
    branch = _best_branch(error) if error.validator in _UNIONS and error.context else None
    if branch is None:
        yield error
        return
    for inner in branch:
        yield from _meant(inner)


def _best_branch(union: ValidationError) -> Sequence[ValidationError] | None:
    """The errors of the one branch that was clearly meant, or None."""
    branches = list(_branches(union))
    kindred = sorted((errors for errors in branches if _kind_error(errors) is None), key=_distance)
    if not kindred:
        return _spoken_for(branches)
    if len(kindred) == 1:
        return kindred[0]
    nearest, next_best = _distance(kindred[0]), _distance(kindred[1])
    return kindred[0] if nearest < next_best and not nearest[0] else None


def _branches(union: ValidationError) -> Iterator[Sequence[ValidationError]]:
    """The errors of each branch; a branch that is a union itself counts as its branches."""
    branches: dict[Any, list[ValidationError]] = {}
    for error in union.context or ():
        branches.setdefault(error.relative_schema_path[0], []).append(error)
    for errors in branches.values():
        first = errors[0]
        if len(errors) == 1 and first.validator in _UNIONS and first.context and not first.relative_path:
            yield from _branches(first)
        else:
            yield errors


def _kind_error(errors: Sequence[ValidationError]) -> ValidationError | None:
    """The error that says that the branch wants another type altogether."""
    return next((error for error in errors if not error.relative_path and error.validator == "type"), None)


def _distance(errors: Sequence[ValidationError]) -> tuple[int, int, int]:
    """How far a branch is from the value: first by its discriminators, then by its members, then by all else."""
    discriminators = sum(
        error.validator in _CHOICES and len(_options(error)) == 1 and len(error.relative_path) < 2 for error in errors
    )
    members = sum(_code(error) in ("schema.required", "schema.additional") for error in errors)
    return discriminators, members, len(errors)


def _spoken_for(branches: Sequence[Sequence[ValidationError]]) -> Sequence[ValidationError] | None:
    """Where no branch is of the value's type: the one that a string spells out, or the only one beside null."""
    for errors in branches:
        kind = _kind_error(errors)
        if kind is not None and _code(kind).startswith(("schema.stringified", "schema.double")):
            return errors
    something = [errors for errors in branches if (kind := _kind_error(errors)) and kind.validator_value != "null"]
    return something[0] if len(something) == 1 else None


# --------------------------------------------------------------------------- the code


def _code(error: ValidationError) -> str:
    keyword = error.validator
    if keyword == "type":
        return _type_code(error)
    if keyword in _CHOICES:
        return _choice_code(error, _options(error))
    if keyword in _UNIONS:
        return _union_code(error)
    if _is_false_schema(error):
        return "schema.additional"
    return _CODES.get(str(keyword), "schema.other")


def _is_false_schema(error: ValidationError) -> bool:
    """`false` reaches jsonschema spelled out as {"not": {}}, see `reasons.spell_out`."""
    return error.validator == "not" and error.validator_value == {}


def _type_code(error: ValidationError) -> str:
    wanted, value = _wanted(error), error.instance
    if value is None:
        return "schema.null"
    if not isinstance(value, str):
        return "schema.type"
    held = _held(value)
    if isinstance(held, dict | list):
        if not error.absolute_path and wanted & {"object", "array"}:
            return "schema.double_encoded"
        if ("object" if isinstance(held, dict) else "array") in wanted:
            return "schema.stringified_container"
    if isinstance(held, bool):
        fits = "boolean" in wanted
    elif isinstance(held, int | float):
        fits = "number" in wanted or ("integer" in wanted and held == held // 1)
    else:
        fits = False
    return "schema.stringified_scalar" if fits else "schema.type"


def _held(text: str) -> Json | values.Absent:
    """What JSON a string holds, if any. Python's spelling of the booleans counts."""
    reading = values.read({"True": "true", "False": "false"}.get(text.strip(), text))
    return values.ABSENT if reading.error else reading.value


def _choice_code(error: ValidationError, options: Sequence[Json]) -> str:
    value = error.instance
    if value is None:
        return "schema.null"
    if isinstance(value, str):
        folded = value.casefold()
        if any(isinstance(option, str) and option.casefold() == folded for option in options):
            return "schema.enum_case"
        held = _held(value)
        if isinstance(held, bool | int | float) and any(values.same(held, option) for option in options):
            return "schema.stringified_scalar"
    return "schema.const" if error.validator == "const" else "schema.enum"


def _union_code(error: ValidationError) -> str:
    """A union of constants is an enumeration by another name."""
    inner = error.context or []
    if inner and all(each.validator in _CHOICES and not each.relative_path for each in inner):
        return _choice_code(error, [option for each in inner for option in _options(each)]).replace("const", "enum")
    if error.instance is None and inner:
        return "schema.null"
    return "schema.union"


def _options(error: ValidationError) -> Sequence[Json]:
    if error.validator == "const":
        return [error.validator_value]
    return error.validator_value if isinstance(error.validator_value, list) else []


def _wanted(error: ValidationError) -> frozenset[str]:
    named: Any = error.validator_value
    return frozenset([named] if isinstance(named, str) else named)


# --------------------------------------------------------------------------- the words

_ARTICLES = {"integer": "an integer", "object": "an object", "array": "an array", "null": "null"}
_SENTENCES: Mapping[str, str] = {
    "minimum": "expected at least {limit}, found {found}",
    "maximum": "expected at most {limit}, found {found}",
    "exclusiveMinimum": "expected more than {limit}, found {found}",
    "exclusiveMaximum": "expected less than {limit}, found {found}",
    "multipleOf": "expected a multiple of {limit}, found {found}",
    "minLength": "expected at least {limit} characters, found {size}",
    "maxLength": "expected at most {limit} characters, found {size}",
    "minItems": "expected at least {limit} items, found {size}",
    "maxItems": "expected at most {limit} items, found {size}",
    "minProperties": "expected at least {limit} members, found {size}",
    "maxProperties": "expected at most {limit} members, found {size}",
    "minContains": "expected at least {limit} items of the kind that `contains` describes",
    "maxContains": "expected at most {limit} items of the kind that `contains` describes",
    "contains": "expected an item of the kind that `contains` describes, found none among {size}",
    "items": "more items than the schema allows: found {size}",
    "additionalItems": "more items than the schema allows: found {size}",
    "uniqueItems": "expected no item twice",
    "additionalProperties": "the schema does not know {name}",
    "propertyNames": "the schema does not allow the name {name}",
    "required": "{name} is required and missing",
    "dependentRequired": "members that others here require are missing",
    "dependencies": "members that others here require are missing",
    "format": "expected the format {limit}, found {found}",
    "pattern": "expected a match of the pattern {limit}, found {found}",
    "const": "expected {limit}, found {found}",
    "not": "found what the schema excludes: {found}",
}


def _message(error: ValidationError) -> str:
    keyword, value = str(error.validator), error.instance
    limit: Any = error.validator_value
    if keyword == "type":
        wanted = " or ".join(_ARTICLES.get(name, f"a {name}") for name in sorted(_wanted(error)))
        return f"expected {wanted}, found {_found(value)}"
    if keyword == "enum":
        return f"expected {_listed(_options(error))}, found {_found(value)}"
    if keyword in _UNIONS:
        return _union_message(error)
    if _is_false_schema(error):
        return "the schema allows nothing here"
    draft4 = f"exclusive{keyword.title()}"
    if keyword in ("minimum", "maximum") and isinstance(error.schema, dict) and error.schema.get(draft4) is True:
        keyword = draft4
    if keyword not in _SENTENCES:
        return values.excerpt(f"violates {keyword}: {error.message}")
    return _SENTENCES[keyword].format(
        limit=values.excerpt(limit) if keyword in ("format", "pattern") else _short(limit),
        found=_found(value),
        size=len(value) if isinstance(value, str | list | dict) else 0,
        name=_short(str(error.absolute_path[-1])) if error.absolute_path else "this",
    )


def _union_message(error: ValidationError) -> str:
    inner = error.context or []
    alternatives: Any = error.validator_value
    if not inner:
        return f"fits more than one of {len(alternatives)} alternatives, of which just one may fit"
    if all(each.validator in _CHOICES and not each.relative_path for each in inner):
        options = [option for each in inner for option in _options(each)]
        return f"expected {_listed(options)}, found {_found(error.instance)}"
    return f"fits none of {len(alternatives)} alternatives: {_found(error.instance)}"


def _found(value: Json) -> str:
    if isinstance(value, str):
        return f"the string {_short(value)}"
    if isinstance(value, dict):
        return f"an object ({_short(value)})"
    if isinstance(value, list):
        return f"an array ({_short(value)})"
    return _short(value)


def _short(value: Json) -> str:
    return values.quoted(value, 60)


def _listed(options: Sequence[Json]) -> str:
    shown = ", ".join(_short(option) for option in options[:8])
    more = f" or one of {len(options) - 8} more" if len(options) > 8 else ""
    return f"one of {shown}{more}" if len(options) > 1 else shown
