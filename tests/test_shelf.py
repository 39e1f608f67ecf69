"""Cases that are too many to hold."""

from __future__ import annotations

import gc
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit import judge, running, selection, shelf, store, workspace
from evalkit import suite as suites
from evalkit.data import Case, Judging, Record
from evalkit.errors import InputError
from evalkit.patterns import compile_expect
from evalkit.plugins import World
from evalkit.stopping import Budget
from tests import strategies

FEW = 3
WORLD = World(environ={}, load_run=lambda name: store.load(Path(name)))
TOOL = {"name": "find", "parameters": {"type": "object", "properties": {"to": {"type": "string"}}}}


@pytest.fixture
def cramped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hardly anything is held."""
    monkeypatch.setattr(shelf, "HELD", FEW)
    monkeypatch.setattr(shelf, "_RECENT", 2)
    yield
    gc.collect()  # no connection is left open to be found elsewhere


def case(id: str, prompt: str = "x") -> Case:
    return Case(id=id, messages=({"role": "user", "content": prompt},), tools=("find",), source=f"s.jsonl:{id}")


def lines(path: Path, *cases: object) -> Path:
    head = {"suite": "s", "tools": [TOOL]}
    path.write_text("".join(json.dumps(line) + "\n" for line in (head, *cases)), encoding="utf-8")
    return path


def asked(number: int, **other: object) -> dict[str, object]:
    expect = {"call": "find", "args": {"to": f"Oslo {number}"}}
    return {"id": f"c{number}", "user": f"To Oslo {number}.", "expect": expect, **other}


# --------------------------------------------------------------------------- a sequence like any other

cases = st.lists(
    st.builds(
        Case,
        id=strategies.texts,
        messages=st.lists(st.dictionaries(strategies.texts, strategies.values, max_size=3), max_size=2).map(tuple),
        tools=st.lists(strategies.texts, max_size=2).map(tuple),
        accept=strategies.expects.map(lambda expect: _accept(expect)),
        tags=st.lists(strategies.texts, max_size=2).map(tuple),
        source=strategies.texts,
    ),
    min_size=FEW + 1,
    max_size=9,
    unique_by=lambda case: case.id,
)


def _accept(expect: object) -> object:
    try:
        return compile_expect(expect).accept
    except InputError:
        return ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=10)
@given(cases)
def test_a_shelf_gives_back_what_was_put_there(cramped: None, cases: list[Case]) -> None:
    found = shelf.gather(cases)
    assert isinstance(found, shelf.Shelf)
    assert list(found) == cases and len(found) == len(cases)
    assert [found[place] for place in range(-len(cases), len(cases))] == cases + cases
    assert list(found[1:-1]) == cases[1:-1] and list(found[::-2]) == cases[::-2]
    assert list(shelf.alphabetical(found)) == sorted(cases, key=lambda case: case.id)
    assert list(shelf.rows(found)) == list(shelf.rows(cases))
    find = shelf.finder(found)
    assert [find(case.id) for case in cases] == cases


def test_what_is_not_there_is_an_error_as_of_any_sequence(cramped: None) -> None:
    found = shelf.gather(case(str(n)) for n in range(FEW + 1))
    with pytest.raises(IndexError):
        found[FEW + 1]
    for sequence in (found, tuple(found)):
        with pytest.raises(KeyError):
            shelf.finder(sequence)("other")


def test_few_cases_are_held_and_many_are_not(cramped: None) -> None:
    assert shelf.gather(case(str(n)) for n in range(FEW)) == tuple(case(str(n)) for n in range(FEW))
    assert isinstance(shelf.gather(case(str(n)) for n in range(FEW + 1)), shelf.Shelf)


@pytest.mark.parametrize("before", [1, FEW + 1])
def test_a_second_case_of_an_id_is_left_out_and_the_first_is_told(cramped: None, before: int) -> None:
    gathering = shelf.Gathering()
    assert not any(gathering.add(case(str(n), "first")) for n in range(before))
    assert gathering.add(case("0", "second")) == case("0", "first")
    assert list(gathering.cases()) == [case(str(n), "first") for n in range(before)]


def test_a_full_disk_is_told_with_what_to_do() -> None:
    connection = sqlite3.connect("")
    connection.executescript(f"PRAGMA max_page_count=8; {shelf.TABLE}")
    full = shelf.Shelf(connection)
    with pytest.raises(InputError, match="database or disk is full; set TMPDIR to a folder with more room"):
        for number in range(100):
            full.add(case(str(number), "x" * 1000))
    assert 0 < len(full) < 100


# --------------------------------------------------------------------------- a large suite, from its file to its run


def test_a_large_suite_is_the_suite_it_would_be_if_it_were_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lines(tmp_path / "s.jsonl", *(asked(n, tags=["odd"] if n % 2 else ["even"]) for n in range(12)))
    held = workspace.load_suite(path)
    monkeypatch.setattr(shelf, "HELD", FEW)
    large = workspace.load_suite(path)
    assert isinstance(held.cases, tuple) and isinstance(large.cases, shelf.Shelf)
    assert tuple(large.cases) == held.cases and large.digest == held.digest
    for conditions in ({"tags": ["odd"]}, {"limit": 5}, {"ids": ["c3", "c7"]}, {"text": "oslo 1"}):
        ours, theirs = (selection.select(suite, **conditions) for suite in (large, held))
        assert tuple(ours.cases) == tuple(theirs.cases) and ours.digest == theirs.digest
    assert selection.select(large) is large
    whole = selection.merge([large, workspace.load_suite("travel")])
    assert isinstance(whole.cases, shelf.Shelf) and whole.cases[3].id == "s/c3"
    assert whole.digest == selection.merge([held, workspace.load_suite("travel")]).digest


def test_all_that_is_wrong_with_a_large_suite_is_told_at_once_with_its_lines(cramped: None, tmp_path: Path) -> None:
    path = lines(
        tmp_path / "s.jsonl",
        *map(asked, range(FEW + 2)),
        asked(0),
        asked(90, offer=["fnid"]),
        {"id": "c91", "expect": "none"},
        asked(92, expect={"call": "find", "args": {"to": 5}}),
    )
    with path.open("a", encoding="utf-8") as file:
        file.write("{oops}\n")
    with pytest.raises(InputError) as error:
        workspace.load_suite(path)
    assert [str(problem).removeprefix(f"{path}:").split("; ")[0] for problem in error.value.problems] == [
        "7: /id: the id 'c0' stands twice",
        "8: /offer/0: no tool is called 'fnid'",
        "8: /expect: 'find' is expected but not offered",
        "9: the case has neither 'user' nor 'messages'",
        "10: /expect/args/to: what find is expected to get breaks its schema: /to: expected a string, found 5",
        "11:2: not JSON: Expecting property name enclosed in double quotes",
    ]
    assert error.value.problems[0].hint == f"the first is at {path}:2"


def test_a_run_of_a_large_suite_stores_and_judges_it_whole(cramped: None, tmp_path: Path) -> None:
    suite = workspace.load_suite(lines(tmp_path / "s.jsonl", *map(asked, range(40))))
    targets = (workspace.parse_target("reference/oracle"), workspace.parse_target("reference/sampler"))
    order = running.Order(suite=suite, targets=targets, trials=2)
    seen: list[Record] = []
    assert running.missing(tmp_path / "r", order) == 160
    budget = [Budget(calls=50)]
    stopped = running.carry_out(tmp_path / "r", order, WORLD, fresh=False, seen=seen.append, brakes=budget)
    assert stopped is not None and stopped.endswith("110 of 160 calls have no answer")
    assert running.missing(tmp_path / "r", order) == 110
    running.carry_out(tmp_path / "r", order, WORLD, fresh=False, seen=seen.append)
    assert running.missing(tmp_path / "r", order) == 0
    assert len({(record.target, record.trial, record.case) for record in seen}) == len(seen) == 160
    assert all(record.score and record.score.correct for record in seen if "oracle" in record.target)
    with store.open_run(tmp_path / "r") as opened:
        kept = opened.suite
        worth = judge.records(kept, Judging(), targets)
        before = list(opened.records())
        opened.rejudge(worth, opened.info)
        assert list(opened.records()) == before and len(before) == 160
    assert isinstance(kept.cases, shelf.Shelf) and suites.digest(kept) == suite.digest
    loaded = store.load(tmp_path / "r").suite
    assert loaded.cases == tuple(suite.cases) == tuple(kept.cases)


def test_only_the_cases_taken_last_are_in_memory(tmp_path: Path) -> None:
    before, count = _held(), shelf.HELD + 500
    suite = workspace.load_suite(lines(tmp_path / "s.jsonl", *map(asked, range(count))))
    assert _held() - before <= shelf._RECENT
    with store.create(tmp_path, running.describe("r", running.Order(suite=suite, targets=()), guards={}), suite):
        assert sum(1 for _ in suite.cases) == count
        assert _held() - before <= shelf._RECENT


def _held() -> int:
    gc.collect()
    return sum(type(each) is Case for each in gc.get_objects())


# --------------------------------------------------------------------------- halves

_HALVES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["asked", "answered"])), max_size=12)


@given(_HALVES)
def test_halves_meet_once_and_what_is_ambiguous_waits(halves: list[tuple[str, str]]) -> None:
    waiting, here = shelf.Waiting(), dict[str, list[tuple[str, int]]]()
    for number, (key, side) in enumerate(halves):
        there = here.setdefault(key, [])
        met = waiting.meet(key, side, str(number))
        if len(there) == 1 and there[0][0] != side:
            assert met == str(there.pop()[1])
        else:
            assert met is None
            there.append((side, number))
    assert len(waiting) == sum(map(len, here.values()))
