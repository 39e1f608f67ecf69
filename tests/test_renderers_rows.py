"""A report as CSV, JSON Lines and Parquet: the same rows, one a case, with both sides beside each other."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from evalkit import plugins, report
from evalkit.data import Comparison, Ledger, Report
from evalkit.renderers import _rows, parquet
from tests import comparisons

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


@pytest.fixture(scope="module", params=["outings", "hostile", "asked_twice", "nothing"])
def made(request: pytest.FixtureRequest) -> Report:
    found: dict[str, Callable[[], Comparison]] = {
        "outings": comparisons.outings,
        "hostile": comparisons.hostile,
        "asked_twice": comparisons.asked_twice,
        "nothing": lambda: comparisons.compared((), [], []),
    }
    return report.build(found[request.param](), comparisons.verdict())


def lines(made: Report) -> list[dict[str, Any]]:
    return [json.loads(line) for line in plugins.renderer("jsonl").render(made).splitlines()]


def test_json_lines_are_the_rows(made: Report) -> None:
    assert lines(made) == list(_rows.rows(made))
    assert all(tuple(row) == tuple(_rows.COLUMNS) for row in lines(made))


def test_csv_has_the_same_rows(made: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(plugins.renderer("csv").render(made))))
    for row, line in zip(rows, lines(made), strict=True):
        assert row["change"] == line["change"] and row["flaws"].split("; ") == (line["flaws"] or [""])
        for name in ("baseline_passes", "candidate_passes", "baseline_seconds", "candidate_tokens"):
            assert (json.loads(row[name]) if row[name] else None) == line[name]


def test_parquet_has_the_same_rows_with_types(made: Report) -> None:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(io.BytesIO(parquet.write(made)))
    assert table.to_pylist() == lines(made)
    kinds = {name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)}
    assert (kinds["candidate_passes"], kinds["baseline_tokens"], kinds["why"]) == ("bool", "int64", "string")


def test_what_no_file_can_hold_stands_in_parquet_as_its_escape() -> None:
    made = report.build(comparisons.outings(), comparisons.verdict())
    halved = replace(made, changes=(replace(made.changes[0], why="half \ud800 of it"),))
    (row,) = pandas.read_parquet(io.BytesIO(parquet.write(halved))).to_dict("records")
    assert row["why"] == r"half \ud800 of it"


def test_a_row_says_what_the_report_says_of_its_case() -> None:
    made = report.build(comparisons.outings(), comparisons.verdict())
    rows = {row["case"]: row for row in _rows.rows(made)}
    assert {case: row["change"] for case, row in rows.items()} == {c.case: c.kind for c in made.changes}
    (ledger,) = [b for section in made.sections for b in section.blocks if isinstance(b, Ledger)]
    for place, case in enumerate(ledger.cases):
        row = rows[case]
        assert (row["asked"], row["tags"]) == (ledger.asked[place], list(ledger.tags[place]))
        assert (row["baseline_seconds"], row["candidate_seconds"]) == tuple(side[place] for side in ledger.seconds)
        assert (row["baseline_tokens"], row["candidate_tokens"]) == tuple(side[place] for side in ledger.tokens)
        assert row["other_calls"] == ledger.unlike[place]
    broken = rows["forecast-zurich"]
    assert (broken["baseline"], broken["candidate"]) == ("gpt-old", "gpt-new")
    assert (broken["baseline_passes"], broken["candidate_passes"]) == (True, False)
    assert (rows["down"]["baseline_passes"], rows["down"]["change"]) == (None, "unjudged")
