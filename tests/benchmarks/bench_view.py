"""How fast a page of a stored run comes, and what the first filter costs.

    python -m tests.benchmarks.bench_view [RECORDS]

Simulated: 4 models, 8 % of the answers with a violation, 1 % faults, one answer in a million with a code of its own.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from evalkit import rows, store
from evalkit.data import (
    Answer,
    Case,
    Counts,
    Fault,
    Judging,
    Payload,
    Record,
    Response,
    RunInfo,
    Score,
    Suite,
    Target,
    Timing,
    Violation,
    Wire,
)
from evalkit.viewing import paging
from evalkit.viewing._pages import Room

CODES = ("schema.type", "schema.enum", "schema.required", "json.syntax", "tool.unknown")
RARE = "schema.double_encoded"
TARGETS = tuple(Target(name=f"model-{letter}", provider="reference", model=letter) for letter in "abcd")


def simulated(folder: Path, records: int) -> None:
    """A store of so many records, each asked of four models."""
    cases = tuple(
        Case(id=f"case-{n:06}", messages=({"role": "user", "content": f"Book the {n}th flight to Oslo."},), tools=())
        for n in range(records // len(TARGETS))
    )
    info = RunInfo(
        id=folder.name,
        created="2026-03-01T00:00:00+00:00",
        suite_name="large",
        suite_digest="large",
        cases=len(cases),
        targets=TARGETS,
        trials=1,
        judging=Judging(),
        versions={"evalkit": "0"},
    )
    with store.create(folder, info, Suite(name="large", specs={}, cases=cases, digest="large")):
        pass
    connection = sqlite3.connect(folder / store.FILE)
    with connection:
        connection.executemany(rows.INSERT, _rows(cases))
    connection.close()


def _rows(cases: tuple[Case, ...]) -> Iterator[tuple[Any, ...]]:
    """Rows as the store writes them; a few bodies are encoded once and used for all."""
    dice = random.Random(1)
    good, *bad, rare, fault = [rows.row(record)[3:] for record in _kinds()]
    for number, case in enumerate(cases):
        for place, target in enumerate(TARGETS):
            toss = dice.random()
            told = fault if toss < 0.01 else dice.choice(bad) if toss < 0.09 else good
            if number == len(cases) - 2 and place == 0:
                told = rare
            yield target.identity, 0, case.id, *told


def _kinds() -> Iterator[Record]:
    answer = Answer(payloads=(Payload(index=0, tool="book", text='{"to": "Oslo", "on": "2026-03-02"}'),))
    reply = Response(wire=Wire(status=200, body="{" + "x" * 700 + "}"), dialect="openai_chat", timing=Timing(total=1.0))
    score = Score(
        called=True,
        tool=True,
        parsed=True,
        valid=True,
        correct=True,
        abstained=None,
        valid_lenient=True,
        valid_repaired=True,
        calls=Counts(),
        arguments=Counts(),
    )
    good = Record(case="", trial=0, target="", started="", sent="", reply=reply, answer=answer, score=score)
    yield good
    for code in (*CODES, RARE):
        wrong = (Violation(payload=0, code=code, message="a value of the wrong type", path="/on"),)
        yield replace(good, score=replace(score, valid=False, correct=False, violations=wrong))
    yield replace(good, reply=Fault(kind="timeout", message="no answer in 60 s"), answer=None, score=None)


def main(records: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "large"
        simulated(folder, records)
        size = (folder / store.FILE).stat().st_size
        print(f"{records:,} records, {size / 2**20:,.0f} MiB")
        pages = paging.open_pages(folder)
        _timed("first page", lambda: pages.page(paging.Filter()))
        _timed("page in the middle", lambda: pages.page(paging.Filter(), after=records // 2))
        _timed("one case", lambda: pages.case(f"case-{records // 8:06}"))
        _timed("first filter", lambda: pages.page(paging.Filter(failed="valid")), times=1)
        for told, wanted in {
            "failed rung": paging.Filter(failed="valid"),
            "code": paging.Filter(code="schema.enum"),
            "rare code": paging.Filter(code=RARE),
            "code of nobody": paging.Filter(code="schema.nobody"),
            "fault": paging.Filter(fault="timeout"),
            "text of one case": paging.Filter(text=f"{records // 5}th flight"),
            "text of nobody": paging.Filter(text="submarine"),
            "text of all": paging.Filter(text="OSLO"),
            "last model, all cases": paging.Filter(target="model-d"),
            "no such model": paging.Filter(target="nobody"),
            "model and rung and code": paging.Filter(target="model-a", failed="valid", code="schema.type"),
            "a pair that never meets": paging.Filter(failed="tool", text="oslo", target="model-b"),
        }.items():
            _timed(told, partial(pages.page, wanted))
        room = Room(Path(name))
        _timed("page of a case, first", lambda: room.case("large", f"case-{records // 9:06}", "", ""), times=1)
        _timed("page of a case, in full", lambda: room.case("large", f"case-{records // 8:06}", "", ""))
        room.close()
        _timed("scores of each model", pages.shares, times=1)
        assert [line.codes for line in pages.page(paging.Filter(code=RARE)).lines] == [(RARE,)]
        pages.close()


def _timed(what: str, do: Callable[[], object], times: int = 5) -> None:
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        spent.append(time.perf_counter() - began)
    print(f"  {what:26} {max(spent) * 1000:9.1f} ms (the slowest of {times})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
