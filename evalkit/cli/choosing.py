"""Which models are meant: spelled out, or the names of a model list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from evalkit.data import ARMS, Target
from evalkit.errors import InputError, suggest


def targets_of(named: Sequence[str], models: Path | None, timeout: float | None) -> tuple[Target, ...]:
    """Those named; of a list, where none is named, all. Raises InputError, also for none."""
    from evalkit import workspace

    listed = _listed(models)
    chosen = [_target(text, listed, models) for text in named] or list(listed.values())
    if not chosen:
        raise InputError("no model to ask", "name one with -m provider/model, or a list with --models FILE")
    return tuple(_patient(target, timeout) for target in workspace.unique(chosen))


def pair_of(incumbent: str, candidate: str, models: Path | None, timeout: float | None) -> tuple[Target, ...]:
    """The model in use and the one that may replace it. Raises InputError, also if they are one."""
    from evalkit import workspace

    listed = _listed(models)
    old, new = (_target(text, listed, models) for text in (incumbent, candidate))
    if old == new:
        raise InputError(
            f"--from and --to are the same model: {old.identity}",
            "to see how much its answers vary, give it a second name: provider/model?name=again",
        )
    return tuple(_patient(target, timeout) for target in workspace.unique((old, new)))


def target_of(name: str, models: Path | None, timeout: float | None) -> Target:
    """The one model of that name or spelling. Raises InputError."""
    return _patient(_target(name, _listed(models), models), timeout)


def _listed(models: Path | None) -> Mapping[str, Target]:
    from evalkit import workspace

    return {target.identity: target for target in (workspace.load_models(models) if models else ())}


def _target(text: str, listed: Mapping[str, Target], models: Path | None) -> Target:
    """A model of the list, on another arm if `@arm` follows its name; or one that is spelled out."""
    from evalkit import workspace

    name, _, arm = text.rpartition("@")
    if text in listed:
        return listed[text]
    if name in listed and arm in ARMS:
        return replace(listed[name], arm=arm)
    if models and "/" not in text:
        raise InputError(f"{models} has no model {text!r}", suggest(text, listed))
    return workspace.parse_target(text)


def identity(named: str | None) -> str | None:
    """What a run calls the model: the usual arm may be said, as the others are, and its run does not say it."""
    return named and named.removesuffix("@native")


def _patient(target: Target, timeout: float | None) -> Target:
    return replace(target, timeout=timeout) if timeout else target
