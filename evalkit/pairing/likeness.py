"""What makes two runs unlike, in words. Runs that differ in it measure different things, and are not compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from evalkit import values
from evalkit.data import Json, RunInfo, Suite, Target

JUDGES = ("evalkit", "jsonschema", "jsonschema-rs")
"""Whose versions decide what a verdict on an answer is; those of the libraries that ask do not."""
THEN = ", then "
"""Between the versions of a run that was resumed under another."""
EACH = "concurrency of each"
"""The guard of a run whose latencies can be compared: how many are in flight to each model, whatever comes."""


def suites_differ(before: Suite, after: Suite) -> Iterable[str]:
    if before.digest == after.digest:
        return
    was, now = ({case.id: case for case in suite.cases} for suite in (before, after))
    details = {
        "only in the baseline's": len(was.keys() - now.keys()),
        "only in the candidate's": len(now.keys() - was.keys()),
        "changed": sum(replace(was[i], source="") != replace(now[i], source="") for i in was.keys() & now.keys()),
    }
    told = ", ".join(f"{count} {'case' if count == 1 else 'cases'} {what}" for what, count in details.items() if count)
    yield f"the suite: {before.name} {before.digest} against {after.name} {after.digest} ({told or 'tools differ'})"


def same_model(before: Target, after: Target) -> bool:
    """Whether it is one model at one address. Its arms are there to be compared."""
    return all(getattr(before, what) == getattr(after, what) for what in ("provider", "model", "base_url", "serve"))


def but_for_the_arm(one: Target, other: Target) -> bool:
    """Whether it is one model under one name, asked alike in all but the arm, which may be the same too."""
    asked = ("name", "params", "options")
    return same_model(one, other) and all(getattr(one, what) == getattr(other, what) for what in asked)


def one_run(before: RunInfo, after: RunInfo) -> bool:
    """Whether two sides were asked in one run. Its id alone, the name of a folder, does not tell: folders move."""
    return before == after


def targets_differ(before: Target, after: Target) -> Iterable[str]:
    if before.arm != after.arm and not same_model(before, after):
        yield f"the arm: {before.arm} against {after.arm}"
    for name in sorted(before.params.keys() | after.params.keys()):
        was, now = (_set(target.params, name) for target in (before, after))
        if was != now:
            yield f"the parameter {name}: {was} against {now}"


def judging_differs(before: RunInfo, after: RunInfo) -> Iterable[str]:
    if before.judging.strings != after.judging.strings:
        yield f"how strings are compared: {before.judging.strings} against {after.judging.strings}"
    for judge in JUDGES:
        was, now = before.versions.get(judge), after.versions.get(judge)
        if was == now and was is not None and THEN in was:
            yield f"{judge} {was} judged the answers of one run; `evalkit score` judges a run anew"
        if was != now and was is not None and now is not None:
            yield f"the version of {judge} that judged: {was} against {now}; `evalkit score` judges a run anew"


def times_differ(before: tuple[RunInfo, Target], after: tuple[RunInfo, Target]) -> str:
    """Why the times of two sides do not compare; "" if they do.

    They do where both were asked under one fixed load (`--latency`), in one way of answering. Under any other load a
    time tells as much of how many requests stood beside it as of the model.
    """
    if "replay" in (target.provider for _, target in (before, after)):
        return "replayed answers have the times of the run they came from"
    fixed = [info.guards.get(EACH) for info, _ in (before, after)]
    if fixed[0] is None or fixed[0] != fixed[1]:
        was, now = (_load(*side) for side in (before, after))
        return f"both were asked {was}" if was == now else f"the baseline was asked {was}, the candidate {now}"
    if before[1].stream != after[1].stream:
        return "one side was streamed and the other was not"
    return ""


def _load(info: RunInfo, target: Target) -> str:
    """How many requests were in flight to the target, as far as that is known."""
    fixed, ceiling = info.guards.get(EACH), info.guards.get("concurrency")
    if fixed is not None:
        return f"with --latency, {fixed} at a time"
    flights = [flight for flight in info.flights if flight.target == target.identity]
    widths = {width for flight in flights for _, width in flight.widths} or ({ceiling} if ceiling else set())
    if not widths:
        return "at a load that is not known"
    least, most = min(widths), max(widths)
    return f"without --latency, up to {most} at a time" + (f", at times only {least}" if least < most else "")


def _set(params: Mapping[str, Json], name: str) -> str:
    return values.canonical(params[name]) if name in params else "not set"
