"""Which key goes to a model behind litellm, and that one is there at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.data import Target
from evalkit.errors import InputError

_ONLY_KEYS: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("ANTHROPIC_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"),
}
"""Providers that let nobody in without a key, and the variables in which litellm looks for it. Of the others only
litellm knows what they need."""


_SECRET = ("_KEY", "_TOKEN", "_SECRET")


def found(target: Target, environ: Mapping[str, str]) -> str | None:
    """The key to hand over, where that can be told without litellm.

    A provider's own key never goes to an address of the user's: name one in `api_key_env` for that.
    """
    if target.api_key_env is not None:
        key = environ.get(target.api_key_env, "").strip()
        if not key:
            raise InputError(f"no key: the environment variable {target.api_key_env} is not set")
        return key
    if target.base_url is not None:
        if target.model.startswith("vertex_ai"):
            raise InputError(
                f"no credentials for {target.model} at an address of its own",
                "name in api_key_env the variable that holds an account's credentials, as JSON or the path of a file",
            )
        return "none"
    names = _ONLY_KEYS.get(target.model.partition("/")[0], ())
    keys = [environ[name] for name in names if environ.get(name)]
    if names and not keys:
        raise _no_key(target, names)
    return keys[0] if keys else None


def missed(target: Target, environ: Mapping[str, str], names: Sequence[str]) -> str | None:
    """The key under `names`, which litellm misses; None where it finds what it needs by itself (cloud roles, say)."""
    keys = [environ[name] for name in names if environ.get(name)]
    if names and not keys and all(name.endswith("_API_KEY") for name in names):
        raise _no_key(target, names)
    return keys[0] if len(names) == 1 and keys else None


def _no_key(target: Target, names: Sequence[str]) -> InputError:
    either = " or ".join(names)
    return InputError(
        f"no key for {target.model}: {either} is not set", f"set {either}, or name another in api_key_env"
    )


def secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Whatever may be a key, to be struck out of messages."""
    return tuple(value for name, value in environ.items() if name.endswith(_SECRET) and len(value) >= 8)


def names(target: Target, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Credential -> the variable that holds it. Of two that hold the same, the one that the target names."""
    named = {value.strip(): name for name, value in environ.items() if name.endswith(_SECRET)}
    own = target.api_key_env
    return named if own is None else {**named, environ.get(own, "").strip(): own}
