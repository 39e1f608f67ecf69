"""How hard a suite is: what the gold, word overlap and random schema-valid calls score on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from evalkit import complaint, judge, pipeline, tally
from evalkit.data import Case, Judging, Record, Run, ScoreName, Suite, Target
from evalkit.errors import StoreError
from evalkit.pacing.pace import Pace
from evalkit.plugins import World

MODELS: Mapping[str, str] = {
    "oracle": "the ceiling: answers the gold",
    "lexical": "a floor: picks tools by word overlap",
    "sampler": "a floor: random schema-valid calls",
}


def ask(suite: Suite) -> Mapping[str, tuple[Record, ...]]:
    """The judged answers of each of MODELS to every case of `suite`, in memory."""
    targets = [Target(name=model, provider="reference", model=model) for model in MODELS]
    records = asyncio.run(_ask(suite, targets))
    return {model: tuple(record for record in records if record.target == model) for model in MODELS}


def rate(records: Sequence[Record], score: ScoreName) -> float | None:
    """Share of the answers to which `score` applies that have it."""
    judged = [worth for record in records if record.score and (worth := tally.value(record.score, score)) is not None]
    return sum(judged) / len(judged) if judged else None


_LOW, _HIGH = 0.2, 0.5
"""Shares of correct answers of the better floor: a suite on which it has fewer, or more."""


def judged(rates: Mapping[str, Mapping[ScoreName, float | None]]) -> str:
    """Whether it takes understanding to pass, in one sentence. `rates`: one of MODELS -> its rates."""
    correct = {model: rates[model]["correct"] for model in MODELS}
    if any(rate is None for rate in correct.values()):
        return "No case here has answers that are correct or not: nothing tells how hard the suite is."
    known = {model: rate or 0.0 for model, rate in correct.items()}
    best = max(("lexical", "sampler"), key=lambda model: known[model])
    floor = {"lexical": "word overlap", "sampler": "calling at random"}[best]
    figures = f"the gold is correct on all cases, {floor} on {100 * known[best]:.0f} %"
    if known["oracle"] < 1:
        return "The gold itself is not always found correct, so no model can be: mend those cases first."
    if known[best] <= _LOW:
        return f"Harder than {floor}: {figures}."
    if known[best] <= _HIGH:
        return f"Harder than {floor}, but not everywhere: {figures}, and those say nothing of a model."
    return f"Hardly harder than {floor}: {figures}. The suite will not tell models apart."


def failed(records: Sequence[Record], suite: Suite) -> tuple[tuple[Case, str], ...]:
    """Cases that these answers do not pass, with why: for the oracle's, each is a fault of the suite."""
    cases = {case.id: case for case in suite.cases}
    return tuple(
        (case, complaint.about(case, [record]))
        for record in records
        if not _passed(record) and (case := cases[record.case])
    )


def _passed(record: Record) -> bool:
    return record.score is not None and record.score.failed_at is None and record.score.abstained is not False


async def _ask(suite: Suite, targets: Sequence[Target]) -> list[Record]:
    worth = judge.records(suite, Judging())
    requests = pipeline.plan(suite, targets, trials=1)
    world = World(environ={}, load_run=_no_runs)
    return [worth(record) async for record in pipeline.ask([requests], suite, targets, world, Pace(width=4))]


def _no_runs(name: str) -> Run:
    raise StoreError(f"{Path(name)}: the reference models need no stored run")
