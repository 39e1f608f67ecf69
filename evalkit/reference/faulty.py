"""The faulty model: the oracle with one named fault, as often as asked for. The harness's own test of what it sees.

Each kind is a violation code; the answer has that violation and no other, but for what follows from it (a call left
in the text is also a missing one). A fault that a case gives no place to (an enumeration where there is none) leaves
the oracle's answer as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random

from msgspec.structs import replace

from evalkit.data import Case, Json, ToolSpec
from evalkit.reference import _breaches, oracle, sampler
from evalkit.reference.said import Said
from evalkit.values import MAX_CHARS, MAX_DEPTH, normal_name

Specs = Sequence[ToolSpec]
Fault = Callable[[Said, Case, Specs, Random], Said | None]


def say(case: Case, specs: Specs, random: Random, *, kinds: Sequence[str], rate: float, dice: Random) -> Said:
    """`random` is the oracle's; `dice` decides on the fault, so that the answers without one are the oracle's own.

    The first throw is against `rate`: what is faulty at a low rate is faulty at every higher one. Of several kinds
    the first that the case gives a place to is planted, in an order thrown for each case.
    """
    said = oracle.say(case, specs, random)
    if dice.random() >= rate:
        return said
    planted = (FAULTS[kind](said, case, specs, dice) for kind in dice.sample(kinds, len(kinds)))
    return next(filter(None, planted), said)


# --------------------------------------------------------------------------- faults of the answer as a whole


def _finish_conflict(said: Said, case: Case, specs: Specs, dice: Random) -> Said | None:
    return replace(said, finish="stop" if said.calls else "tool_calls")


def _missing_id(said: Said, case: Case, specs: Specs, dice: Random) -> Said | None:
    return replace(said, ids=False) if said.calls else None


def _missing(said: Said, case: Case, specs: Specs, dice: Random) -> Said | None:
    return Said(text="I would be glad to help with that.") if said.calls and case.wants_call else None


def _unexpected(said: Said, case: Case, specs: Specs, dice: Random) -> Said | None:
    return sampler.say(case, specs, dice) if case.wants_nothing else None


def _leaked(said: Said, case: Case, specs: Specs, dice: Random) -> Said | None:
    left = [
        f'<tool_call>\n{{"name": {json.dumps(tool)}, "arguments": {text}}}\n</tool_call>' for tool, text in said.calls
    ]
    return Said(text="\n".join(left), finish="stop") if left else None


def _truncated(said: Said, case: Case, specs: Specs, dice: Random) -> Said | None:
    if not said.calls:
        return None
    tool, text = said.calls[-1]
    cut = text[: dice.randint(1, max(len(text) - 1, 1))]
    return replace(said, calls=(*said.calls[:-1], (tool, cut)), finish="length")


def _duplicate(said: Said, case: Case, specs: Specs, dice: Random) -> Said | None:
    return replace(said, calls=(*said.calls, said.calls[-1])) if said.calls else None


def _normalised(said: Said, case: Case, specs: Specs, dice: Random) -> Said | None:
    if not said.calls:
        return None
    calls = [{"tool": tool, "text": json.dumps(json.loads(text), indent=2)} for tool, text in said.calls]
    return replace(said, client={"calls": calls, "finish": "tool_calls", "text": said.text})


# --------------------------------------------------------------------------- faults of one call


def _of_a_call(change: Callable[[str, str, Specs, Random], tuple[str, Json] | None]) -> Fault:
    """A fault of one call, any that gives it a place."""

    def fault(said: Said, case: Case, specs: Specs, dice: Random) -> Said | None:
        for index in dice.sample(range(len(said.calls)), len(said.calls)):
            changed = change(*said.calls[index], specs, dice)
            if changed is not None:
                return replace(said, calls=(*said.calls[:index], changed, *said.calls[index + 1 :]))
        return None

    return fault


def _of_arguments(change: Callable[[str], Json]) -> Fault:
    return _of_a_call(lambda tool, text, specs, dice: (tool, change(text)))


def _unknown(tool: str, text: str, specs: Specs, dice: Random) -> tuple[str, Json]:
    known = {normal_name(spec.name) for spec in specs}
    name = f"{tool}_v2"
    while normal_name(name) in known:
        name += "_v2"
    return name, text


def _near_miss(tool: str, text: str, specs: Specs, dice: Random) -> tuple[str, Json] | None:
    spelled = [tool.upper(), tool.title().replace("_", ""), tool.replace("_", "-"), tool.lower(), f"{tool}_"]
    offered = {spec.name for spec in specs}
    near = [name for name in spelled if name not in offered and normal_name(name) == normal_name(tool)]
    return (dice.choice(near), text) if near else None


def _breach(code: str) -> Fault:
    def change(tool: str, text: str, specs: Specs, dice: Random) -> tuple[str, Json] | None:
        schema = next((spec.schema for spec in specs if spec.name == tool), True)
        found = _breaches.broken(code, json.loads(text), schema, dice)
        return None if found is None else (tool, oracle.as_text(found))

    return _of_a_call(change)


# --------------------------------------------------------------------------- faults of the argument text


def _with_member(text: str, key: str, value: str) -> str:
    """The text of an object with one more member, in front."""
    head, rest = text[:1], text[1:]
    return f"{head}{json.dumps(key)}: {value}{'' if rest.lstrip().startswith('}') else ', '}{rest}"


def _twice(text: str) -> str:
    key = next(iter(json.loads(text)), "same_key")
    doubled = _with_member(text, key, "null")
    return doubled if text != "{}" else _with_member(doubled, key, "null")


_FAULTS_OF_TEXT: Mapping[str, Callable[[str], Json]] = {
    "envelope.arguments_not_text": json.loads,
    "json.syntax": lambda text: text[:-1],
    "json.trailing_data": lambda text: f"{text}\n\nI have called the tool.",
    "json.duplicate_key": _twice,
    "json.concatenated": lambda text: text + text,
    "json.fenced": lambda text: f"```json\n{text}\n```",
    "json.nan": lambda text: _with_member(text, "not_a_number", "NaN"),
    "json.too_deep": lambda text: _with_member(text, "deep", "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)),
    "json.too_large": lambda text: text + " " * MAX_CHARS,
}
_SCHEMA_CODES = (
    "type required additional enum enum_case const format pattern range length union null stringified_container "
    "stringified_scalar double_encoded other"
)

FAULTS: Mapping[str, Fault] = {
    "envelope.finish_conflict": _finish_conflict,
    "envelope.missing_id": _missing_id,
    "call.missing": _missing,
    "call.unexpected": _unexpected,
    "call.leaked_in_text": _leaked,
    "call.truncated": _truncated,
    "call.duplicate": _duplicate,
    "tool.unknown": _of_a_call(_unknown),
    "tool.near_miss": _of_a_call(_near_miss),
    "client.normalised": _normalised,
    **{code: _of_arguments(change) for code, change in _FAULTS_OF_TEXT.items()},
    **{f"schema.{name}": _breach(f"schema.{name}") for name in _SCHEMA_CODES.split()},
}
"""Violation code -> how to bring it about: every one but those of the indexes of a stream, which no model writes."""
