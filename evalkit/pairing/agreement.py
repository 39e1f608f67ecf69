"""Whether the candidate calls what the incumbent calls, right or not: what a downstream system will notice. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from evalkit.data import Agreement, Record, Suite
from evalkit.pairing.sides import Trials, passes


def of(suite: Suite, before: Trials, after: Trials) -> tuple[Agreement, ...]:
    """Any tool, then each tool by name, over the cases that offer it and that both sides answered."""
    counts: dict[str | None, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for case in suite.cases:
        was, now = _called(before.get(case.id, ())), _called(after.get(case.id, ()))
        if was is None or now is None:
            continue
        for tool in (None, *(suite.specs[key].name for key in case.tools)):
            counts[tool][2 * (tool not in was) + (tool not in now)] += 1
    return tuple(
        Agreement(tool=tool, both=both, baseline_only=lost, candidate_only=gained, neither=neither)
        for tool, (both, lost, gained, neither) in sorted(counts.items(), key=lambda item: item[0] or "")
    )


def _called(records: Sequence[Record]) -> set[str | None] | None:
    """Tools called in most of the trials that were answered, None among them if any was; None without an answer."""
    answers = [record.answer for record in records if record.answer is not None]
    if not answers:
        return None
    times: dict[str | None, int] = defaultdict(int)
    for answer in answers:
        for tool in {None, *(payload.tool for payload in answer.payloads)} if answer.payloads else ():
            times[tool] += 1
    return {tool for tool, count in times.items() if passes(count / len(answers))}
