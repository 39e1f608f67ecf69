"""The arguments a case wants, written out, and whether they fit the schema of their own tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import Literal
from urllib.parse import unquote

from msgspec import Struct

from evalkit import plugins
from evalkit.data import ArgRule, ExpectedCall, Json, Pointer, ToolSpec, Violation
from evalkit.patterns import arrange
from evalkit.schema import Validator, compile_schema
from evalkit.schema.defaults import declared
from evalkit.values import ABSENT, at, pointer, tokens

_SPELLINGS = 64
"""How many of the values that a rule accepts are tried."""


_matcher = cache(plugins.matcher)


def breaches(call: ExpectedCall, spec: ToolSpec, formats: Literal["assert", "annotate"]) -> tuple[Violation, ...]:
    """What no choice among the accepted values can mend: () if the schema allows what the case wants.

    Optional arguments are taken to be given. Where the case leaves something open, in a rule without a value or by
    allowing further arguments, what is missing is not held against it.
    """
    rules = {rule.path: rule for rule in call.args}
    chosen = {path: next(_values(rule), ABSENT) for path, rule in rules.items()}
    gold = _Gold(call, spec.schema, compile_schema(spec.schema, formats))
    wrong = gold.breaches(chosen)
    for path, rule in rules.items() if wrong else ():
        for value in islice(_values(rule), 1, None):
            changed = {**chosen, path: value}
            if len(found := gold.breaches(changed)) < len(wrong):
                chosen, wrong = changed, found
    return wrong


def _values(rule: ArgRule) -> Iterator[Json]:
    return islice(_matcher(rule.matcher).values(rule.value, rule.options), _SPELLINGS)


def _hole(rule: ArgRule, call: ExpectedCall) -> bool:
    """Whether the argument may have a value that nothing in the case names."""
    matcher = _matcher(rule.matcher)
    spelled_below = any(other.path.startswith(rule.path + "/") for other in call.args)
    left_out = matcher.ABSENT and matcher.match(rule.value, None, rule.options) is not None
    return not spelled_below and not left_out and next(_values(rule), ABSENT) is ABSENT


class _Gold(Struct, frozen=True):
    call: ExpectedCall
    schema: Json
    validator: Validator

    def breaches(self, chosen: Mapping[Pointer, Json]) -> tuple[Violation, ...]:
        arguments = arrange(self.call.args, lambda rule: chosen[rule.path])
        if ABSENT in chosen.values():
            arguments = _without_holes(arguments)
        if self.validator.valid(arguments):
            return ()
        found = self.validator.violations({**dict(self._defaults()), **arguments})
        holes = [rule.path for rule in self.call.args if _hole(rule, self.call)] if self.call.closed else [""]
        return tuple(violation for violation in found if not _due_to(holes, violation))

    def _defaults(self) -> Iterator[tuple[str, Json]]:
        """Required arguments that may be left to their defaults."""
        for name in self.schema.get("required", ()) if isinstance(self.schema, dict) else ():
            default = declared(self.schema, pointer(name))
            if default is not ABSENT:
                yield name, default


_MAY_LACK = frozenset({"schema.required", "schema.length", "schema.union"})
"""What may be wrong only because something is not there."""


def _due_to(holes: Sequence[Pointer], violation: Violation) -> bool:
    """Whether what is wrong may come right with what stands in one of the holes."""
    path = violation.path + "/"
    return violation.code in _MAY_LACK and any(
        f"{hole}/".startswith(path) or path.startswith(f"{hole}/") for hole in holes
    )


def _without_holes(value: Json) -> Json:
    """`value` without what is ABSENT in it; a list with a hole is one itself, for its items would change places."""
    if isinstance(value, dict):
        items = ((key, _without_holes(item)) for key, item in value.items())
        return {key: item for key, item in items if item is not ABSENT}
    if isinstance(value, list):
        listed = [_without_holes(item) for item in value]
        return ABSENT if any(item is ABSENT for item in listed) else listed
    return value


class Undeclared(Struct, frozen=True, kw_only=True):
    """A rule's argument that the schema does not declare."""

    name: str
    known: tuple[str, ...]
    allowed: bool
    """True: the schema allows arguments that it does not declare."""
    path: Pointer
    """Of the argument; its name stands `depth` deep in it, from 0."""
    depth: int

    def meant(self, call: ExpectedCall) -> Pointer | None:
        """`path` by the nearest declared name; None if none is near, or `call` has a rule for that as well."""
        near = get_close_matches(self.name, self.known, n=1)
        steps = tokens(self.path)
        here = pointer(*steps[: self.depth], *near)
        taken = any(f"{rule.path}/".startswith(f"{here}/") for rule in call.args)
        return None if taken or not near else here + pointer(*steps[self.depth + 1 :])


def undeclared(schema: Json, path: Pointer) -> Undeclared | None:
    """The first name in `path` that the schema does not declare; None if it does, or cannot be asked that simply."""
    node = schema
    for depth, token in enumerate(tokens(path)):
        node = _followed(schema, node)
        if not isinstance(node, dict):
            return None
        properties = node.get("properties", {})
        if token in properties:
            node = properties[token]
        elif token.isdecimal() and isinstance(node.get("items"), dict):
            node = node["items"]
        elif properties and not _OTHER_NAMES & node.keys() and not isinstance(node.get("additionalProperties"), dict):
            allowed = node.get("additionalProperties") is not False
            return Undeclared(name=token, known=tuple(properties), allowed=allowed, path=path, depth=depth)
        else:
            return None
    return None


_OTHER_NAMES = frozenset(
    {"patternProperties", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "$ref", "$dynamicRef"}
)
"""Keywords by which a schema may declare further names."""


def _followed(root: Json, node: Json) -> Json:
    seen: list[Json] = []
    while isinstance(node, dict) and str(node.get("$ref", "")).startswith("#") and node not in seen:
        seen.append(node)
        node = at(root, unquote(node["$ref"][1:]))
    return node
