"""What may be asked in a run that is there: more of the same, and nothing that would stand beside it unfairly."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from evalkit import running, store, workspace
from evalkit.data import Judging, Record, Suite
from evalkit.errors import InputError
from evalkit.pacing.pace import Pace
from evalkit.pairing import likeness
from tests.test_running import FAULTY, ORACLE, WORLD, order


@pytest.fixture(scope="module")
def travel() -> Suite:
    return workspace.load_suite("travel")


def test_a_target_or_a_trial_may_join_later(tmp_path: Path, travel: Suite) -> None:
    seen: list[Record] = []
    running.carry_out(tmp_path, order(travel, ORACLE), WORLD, fresh=False, seen=seen.append)
    running.carry_out(tmp_path, order(travel, FAULTY, trials=2), WORLD, fresh=False, seen=seen.append)
    run = store.load(tmp_path)
    assert len(run.records) == 3 * len(travel.cases)
    assert run.info.targets == (ORACLE, FAULTY) and run.info.trials == 2


def test_what_would_mix_the_incomparable_is_refused(tmp_path: Path, travel: Suite) -> None:
    running.carry_out(tmp_path, order(travel, ORACLE), WORLD, fresh=False, seen=lambda record: None)
    smaller = replace(travel, cases=travel.cases[:3], digest="another")
    for changed, message in (
        (order(smaller, ORACLE), "this run is of suite travel"),
        (order(travel, replace(ORACLE, params={"temperature": 1})), "old is in this run with other parameters"),
        (replace(order(travel, ORACLE), judging=Judging(strings="bfcl")), "compares strings as exact"),
    ):
        with pytest.raises(InputError, match=message):
            running.carry_out(tmp_path, changed, WORLD, fresh=False, seen=lambda record: None)


def test_a_run_that_is_joined_at_another_pace_tells_of_both(tmp_path: Path, travel: Suite) -> None:
    for target, width in ((ORACLE, 16), (FAULTY, 2), (FAULTY, 2)):
        wanted = replace(order(travel, target), pace=Pace(width=width))
        running.carry_out(tmp_path, wanted, WORLD, fresh=False, seen=lambda record: None)
    info = store.load(tmp_path).info
    assert (info.guards["concurrency"], info.guards["max_retries"]) == ("16, then 2", 4)
    told = likeness.times_differ((info, ORACLE), (info, FAULTY))
    assert "baseline was asked without --latency, up to 16 at a time, the candidate without --latency, up to 2" in told


def test_times_that_were_taken_otherwise_do_not_join_a_run(tmp_path: Path, travel: Suite) -> None:
    def timed(each: int | None) -> running.Order:
        return replace(order(travel, ORACLE), pace=Pace(each=each), cached=True)

    for began, then, said in (
        (None, 4, "without --latency"),
        (4, None, "with --latency, 4 in"),
        (4, 2, "with --latency, 4 in"),
    ):
        folder = tmp_path / f"{began}-{then}"
        running.carry_out(folder, timed(began), WORLD, fresh=False, seen=lambda record: None)
        running.carry_out(folder, timed(began), WORLD, fresh=False, seen=lambda record: None)
        with pytest.raises(InputError, match=f"begun {said}.*give another --run, or --fresh"):
            running.carry_out(folder, timed(then), WORLD, fresh=False, seen=lambda record: None)
        running.carry_out(folder, timed(then), WORLD, fresh=True, seen=lambda record: None)
