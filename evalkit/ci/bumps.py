"""Two states of a model list: which models are asked otherwise now, and which came, went or were renamed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from evalkit import values
from evalkit.data import Json, Serve, Target
from evalkit.errors import InputError

ASKED = ("provider", "model", "arm", "params", "base_url", "stream", "options", "serve")
"""What of a model decides which answers come. Prices, keys and time limits do not."""


class Bump(Struct, frozen=True, kw_only=True):
    """A model as it was and as it is. Their identities differ, so that one run can hold both."""

    incumbent: Target
    candidate: Target
    what: str
    """What differs, in words."""


class Bumps(Struct, frozen=True, kw_only=True):
    bumped: tuple[Bump, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    """(was, is): asked as before."""


def between(before: Sequence[Target], after: Sequence[Target]) -> Bumps:
    """Models are the same by name; one that vanished where one appeared was replaced by it.

    Raises InputError where it cannot be told which of several replaces which: to ask nothing then would let a bump
    pass unseen.
    """
    was, now = list(before), list(after)
    pairs = [*_taken(was, now, _identity), *_taken(was, now, _name)]
    renamed = _taken(was, now, _asked)
    if len(was) == len(now) == 1:
        pairs += [(was.pop(), now.pop())]
    if was and now:
        told = f"{_names(was)} went and {_names(now)} came: which replaces which?"
        raise InputError(told, "give each model of the list a name: that stays when the model behind it changes")
    changed = {new.identity: (old, new) for old, new in pairs if _asked(old) != _asked(new)}
    ordered = [changed[target.identity] for target in after if target.identity in changed]
    return Bumps(
        bumped=tuple(_bump(old, new, after) for old, new in ordered),
        added=tuple(target.identity for target in now),
        removed=tuple(target.identity for target in was),
        renamed=tuple((old.identity, new.identity) for old, new in renamed),
    )


def _taken(was: list[Target], now: list[Target], key: Callable[[Target], str]) -> list[tuple[Target, Target]]:
    """Pairs of one key, where it is the only one on both sides; they leave the lists."""
    pairs = []
    for old in tuple(was):
        ours, theirs = ([target for target in side if key(target) == key(old)] for side in (was, now))
        if len(ours) == len(theirs) == 1:
            pairs.append((old, theirs[0]))
            was.remove(old)
            now.remove(theirs[0])
    return pairs


def _identity(target: Target) -> str:
    return target.identity


def _name(target: Target) -> str:
    return target.name


def _asked(target: Target) -> str:
    return values.canonical([_plain(getattr(target, field)) for field in ASKED])


def _plain(value: object) -> Json:
    if isinstance(value, Serve):
        return {"engine": value.engine, "served model": value.model, "args": list(value.args)}
    return dict(value) if hasattr(value, "keys") else value  # type: ignore[call-overload]


def _names(targets: Sequence[Target]) -> str:
    return ", ".join(target.identity for target in targets)


def _bump(old: Target, new: Target, listed: Sequence[Target]) -> Bump:
    """The incumbent takes another name if the list still has its own."""
    what = "; ".join(_differences(old, new))
    if old.name in {target.name for target in listed}:
        old = replace(old, name=f"{old.name} ({old.model if old.model != new.model else 'base'})")
    return Bump(incumbent=old, candidate=new, what=what)


def _differences(old: Target, new: Target) -> list[str]:
    told = []
    for field in ASKED:
        was, now = (_plain(getattr(target, field)) for target in (old, new))
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            told += [
                f"{key} {_shown(was.get(key))} → {_shown(now.get(key))}"
                for key in sorted({*was, *now})
                if was.get(key) != now.get(key)
            ]
        else:
            told.append(f"{field} {_shown(was)} → {_shown(now)}")
    return told


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else "unset" if value is None else values.canonical(value)
