"""The JSON report is what its schema says: of made-up comparisons, of a whole migration, and of recorded answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from evalkit import compare, gate, report, workspace
from evalkit.cli.app import main
from evalkit.data import Comparison, Report, Verdict
from evalkit.renderers import json as renderer
from tests import comparisons, recorded

MADE: dict[str, Callable[[], tuple[Comparison, Verdict]]] = {
    "outings": lambda: (comparisons.outings(), comparisons.verdict()),
    "hostile": lambda: (comparisons.hostile(), comparisons.verdict()),
    "asked_twice": lambda: (comparisons.asked_twice(), comparisons.verdict()),
    "rivalry": comparisons.rivalry,
    "nothing": lambda: (comparisons.compared((), [], []), comparisons.verdict()),
}


def closed(schema: Any) -> Any:
    """The schema, where no object has a key that it does not name: the one that is printed lets new keys come."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: closed(value) for key, value in schema.items()}
    ours = schema.get("type") == "object" and "properties" in schema
    return told | {"additionalProperties": False} if ours else told


JUDGE = jsonschema.Draft202012Validator(closed(json.loads(renderer.schema())))


def faults(told: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in JUDGE.iter_errors(told)]


def told(made: Report) -> Any:
    return json.loads(renderer.render(made))


@pytest.mark.parametrize("name", MADE)
def test_a_report_is_what_its_schema_says(name: str) -> None:
    assert faults(told(report.build(*MADE[name]()))) == []


def test_a_report_that_is_otherwise_is_none() -> None:
    sound = told(report.build(*MADE["outings"]()))
    (first, *others) = sound["sections"]
    (block, *blocks) = first["blocks"]

    def with_block(other: Any) -> Any:
        return {**sound, "sections": [{**first, "blocks": [other, *blocks]}, *others]}

    assert faults(with_block(block)) == []
    spoilt = [
        {**sound, "version": renderer.VERSION + 1},
        {**sound, "more": 1},
        {key: value for key, value in sound.items() if key != "candidates"},
        {**sound, "verdict": {**sound["verdict"], "word": "fine"}},
        with_block({**block, "block": "tabel"}),
        with_block({**block, "block": "ledger"}),
        with_block({key: value for key, value in block.items() if key != "title"}),
    ]
    assert all(faults(one) for one in spoilt)


def test_what_migrate_writes_is_what_the_schema_says(tmp_path: Path) -> None:
    out, reports = str(tmp_path / "r.json"), str(tmp_path / "reports")
    models = ["--from", "reference/oracle", "--to", "reference/faulty?kind=schema.required&rate=0.3"]
    main(["migrate", "travel", *models, "-o", out, "--reports", reports, "-q"])
    assert faults(json.loads(Path(out).read_text(encoding="utf-8"))) == []


@pytest.mark.skipif(not recorded.THERE, reason=recorded.ABSENT)
def test_the_report_on_recorded_answers_is_what_the_schema_says() -> None:
    before, after = (recorded.run(model) for model in ("gpt-4o-2024-05-13-FC", "gpt-4o-2024-08-06-FC"))
    names = [run.info.targets[0].identity for run in (before, after)]
    comparison = compare.compare(before, names[0], after, names[1])
    assert faults(told(report.build(comparison, gate.decide(comparison, workspace.default_policy())))) == []
