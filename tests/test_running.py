"""A whole run: stored as it goes, resumed where it stopped, refused where it would mix what cannot be compared."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from evalkit import judge, pipeline, running, store, workspace
from evalkit.data import RECORDED, Fault, Judging, Record, Response, Run, RunInfo, Suite, Target
from evalkit.errors import InputError, StoreError
from evalkit.pacing.pace import Pace
from evalkit.pairing import likeness, sequence
from evalkit.plugins import World
from evalkit.stopping import Budget
from tests.asked import SUITE, answer
from tests.endpoints import Received, Reply, serving


def no_runs(name: str) -> Run:
    raise StoreError(name)


WORLD = World(environ={}, load_run=no_runs)
ORACLE = Target(name="old", provider="reference", model="oracle")
FAULTY = Target(name="new", provider="reference", model="faulty", options={"kind": "call.missing", "rate": 0.5})


@pytest.fixture(scope="module")
def travel() -> Suite:
    return workspace.load_suite("travel")


def order(suite: Suite, *targets: Target, trials: int = 1) -> running.Order:
    return running.Order(suite=suite, targets=targets, trials=trials)


def test_a_run_holds_every_record_and_says_what_it_is(tmp_path: Path, travel: Suite) -> None:
    seen: list[Record] = []
    running.carry_out(tmp_path / "r", order(travel, ORACLE, FAULTY), WORLD, fresh=False, seen=seen.append)
    run = store.load(tmp_path / "r")
    assert len(run.records) == len(seen) == 2 * len(travel.cases)
    assert all(record.score is not None for record in run.records)
    assert run.info.suite_digest == travel.digest and run.info.targets == (ORACLE, FAULTY)
    assert {"evalkit", "python", "jsonschema", "jsonschema-rs"} <= run.info.versions.keys()
    assert run.info.guards["concurrency"] == 16


def test_the_same_order_again_asks_nothing(tmp_path: Path, travel: Suite) -> None:
    seen: list[Record] = []
    wanted = order(travel, ORACLE)
    assert running.missing(tmp_path, wanted) == len(travel.cases)
    for _ in range(2):
        running.carry_out(tmp_path, wanted, WORLD, fresh=False, seen=seen.append)
    assert len(seen) == len(travel.cases) and running.missing(tmp_path, wanted) == 0


class Two:
    """Lets two requests go."""

    deadline = None

    def __init__(self) -> None:
        self.left, self.told = 2, 0

    def admit(self) -> str | None:
        self.left -= 1
        return None if self.left >= 0 else "two are enough"

    def add(self, record: Record) -> None:
        self.told += record.score is not None


def test_a_brake_ends_the_asking_and_the_same_order_goes_on(tmp_path: Path, travel: Suite) -> None:
    seen: list[Record] = []
    brake, wanted, total = Two(), order(travel, ORACLE), len(travel.cases)
    stopped = running.carry_out(tmp_path, wanted, WORLD, fresh=False, seen=seen.append, brakes=[brake])
    assert stopped == f"two are enough; {total - 2} of {total} calls have no answer"
    assert brake.told == len(seen) == 2
    info = store.load(tmp_path).info
    assert info.stopped == stopped and not info.sequential
    assert running.carry_out(tmp_path, wanted, WORLD, fresh=False, seen=seen.append) is None
    done = store.load(tmp_path).info
    assert len(seen) == total and done.stopped is None
    assert [flight.target for flight in done.flights] == ["old", "old"], "one for each time it was asked"


async def test_once_the_time_is_over_nothing_is_sent_nor_waited_for(tmp_path: Path) -> None:
    def limited(request: Received) -> Reply:
        return Reply(status=429, headers={"Retry-After": "30"}, chunks=(b"{}",))

    async with serving(limited) as endpoint:
        target = Target(name="m", provider="openai_http", model="m", base_url=f"{endpoint.url}/v1")
        began = time.monotonic()
        stopped = await asyncio.to_thread(
            running.carry_out,
            tmp_path,
            replace(order(SUITE, target), pace=Pace(width=3)),
            WORLD,
            fresh=False,
            seen=lambda record: None,
            brakes=[Budget(seconds=0.5)],
        )
        assert time.monotonic() - began < 10 and len(endpoint.received) == 3
    assert stopped == "--max-seconds 0.5: reached; 12 of 12 calls have no answer"
    faults = [record.reply for record in store.load(tmp_path).records]
    assert len(faults) == 3 and all(isinstance(fault, Fault) and fault.kind == "rate_limit" for fault in faults)


async def test_of_two_targets_the_one_that_refuses_the_key_is_left_and_the_run_says_so(tmp_path: Path) -> None:
    def strict(request: Received) -> Reply:
        return answer(request) if request.body["model"] == "good" else Reply(status=401, chunks=(b'"no such key"',))

    async with serving(strict) as endpoint:
        targets = [
            Target(name=name, provider="openai_http", model=name, base_url=f"{endpoint.url}/v1")
            for name in ("good", "bad")
        ]
        wanted = replace(order(SUITE, *targets), pace=Pace(width=2))
        keep = partial(running.carry_out, tmp_path, wanted, WORLD, fresh=False, seen=lambda record: None)
        stopped = await asyncio.to_thread(keep)
        asked = len(endpoint.received)
        again = await asyncio.to_thread(keep)
    assert stopped == again == "bad refuses the key: no such key; 12 of 24 calls have no answer"
    assert store.load(tmp_path).info.stopped == stopped
    assert 12 + 3 <= asked <= 12 + 5 and len(endpoint.received) - asked in (3, 4)


def test_a_sequential_order_goes_case_by_case_at_random_and_stays_sequential(tmp_path: Path, travel: Suite) -> None:
    wanted = replace(order(travel, ORACLE, FAULTY, trials=2), sequential=True, pace=Pace(width=1))
    seen: list[Record] = []
    running.carry_out(tmp_path, wanted, WORLD, fresh=False, seen=seen.append)
    asked = list(dict.fromkeys(record.case for record in seen))
    assert asked == [case.id for case in sequence.shuffled(travel)] != [case.id for case in travel.cases]
    assert {record.case for record in seen[:4]} == {asked[0]}
    running.carry_out(tmp_path, replace(wanted, sequential=False), WORLD, fresh=False, seen=seen.append)
    assert store.load(tmp_path).info.sequential


def test_an_answer_that_a_bug_keeps_from_being_judged_is_kept_all_the_same(
    tmp_path: Path, travel: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        def worth(record: Record) -> Record:
            raise ZeroDivisionError(record.case)

        return worth

    monkeypatch.setattr(judge, "records", broken)
    with pytest.raises(ZeroDivisionError):
        running.carry_out(tmp_path, order(travel, ORACLE), WORLD, fresh=False, seen=lambda record: None)
    (kept,) = store.load(tmp_path).records
    assert isinstance(kept.reply, Response) and kept.score is None


def test_fresh_does_not_forget_answers_that_nobody_can_be_asked_for_again(tmp_path: Path, travel: Suite) -> None:
    recorded = Target(name="production", provider=RECORDED, model="production")
    info = running.describe(tmp_path.name, replace(order(travel, ORACLE), targets=()), {})
    with store.create(tmp_path, replace(info, targets=(recorded,)), travel):
        pass
    with pytest.raises(InputError, match="imported answers, of production, and --fresh would forget them"):
        running.carry_out(tmp_path, order(travel, ORACLE), WORLD, fresh=True, seen=lambda record: None)
    running.carry_out(tmp_path, order(travel, ORACLE), WORLD, fresh=False, seen=lambda record: None)
    assert [target.name for target in store.load(tmp_path).info.targets] == ["production", ORACLE.name]


def test_fresh_begins_anew(tmp_path: Path, travel: Suite) -> None:
    seen: list[Record] = []
    for _ in range(2):
        running.carry_out(tmp_path, order(travel, ORACLE), WORLD, fresh=True, seen=seen.append)
    assert len(seen) == 2 * len(travel.cases) and len(store.load(tmp_path).records) == len(travel.cases)


def test_a_lock_is_told_of_and_no_traceback(tmp_path: Path, travel: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = order(replace(travel, cases=travel.cases[:1]), ORACLE)
    running.carry_out(tmp_path, wanted, WORLD, fresh=False, seen=lambda record: None)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **options: connect(path, **{"timeout": 0.0, **options}))
    with closing(connect(tmp_path / store.FILE)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            running.carry_out(tmp_path, wanted, WORLD, fresh=False, seen=lambda record: None)


def test_a_run_that_goes_on_under_another_version_tells_of_both_until_it_is_judged_anew(
    tmp_path: Path, travel: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go_on(version: str) -> RunInfo:
        monkeypatch.setattr(judge, "VERSION", version)
        running.carry_out(tmp_path, order(travel, ORACLE), WORLD, fresh=False, seen=lambda record: None)
        return store.load(tmp_path).info

    before, after = go_on("1.0"), go_on("2.0")
    assert go_on("2.0").versions == go_on("1.0").versions == after.versions
    assert (before.versions["evalkit"], after.versions["evalkit"]) == ("1.0", "1.0, then 2.0")
    assert {k: v for k, v in after.versions.items() if k != "evalkit"} == {
        k: v for k, v in before.versions.items() if k != "evalkit"
    }
    (told,) = likeness.judging_differs(after, after)
    assert "evalkit 1.0, then 2.0 judged" in told and "evalkit score" in told
    assert judge.anew(after, after.judging).versions["evalkit"] == "1.0"


@pytest.mark.parametrize("fresh", [False, True])
def test_a_run_that_is_being_asked_can_be_read_but_not_joined_nor_begun_anew(
    tmp_path: Path, travel: Suite, fresh: bool
) -> None:
    wanted = order(travel, ORACLE)
    refused: list[str] = []

    def seen(record: Record) -> None:
        if not refused:
            assert store.load(tmp_path).info.targets == (ORACLE,)
            with pytest.raises(InputError, match="another process is writing this run") as told:
                running.carry_out(tmp_path, wanted, WORLD, fresh=fresh, seen=lambda record: None)
            refused.append(str(told.value))

    running.carry_out(tmp_path, wanted, WORLD, fresh=False, seen=seen)
    assert refused and len(store.load(tmp_path).records) == len(travel.cases)


async def test_what_came_is_on_disk_though_nothing_else_comes(tmp_path: Path) -> None:
    """A process that is killed loses what is in flight, and nothing that came a moment before."""

    def reply(request: Received) -> Reply:
        if len(endpoint.received) == 1:
            return Reply(status=429, headers={"Retry-After": "0"})
        return Reply(silent=True) if '"5"' in request.text else answer(request)

    async with serving(reply) as endpoint:
        model = f"openai_http/m?base_url={endpoint.url}/v1"
        suite = tmp_path / "s.jsonl"
        tool = {"name": "go", "description": "", "parameters": {"type": "object"}}
        lines = [
            {"suite": "s", "tools": [tool]},
            *({"id": f"case-{n}", "user": str(n), "expect": {"call": "go"}} for n in range(6)),
        ]
        suite.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "evalkit",
                "run",
                str(suite),
                "-m",
                model,
                "--run",
                "r",
                "--reports",
                str(tmp_path),
            ),
            *("--json", "-q"),
            cwd=Path(__file__).parents[1],
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and len(endpoint.received) < 7:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        process.kill()
        await process.wait()
    left = store.load(tmp_path / "r")
    assert {record.case for record in left.records} == {f"case-{n}" for n in range(5)}
    assert [(flight.target, flight.refusals) for flight in left.info.flights] == [("openai_http/m", 1)]


def test_a_target_without_its_key_is_refused_and_no_run_is_made(tmp_path: Path, travel: Suite) -> None:
    keyless = Target(name="m", provider="openai_http", model="m", api_key_env="NO_SUCH_KEY")
    with pytest.raises(InputError, match="NO_SUCH_KEY"):
        running.carry_out(tmp_path / "r", order(travel, ORACLE, keyless), WORLD, fresh=False, seen=lambda record: None)
    assert not (tmp_path / "r").exists()


def test_what_faulted_is_asked_again_and_its_attempts_are_kept(tmp_path: Path) -> None:
    async def go(broken: bool) -> None:
        def reply(request: Received) -> Reply:
            return Reply(status=401) if broken else answer(request)

        async with serving(reply) as endpoint:
            target = Target(name="m", provider="openai_http", model="m", base_url=f"{endpoint.url}/v1")
            targets = (target,)
            with (
                store.open_run(tmp_path)
                if (tmp_path / store.FILE).exists()
                else store.create(tmp_path, running.describe("r", order(SUITE, target), guards={}), SUITE) as opened
            ):
                requests = pipeline.plan(SUITE, targets, 1, opened.answered)
                worth = judge.records(SUITE, Judging())
                async for record in pipeline.ask([requests], SUITE, targets, WORLD, Pace(), spent=opened.spent):
                    opened.append([worth(record)])

    asyncio.run(go(broken=True))
    asyncio.run(go(broken=False))
    records = store.load(tmp_path).records
    assert all(isinstance(record.reply, Response) for record in records)
    assert {tuple(attempt.fault.kind for attempt in record.attempts) for record in records} == {("auth",)}


def test_a_run_loads_no_library_that_it_does_not_need(tmp_path: Path) -> None:
    program = (
        "import sys; from evalkit.cli.app import main\n"
        f"main(['run', 'travel', '-m', 'reference/oracle', '--limit', '3', '--reports', {str(tmp_path)!r}, '-q'])\n"
        "sys.exit(' '.join({'scipy', 'numpy', 'pandas', 'litellm', 'rich'} & sys.modules.keys()) or None)"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr


def test_a_run_killed_in_the_middle_goes_on_where_it_stopped_and_ends_the_same(tmp_path: Path, travel: Suite) -> None:
    command = [
        sys.executable, "-m", "evalkit", "run", "travel", "--run", "r", "--reports", str(tmp_path), "-j", "2",
        "-m", "reference/faulty?name=new&kind=call.missing&rate=0.5&latency=0.03&sleep=true",
    ]  # fmt: skip
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=root) as process:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and _stored(tmp_path / "r") < 10:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    kept = _stored(tmp_path / "r")
    assert 10 <= kept < len(travel.cases)
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, cwd=root)
    assert f"asked {len(travel.cases) - kept} of {len(travel.cases) - kept}" in done.stderr
    again = {record.case: record.score for record in store.load(tmp_path / "r").records}
    quiet = replace(FAULTY, options={**FAULTY.options, "latency": 0.03})
    running.carry_out(tmp_path / "quiet", order(travel, quiet), WORLD, fresh=False, seen=lambda record: None)
    assert again == {record.case: record.score for record in store.load(tmp_path / "quiet").records}
    assert json.loads(done.stdout)["targets"][0]["answered"] == len(travel.cases)


def _stored(folder: Path) -> int:
    try:
        return store.counts(folder)[0]
    except StoreError:
        return 0
