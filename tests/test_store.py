"""A run on disk: nothing stored is lost, nothing unknown is read."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import codec, store
from evalkit.data import Answer, Case, Fault, Judging, Record, Response, RunInfo, Suite, Target, Wire
from evalkit.errors import InputError, StoreError
from tests import strategies

SUITE = Suite(name="s", specs={}, cases=(), digest="d")
INFO = RunInfo(
    id="r",
    created="2026-01-01T00:00:00+00:00",
    suite_name="s",
    suite_digest="d",
    cases=0,
    targets=(),
    trials=1,
    judging=Judging(),
    versions={"evalkit": "0"},
)


def record(case: str, *, fault: bool = False, trial: int = 0) -> Record:
    reply = (
        Fault(kind="server", message="no", seconds=1.0)
        if fault
        else Response(wire=Wire(status=200, body=case), dialect="x")
    )
    return Record(case=case, trial=trial, target="t", started="", sent="", reply=reply)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(strategies.records, max_size=6))
def test_every_record_is_loaded_as_it_was_stored(tmp_path: Path, records: list[Record]) -> None:
    store.remove(tmp_path)
    with store.create(tmp_path, INFO, SUITE) as opened:
        opened.append(records)
    last = {(r.target, r.trial, r.case): r for r in records}
    loaded = store.load(tmp_path)
    assert {(r.target, r.trial, r.case): r for r in loaded.records} == last
    assert (loaded.info, loaded.suite) == (INFO, SUITE)


def test_tools_that_left_are_stored_once_for_all_records_that_share_them(tmp_path: Path) -> None:
    tools = [{"name": "book", "input_schema": {"description": "d" * 20_000}}]
    wire = Wire(status=200, body="")
    sent = [replace(record(str(n)), reply=Response(wire=wire, dialect="x", sent=[*tools, n % 2])) for n in range(100)]
    with store.create(tmp_path, INFO, SUITE) as opened:
        opened.append(sent[:50])
        opened.append(sent[50:])
    assert (tmp_path / store.FILE).stat().st_size < 200_000
    assert list(store.load(tmp_path).records) == sent
    with store.open_run(tmp_path) as opened:
        assert came(opened) == sent


def test_tools_are_not_mistaken_for_those_that_lay_in_their_place(tmp_path: Path) -> None:
    with store.create(tmp_path, INFO, SUITE) as opened:
        for n in range(100):
            answered = Response(wire=Wire(status=200, body=""), dialect="x", sent=[{"name": f"book{n}"}])
            opened.append([replace(record(str(n)), reply=answered)])
            del answered
    loaded = [each.reply for each in store.load(tmp_path).records]
    names = [reply.sent[0]["name"] for reply in loaded if isinstance(reply, Response)]
    assert names == [f"book{n}" for n in range(100)]


def came(opened: store.Store) -> list[Record]:
    """The records as they came; from then on they are worth nothing."""
    seen: list[Record] = []

    def unworthy(record: Record) -> Record:
        seen.append(record)
        return record

    opened.rejudge(unworthy, INFO)
    return seen


def test_the_records_of_one_case_are_read_alone(tmp_path: Path) -> None:
    info = replace(INFO, targets=(Target(name="t", provider="p", model="m"),), trials=2)
    with store.create(tmp_path, info, SUITE) as opened:
        opened.append([record("a", trial=1), record("b"), record("a")])
        assert [(each.case, each.trial) for each in opened.of_case("a")] == [("a", 0), ("a", 1)]
        assert opened.of_case("c") == ()


def test_only_answers_count_as_answered_and_the_attempts_of_faults_are_kept(tmp_path: Path) -> None:
    with store.create(tmp_path, INFO, SUITE) as opened:
        opened.append([record("a"), record("b", fault=True)])
        assert opened.answered(("t", 0, "a")) and not opened.answered(("t", 0, "b"))
        assert opened.answers(trials=1) == {"t": 1} and opened.answers(trials=0) == {}
        (spent,) = opened.spent(("t", 0, "b"))
        assert spent.fault.kind == "server" and not opened.spent(("t", 0, "a"))
        opened.append([record("b")])
        assert opened.answered(("t", 0, "b")) and opened.answers(trials=1) == {"t": 2}
        assert not opened.spent(("t", 0, "b")) and not opened.answered(("t", 1, "b"))


def test_judging_again_leaves_what_came_back_untouched(tmp_path: Path) -> None:
    with store.create(tmp_path, INFO, SUITE) as opened:
        opened.append([record("a")])
        before = opened._connection.execute("SELECT attempts, reply FROM records").fetchall()
        opened.rejudge(lambda came: replace(came, answer=Answer(text="new")), replace(INFO, versions={"evalkit": "1"}))
        assert opened._connection.execute("SELECT attempts, reply FROM records").fetchall() == before
    run = store.load(tmp_path)
    assert run.records[0].answer == Answer(text="new") and run.info.versions == {"evalkit": "1"}


def test_judging_again_writes_only_what_came_out_otherwise(tmp_path: Path) -> None:
    def worth(came: Record) -> Record:
        return replace(came, answer=Answer(text="new" if came.case == "b" else ""))

    with store.create(tmp_path, INFO, SUITE) as opened:
        opened.append(replace(record(case), answer=Answer()) for case in "abc")
        before = opened._connection.total_changes
        opened.rejudge(worth, INFO)
        assert opened._connection.total_changes - before == len(["b", "the run"])
        assert [told.answer and told.answer.text for told in opened.records()] == ["", "new", ""]


def test_a_reply_that_cannot_be_read_any_more_is_faulted_until_it_can(tmp_path: Path) -> None:
    torn = replace(record("a"), reply=Fault(kind="server", message="the body is no answer"))
    with store.create(tmp_path, INFO, SUITE) as opened:
        opened.append([record("a"), record("b"), record("c", fault=True)])
        opened.rejudge(lambda came: torn if came.case == "a" else came, INFO)
        assert not opened.answered(("t", 0, "a")) and opened.answered(("t", 0, "b"))
        assert [attempt.fault for attempt in opened.spent(("t", 0, "a"))] == [torn.reply]
        assert store.counts(tmp_path) == (3, 2)
        assert list(opened.records()) == [torn, record("b"), record("c", fault=True)]
        assert came(opened) == [record("a"), record("b"), record("c", fault=True)], "what came stays"
        assert list(opened.records()) == came(opened) and store.counts(tmp_path) == (3, 1)


def test_a_process_killed_in_the_middle_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    program = (
        "import sys, itertools; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from evalkit import store; from tests.test_store import INFO, SUITE, record\n"
        "with store.create(Path(sys.argv[1]), INFO, SUITE) as opened:\n"
        "    for n in itertools.count():\n"
        "        opened.append([record(str(n))]); print(n, flush=True)\n"
    )
    root = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), root], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = [int(process.stdout.readline()) for _ in range(200)]
        os.kill(process.pid, signal.SIGKILL)
        seen += [int(line) for line in process.stdout.read().split()]
    assert {str(n) for n in seen} <= {r.case for r in store.load(tmp_path).records}


def test_a_process_killed_while_it_makes_a_run_leaves_none_and_the_same_again_makes_it(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from msgspec.structs import replace; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from evalkit import store; from evalkit.data import Case; from tests.test_store import INFO, SUITE\n"
        "class Cases(tuple):\n"
        "    def __iter__(self):\n"
        "        for n in range(20_000):\n"
        "            yield Case(id=str(n), messages=({'role': 'user', 'content': 'x' * 500},), tools=())\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.create(Path(sys.argv[1]), INFO, replace(SUITE, cases=Cases()))\n"
    )
    root = str(Path(__file__).parents[1])
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path), root])
    assert killed.returncode == -signal.SIGKILL and list(tmp_path.iterdir()), "it was under way"
    assert not store.holds_run(tmp_path)
    with store.create(tmp_path, INFO, SUITE) as opened:
        opened.append([record("a")])
    assert store.load(tmp_path).info == INFO
    assert [left.name for left in tmp_path.iterdir()] == [store.FILE]


def test_a_run_whose_cases_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    twice = (Case(id="a", messages=(), tools=()),) * 2
    with pytest.raises(InputError, match="cannot be written"):
        store.create(tmp_path, INFO, replace(SUITE, cases=twice))
    assert not list(tmp_path.iterdir())


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with store.create(tmp_path, INFO, SUITE):
        pass
    with pytest.raises(InputError, match="there is a run already"):
        store.create(tmp_path, INFO, SUITE)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        store.create(tmp_path / "file" / "run", INFO, SUITE)


def test_what_is_no_run_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such run"):
        store.load(tmp_path / "nowhere")
    (tmp_path / "run.db").write_bytes(b"this is not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(StoreError, match="not a run"):
        store.load(tmp_path)
    other = tmp_path / "other" / "run.db"
    other.parent.mkdir()
    sqlite3.connect(other).execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(StoreError, match="a SQLite file, but not a run"):
        store.load(other)


def test_what_is_refused_is_let_go_of(tmp_path: Path) -> None:
    path = tmp_path / store.FILE
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError) as refused:
        store.open_run(tmp_path)
    held = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    assert refused.value and str(path) not in held


def test_a_run_of_another_version_is_refused_with_both_versions(tmp_path: Path) -> None:
    with store.create(tmp_path, INFO, SUITE) as opened:
        opened._connection.execute(f"PRAGMA user_version={codec.VERSION + 1}")
    with pytest.raises(StoreError, match=f"format {codec.VERSION + 1}.*reads format {codec.VERSION}"):
        store.load(tmp_path)


def test_a_truncated_file_is_a_store_error_and_no_traceback(tmp_path: Path) -> None:
    with store.create(tmp_path, INFO, SUITE) as opened:
        opened.append(record(str(n)) for n in range(500))
    path = tmp_path / "run.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StoreError):
        store.load(tmp_path)


def answered(folder: Path) -> Mapping[str, int]:
    with store.open_run(folder) as opened:
        return opened.answers(trials=1)


@pytest.mark.parametrize("use", [store.counts, store.load, answered])
def test_a_file_damaged_in_the_middle_is_a_store_error_whatever_is_read(
    tmp_path: Path, use: Callable[[Path], object]
) -> None:
    with store.create(tmp_path, INFO, SUITE) as opened:
        opened.append(record(f"case {number}") for number in range(2000))
    with open(tmp_path / store.FILE, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(2 * 4096)
        file.write(b"A" * (size - 2 * 4096))
    with pytest.raises(StoreError, match=r"run\.db: cannot be read"):
        use(tmp_path)


def test_a_disk_that_is_full_is_a_store_error_and_what_was_appended_stays(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="full"), store.create(tmp_path, INFO, SUITE) as opened:
        opened.append([record("first")])
        opened._connection.execute("PRAGMA max_page_count = 1")
        opened.append(record(f"case {number}") for number in range(2000))
    assert [kept.case for kept in store.load(tmp_path).records] == ["first"]


def test_runs_are_listed_latest_first(tmp_path: Path) -> None:
    for number, name in enumerate(("old", "new")):
        with store.create(tmp_path / name, INFO, SUITE) as opened:
            opened.append([record("a"), record("b", fault=True)])
        os.utime(tmp_path / name / "run.db", (number, number))
    assert [folder.name for folder in store.runs(tmp_path)] == ["new", "old"]
    assert store.counts(tmp_path / "new") == (2, 1)
