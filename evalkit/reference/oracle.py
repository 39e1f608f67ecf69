"""The oracle: answers what the case wants. No model can do better, so what it fails is a fault of the suite."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from random import Random

from evalkit import plugins
from evalkit.data import ArgRule, Case, ExpectedCall, Json, Pointer, ToolSpec
from evalkit.errors import InputError
from evalkit.reference import payloads
from evalkit.reference.places import alone, under
from evalkit.reference.said import Said
from evalkit.schema import compile_schema
from evalkit.values import ABSENT, at, tokens

NO_CALL = "None of the tools offered is of use here."
_TRIES = 25
_ANYTHING: Json = {}


def say(case: Case, specs: Sequence[ToolSpec], random: Random) -> Said:
    """The first acceptable answer, in the order in which the case names its calls.

    Values that do not follow from the case (an argument that must only be present, a case that wants any valid call)
    are drawn from the tool's schema.
    """
    if not case.accept:
        spec = specs[0]
        return Said(calls=((spec.name, as_text(_any_arguments(spec, random))),))
    calls = case.accept[0].calls
    offered = {spec.name: spec for spec in specs}
    return Said(
        calls=tuple((call.tool, as_text(arguments(call, offered.get(call.tool), random))) for call in calls),
        text="" if calls else NO_CALL,
    )


def as_text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _any_arguments(spec: ToolSpec, random: Random) -> Json:
    try:
        return payloads.draw(spec.schema, random, "required")
    except payloads.Unsampled:
        return {}


def arguments(call: ExpectedCall, spec: ToolSpec | None, random: Random) -> Json:
    """Arguments that keep every rule of `call`, and its schema if both can be kept.

    Optional arguments are left out, unless the schema wants them.
    """
    schema = spec.schema if spec else _ANYTHING
    lean = _fill(call, schema, random, optional=False)
    if compile_schema(schema).valid(lean):
        return lean
    full = _fill(call, schema, random, optional=True)
    return full if compile_schema(schema).valid(full) else lean


def _fill(call: ExpectedCall, schema: Json, random: Random, *, optional: bool) -> Json:
    value: Json = {}
    lengths = {rule.path for rule in call.args if rule.matcher == "length"}
    for rule in _applying(call.args, optional=optional):
        wanted = _wanted(rule, schema, random)
        if wanted is not ABSENT and (at(value, rule.path) is ABSENT or not _speaks_below(rule, call.args)):
            value = _put(value, rule.path, deepcopy(wanted), lists=lengths)
    return _with_defaults(value, schema, random, closed=call.closed)


def _applying(rules: Sequence[ArgRule], *, optional: bool) -> Iterator[ArgRule]:
    """The rules that hold when optional arguments are there, or are not; outer ones first."""
    left_out = [] if optional else [rule.path for rule in rules if rule.optional]
    for rule in sorted(rules, key=lambda rule: (len(tokens(rule.path)), _numbered(rule.path))):
        if not any(rule.path == path or rule.path.startswith(path + "/") for path in left_out):
            yield rule


def _numbered(path: Pointer) -> tuple[tuple[int, str], ...]:
    return tuple((int(token) if token.isdecimal() else 0, token) for token in tokens(path))


def _speaks_below(rule: ArgRule, rules: Sequence[ArgRule]) -> bool:
    return any(other.path.startswith(rule.path + "/") for other in rules)


def _wanted(rule: ArgRule, schema: Json, random: Random) -> Json:
    """The best value the rule allows that the schema allows too; ABSENT where there is to be none."""
    matcher = plugins.matcher(rule.matcher)
    if matcher.ABSENT:
        return ABSENT
    place: Json = next(iter(under(schema, rule.path)), _ANYTHING)
    values = list(matcher.values(rule.value, rule.options))
    if values:
        return next((value for value in values if _fits(value, alone(schema, place))), values[0])
    drawn: Json = None
    for _ in range(_TRIES):
        try:
            drawn = payloads.draw(alone(schema, place, _as_schema(rule)), random, "required")
        except (payloads.Unsampled, InputError):
            continue
        if matcher.match(rule.value, drawn, rule.options) is None:
            break
    return drawn


def _fits(value: Json, schema: Json) -> bool:
    try:
        return compile_schema(schema).valid(value)
    except InputError:
        return False


def _as_schema(rule: ArgRule) -> Json:
    """What a rule without values of its own asks for, as far as a schema can say it."""
    if rule.matcher == "regex":
        return {"type": "string", "pattern": rule.value if rule.options.get("search") else f"^(?:{rule.value})$"}
    if rule.matcher == "length":
        low, high = (rule.value, rule.value) if isinstance(rule.value, int) else map(rule.value.get, ("min", "max"))
        bounds = {"min": low, "max": high}
        ends = {end: bound for end, bound in bounds.items() if bound is not None}
        return {f"{end}{what}": bound for end, bound in ends.items() for what in ("Length", "Items", "Properties")}
    return {}


def _put(value: Json, path: Pointer, wanted: Json, lists: set[Pointer]) -> Json:
    """`value` with `wanted` at `path`. What is missing on the way is made: a list where a length is ruled."""
    if not path:
        return wanted
    *way, last = tokens(path)
    place, so_far = value, ""
    for token in way:
        so_far += "/" + token.replace("~", "~0").replace("/", "~1")
        below = at(place, "/" + token.replace("~", "~0").replace("/", "~1"))
        if not isinstance(below, dict | list):
            below = [] if so_far in lists else {}
            _set(place, token, below)
        place = below
    _set(place, last, wanted)
    return value


def _set(place: Json, token: str, value: Json) -> None:
    if isinstance(place, dict):
        place[token] = value
    elif token.isdecimal():
        place.extend([None] * (int(token) + 1 - len(place)))
        place[int(token)] = value


def _with_defaults(value: Json, schema: Json, random: Random, *, closed: bool) -> Json:
    """`value` with the arguments that the schema wants and no rule names: their defaults, or anything if it is open."""
    for node in under(schema, ""):
        for name in node.get("required", ()):
            if name in value:
                continue
            declared: Mapping[str, Json] = next((n for n in under(schema, f"/{name}") if "default" in n), {})
            if "default" in declared:
                value[name] = declared["default"]
            elif not closed:
                value[name] = _drawn_member(schema, name, random)
    return value


def _drawn_member(schema: Json, name: str, random: Random) -> Json:
    try:
        return payloads.draw(schema, random, "required").get(name)
    except payloads.Unsampled:
        return None
