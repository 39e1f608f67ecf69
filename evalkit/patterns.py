"""The language in which suite files say what a case wants: `expect` to expectations, and expectations back to it.

A plain value is meant exactly. An object with a `$` key names a matcher, `{$number: 3.14, rel: 0.01}`, and stands
anywhere inside an argument: what is around it becomes one rule for each leaf. `{$optional: PATTERN}` may be left out.
A `$one_of` whose alternatives hold patterns becomes alternative expectations. An object that itself has `$` keys is
written `{$exact: {...}}`. The names of arguments are names: `$top` beside `call` is an argument, not a matcher.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeGuard, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from evalkit.data import ArgRule, Expectation, ExpectedCall, Json, Pointer
from evalkit.errors import InputError, Problem
from evalkit.values import pointer, tokens

MAX_ALTERNATIVES = 64

_LITERAL_HINT = "to mean an object that has such keys, write {$exact: {...}}"

_Rule: TypeAlias = tuple[ArgRule, Pointer]
"""A rule and where in `expect` it was written."""
_Rules: TypeAlias = tuple[_Rule, ...]
_T = TypeVar("_T")


class Compiled(Struct, frozen=True, kw_only=True):
    """What `expect` means."""

    accept: tuple[Expectation, ...]
    origins: Mapping[tuple[int, ...], Pointer]
    """(expectation, call) or (expectation, call, rule) -> where in `expect` it was written."""


def compile_expect(expect: Json) -> Compiled:
    """Read `expect`, which has one of the shapes that `files` allows.

    Raises InputError with every problem; their paths point into `expect`, their places are unknown here.
    """
    if expect == "any_call":
        return Compiled(accept=(), origins={})
    compiler = _Compiler()
    forms = [(expect, "")]
    if isinstance(expect, dict) and "any_of" in expect:
        forms = [(form, pointer("any_of", index)) for index, form in enumerate(expect["any_of"])]
    drafts = [draft for form, at in forms for draft in compiler.form(form, at)]
    if len(drafts) > MAX_ALTERNATIVES:
        compiler.too_many(len(drafts), "")
    if compiler.problems:
        raise InputError(compiler.problems)
    return Compiled(accept=tuple(draft.expectation() for draft in drafts), origins=dict(_origins(drafts)))


class _Call(Struct, frozen=True, kw_only=True):
    tool: str
    closed: bool
    rules: _Rules
    at: Pointer


class _Draft(Struct, frozen=True, kw_only=True):
    """An expectation that still knows where it was written."""

    calls: tuple[_Call, ...] = ()
    ordered: bool = False
    extra_calls: bool = False

    def expectation(self) -> Expectation:
        calls = (
            ExpectedCall(tool=call.tool, args=tuple(rule for rule, _ in call.rules), closed=call.closed)
            for call in self.calls
        )
        return Expectation(calls=tuple(calls), ordered=self.ordered, extra_calls=self.extra_calls)


def _origins(drafts: Sequence[_Draft]) -> Iterable[tuple[tuple[int, ...], Pointer]]:
    for e, draft in enumerate(drafts):
        for c, call in enumerate(draft.calls):
            yield (e, c), call.at
            yield from (((e, c, r), at) for r, (_, at) in enumerate(call.rules))


class _Compiler:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def form(self, form: Json, at: Pointer) -> list[_Draft]:
        if form == "none":
            return [_Draft()]
        if "call" in form:
            return [_Draft(calls=(call,)) for call in self.call(form, at)]
        calls = [self.call(call, f"{at}/calls/{index}") for index, call in enumerate(form["calls"])]
        return [
            _Draft(calls=combination, ordered=form.get("ordered", False), extra_calls=form.get("extra_calls", False))
            for combination in self.product(calls, at)
        ]

    def call(self, form: Mapping[str, Json], at: Pointer) -> list[_Call]:
        arguments = [(pointer(name), value) for name, value in form.get("args", {}).items()]
        parts = [self.pattern(value, path, f"{at}/args{path}") for path, value in arguments]
        return [
            _Call(tool=form["call"], closed=form.get("closed", True), rules=rules, at=at)
            for rules in self.joined(parts, at)
        ]

    def pattern(self, value: Json, path: Pointer, at: Pointer) -> list[_Rules]:
        """The rules for the argument at `path`; several where there are alternatives."""
        if not isinstance(value, dict | list):
            return [((ArgRule(path=path, value=value), at),)]
        if _names_matcher(value):
            return self.matcher(value, path, at)
        if not _holds_pattern(value):
            return [((ArgRule(path=path, value=_literal(value)), at),)]
        if isinstance(value, dict):
            below = [self.pattern(item, path + pointer(key), at + pointer(key)) for key, item in value.items()]
            around: _Rules = ()
        else:
            below = [self.item(item, f"{path}/{index}", f"{at}/{index}") for index, item in enumerate(value)]
            around = ((ArgRule(path=path, matcher="length", value=len(value)), at),)
        return [_united(value, rules, path, at) or around + rules for rules in self.joined(below, at)]

    def item(self, value: Json, path: Pointer, at: Pointer) -> list[_Rules]:
        alternatives = self.pattern(value, path, at)
        if any(rule.optional and rule.path == path for rules in alternatives for rule, _ in rules):
            self.refuse(at, "an item of a list cannot be $optional", "offer the lists with and without it in $one_of")
        return alternatives

    def matcher(self, value: Mapping[str, Json], path: Pointer, at: Pointer) -> list[_Rules]:
        key, *others = (key for key in value if key.startswith("$"))
        if others:
            return self.refuse(at, f"two matchers in one object: {key} and {others[0]}", _LITERAL_HINT)
        expected, below = value[key], at + pointer(key)
        options = {name: option for name, option in value.items() if name != key}
        if key == "$optional":
            return self.plain(options, key, at) or [
                self.optional(rules, path, at) for rules in self.pattern(expected, path, below)
            ]
        if key == "$one_of" and isinstance(expected, list) and any(map(_holds_pattern, expected)):
            items = [self.pattern(item, path, f"{below}/{index}") for index, item in enumerate(expected)]
            return self.plain(options, f"{key} with patterns", at) or list(itertools.chain(*items))
        if key != "$exact" and _holds_pattern(expected):
            return self.refuse(below, f"{key} takes plain values, not patterns", _LITERAL_HINT)
        expected = expected if key == "$exact" else _literal(expected)
        return [((ArgRule(path=path, matcher=key[1:], value=expected, options=options), at),)]

    def optional(self, rules: _Rules, path: Pointer, at: Pointer) -> _Rules:
        """A rule that stands for the whole argument becomes optional; where there is none, it must be present."""
        if rules and rules[0][0].path == path:
            (first, origin), *rest = rules
            return ((replace(first, optional=True), origin), *rest)
        return ((ArgRule(path=path, matcher="present", value=True, optional=True), at), *rules)

    def plain(self, options: Mapping[str, Json], what: str, at: Pointer) -> list[_Rules]:
        return self.refuse(at, f"{what} takes no options, but has {', '.join(options)}") if options else []

    def joined(self, parts: list[list[_Rules]], at: Pointer) -> list[_Rules]:
        return [tuple(itertools.chain(*combination)) for combination in self.product(parts, at)]

    def product(self, parts: list[list[_T]], at: Pointer) -> Iterable[tuple[_T, ...]]:
        """Every choice of one alternative from each part."""
        size = math.prod(map(len, parts))
        if size > MAX_ALTERNATIVES:
            self.too_many(size, at)
            return []
        return itertools.product(*parts)

    def too_many(self, size: int, at: Pointer) -> None:
        what = f"the alternatives multiply to {size}; the limit is {MAX_ALTERNATIVES}"
        self.refuse(at, what, "split the case, or give $one_of plain values")

    def refuse(self, at: Pointer, what: str, hint: str = "") -> list[_Rules]:
        """Note a problem and go on as if nothing had been written."""
        self.problems.append(Problem(what=what, hint=hint, path=at))
        return [()]


def _united(value: Json, rules: _Rules, path: Pointer, at: Pointer) -> _Rules | None:
    """One rule for the whole of an object or list, where an alternative has left nothing but plain values in it."""
    if any(rule.matcher != "exact" or rule.options or rule.optional for rule, _ in rules):
        return None
    found: Json = [rule.value for rule, _ in rules]
    if isinstance(value, dict):
        found = dict(zip(value, found, strict=False))  # what was refused has left no rule, and is told
    return ((ArgRule(path=path, value=found), at),)


def _names_matcher(value: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(value, dict) and any(key.startswith("$") for key in value)


def _quotes(value: Json) -> bool:
    """`{$exact: {...}}` without options is a plain value in other words."""
    return isinstance(value, dict) and value.keys() == {"$exact"}


def _holds_pattern(value: Json) -> bool:
    if isinstance(value, dict):
        return not _quotes(value) and (_names_matcher(value) or any(map(_holds_pattern, value.values())))
    return isinstance(value, list) and any(map(_holds_pattern, value))


def _literal(value: Json) -> Json:
    """A plain value without the quotes around what looks like a matcher in it."""
    if _quotes(value):
        return value["$exact"]
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    return [_literal(item) for item in value] if isinstance(value, list) else value


# --------------------------------------------------------------------------- and back


def spell(expectation: Expectation) -> Json:
    """One expectation as a suite file writes it; `compile_expect` gives back what it itself has made."""
    if not expectation.calls:
        return "none"
    calls = [_spell_call(call) for call in expectation.calls]
    if len(calls) == 1 and not expectation.ordered and not expectation.extra_calls:
        return calls[0]
    flags = {"ordered": expectation.ordered, "extra_calls": expectation.extra_calls}
    return {"calls": calls, **{name: True for name, value in flags.items() if value}}


def spell_all(accept: Sequence[Expectation]) -> Json:
    """All that a case accepts, as the value of its `expect`."""
    if not accept:
        return "any_call"
    return spell(accept[0]) if len(accept) == 1 else {"any_of": [spell(expectation) for expectation in accept]}


def spell_arguments(rules: Iterable[ArgRule]) -> dict[str, Json]:
    """What a call's arguments must be, as the value of its `args`."""
    return arrange(rules, _spell_rule, _spell_optional)


