"""The cache: a repeat is never answered by another, a fault is never kept, and what comes from it says so."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from evalkit import cache, running, store, testing, workspace
from evalkit.cli.app import main
from evalkit.cli.progress import Progress
from evalkit.data import Fault, Record, Response, Suite, Target, Timing, Wire
from evalkit.errors import StoreError
from evalkit.pacing.pace import Pace
from evalkit.plugins import World
from evalkit.request import Builder
from evalkit.stopping import Budget


def no_runs(name: str) -> None:
    raise StoreError(name)


WORLD = World(environ={}, load_run=no_runs)  # type: ignore[arg-type]
WHOLE = workspace.load_suite("travel")
SUITE = replace(WHOLE, cases=WHOLE.cases[:6])
REPLY = Response(wire=Wire(status=200, body="{}"), dialect="openai_chat", timing=Timing(total=1.5))
TARGET = Target(name="m", provider="openai_http", model="m", base_url="http://127.0.0.1:1/v1")


def key(target: Target = TARGET, *, case: int = 0, trial: int = 0, suite: Suite = SUITE) -> str:
    builder = Builder(suite)
    request = builder.build(suite.cases[case], trial, target)
    return cache.key(request, builder.digest(request))


def reading(url: str, name: str = "oracle") -> Target:
    return Target(name=name, provider="openai_http", model=name, base_url=url)


def ask(
    folder: Path,
    target: Target,
    *,
    trials: int = 1,
    fresh: bool = False,
    pace: Pace | None = None,
    suite: Suite = SUITE,
    brakes: Sequence[Budget] = (),
) -> list[Record]:
    seen: list[Record] = []
    pace = pace or Pace(width=4, retries=0)
    order = running.Order(suite=suite, targets=(target,), trials=trials, pace=pace, cached=True)
    running.carry_out(folder, order, WORLD, fresh=fresh, seen=seen.append, brakes=brakes)
    return seen


@pytest.mark.parametrize(
    "other",
    [
        replace(TARGET, name="n"),
        replace(TARGET, model="n"),
        replace(TARGET, provider="litellm"),
        replace(TARGET, base_url="http://127.0.0.1:2/v1"),
        replace(TARGET, arm="forced"),
        replace(TARGET, params={"temperature": 1}),
        replace(TARGET, options={"api_version": "2"}),
        replace(TARGET, stream=True),
    ],
    ids=lambda target: "",
)
def test_another_target_is_another_question(other: Target) -> None:
    assert key(other) != key()


def test_another_trial_or_case_is_another_question_and_the_price_or_patience_is_not() -> None:
    assert len({key(), key(trial=1), key(case=1)}) == 3
    assert key(replace(TARGET, input_price=1.0, timeout=3.0, requests_per_minute=5)) == key()


def test_two_cases_that_ask_the_same_are_two_questions() -> None:
    twins = replace(SUITE, cases=(SUITE.cases[0], replace(SUITE.cases[0], id="twin")))
    assert key(case=0, suite=twins) != key(case=1, suite=twins)


def test_what_is_kept_comes_back_as_it_was_also_to_another_process(tmp_path: Path) -> None:
    with cache.open_cache(tmp_path) as kept:
        assert kept.get("k") is None
        kept.put("k", REPLY)
    with cache.open_cache(tmp_path) as again:
        held = again.get("k")
    assert held is not None and held.reply == REPLY and held.since


def test_a_second_run_asks_nothing_and_its_answers_say_whence_they_come(tmp_path: Path) -> None:
    with testing.running(SUITE) as server:
        target = reading(server.openai_url)
        first = {record.case: record for record in ask(tmp_path / "a", target)}
        asked = server.count
        second = {record.case: record for record in ask(tmp_path / "b", target)}
        assert server.count == asked == len(SUITE.cases)
    for case, record in second.items():
        assert record.cached and not first[case].cached
        assert isinstance(record.reply, Response) and record.reply == first[case].reply  # with its first latency
        assert record.score == first[case].score
    assert all(record.cached for record in store.load(tmp_path / "b").records)


def test_a_repeat_is_asked_however_often_the_case_was(tmp_path: Path) -> None:
    with testing.running(SUITE) as server:
        target = reading(server.openai_url)
        ask(tmp_path / "a", target)
        records = ask(tmp_path / "b", target, trials=3)
        assert server.count == 3 * len(SUITE.cases)
    assert {record.trial: bool(record.cached) for record in records} == {0: True, 1: False, 2: False}


def test_a_fault_is_never_kept(tmp_path: Path) -> None:
    with testing.running(SUITE, faults=["server_error"]) as server:
        records = ask(tmp_path / "a", reading(server.openai_url))
        assert all(isinstance(record.reply, Fault) for record in records)
    facts = cache.facts(tmp_path)
    assert facts is not None and facts.answers == 0


@pytest.mark.parametrize(
    ("fresh", "pace"), [(True, None), (False, Pace(width=2, retries=0, each=2))], ids=["fresh", "latency"]
)
def test_a_run_begun_anew_and_one_that_measures_latency_ask_the_model_itself(
    tmp_path: Path, fresh: bool, pace: Pace | None
) -> None:
    with testing.running(SUITE) as server:
        target = reading(server.openai_url)
        ask(tmp_path / "a", target)
        records = ask(tmp_path / "b", target, fresh=fresh, pace=pace)
    assert not any(record.cached for record in records)


def test_reference_models_are_not_kept(tmp_path: Path) -> None:
    ask(tmp_path / "a", Target(name="r", provider="reference", model="oracle"))
    facts = cache.facts(tmp_path)
    assert facts is not None and facts.answers == 0


def test_an_answer_from_the_cache_spends_no_budget(tmp_path: Path) -> None:
    with testing.running(WHOLE) as server:
        target = replace(reading(server.openai_url), input_price=1.0, output_price=1.0)
        ask(tmp_path / "a", target)
        ask(tmp_path / "b", target, suite=WHOLE, brakes=[Budget(calls=10)], pace=Pace(width=1))
        assert server.count == 6 + 10


def test_what_comes_from_the_cache_is_no_money_spent_now(tmp_path: Path) -> None:
    with testing.running(SUITE) as server:
        target = replace(reading(server.openai_url), input_price=1.0, output_price=1.0)
        asked, kept = Progress(6, quiet=True), Progress(6, quiet=True)
        for name, progress in (("a", asked), ("b", kept)):
            for record in ask(tmp_path / name, target):
                progress.add(record)
    assert asked.cost and kept.done == 6 and kept.cost is None


def test_a_kept_answer_that_cannot_be_read_is_asked_anew(tmp_path: Path) -> None:
    with testing.running(SUITE) as server:
        target = reading(server.openai_url)
        with cache.open_cache(tmp_path) as kept:
            for number in range(len(SUITE.cases)):
                kept.put(key(target, case=number), replace(REPLY, wire=Wire(status=200, body="<html>")))
        records = ask(tmp_path / "a", target)
        assert server.count == len(SUITE.cases)
    assert all(record.score is not None and record.score.correct and not record.cached for record in records)


def test_what_is_no_cache_is_refused_and_another_version_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / cache.FILE
    with cache.open_cache(tmp_path) as kept:
        kept.put("k", REPLY)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=999")
    connection.close()
    with cache.open_cache(tmp_path) as kept:
        assert kept.get("k") is None
    cache.clear(tmp_path)
    path.write_text("no database, but long enough to be looked at as one" * 20)
    with pytest.raises(StoreError, match="not a cache"):
        cache.open_cache(tmp_path)


def test_the_command_tells_and_forgets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = ["--reports", str(tmp_path)]
    assert main(["cache", "info", *reports]) == 0
    assert "nothing" in capsys.readouterr().out and not (tmp_path / cache.FILE).exists()
    with testing.running(WHOLE) as server:
        model = ["-m", f"openai_http/oracle?base_url={server.openai_url}", "--limit", "3", "-q"]
        for name in ("a", "b"):
            assert main(["run", "travel", *model, "--cache", "--run", name, *reports]) == 0
        assert server.count == 3
        assert main(["run", "travel", *model, "--run", "c", *reports]) == 0
        assert server.count == 6, "nothing is taken from the cache that is not asked for"
    capsys.readouterr()
    assert main(["cache", "info", *reports]) == 0 and "3 answers" in capsys.readouterr().out
    assert main(["cache", "clear", *reports]) == 0 and "3 answers forgotten" in capsys.readouterr().out
    assert cache.facts(tmp_path) is None
