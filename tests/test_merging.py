"""Runs merged: what comes of them is the run that would have been, and what cannot be one is refused."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import codec, compare, gate, locking, merging, running, sharding, shelf, store, workspace
from evalkit import suite as suites
from evalkit.data import Attempt, Fault, Judging, Record, Response, RunInfo, Suite, Target
from evalkit.errors import InputError, StoreError
from evalkit.pacing.pace import Pace
from tests.test_running import ORACLE, WORLD, order

BREAKING = Target(name="other", provider="reference", model="faulty", options={"kind": "schema.enum_case", "rate": 0.4})


@pytest.fixture(scope="module")
def travel() -> Suite:
    return workspace.load_suite("travel")


def ask(folder: Path, suite: Suite, *targets: Target, trials: int = 1, **other: object) -> Path:
    wanted = replace(order(suite, *targets, trials=trials), **other)
    running.carry_out(folder, wanted, WORLD, fresh=False, seen=lambda record: None)
    return folder


def cut(folder: Path, suite: Suite, of: int, *targets: Target, trials: int = 1) -> list[Path]:
    parts = [sharding.cut(suite, number, of) for number in range(1, of + 1)]
    return [ask(folder / f"part-{n}", part, *targets, trials=trials) for n, part in enumerate(parts, start=1)]


def told(record: Record) -> Record:
    """But for when it was, and how long it took."""
    reply = record.reply
    return replace(record, started="", reply=replace(reply, timing=None) if hasattr(reply, "timing") else reply)


def records(folder: Path) -> set[str]:
    return {codec.encode(told(record)) for record in store.load(folder).records}


def rows(folder: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(folder / store.FILE) as connection:
        found = connection.execute("SELECT * FROM records ORDER BY target, trial, case_id").fetchall()
    connection.close()
    return found


# --------------------------------------------------------------------------- what they come to


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, travel: Suite) -> Iterator[tuple[Path, dict[int, list[Path]]]]:
    """The run of a whole suite, and the same in parts: two models, one of which fails at times, twice each case."""
    home = tmp_path_factory.mktemp("asked")
    both = (ORACLE, BREAKING)
    yield (
        ask(home / "whole", travel, *both, trials=2),
        {of: cut(home / str(of), travel, of, *both, trials=2) for of in (2, 3, 5)},
    )


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), of=st.sampled_from([2, 3, 5]))
def test_parts_merged_in_any_order_and_in_any_steps_are_the_run_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory,
    asked: tuple[Path, dict[int, list[Path]]],
    travel: Suite,
    data: st.DataObject,
    of: int,
) -> None:
    home, (whole, cuts) = tmp_path_factory.mktemp("merged"), asked
    left: Sequence[Path] = data.draw(st.permutations(cuts[of]))
    while len(left) > 1:
        taken = data.draw(st.integers(2, len(left)))
        merging.merge(left[:taken], home / str(len(left)))
        left = [*left[taken:], home / str(len(left))]
    merged, expected = store.load(left[0]), store.load(whole)
    assert merged.suite == expected.suite == travel
    assert records(left[0]) == records(whole)
    kept = ("suite_name", "suite_digest", "cases", "targets", "trials", "judging", "versions", "guards", "stopped")
    assert all(getattr(merged.info, name) == getattr(expected.info, name) for name in kept)
    policy = workspace.default_policy()
    decided = [gate.decide(compare.compare(run, "old", run, "other"), policy) for run in (merged, expected)]
    assert [verdict.headline for verdict in decided[:1]] == [verdict.headline for verdict in decided[1:]]


def test_every_column_of_every_record_is_as_it_was(tmp_path: Path, travel: Suite) -> None:
    """Also of a fault, of the attempts before it, and of tools that left otherwise than declared."""
    parts = cut(tmp_path, travel, 3, ORACLE)
    for part in parts:
        with store.open_run(part) as opened:
            one, other, *_ = opened.records()
            fault = Fault(kind="timeout", message="too late", seconds=1.5)
            faulted = replace(one, reply=fault, attempts=(Attempt(fault=fault, wait=0.5),), answer=None, score=None)
            assert isinstance(other.reply, Response)
            opened.append([faulted, replace(other, reply=replace(other.reply, sent=[{"name": part.name}]))])
    merging.merge(parts, tmp_path / "merged")
    assert rows(tmp_path / "merged") == sorted((row for part in parts for row in rows(part)), key=lambda row: row[:3])
    kept = [codec.encode(record) for part in parts for record in store.load(part).records]
    assert sorted(codec.encode(record) for record in store.load(tmp_path / "merged").records) == sorted(kept)


def test_models_asked_apart_stand_in_one_run(tmp_path: Path, travel: Suite) -> None:
    """Two parts of one model, and the whole of another."""
    parts = cut(tmp_path, travel, 2, ORACLE)
    whole = ask(tmp_path / "whole", travel, BREAKING)
    merging.merge([*parts, whole], tmp_path / "merged")
    merged = store.load(tmp_path / "merged")
    assert merged.suite == travel and merged.info.targets == (ORACLE, BREAKING)
    assert len(merged.records) == 2 * len(travel.cases)
    assert {flight.target for flight in merged.info.flights} == {"old", "other"}
    both = ask(tmp_path / "both", travel, ORACLE, BREAKING)
    assert records(tmp_path / "merged") == records(both)


def test_one_part_asked_of_two_models_is_still_that_part(tmp_path: Path, travel: Suite) -> None:
    part = sharding.cut(travel, 1, 2)
    folders = [ask(tmp_path / target.name, part, target) for target in (ORACLE, BREAKING)]
    assert merging.merge(folders, tmp_path / "merged") == ()
    merged = store.load(tmp_path / "merged")
    assert merged.suite == part and merged.info.suite_digest == part.digest and merged.info.cases == len(part.cases)


def test_the_same_record_twice_is_one_record(tmp_path: Path, travel: Suite) -> None:
    parts = cut(tmp_path, travel, 3, ORACLE)
    merging.merge(parts[:2], tmp_path / "two")
    merging.merge([*parts, tmp_path / "two"], tmp_path / "merged")
    assert store.counts(tmp_path / "merged") == (len(travel.cases), 0)


def test_a_large_suite_comes_together_without_being_held(
    tmp_path: Path, travel: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "HELD", 3)
    shelved = replace(travel, cases=shelf.gather(travel.cases))
    merging.merge(cut(tmp_path, shelved, 4, ORACLE), tmp_path / "merged")
    with store.open_run(tmp_path / "merged") as merged:
        suite = merged.suite
    assert isinstance(suite.cases, shelf.Shelf)
    assert tuple(suite.cases) == tuple(travel.cases) and suite.digest == travel.digest


# --------------------------------------------------------------------------- what lacks is told


def test_parts_that_are_not_there_are_missing_answers(tmp_path: Path, travel: Suite) -> None:
    parts = cut(tmp_path, travel, 4, ORACLE, BREAKING)
    folder = tmp_path / "merged"
    assert merging.merge([parts[0], parts[2]], folder) == [(2, 4), (4, 4)]
    merged = store.load(folder)
    there = len(merged.suite.cases)
    assert 0 < there < len(travel.cases)
    assert merged.info.suite_digest == travel.digest and merged.info.cases == len(travel.cases)
    verdict = gate.decide(compare.compare(merged, "old", merged, "other"), workspace.default_policy())
    lacking = len(travel.cases) - there
    assert f"Of the 50 cases of travel, {lacking} are in none of the parts that were merged." in verdict.headline
    (missing,) = (check for check in verdict.checks if check.rule.kind == "fault_share")
    assert missing.outcome == "inconclusive" and f"{100 * lacking / 50:.1f}" in missing.measured


def test_one_part_alone_lacks_nothing_and_says_what_it_is(tmp_path: Path, travel: Suite) -> None:
    run = store.load(cut(tmp_path, travel, 2, ORACLE, BREAKING)[0])
    verdict = gate.decide(compare.compare(run, "old", run, "other"), workspace.default_policy())
    (missing,) = (check for check in verdict.checks if check.rule.kind == "fault_share")
    assert missing.outcome == "pass"
    others = len(travel.cases) - len(run.suite.cases)
    assert f"This is part 1 of 2 of travel: the other {others} of its 50 cases decided nothing." in verdict.headline


def test_the_whole_suite_asked_in_the_merged_run_asks_what_no_part_answered(tmp_path: Path, travel: Suite) -> None:
    parts = cut(tmp_path, travel, 3, ORACLE)
    merging.merge(parts[1:], tmp_path / "merged")
    seen: list[Record] = []
    wanted = order(travel, ORACLE)
    lacking = {case.id for case in sharding.cut(travel, 1, 3).cases}
    assert running.missing(tmp_path / "merged", wanted) == len(lacking)
    running.carry_out(tmp_path / "merged", wanted, WORLD, fresh=False, seen=seen.append)
    assert {record.case for record in seen} == lacking
    run = store.load(tmp_path / "merged")
    assert run.suite == travel and len(run.records) == len(travel.cases)
    assert running.missing(tmp_path / "merged", wanted) == 0


def test_a_part_that_a_case_more_did_not_change_is_asked_nothing_again(tmp_path: Path, travel: Suite) -> None:
    fewer = replace(travel, cases=travel.cases[1:])
    fewer = replace(fewer, digest=suites.digest(fewer))
    folders = cut(tmp_path, fewer, 2, ORACLE)
    grown = sharding.part_of(travel.cases[0].id, 2)
    kept = 3 - grown
    new = ask(tmp_path / "new", sharding.cut(travel, grown, 2), ORACLE)
    with pytest.raises(InputError, match="differ in the suite"):
        merging.merge([folders[kept - 1], new], tmp_path / "m")
    assert running.missing(folders[kept - 1], order(sharding.cut(travel, kept, 2), ORACLE)) == 0
    ask(folders[kept - 1], sharding.cut(travel, kept, 2), ORACLE)
    merging.merge([folders[kept - 1], new], tmp_path / "m")
    assert store.load(tmp_path / "m").suite == travel


# --------------------------------------------------------------------------- what cannot be one run


def refused(folders: Sequence[Path], into: Path, said: str) -> None:
    with pytest.raises(InputError, match=said):
        merging.merge(folders, into)
    assert not into.exists()


def test_runs_that_differ_in_what_was_asked_or_how_are_refused(tmp_path: Path, travel: Suite) -> None:
    one, other = sharding.cut(travel, 1, 2), sharding.cut(travel, 2, 2)
    first = ask(tmp_path / "first", one, ORACLE)
    changed = replace(travel, cases=(replace(travel.cases[0], forbid=("book_hotel",)), *travel.cases[1:]))
    changed = replace(changed, digest=suites.digest(changed))
    number = sharding.part_of(travel.cases[0].id, 2)
    changed = sharding.cut(changed, 3 - number, 2)
    judged, timed, seeded = Judging(strings="bfcl"), Pace(each=2), replace(ORACLE, params={"seed": 1})
    for folder, said in (
        (ask(tmp_path / "changed", changed, ORACLE), "the suite: travel .*against"),
        (ask(tmp_path / "office", workspace.load_suite("office"), ORACLE), "travel .* against office"),
        (ask(tmp_path / "often", other, ORACLE, trials=2), "how often each case is asked: 1 against 2"),
        (ask(tmp_path / "lax", other, ORACLE, judging=judged), "compared: exact against bfcl"),
        (ask(tmp_path / "timed", other, ORACLE, pace=timed), "without --latency against with --latency, 2 in"),
        (ask(tmp_path / "seeded", other, seeded), "the parameters of old; ask one of"),
    ):
        refused([first, folder], tmp_path / "m", f"first and .* differ in .*{said}")


def test_a_case_that_two_suites_do_not_have_alike_is_named(tmp_path: Path, travel: Suite) -> None:
    changed = replace(travel, cases=(*travel.cases[:7], replace(travel.cases[7], forbid=("x",)), *travel.cases[8:]))
    changed = replace(changed, digest=suites.digest(changed))
    folders = [ask(tmp_path / "a", travel, ORACLE), ask(tmp_path / "b", changed, BREAKING)]
    refused(folders, tmp_path / "m", f"case '{travel.cases[7].id}' is another")


def test_what_other_versions_judged_is_refused(tmp_path: Path, travel: Suite) -> None:
    folders = cut(tmp_path, travel, 2, ORACLE)
    with store.open_run(folders[1]) as opened:
        opened.describe(replace(opened.info, versions={**opened.info.versions, "jsonschema": "0.1"}))
    refused(folders, tmp_path / "m", "the version of jsonschema that judged: .* against 0.1; `evalkit score`")


def test_parts_that_stopped_each_by_itself_are_refused(tmp_path: Path, travel: Suite) -> None:
    parts = [sharding.cut(travel, number, 2) for number in (1, 2)]
    folders = [ask(tmp_path / part.name, part, ORACLE, sequential=True) for part in parts]
    refused(folders, tmp_path / "m", "--stop-early.*no fair sample")


def test_two_answers_to_one_question_are_refused_with_their_runs_and_the_case(tmp_path: Path, travel: Suite) -> None:
    few = replace(travel, cases=travel.cases[:2], digest="few")
    folders = [ask(tmp_path / name, few, ORACLE) for name in ("monday", "tuesday")]
    with store.open_run(folders[1]) as opened:
        opened.append([replace(next(opened.records()), started="2020-01-01T00:00:00+00:00")])
    said = f"monday and .*tuesday both have old on case '{travel.cases[0].id}', trial 1, and not the same record"
    refused(folders, tmp_path / "m", said)


def test_a_run_is_neither_merged_into_another_nor_alone_nor_while_it_is_written(tmp_path: Path, travel: Suite) -> None:
    folders = cut(tmp_path, travel, 2, ORACLE)
    with pytest.raises(InputError, match="name two runs or more"):
        merging.merge(folders[:1], tmp_path / "m")
    with pytest.raises(InputError, match="there is a run already; give another --run"):
        merging.merge(folders, folders[0])
    with locking.writing(folders[1]):
        refused(folders, tmp_path / "m", "part-2: another process is writing this run")


def test_parts_that_do_not_make_up_their_suite_are_damaged(tmp_path: Path, travel: Suite) -> None:
    folders = cut(tmp_path, travel, 2, ORACLE)
    with sqlite3.connect(folders[0] / store.FILE) as connection:
        connection.execute("""UPDATE cases SET body = replace(body, '"forbid":[]', '"forbid":["x"]')""")
    connection.close()
    with pytest.raises(StoreError, match="damaged: the cases of these runs do not make up travel"):
        merging.merge(folders, tmp_path / "m")
    assert not (tmp_path / "m").exists()


# --------------------------------------------------------------------------- what is known of a run as a whole


def test_what_is_known_of_each_run_is_known_of_the_merged_one(tmp_path: Path, travel: Suite) -> None:
    folders = cut(tmp_path, travel, 2, ORACLE)

    def mark(folder: Path, **known: object) -> RunInfo:
        with store.open_run(folder) as opened:
            info = replace(opened.info, **known)
            opened.describe(info)
            return info

    versions = mark(folders[0], created="2026-01-02T00:00:00+00:00", stopped="--max-calls 3 is spent").versions
    mark(folders[1], created="2026-01-01T00:00:00+00:00", versions={**versions, "aiohttp": "1.0"})
    merging.merge(folders, tmp_path / "m")
    info = store.load(tmp_path / "m").info
    assert info.id == "m" and info.created.startswith("2026-01-01")
    assert info.stopped == "part-1: --max-calls 3 is spent"
    assert info.versions["aiohttp"] == f"{versions['aiohttp']}, then 1.0"
    assert len(info.flights) == 2 and list(info.flights) == sorted(info.flights, key=lambda flight: flight.started)


def test_a_merge_killed_in_the_middle_leaves_no_run_and_can_be_done_again(tmp_path: Path, travel: Suite) -> None:
    folders = cut(tmp_path, travel, 2, ORACLE)
    script = """
import sys, time
from pathlib import Path
from evalkit import merging, store
adopt = store.Store.adopt
def slowly(merged, folder):
    adopt(merged, folder)
    print("one", flush=True)
    time.sleep(60)
store.Store.adopt = slowly
merging.merge([Path(each) for each in sys.argv[2:]], Path(sys.argv[1]))
"""
    into = tmp_path / "m"
    command = [sys.executable, "-c", script, str(into), *map(str, folders)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"one\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not store.holds_run(into) and store.runs(tmp_path) and into not in store.runs(tmp_path)
    merging.merge(folders, into)
    assert store.load(into).suite == travel and os.listdir(into) == [store.FILE]


def test_a_run_that_cannot_be_read_is_named_and_nothing_is_left_behind(tmp_path: Path, travel: Suite) -> None:
    folders = cut(tmp_path, travel, 2, ORACLE)
    damaged = folders[1] / store.FILE
    with sqlite3.connect(damaged) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'records'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with damaged.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(StoreError, match=f"{damaged}: cannot be taken over: .*malformed"):
        merging.merge(folders, tmp_path / "m")
    assert not store.holds_run(tmp_path / "m")