def _spell_call(call: ExpectedCall) -> Json:
    spelled: dict[str, Json] = {"call": call.tool}
    if call.args:
        spelled["args"] = spell_arguments(call.args)
    return spelled if call.closed else {**spelled, "closed": False}


def arrange(
    rules: Iterable[ArgRule], leaf: Callable[[ArgRule], Json], around: Callable[[ArgRule, Json], Json] | None = None
) -> dict[str, Json]:
    """Arguments with `leaf(rule)` at the path of each rule that has no rules below it.

    What the rules below a rule make stands in a list where that rule counts its items, else in an object, and is
    handed through `around(rule, it)`; so are leaves.
    """
    root = _Node()
    for rule in rules:
        node = root
        for token in tokens(rule.path):
            node = node.below.setdefault(token, _Node())
        node.rule = rule
    return {name: _arranged(node, leaf, around or (lambda rule, it: it)) for name, node in root.below.items()}


class _Node(Struct):
    """A place in the arguments: the rule for it, and the places in it."""

    rule: ArgRule | None = None
    below: dict[str, _Node] = field(default_factory=dict)


def _arranged(node: _Node, leaf: Callable[[ArgRule], Json], around: Callable[[ArgRule, Json], Json]) -> Json:
    rule = node.rule
    if rule is not None and not node.below:
        return around(rule, leaf(rule))
    inside = {token: _arranged(child, leaf, around) for token, child in node.below.items()}
    return inside if rule is None else around(rule, list(inside.values()) if rule.matcher == "length" else inside)


def _spell_optional(rule: ArgRule, spelled: Json) -> Json:
    return {"$optional": spelled} if rule.optional else spelled


def _spell_rule(rule: ArgRule) -> Json:
    if rule.matcher != "exact":
        return {f"${rule.matcher}": _quoted(rule.value), **rule.options}
    return {"$exact": rule.value, **rule.options} if rule.options else _quoted(rule.value)


def _quoted(value: Json) -> Json:
    """The reverse of `_literal`."""
    if isinstance(value, dict):
        if _names_matcher(value):
            return {"$exact": value}
        return {key: _quoted(item) for key, item in value.items()}
    return [_quoted(item) for item in value] if isinstance(value, list | tuple) else value
