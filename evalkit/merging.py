"""Several runs made one, with nothing asked: the parts of a suite, or one suite asked of several models."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import reduce
from heapq import merge as by_place
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from evalkit import joining, locking, shelf, store
from evalkit import suite as suites
from evalkit.data import EngineStart, Part, RecordKey, RunInfo, Suite
from evalkit.errors import InputError, Problem, StoreError
from evalkit.pairing import likeness


class _Source(NamedTuple):
    folder: Path
    info: RunInfo
    suite: Suite
    part: Part
    """What its suite is a part of. A whole one is its own part, and its places need not be told."""


def merge(folders: Sequence[Path], into: Path) -> Sequence[tuple[int, int]]:
    """The runs in `folders` as one run in `into`, which is there with all that they hold or not at all.

    Every record is taken as it stands. Where parts of the suite are not among them, it is a run of the whole suite
    that lacks their cases; given back are those parts, as (K, N), as far as that is known. Raises InputError if there
    is a run in `into`, another process is writing one of them, they differ in what was asked or how it was judged, or
    two have each a record of its own for one target, trial and case.
    """
    if len(folders) < 2:
        raise InputError("there is nothing to merge one run with", "name two runs or more")
    if store.holds_run(into):
        raise InputError(f"{into}: there is a run already", "give another --run")
    with ExitStack() as held:
        for folder in folders:
            held.enter_context(locking.writing(folder))
        sources = [_source(folder) for folder in folders]
        _refuse_unlike(sources)
        suite = _together(sources)
        info = _described(sources, suite, into)
        held.enter_context(locking.writing(into))
        held.callback(_drop_if_empty, into)
        with store.create(into, info, suite, lambda merged: _fill(merged, sources)):
            return _absent(sources, suite)


def _source(folder: Path) -> _Source:
    with store.open_run(folder) as opened:
        info, suite = opened.info, opened.suite
    whole = Part(suite=suite.name, digest=suite.digest, cases=len(suite.cases), places=())
    return _Source(folder, info, suite, suite.part or whole)


# --------------------------------------------------------------------------- what cannot be one run


def _refuse_unlike(sources: Sequence[_Source]) -> None:
    """Each is held against the first, and told with all in which it differs."""
    first, *others = sources
    problems = [
        Problem(what=f"{first.folder} and {other.folder} differ in {what}", hint=hint)
        for other in others
        for what, hint in _unlike(first, other)
    ]
    problems += [_uneven(source) for source in sources if source.info.sequential and source.suite.part]
    if problems:
        raise InputError(problems)


def _unlike(one: _Source, other: _Source) -> Iterator[tuple[str, str]]:
    """What differs, and what to do."""
    if one.part.digest != other.part.digest:
        told = f"{one.part.suite} {one.part.digest} against {other.part.suite} {other.part.digest}"
        yield f"the suite: {told}{_changed(one.suite, other.suite)}", "ask both of one suite, cut and selected alike"
        return
    if one.info.trials != other.info.trials:
        yield f"how often each case is asked: {one.info.trials} against {other.info.trials}", "give both one --trials"
    for what in likeness.judging_differs(one.info, other.info):
        yield what, "judge both alike with `evalkit score`, then merge them"
    was, now = joining.load(one.info), joining.load(other.info)
    if was != now:
        yield f"how times were taken: {was} against {now}", "ask one of them anew, as the other was"
    for name in joining.namesakes(one.info, other.info):
        yield f"the parameters of {name}", "ask one of them anew, or under another name, as in ?name=other"


def _changed(one: Suite, other: Suite) -> str:
    """The first case that both have, but not alike; "" without any."""
    known = {case.id for case in one.cases}
    find = shelf.finder(one.cases)
    shared = (case for case in other.cases if case.id in known)
    changed = next((case.id for case in shared if replace(find(case.id), source="") != replace(case, source="")), None)
    return "" if changed is None else f" (case {changed!r} is another)"


def _uneven(source: _Source) -> Problem:
    what = f"{source.folder}: asked with --stop-early: parts that stop each by itself are no fair sample of the whole"
    return Problem(what=what, hint="ask it anew without")


# --------------------------------------------------------------------------- what they come to


def _together(sources: Sequence[_Source]) -> Suite:
    """The suite that all are of; of parts that are not all there, a part again. The cases stand as in the whole.

    Raises StoreError if they do not come to what they were parts of.
    """
    first = sources[0]
    whole = next((source.suite for source in sources if source.suite.part is None), None)
    if whole or all(source.suite.digest == first.suite.digest for source in sources):
        return whole or first.suite
    gathering = shelf.Gathering()
    placed = (zip(source.part.places, source.suite.cases, strict=True) for source in sources)
    places = [place for place, case in by_place(*placed, key=itemgetter(0)) if gathering.add(case) is None]
    suite = replace(first.suite, name=first.part.suite, cases=gathering.cases(), part=None)
    suite = replace(suite, digest=suites.digest(suite))
    if len(places) < first.part.cases:
        return replace(suite, part=replace(first.part, places=tuple(places), shard=None))
    if suite.digest != first.part.digest:
        told = f"{first.part.suite} {first.part.digest}, of which they are parts, but {suite.digest}"
        raise StoreError(f"damaged: the cases of these runs do not make up {told}")
    return suite


def _described(sources: Sequence[_Source], suite: Suite, into: Path) -> RunInfo:
    """What is known of all of them. Where parts lack, it is a run of the whole suite that is not done."""
    infos = [source.info for source in sources]
    part = sources[0].part
    one_part = suite.part is not None and suite.part.shard is not None
    told = (f"{info.id}: {info.stopped}" for info in infos if info.stopped)
    return replace(
        reduce(joining.together, infos),
        id=into.name,
        created=min(info.created for info in infos),
        suite_name=suite.name,
        suite_digest=suite.digest if one_part else part.digest,
        cases=len(suite.cases) if one_part else part.cases,
        stopped="; ".join(told) or None,
        engines=tuple(start for source in sources for start in _engines(source, into)),
        flights=tuple(sorted((flight for info in infos for flight in info.flights), key=lambda each: each.started)),
    )


def _engines(source: _Source, into: Path) -> Iterator[EngineStart]:
    """The servers of a run. What they wrote stays in its folder."""
    for start in source.info.engines:
        yield replace(start, log=os.path.relpath(source.folder / start.log, into))


def _fill(merged: store.Store, sources: Sequence[_Source]) -> None:
    for number, source in enumerate(sources):
        clash = merged.adopt(source.folder)
        if clash is not None:
            _refuse(clash, sources[:number], source)


def _refuse(key: RecordKey, earlier: Sequence[_Source], source: _Source) -> None:
    """Raise InputError for two records of one question."""
    target, trial, case = key
    for other in earlier:
        with store.open_run(other.folder) as opened:
            if any((each.target, each.trial) == (target, trial) for each in opened.of_case(case)):
                what = f"{other.folder} and {source.folder} both have {target} on case {case!r}, trial {trial + 1}"
                raise InputError(f"{what}, and not the same record", "leave one of the two out")


def _absent(sources: Sequence[_Source], suite: Suite) -> Sequence[tuple[int, int]]:
    """Where parts lack, which ones; () where they are not all of one N."""
    if suite.part is None or suite.part.shard is not None:
        return ()
    there = {source.part.shard or (0, 0) for source in sources}
    (_, of), *others = {(0, of) for _, of in there}
    return () if others else [(number, of) for number in range(1, of + 1) if (number, of) not in there]


def _drop_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
