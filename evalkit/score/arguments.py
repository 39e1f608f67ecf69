"""One produced call beside one wanted call of the same tool: each argument against its rule.

An argument that was left out and one that spells out its declared default make the same call. So what no rule names is
no mismatch if it is the default, and what a rule wants is not missing if the default would match. Only `present` wants
an argument given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from evalkit import plugins
from evalkit.data import ArgRule, ExpectedCall, Json, Judging, Mismatch, Payload, Pointer
from evalkit.schema import defaults
from evalkit.values import ABSENT, at, pointer, reach, same, tokens

_COMPARE_STRINGS = ("exact", "one_of")
"""Matchers whose option `strings` follows `Judging.strings`, unless the rule sets it."""
_SHAPE_ONLY = ("present", "length")
"""Matchers that say nothing of what is inside a value; the rules below theirs do."""
_WHOLE = "exact"
"""The matcher that compares values as they stand, part by part."""
_SPELLED_OUT = "present"
"""The matcher that wants an argument given even where leaving it out would mean the same."""


class Comparison(Struct, frozen=True):
    """What became of the arguments. `matched`, `expected` and `actual` are as in `Counts`."""

    mismatches: tuple[Mismatch, ...]
    cost: int
    """How far off the call is: the number of mismatches, or of all arguments wanted if none could be read."""
    matched: int
    expected: int
    actual: int


class Rule(Struct, frozen=True):
    """An ArgRule made ready."""

    wanted: ArgRule
    steps: tuple[str, ...]
    match: Callable[[Json, Json, Mapping[str, Json]], str | None]
    options: Mapping[str, Json]
    may_be_absent: bool
    above: tuple[Pointer, ...]
    """Rules on what holds this argument: what they find absent they report themselves."""


class Names(Struct):
    """What the rules name, as a tree."""

    inside: dict[str, Names]
    covered: bool = False
    """A rule speaks for the whole value that stands here."""
    counted: bool = False
    """A rule speaks for the number of items that stand here."""


class Call(Struct, frozen=True):
    """An ExpectedCall made ready."""

    tool: str
    rules: tuple[Rule, ...]
    names: Names | None
    """None: arguments that no rule names are welcome."""
    flat: bool
    """No rule reaches into an argument."""
    schema: Json
    required: int
    """Rules that ask for an argument."""


def compile_call(call: ExpectedCall, schema: Json, judging: Judging) -> Call:
    """`schema` is that of the tool, for the defaults it declares."""
    paths = {rule.path for rule in call.args}
    rules = tuple(_compile_rule(rule, paths, judging) for rule in call.args)
    names = _named(rules) if call.closed else None
    return Call(
        tool=call.tool,
        rules=rules,
        names=None if names is None or names.covered else names,
        flat=all(len(rule.steps) == 1 for rule in rules),
        schema=schema,
        required=sum(not rule.may_be_absent for rule in rules),
    )


def _compile_rule(rule: ArgRule, paths: set[Pointer], judging: Judging) -> Rule:
    matcher = plugins.matcher(rule.matcher)
    steps = tokens(rule.path)
    return Rule(
        wanted=rule,
        steps=steps,
        match=matcher.match,
        options={"strings": judging.strings, **rule.options} if rule.matcher in _COMPARE_STRINGS else rule.options,
        may_be_absent=rule.optional or matcher.ABSENT,
        above=_above(steps, paths) if len(steps) > 1 or "" in paths else (),
    )


def _above(steps: Sequence[str], paths: set[Pointer]) -> tuple[Pointer, ...]:
    return tuple(path for cut in range(len(steps)) if (path := pointer(*steps[:cut])) in paths)


def _named(rules: Sequence[Rule]) -> Names:
    root = Names({})
    for rule in rules:
        node = root
        for step in rule.steps:
            node = node.inside.get(step) or node.inside.setdefault(step, Names({}))
        matcher = rule.wanted.matcher
        node.covered = node.covered or matcher not in _SHAPE_ONLY
        node.counted = node.counted or matcher == "length"
    return root


def compare(call: Call, payload: Payload) -> Comparison:
    value = payload.value
    if payload.error is not None or not isinstance(value, dict):
        return _unread(call, payload)
    found: list[Mismatch] = []
    matched = expected = given = 0
    for rule in call.rules:
        actual = value.get(rule.steps[0], ABSENT) if call.flat else reach(value, rule.steps)
        if actual is ABSENT:
            if not _may_be_left_out(rule, call, value):
                expected += 1
                found.append(_missing(rule, payload))
            continue
        given += 1
        expected += 1
        why = rule.match(rule.wanted.value, actual, rule.options)
        if why is None:
            matched += 1
        else:
            found.append(_narrowed(rule, payload, actual, why))
    if call.names is not None and not (call.flat and value.keys() <= call.names.inside.keys()):
        extra = [_extra(path, payload) for path in _unnamed(call.names, value, "", call.schema)]
        given += len(extra)
        found += extra
    return Comparison(tuple(found), len(found), matched, expected, given)


def _may_be_left_out(rule: Rule, call: Call, value: Json) -> bool:
    """Whether it may, or lies in something that was left out, or its declared default is as good."""
    if rule.may_be_absent or any(at(value, path) is ABSENT for path in rule.above):
        return True
    wanted = rule.wanted
    default = ABSENT if wanted.matcher == _SPELLED_OUT else defaults.stand_in(call.schema, value, wanted.path)
    return default is not ABSENT and rule.match(wanted.value, default, rule.options) is None


def _unnamed(names: Names, value: Json, path: Pointer, schema: Json) -> Iterator[Pointer]:
    """Arguments that no rule names, other than those that spell out their declared default."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        named = names.inside.get(str(key))
        if named is not None and not named.inside:
            continue
        place = path + pointer(key)
        if named is None:
            if not (names.counted and isinstance(key, int)) and not same(defaults.declared(schema, place), child):
                yield place
        elif not named.covered:
            yield from _unnamed(named, child, place, schema)


