"""What is wrong with one call: its tool, its argument text, and the arguments by their schema."""

from __future__ import annotations

from collections.abc import Collection

from evalkit import values
from evalkit.data import CODES, Payload, Violation
from evalkit.schema import Validator


def faults_of(payload: Payload, validator: Validator | None, offered: Collection[str]) -> tuple[Violation, ...]:
    """All that keeps a call from being compliant. `validator`: None if its tool is not among those `offered`, and then
    its arguments have no schema to break.
    """
    if payload.error is None and validator is not None:
        found = validator.violations(payload.value, payload.index)
        return found if found or isinstance(payload.value, dict) else (_no_object(payload),)
    found = () if validator is not None else (_unoffered(payload, offered),)
    return found if payload.error is None else (*found, unreadable(payload, payload.error))


def _unoffered(payload: Payload, offered: Collection[str]) -> Violation:
    name = values.normal_name(payload.tool)
    meant = next((tool for tool in offered if values.normal_name(tool) == name), None)
    hint = f"did it mean {meant!r}?" if meant else f"offered: {', '.join(offered) or 'none'}"
    return Violation(
        payload=payload.index,
        code="tool.near_miss" if meant else "tool.unknown",
        message=f"no tool is called {values.excerpt(payload.tool)!r}; {hint}",
        excerpt=values.excerpt(payload.tool),
    )


def unreadable(payload: Payload, code: str) -> Violation:
    """That the arguments are no JSON, as `code` says; with what is wrong and where, if they have a text."""
    if payload.text is None:
        return Violation(payload=payload.index, code=code, message=CODES.get(code, code))
    reading = values.read(payload.text)
    place = "" if reading.offset is None else f" at character {reading.offset}"
    around = max(0, (reading.offset or 0) - values.EXCERPT // 2)
    return Violation(
        payload=payload.index,
        code=code,
        message=f"{reading.message or CODES.get(code, code)}{place}",
        excerpt=values.excerpt(payload.text[around : around + values.EXCERPT]),
    )


def _no_object(payload: Payload) -> Violation:
    """Arguments are an object under every protocol, even where the schema forgets to say so."""
    inner = values.read(payload.value).value if isinstance(payload.value, str) else None
    encoded = isinstance(inner, dict)
    return Violation(
        payload=payload.index,
        code="schema.double_encoded" if encoded else "schema.type",
        message="the arguments are a string that holds JSON" if encoded else "the arguments are no object",
        excerpt=values.excerpt(payload.value),
    )
