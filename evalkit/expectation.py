"""Produced calls against one acceptable answer: which call is which, what is amiss, how much is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from evalkit import defaults, plugins
from evalkit.assign import Pairs, align, assign
from evalkit.data import ArgRule, Counts, Expectation, ExpectedCall, Json, Judging, Mismatch, Payload, Pointer
from evalkit.values import ABSENT, at, pointer, same, tokens

_COMPARE_STRINGS = ("exact", "one_of")
"""Matchers whose option `strings` follows `Judging.strings`, unless the rule sets it."""
_SHAPE_ONLY = ("present", "length")
"""Matchers that say nothing of what is inside a value; the rules below theirs do."""
_SPELLED_OUT = "present"
"""The matcher that wants an argument given even where leaving it out would mean the same."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How well the calls of an answer fit one acceptable answer. They do iff `mismatches` is empty."""

    mismatches: tuple[Mismatch, ...]
    calls: Counts
    arguments: Counts
    unpaired: int
    """Wanted calls that were not made, and calls made that are not wanted."""
    matched: frozenset[int]
    """Positions of the calls that are, in full, calls that are wanted."""


def compile_expectation(
    expectation: Expectation, schemas: Mapping[str, Json], judging: Judging
) -> Callable[[Sequence[Payload]], Fit]:
    """How to judge answers by one acceptable answer. `schemas`: tool name -> declared schema, for its defaults."""
    wanted = tuple(_compile_call(call, schemas.get(call.tool), judging) for call in expectation.calls)

    def fit(payloads: Sequence[Payload]) -> Fit:
        @cache
        def compare(row: int, column: int) -> _Comparison:
            return _compare(wanted[row], payloads[column])

        pairs, disordered = _pair(wanted, payloads, expectation, compare)
        return _sum_up(wanted, payloads, expectation, [(r, c, compare(r, c)) for r, c in pairs], disordered)

    return fit


