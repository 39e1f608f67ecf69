"""The oracle: answers what the case wants. No model can do better, so what it fails is a fault of the suite."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from random import Random

from evalkit import plugins
from evalkit.data import ArgRule, Case, ExpectedCall, Json, Pointer, ToolSpec
from evalkit.errors import InputError
from evalkit.patterns import arrange
from evalkit.reference import payloads
from evalkit.reference.places import alone, under
from evalkit.reference.said import Said
from evalkit.schema import compile_schema
from evalkit.schema.defaults import declared
from evalkit.values import ABSENT, pointer, tokens

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
    counted = {rule.path for rule in call.args if rule.matcher == "length"}

    def leaf(rule: ArgRule) -> Json:
        """Nothing where nothing will do; but an item of a list is needed, and so is what the schema requires."""
        matcher = plugins.matcher(rule.matcher)
        *above, last = tokens(rule.path)
        needed = pointer(*above) in counted or _required(schema, pointer(*above), last)
        if matcher.ABSENT and not needed:
            return ABSENT
        value = deepcopy(_wanted(rule, schema, random))
        return ABSENT if matcher.ABSENT and matcher.match(rule.value, value, rule.options) else value

    wanted = arrange(_applying(call.args, optional=optional), leaf)
    return _with_defaults(_there(wanted), schema, random, closed=call.closed)


def _applying(rules: Sequence[ArgRule], *, optional: bool) -> Iterator[ArgRule]:
    """The rules that hold when optional arguments are there, or are not."""
    left_out = [] if optional else [rule.path for rule in rules if rule.optional]
    for rule in rules:
        if not any(rule.path == path or rule.path.startswith(path + "/") for path in left_out):
            yield rule


def _required(schema: Json, path: Pointer, name: str) -> bool:
    return any(name in node.get("required", ()) for node in under(schema, path))


def _there(value: Json) -> Json:
    """`value` without the members that are ABSENT."""
    if isinstance(value, dict):
        return {key: _there(item) for key, item in value.items() if item is not ABSENT}
    return [_there(item) for item in value] if isinstance(value, list) else value


def _wanted(rule: ArgRule, schema: Json, random: Random) -> Json:
    """The best value the rule allows that the schema allows too."""
    matcher = plugins.matcher(rule.matcher)
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


def _with_defaults(value: Json, schema: Json, random: Random, *, closed: bool) -> Json:
    """`value` with the arguments that the schema wants and no rule names: their defaults, or anything if it is open."""
    for node in under(schema, ""):
        for name in node.get("required", ()):
            default = declared(schema, pointer(name))
            if name not in value and default is not ABSENT:
                value[name] = default
            elif name not in value and not closed:
                value[name] = _drawn_member(schema, name, random)
    return value


def _drawn_member(schema: Json, name: str, random: Random) -> Json:
    try:
        return payloads.draw(schema, random, "required").get(name)
    except payloads.Unsampled:
        return None
