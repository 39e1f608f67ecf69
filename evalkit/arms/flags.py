"""The arm `strict` by provider: how strictness is asked for, what its schemas may hold, and who has none of it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from evalkit.arms import strict
from evalkit.data import Json, Target
from evalkit.errors import InputError


class Way(Struct, frozen=True, kw_only=True):
    """How one provider is asked to hold a model to its schemas."""

    demands: strict.Demands | None
    """What schemas must be to be flagged as strict; None: they stay as declared, and no tool has a flag."""
    members: Mapping[str, Json] = field(default_factory=dict)
    """What stands in the body beside the tools."""


OPENAI = Way(demands=strict.OPENAI)
"""`strict` in each function, as OpenAI has it and those who speak its language."""
CLAUDE = Way(demands=strict.CLAUDE)
"""`strict` in each tool, under a grammar that has optional arguments, and neither bounds nor lengths."""
GEMINI = Way(demands=None, members={"extra_body": {"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}}})
"""One mode for all functions: text, or calls that keep to their declarations."""

_BEDROCK = ("bedrock", "bedrock_converse")
_GOOGLE = ("gemini", "vertex_ai", "vertex_ai_beta")
_DROPPED = ("anthropic", "fireworks_ai", "hosted_vllm", "watsonx", "xai")
"""Providers on the way to which litellm takes the flag out of the tools."""


def way(target: Target) -> Way:
    """How `target` is asked strictly. Raises InputError where it cannot be."""
    if target.provider != "litellm":
        return _ours(target)
    route, _, model = target.model.partition("/")
    claude = "claude" in model
    if route in _GOOGLE and not claude:
        return GEMINI
    if route in _BEDROCK and claude:
        return CLAUDE
    if route in (*_DROPPED, *_BEDROCK, *_GOOGLE):
        why = (
            "Bedrock has strict tools for Claude alone"
            if route in _BEDROCK
            else "litellm takes the flag out on its way"
        )
        raise InputError(
            f"{target.identity}: tools cannot be strict for {target.model}: {why}",
            "ask on the arm native, forced or prompted; "
            "Claude has strict tools as anthropic_http/claude-x, and as litellm/bedrock/anthropic.claude-x",
        )
    return OPENAI


def demands(target: Target) -> strict.Demands | None:
    """What the schemas of `target` are rewritten to; None: they are sent as declared, or not at all."""
    if target.arm == "constrained" and target.constraint == "response_format":
        return _ours(target).demands
    return way(target).demands if target.arm == "strict" else None


def _ours(target: Target) -> Way:
    """How the API itself has it, asked by us; and all guided decoding, for which litellm takes OpenAI's words."""
    return CLAUDE if target.provider == "anthropic_http" else OPENAI


def spells_nulls(target: Target) -> bool:
    """Whether a null in an answer may stand for an argument that was left out, for the schema left no other way."""
    return demands(target) == strict.OPENAI
