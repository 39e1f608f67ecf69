"""The ways of asking one model: what each puts into the body, and how its calls are read.

`native` and `forced` send the tools as declared, `strict` as the provider demands it. `prompted` and `constrained` send
none: they declare them in the system message, and the calls stand in the text. `data.ARMS` says what each means.

`forced` names the tool where a case offers one, and where it offers several says only that one must be called: to name
the one that is wanted would give the answer away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from evalkit import values
from evalkit.arms import constrained, flags, notation, prompted, strict
from evalkit.arms.flags import spells_nulls
from evalkit.arms.notation import Notation
from evalkit.data import Json, Payload, Target, ToolSpec

__all__ = ["IN_TEXT", "Offer", "answered", "declare", "offer", "read", "spells_nulls"]

IN_TEXT: Mapping[str, Notation] = {"prompted": notation.BARE, "constrained": notation.UNDER_CALLS}
"""The arms on which calls stand in the text, and how they are written there."""


class Offer(Struct, frozen=True, kw_only=True):
    """What an arm makes of one list of tools; shared by all bodies that offer these tools."""

    specs: tuple[ToolSpec, ...]
    large: Mapping[str, Json] = field(default_factory=dict)
    """The member of the body that holds the schemas, if any."""
    small: Mapping[str, Json] = field(default_factory=dict)
    """What else goes into the body."""
    told: str = ""
    """What the model is told of the tools in the system message."""
    notation: Notation | None = None
    digest: str = ""
    """Of `large`."""

    def messages(self, said: Sequence[Mapping[str, Json]]) -> list[Json]:
        """The messages of a case as this arm sends them."""
        return list(said) if self.notation is None else prompted.messages(said, self.told, self.notation)


def offer(target: Target, specs: Sequence[ToolSpec]) -> Offer:
    """The offer of `specs` to `target`, on its arm."""
    large, small, told = _offered(target, specs)
    digest = values.digest(next(iter(large.values()), []))
    written = IN_TEXT.get(target.arm)
    return Offer(specs=tuple(specs), large=large, small=small, told=told, notation=written, digest=digest)


def _offered(target: Target, specs: Sequence[ToolSpec]) -> tuple[dict[str, Json], dict[str, Json], str]:
    """(large, small, told) of an Offer."""
    strictly = flags.way(target) if target.arm == "strict" else None
    if not specs:
        return {}, {}, ""
    if target.arm == "prompted":
        return {}, {}, prompted.system(specs)
    if target.arm == "constrained":
        return (
            constrained.members(specs, target.constraint, flags.demands(target)),
            {},
            prompted.system(specs, constrained.HOW),
        )
    if strictly:
        return {"tools": declare(specs, strictly.demands)}, dict(strictly.members), ""
    forced = {"tool_choice": _choice(specs)} if target.arm == "forced" else {}
    return {"tools": declare(specs)}, forced, ""


def _choice(specs: Sequence[ToolSpec]) -> Json:
    """The one tool that can be called, by its name; of several, any."""
    return {"type": "function", "function": {"name": specs[0].name}} if len(specs) == 1 else "required"


def declare(specs: Sequence[ToolSpec], demands: strict.Demands | None = None) -> list[Json]:
    """Tools as OpenAI's chat completions take them, each schema as its owner declared it, or in its strict form.

    A tool that has no strict form is sent as declared, and not strict.
    """
    return [{"type": "function", "function": _function(spec, demands)} for spec in specs]


def _function(spec: ToolSpec, demands: strict.Demands | None) -> Mapping[str, Any]:
    described = {"description": spec.description} if spec.description else {}
    rewritten = strict.rewrite(spec.schema, demands).schema if demands else None
    if rewritten is None:
        return {"name": spec.name, **described, "parameters": spec.schema}
    return {"name": spec.name, **described, "strict": True, "parameters": rewritten}


def answered(target: Target) -> str:
    """The arm as which answers of `target` are read and judged: strict tools that spell no nulls say what native do."""
    return "native" if target.arm == "strict" and not spells_nulls(target) else target.arm


def read(text: str, arm: str) -> tuple[Payload, ...]:
    """The calls that stand in `text`, on an arm of IN_TEXT."""
    return notation.read(text, IN_TEXT[arm])
