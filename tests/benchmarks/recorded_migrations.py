"""What the default policy says of real migrations: a table to check by hand, and every verdict as JSON.

    python -m tests.benchmarks.recorded_migrations [FOLDER]

All 28 pairs of eight models on BFCL's 1,240 cases, the worse one as the candidate where that is not told by the dates,
and three models asked again in another month. With FOLDER, each verdict is written there as JSON, and the table as
README.md.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from evalkit import codec, compare, gate, workspace
from evalkit.data import Comparison, Policy, Readiness, Rule, Run, Verdict
from evalkit.gate import rules
from evalkit.gate.readiness import ORDER
from evalkit.numerals import between, points
from tests import recorded

AGAIN = ("claude-3-5-sonnet-20240620-FC", "gpt-4o-2024-05-13-FC", "mistral-small-2402-FC-Auto")
POLICY = workspace.default_policy()


def decided(before: Run, after: Run, policy: Policy = POLICY) -> tuple[Comparison, Verdict]:
    names = (run.info.targets[0].identity for run in (before, after))
    comparison = compare.compare(before, next(names), after, next(names))
    return comparison, gate.decide(comparison, policy)


def pairs() -> Iterator[tuple[Run, Run]]:
    """Every two models of August, by name; then each that was asked in July, against itself in August and back."""
    for one, other in combinations(recorded.models(), 2):
        yield recorded.run(one), recorded.run(other)
    for model in AGAIN:
        yield recorded.run(model, "July"), recorded.run(model)
        yield recorded.run(model), recorded.run(model, "July")


def row(comparison: Comparison, verdict: Verdict) -> str:
    told = []
    for score in ("correct", "compliance"):
        cell = rules.cell_of(comparison, Rule(kind="max_drop", limit=0, score=score))
        assert cell is not None and cell.difference is not None
        told.append(f"{points(cell.difference):>6} {between(cell.low, cell.high):<15} {cell.fixed:>4} {cell.broken:>4}")
    counts = "/".join(str(count) for count in counted(verdict.readiness))
    names = f"{comparison.baseline.identity[:30]:30} > {comparison.candidate.identity[:30]:30}"
    return f"{names} {verdict.outcome:12} {verdict.word:19} {' '.join(told)}  {counts}"


def counted(lines: tuple[Readiness, ...]) -> list[int]:
    counts = Counter(line.word for line in lines)
    return [counts[word] for word in ORDER]


def main(folder: Path | None) -> None:
    print(f"{'baseline > candidate':63} {'outcome':12} {'verdict':19} correct: points [95 %], fixed, broken; "
          f"compliance: same; tools: {'/'.join(ORDER)}")  # fmt: skip
    for before, after in pairs():
        comparison, verdict = decided(before, after)
        print(row(comparison, verdict), flush=True)
        print(f"    {verdict.headline}")
        for line in verdict.readiness:
            if line.word == "blocked":
                print(f"    blocked: {line.tool}: {line.why}")
        if folder:
            name = f"{comparison.baseline.identity} to {comparison.candidate.identity}.json".replace("/", "_")
            workspace.write_atomic(folder / name, codec.encode(verdict))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
