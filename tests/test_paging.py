"""A stored run page by page: every record once, every filter as if each record had been looked at."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from evalkit import store
from evalkit.data import CODES, RUNGS, Fault, Record
from evalkit.viewing import paging
from evalkit.viewing.paging import Filter, Line, Pages
from tests.benchmarks import bench_view
from tests.outcomes import case, run

RECORDS = 1_200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "large"
    bench_view.simulated(folder, RECORDS)
    return folder


def lines(pages: Pages, wanted: Filter, size: int = 97) -> list[Line]:
    """All pages, one after another."""
    page = pages.page(wanted, size=size)
    found = list(page.lines)
    while page.next is not None:
        page = pages.page(wanted, after=page.next, size=size)
        found.extend(page.lines)
    return found


def met(record: Record, wanted: Filter, said: str) -> bool:
    """The filter in plain words."""
    fault = record.reply.kind if isinstance(record.reply, Fault) else ""
    failed = (record.score.failed_at or "") if record.score else ""
    codes = [violation.code for violation in record.score.violations] if record.score else []
    return (
        wanted.target in ("", record.target)
        and wanted.fault in ("", fault)
        and wanted.failed in ("", failed)
        and (not wanted.code or wanted.code in codes)
        and wanted.text.casefold() in said.casefold()
    )


FILTERS = [
    Filter(),
    Filter(target="model-c"),
    Filter(target="nobody"),
    Filter(fault="timeout"),
    *(Filter(failed=rung) for rung in RUNGS),
    *(Filter(code=code) for code in list(CODES)[10:20]),
    Filter(text="OSLO"),
    Filter(text="the 17th"),
    Filter(text="%"),
    Filter(text="_"),
    Filter(text="\\"),
    Filter(text="ÖSLO"),
    Filter(text="case-00001", target="model-a"),
    Filter(failed="valid", code="schema.enum", target="model-b", text="flight"),
]


@pytest.mark.parametrize("often", [1, paging._OFTEN])
def test_a_filter_finds_what_looking_at_each_record_finds(
    folder: Path, often: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_OFTEN", often)
    stored = store.load(folder)
    said = {case.id: f"{case.id}\n{case.messages[0]['content']}" for case in stored.suite.cases}
    pages = paging.open_pages(folder)
    for wanted in FILTERS:
        found = lines(pages, wanted)
        keys = {(line.target, line.trial, line.case) for line in found}
        assert len(keys) == len(found)
        assert [line.place for line in found] == sorted(line.place for line in found)
        right = {(r.target, r.trial, r.case) for r in stored.records if met(r, wanted, said[r.case])}
        assert keys == right, wanted
    pages.close()


def test_a_text_is_found_whatever_the_case_of_its_letters(tmp_path: Path) -> None:
    said = {"a": "Hauptstraße 3", "b": "HAUPTSTRASSE 3", "c": "half a pair \ud83d, Straße", "d": "Hauptplatz"}
    cases = [replace(case(0), id=name, messages=({"role": "user", "content": text},)) for name, text in said.items()]
    made = run(cases, {"old": ["p"] * len(cases)})
    with store.create(tmp_path / "run", made.info, made.suite) as opened:
        opened.append(made.records)
    pages = paging.open_pages(tmp_path / "run")
    for text in ("strasse", "STRASSE", "straße", "Haupt", "\ufb06rasse"):
        found = {line.case for line in lines(pages, Filter(text=text))}
        assert found == {name for name, content in said.items() if text.casefold() in content.casefold()}, text
    pages.close()


def test_every_letter_that_holds_one_of_ascii_is_looked_for() -> None:
    beyond = map(chr, range(0x80, sys.maxunicode + 1))
    assert "".join(sign for sign in beyond if any(part.isascii() for part in sign.casefold())) == paging._FOLDING


def test_one_case_and_the_scores_are_those_of_the_run(folder: Path) -> None:
    stored = store.load(folder)
    pages = paging.open_pages(folder)
    assert pages.case("case-000007") == tuple(record for record in stored.records if record.case == "case-000007")
    assert pages.case("nowhere") == ()
    for share in pages.shares():
        scores = [record.score for record in stored.records if record.target == share.target]
        judged = [score.correct for score in scores if score]
        assert share.records == len(scores)
        assert share.faults == len(scores) - len(judged)
        assert share.correct == pytest.approx(sum(map(bool, judged)) / len(judged))
    pages.close()


def test_what_another_process_adds_is_found(tmp_path: Path) -> None:
    bench_view.simulated(tmp_path / "run", 400)
    pages = paging.open_pages(tmp_path / "run")
    wanted = Filter(code=bench_view.RARE)
    (first,) = lines(pages, wanted)
    with store.open_run(tmp_path / "run") as writing:
        record = next(r for r in writing.records() if r.case == first.case and r.target == first.target)
        changed = replace(record, trial=1)
        writing.append([changed])
    assert [line.trial for line in lines(pages, wanted)] == [0, 1]
    pages.close()


def test_a_run_is_not_written_to(folder: Path) -> None:
    before = (folder / store.FILE).read_bytes()
    pages = paging.open_pages(folder)
    lines(pages, Filter(failed="valid"))
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        pages._connection.execute("DELETE FROM main.records")
    pages.close()
    assert (folder / store.FILE).read_bytes() == before
    assert not any(file.stat().st_size for file in folder.glob("*-wal"))