# --------------------------------------------------------------------------- which call is which


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One produced call beside one wanted call of the same tool."""

    mismatches: tuple[Mismatch, ...]
    cost: int
    matched: int = 0
    expected: int = 0
    actual: int = 0


_Compare = Callable[[int, int], _Comparison]


def _pair(
    wanted: Sequence[_Call], payloads: Sequence[Payload], expectation: Expectation, compare: _Compare
) -> tuple[Pairs, bool]:
    """The pairs of (wanted, produced) with the fewest mismatches in all, and whether they are out of order."""
    in_place = tuple((i, i) for i in range(min(len(wanted), len(payloads))) if wanted[i].tool == payloads[i].tool)
    if len(in_place) == len(wanted) and not any(compare(i, i).mismatches for i, _ in in_place):
        return in_place, False
    pairs = _pair_by_tool(wanted, payloads, compare)
    columns = [column for _, column in pairs]
    if not expectation.ordered or columns == sorted(columns):
        return pairs, False
    in_step = _pair_in_step(wanted, payloads, expectation, compare)
    loss = _cost(in_step, wanted, payloads, expectation, compare)
    if loss < _cost(pairs, wanted, payloads, expectation, compare) + 1:
        return in_step, False
    return pairs, True


def _pair_by_tool(wanted: Sequence[_Call], payloads: Sequence[Payload], compare: _Compare) -> Pairs:
    pairs: list[tuple[int, int]] = []
    for tool in dict.fromkeys(call.tool for call in wanted):
        rows = [i for i, call in enumerate(wanted) if call.tool == tool]
        columns = [j for j, payload in enumerate(payloads) if payload.tool == tool]
        costs = [[compare(row, column).cost for column in columns] for row in rows]
        pairs += [(rows[i], columns[j]) for i, j in assign(costs)]
    return tuple(sorted(pairs))


def _pair_in_step(
    wanted: Sequence[_Call], payloads: Sequence[Payload], expectation: Expectation, compare: _Compare
) -> Pairs:
    def cost(row: int, column: int) -> int | None:
        return compare(row, column).cost if wanted[row].tool == payloads[column].tool else None

    return align(len(wanted), len(payloads), cost, unpaired=(1, 0 if expectation.extra_calls else 1))


def _cost(
    pairs: Pairs, wanted: Sequence[_Call], payloads: Sequence[Payload], expectation: Expectation, compare: _Compare
) -> int:
    extra = 0 if expectation.extra_calls else len(payloads) - len(pairs)
    return sum(compare(*pair).cost for pair in pairs) + len(wanted) - len(pairs) + extra


def _sum_up(
    wanted: Sequence[_Call],
    payloads: Sequence[Payload],
    expectation: Expectation,
    paired: Sequence[tuple[int, int, _Comparison]],
    disordered: bool,
) -> Fit:
    rows = {row for row, _, _ in paired}
    columns = {column for _, column, _ in paired}
    missing = [call for position, call in enumerate(wanted) if position not in rows]
    extra = [] if expectation.extra_calls else [p for position, p in enumerate(payloads) if position not in columns]
    mismatches = [mismatch for _, _, comparison in paired for mismatch in comparison.mismatches]
    mismatches += [Mismatch(kind="missing_call", tool=call.tool, why="the call was not made") for call in missing]
    mismatches += [_extra_call(payload) for payload in extra]
    if disordered:
        order = ", ".join(payload.tool for payload in payloads)
        mismatches.append(Mismatch(kind="order", tool="", why=f"called in another order than wanted: {order}"))
    comparisons = [comparison for _, _, comparison in paired]
    return Fit(
        mismatches=tuple(mismatches),
        calls=Counts(matched=len(paired), expected=len(wanted), actual=len(paired) + len(extra)),
        arguments=Counts(
            matched=sum(comparison.matched for comparison in comparisons),
            expected=sum(comparison.expected for comparison in comparisons) + sum(call.required for call in missing),
            actual=sum(comparison.actual for comparison in comparisons) + sum(map(_size, extra)),
        ),
        unpaired=len(missing) + len(extra),
        matched=frozenset(column for _, column, comparison in paired if not comparison.mismatches),
    )


def _extra_call(payload: Payload) -> Mismatch:
    return Mismatch(
        kind="extra_call", tool=payload.tool, payload=payload.index, actual=payload.value, why="the call is not wanted"
    )


def _size(payload: Payload) -> int:
    return len(payload.value) if isinstance(payload.value, dict) else 0


# --------------------------------------------------------------------------- one call


@dataclass(frozen=True, slots=True)
class _Rule:
    rule: ArgRule
    match: Callable[[Json, Json, Mapping[str, Json]], str | None]
    options: Mapping[str, Json]
    may_be_absent: bool
    above: tuple[Pointer, ...]
    """Rules on what holds this argument: what they find absent they report themselves."""


@dataclass(slots=True)
class _Names:
    """What the rules name, as a tree."""

    inside: dict[str, _Names]
    covered: bool = False
    """A rule speaks for the whole value that stands here."""
    counted: bool = False
    """A rule speaks for the number of items that stand here."""


@dataclass(frozen=True, slots=True)
class _Call:
    tool: str
    rules: tuple[_Rule, ...]
    names: _Names | None
    """None: arguments that no rule names are welcome."""
    schema: Json
    required: int
    """Rules that ask for an argument."""


def _compile_call(call: ExpectedCall, schema: Json, judging: Judging) -> _Call:
    paths = {rule.path for rule in call.args}
    rules = tuple(_compile_rule(rule, paths, judging) for rule in call.args)
    names = _named(call.args) if call.closed else None
    return _Call(call.tool, rules, names, schema, sum(not rule.may_be_absent for rule in rules))


def _compile_rule(rule: ArgRule, paths: set[Pointer], judging: Judging) -> _Rule:
    matcher = plugins.matcher(rule.matcher)
    options = {"strings": judging.strings, **rule.options} if rule.matcher in _COMPARE_STRINGS else rule.options
    parts = tokens(rule.path)
    above = tuple(path for cut in range(len(parts)) if (path := pointer(*parts[:cut])) in paths)
    return _Rule(rule, matcher.match, options, rule.optional or matcher.ABSENT, above)


def _named(rules: Sequence[ArgRule]) -> _Names:
    root = _Names({})
    for rule in rules:
        node = root
        for token in tokens(rule.path):
            node = node.inside.setdefault(token, _Names({}))
        node.covered = node.covered or rule.matcher not in _SHAPE_ONLY
        node.counted = node.counted or rule.matcher == "length"
    return root


def _compare(call: _Call, payload: Payload) -> _Comparison:
    if payload.error is not None or not isinstance(payload.value, dict):
        reason = f"the arguments cannot be read: {payload.error}" if payload.error else "the arguments are no object"
        actual = payload.text if payload.error else payload.value
        unread = Mismatch(kind="arg", tool=call.tool, payload=payload.index, actual=actual, why=reason)
        return _Comparison((unread,), cost=max(1, call.required), expected=call.required)
    found: list[Mismatch] = []
    matched = expected = given = 0
    for rule in call.rules:
        actual = at(payload.value, rule.rule.path)
        if actual is ABSENT:
            if not _may_be_left_out(rule, call, payload.value):
                expected += 1
                found.append(_mismatch("missing_arg", rule, payload, why="the argument is missing"))
            continue
        given += 1
        expected += 1
        why = rule.match(rule.rule.value, actual, rule.options)
        if why is None:
            matched += 1
        else:
            found.append(_mismatch("arg", rule, payload, why=why, actual=actual))
    if call.names is not None:
        extra = () if call.names.covered else tuple(_unnamed(call.names, payload.value, "", call.schema))
        given += len(extra)
        found += [_unwanted(path, payload) for path in extra]
    return _Comparison(tuple(found), len(found), matched, expected, given)


def _may_be_left_out(rule: _Rule, call: _Call, value: Json) -> bool:
    """Whether it may, or lies in something that was left out, or its declared default is as good."""
    if rule.may_be_absent or any(at(value, path) is ABSENT for path in rule.above):
        return True
    default = ABSENT if rule.rule.matcher == _SPELLED_OUT else defaults.stand_in(call.schema, value, rule.rule.path)
    return default is not ABSENT and rule.match(rule.rule.value, default, rule.options) is None


def _mismatch(kind: str, rule: _Rule, payload: Payload, *, why: str, actual: Json = None) -> Mismatch:
    return Mismatch(
        kind="missing_arg" if kind == "missing_arg" else "arg",
        tool=payload.tool,
        payload=payload.index,
        path=rule.rule.path,
        expected=rule.rule.value,
        actual=actual,
        why=why,
    )


def _unwanted(path: Pointer, payload: Payload) -> Mismatch:
    return Mismatch(
        kind="extra_arg",
        tool=payload.tool,
        payload=payload.index,
        path=path,
        actual=at(payload.value, path),
        why="the argument is not wanted",
    )


def _unnamed(names: _Names, value: Json, path: Pointer, schema: Json) -> Iterator[Pointer]:
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