# --------------------------------------------------------------------------- mismatches


def _unread(call: Call, payload: Payload) -> Comparison:
    mismatch = Mismatch(
        kind="arg",
        tool=call.tool,
        payload=payload.index,
        actual=payload.text if payload.error else payload.value,
        why=f"the arguments cannot be read: {payload.error}" if payload.error else "the arguments are no object",
    )
    return Comparison((mismatch,), cost=max(1, call.required), matched=0, expected=call.required, actual=0)


def _missing(rule: Rule, payload: Payload) -> Mismatch:
    return Mismatch(
        kind="missing_arg",
        tool=payload.tool,
        payload=payload.index,
        path=rule.wanted.path,
        expected=rule.wanted.value,
        why="the argument is missing",
    )


def _narrowed(rule: Rule, payload: Payload, actual: Json, why: str) -> Mismatch:
    """The mismatch of a rule, at the deepest place that holds all that differs: seldom the whole of a long value."""
    path, expected = rule.wanted.path, rule.wanted.value
    strings = rule.options.get("strings", "exact")
    while rule.wanted.matcher == _WHOLE and (inner := _only_difference(expected, actual, strings)) is not None:
        path += pointer(inner)
        expected, actual = expected[inner], actual[inner]
        why = rule.match(expected, actual, rule.options) or why
    return Mismatch(
        kind="arg", tool=payload.tool, payload=payload.index, path=path, expected=expected, actual=actual, why=why
    )


def _only_difference(expected: Json, actual: Json, strings: Json) -> str | int | None:
    """The one member or item in which two values differ; None if it is not one that both have."""
    keys: Iterable[str | int]
    if isinstance(expected, dict) and isinstance(actual, dict) and expected.keys() == actual.keys():
        keys = expected.keys()
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        keys = range(len(expected))
    else:
        return None
    differing = list(islice((key for key in keys if not same(expected[key], actual[key], strings)), 2))
    return differing[0] if len(differing) == 1 else None


def _extra(path: Pointer, payload: Payload) -> Mismatch:
    return Mismatch(
        kind="extra_arg",
        tool=payload.tool,
        payload=payload.index,
        path=path,
        actual=at(payload.value, path),
        why="the argument is not wanted",
    )
