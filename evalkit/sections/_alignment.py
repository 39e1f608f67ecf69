"""The calls of both models side by side, argument by argument: the same, different, or given by one alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from evalkit import patterns, values
from evalkit.data import Case, ExpectedCall, Json, Payload

CALLS, ROWS = 12, 60
"""How many calls, and how many arguments of one, are laid side by side."""
TEXT = 200
"""Characters of a value."""

Pair = tuple[Payload | None, Payload | None]


def align(case: Case, baseline: Sequence[Payload], candidate: Sequence[Payload]) -> tuple[Json, ...]:
    """The shape is that of `Drilldown.arguments`. Calls of one tool are paired in their order."""
    wanted = list(case.accept[0].calls) if case.accept else []
    aligned = []
    for tool, pair in list(_pairs(baseline, candidate))[:CALLS]:
        call = next((call for call in wanted if call.tool == tool), None)
        if call is not None:
            wanted.remove(call)
        aligned.append(_call(tool, call, pair))
    return tuple(aligned)


def _pairs(baseline: Sequence[Payload], candidate: Sequence[Payload]) -> Iterator[tuple[str, Pair]]:
    """Tools in the order in which either side calls them."""
    for tool in dict.fromkeys(payload.tool for payload in (*baseline, *candidate)):
        before, after = ([p for p in side if p.tool == tool] for side in (baseline, candidate))
        yield from ((tool, pair) for pair in zip_longest(before, after))


def _call(tool: str, wanted: ExpectedCall | None, pair: Pair) -> Json:
    was, now = (_given(payload) for payload in pair)
    given = _level(was, now, pair[0]), _level(now, was, pair[1])
    leaves = {**given[0], **given[1]}
    wishes = patterns.spell_arguments(wanted.args) if wanted else {}
    unmet = [
        path
        for path in _leaves(wishes)
        if path and not any(_within(path, leaf) or _within(leaf, path) for leaf in leaves)
    ]
    shown = [*leaves, *unmet]
    return {
        "tool": tool,
        "rows": [_row(path, values.at(wishes, path), given) for path in shown[:ROWS]],
        "absent": [side for side, payload in enumerate(pair) if payload is None],
        "unread": [side for side, payload in enumerate(pair) if payload is not None and payload.error is not None],
    }


def _within(path: str, other: str) -> bool:
    """Whether `other` is `path` or something in it."""
    return other == path or other.startswith(f"{path}/")


def _row(path: str, wish: Json, given: Sequence[Mapping[str, Json]]) -> Json:
    was, now = (side.get(path, values.ABSENT) for side in given)
    return {
        "path": path,
        "state": _state(was, now),
        "wanted": _text(wish),
        "baseline": _text(was),
        "candidate": _text(now),
    }


def _text(value: Json) -> str | None:
    return None if value is values.ABSENT else values.quoted(value, TEXT)


def _state(was: Json, now: Json) -> str:
    if was is values.ABSENT:
        return "neither" if now is values.ABSENT else "only_candidate"
    if now is values.ABSENT:
        return "only_baseline"
    return "same" if values.same(was, now) else "differs"


def _given(payload: Payload | None) -> dict[str, Json]:
    if payload is None or payload.error is not None or payload.value == {}:
        return {}
    return _leaves(payload.value)


def _level(mine: Mapping[str, Json], theirs: Mapping[str, Json], payload: Payload | None) -> Mapping[str, Json]:
    """My leaves, but whole where they have one value for what I have in parts: a string for an object, say."""
    levelled: dict[str, Json] = {}
    for path, value in mine.items():
        above = next((place for place in _prefixes(path) if place in theirs), None)
        if above is None or payload is None:
            levelled[path] = value
        else:
            levelled[above] = values.at(payload.value, above)
    return levelled


def _prefixes(path: str) -> Iterator[str]:
    steps = values.tokens(path)
    yield from (values.pointer(*steps[:cut]) for cut in range(len(steps)))


def _leaves(value: Json) -> dict[str, Json]:
    """Pointer -> value, of every scalar, every empty container and every `{$matcher: ...}` in `value`."""
    found: dict[str, Json] = {}
    stack = [("", value)]
    while stack and len(found) <= ROWS:
        path, value = stack.pop()
        children = _children(value)
        if children:
            stack += reversed([(path + values.pointer(key), child) for key, child in children])
        else:
            found[path] = value
    return found


def _children(value: Json) -> list[tuple[str | int, Json]]:
    if isinstance(value, list):
        return list(enumerate(value))
    return list(value.items()) if isinstance(value, dict) and not any(key.startswith("$") for key in value) else []
