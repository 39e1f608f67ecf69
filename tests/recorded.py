"""The recorded answers of eight models to BFCL's cases, as judged runs: real input for the tests that decide."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from evalkit import judge, plugins, running, workspace
from evalkit import suite as suites
from evalkit.data import Judging, Run, Suite, Target

RECORDED = Path(__file__).parents[1].parent / "shared/recorded"
AUGUST = RECORDED / "bfcl-2024-08"
JULY = RECORDED / "bfcl-2024-07-retest"
THERE = AUGUST.is_dir() and JULY.is_dir()
ABSENT = "../shared/recorded is not beside this checkout"
STRINGS = Judging(strings="bfcl")
"""As BFCL itself compares strings."""


def models() -> list[str]:
    return sorted(path.name for path in (AUGUST / "results").iterdir())


@cache
def suite() -> Suite:
    return suites.build(plugins.find("formats", "bfcl").cases(workspace.read_folder(AUGUST), "bfcl"))


@cache
def run(model: str, month: str = "August") -> Run:
    """The answers of one model, as a run of it alone. Those of July are of three models."""
    folder = JULY / model if month == "July" else AUGUST / "results" / model
    target = Target(name=f"{model} of {month}", provider="recorded", model=model)
    worth = judge.records(suite(), STRINGS)
    records = plugins.find("formats", "bfcl").run(workspace.read_folder(folder), suite(), target)
    order = running.Order(suite=suite(), targets=(target,), judging=STRINGS)
    info = running.describe(f"{model}-{month}", order, {})
    return Run(info=info, suite=suite(), records=tuple(worth(record) for record in records))
