"""Whether what is to be asked may join a run that is there, and what the run is then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec.structs import replace

from evalkit import store
from evalkit.data import RECORDED, Json, RunInfo, Suite, Target
from evalkit.errors import InputError, StoreError
from evalkit.pairing import likeness


@contextmanager
def join(folder: Path, info: RunInfo, suite: Suite) -> Iterator[store.Store]:
    """The run in `folder`, open, and made if there is none; targets it does not know yet join it.

    So do the cases that it has not, where only some parts of the suite were merged. Raises InputError if it holds
    another suite, judges otherwise, was timed otherwise, or knows a target of the same name by other parameters: their
    answers would not be comparable.
    """
    new = not store.holds_run(folder)
    with store.create(folder, info, suite) if new else store.open_run(folder) as opened:
        if not new:
            opened.describe(joined(folder, opened.info, info))
            opened.complete(suite)
        yield opened


def refuse_to_forget(folder: Path) -> None:
    """Raises InputError where the run holds answers that nobody can be asked for again."""
    with suppress(StoreError):
        if not store.holds_run(folder):
            return
        with store.open_run(folder) as opened:
            imported = [target.identity for target in opened.info.targets if target.provider == RECORDED]
        if imported:
            raise InputError(
                f"{folder}: this run holds imported answers, of {', '.join(imported)}, and --fresh would forget them",
                "leave out --fresh: what is new is asked; or give another --run",
            )


def joined(folder: Path, there: RunInfo, info: RunInfo) -> RunInfo:
    """What the run is that is `there`, once `info` is asked in it. Raises as `join` does."""
    if there.suite_digest != info.suite_digest:
        raise InputError(
            f"{folder}: this run is of suite {there.suite_name} ({there.suite_digest}), "
            f"not of {info.suite_name} ({info.suite_digest})",
            "give another --run, or --fresh to begin anew",
        )
    if there.judging != info.judging:
        raise InputError(f"{folder}: this run compares strings as {there.judging.strings}", "give another --run")
    began, wanted = load(there), load(info)
    if began != wanted:
        raise InputError(
            f"{folder}: this run was begun {began}, and its times would stand beside others taken {wanted}",
            "give another --run, or --fresh to begin anew",
        )
    for name in namesakes(there, info):
        raise InputError(f"{folder}: {name} is in this run with other parameters", "give the target another name")
    return replace(together(there, info), stopped=None)


def load(info: RunInfo) -> str:
    """Under which load a run's times were taken. Those of two loads do not stand beside each other in one run."""
    width = info.guards.get(likeness.EACH)
    return f"with --latency, {width} in flight to each model" if width else "without --latency"


def namesakes(there: RunInfo, info: RunInfo) -> Iterator[str]:
    """What targets are called in both runs that are not the same in both."""
    known = {target.identity: target for target in there.targets}
    for target in info.targets:
        if _unhurried(known.get(target.identity, target)) != _unhurried(target):
            yield target.identity


def together(there: RunInfo, info: RunInfo) -> RunInfo:
    """What the run is that is `there`, with what was asked as `info` says, which is not unlike it."""
    known = {target.identity for target in there.targets}
    return replace(
        there,
        targets=(*there.targets, *(target for target in info.targets if target.identity not in known)),
        trials=max(there.trials, info.trials),
        versions=_both(there.versions, info.versions),
        guards=_both(there.guards, info.guards),
        sequential=there.sequential or info.sequential,
    )


def _both(before: Mapping[str, Json], now: Mapping[str, Json]) -> dict[str, Json]:
    """Of each library every version that asked or judged, and of each guard what it was set to, the first first."""
    found = dict(before)
    for name, newest in now.items():
        known = found.setdefault(name, newest)
        if isinstance(known, dict) and isinstance(newest, dict):
            found[name] = _both(known, newest)
        elif known != newest:
            found[name] = likeness.THEN.join(dict.fromkeys((*str(known).split(likeness.THEN), str(newest))))
    return found


def _unhurried(target: Target) -> Target:
    """But for how fast it is asked, which changes no answer."""
    return replace(target, requests_per_minute=None, tokens_per_minute=None)
