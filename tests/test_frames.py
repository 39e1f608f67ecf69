"""A run as a table."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import evalkit
from evalkit import frames, store
from evalkit.data import Answer, Fault, Record, Run
from evalkit.errors import InputError
from tests import strategies
from tests.test_store import INFO, SUITE


@given(st.lists(strategies.records, max_size=4))
def test_one_json_line_a_record_whatever_the_model_sent(records: list[Record]) -> None:
    lines = frames.jsonl(Run(info=INFO, suite=SUITE, records=tuple(records))).split("\n")
    assert [json.loads(line)["case"] for line in lines if line] == [record.case for record in records]


@given(st.lists(strategies.records, min_size=1, max_size=4))
def test_a_csv_cell_that_is_a_list_is_json(records: list[Record]) -> None:
    text = frames.csv(Run(info=INFO, suite=SUITE, records=tuple(records)))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [json.loads(row["violations"]) for row in rows] == [
        json.loads(line)["violations"]
        for line in frames.jsonl(Run(info=INFO, suite=SUITE, records=tuple(records))).split("\n")
        if line
    ]


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "＝1", "-\r=2"])
def test_no_csv_cell_is_a_formula_and_json_has_the_text_as_it_came(text: str) -> None:
    from tests.test_store import record

    run = Run(info=INFO, suite=SUITE, records=(replace(record("a"), answer=Answer(text=text)),))
    (row,) = csv.DictReader(io.StringIO(frames.csv(run), newline=""))
    assert row["text"] == f"'{text}" and json.loads(frames.jsonl(run))["text"] == text
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())


@given(st.lists(strategies.records, max_size=4))
def test_a_fault_has_no_rungs_and_its_kind_is_named(records: list[Record]) -> None:
    for record, row in zip(records, frames.rows(Run(info=INFO, suite=SUITE, records=tuple(records))), strict=True):
        if isinstance(record.reply, Fault):
            assert row["fault"] == record.reply.kind and row["correct"] is None and row["seconds"] is None


@given(st.lists(strategies.records, max_size=4))
def test_a_row_tells_where_an_answer_came_from_and_what_it_used(records: list[Record]) -> None:
    for record, row in zip(records, frames.rows(Run(info=INFO, suite=SUITE, records=tuple(records))), strict=True):
        assert row["cached"] == (record.cached or None)
        if record.answer is not None:
            assert row["reasoning_tokens"] == record.answer.usage.reasoning_tokens


def test_a_stored_run_loads_as_a_data_frame(tmp_path: Path) -> None:
    from tests.test_store import record

    with store.create(tmp_path, INFO, SUITE) as opened:
        opened.append([record("a"), record("b", fault=True)])
    frame = evalkit.load_run(tmp_path)
    assert list(frame["case"]) == ["a", "b"] and list(frame["fault"].isna()) == [True, False]
    assert str(frame["correct"].dtype) == "boolean" and str(frame["cached"].dtype) == "string"
    assert {str(frame[f"{kind}_tokens"].dtype) for kind in ("input", "output", "cached", "reasoning")} == {"Int64"}


@given(st.lists(strategies.records, min_size=1, max_size=4))
def test_parquet_holds_what_csv_holds_with_types(records: list[Record]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    run = Run(info=INFO, suite=SUITE, records=tuple(records))
    found = parquet.read_table(io.BytesIO(frames.parquet(run)))
    told = [json.loads(line) for line in frames.jsonl(run).split("\n") if line]
    assert found.column("case").to_pylist() == [row["case"] for row in told]
    assert found.column("correct").to_pylist() == [row["correct"] for row in told]
    assert [json.loads(cell) for cell in found.column("calls").to_pylist()] == [row["calls"] for row in told]
    assert str(found.schema.field("output_tokens").type) == "int64"


def test_without_a_writer_parquet_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install pyarrow"):
        frames.parquet(Run(info=INFO, suite=SUITE, records=()))
