"""How long comparing and deciding take, and that the time is linear in the records.

    python -m tests.benchmarks.bench_comparing [RECORDS ...]

Simulated: two models, 40 tools, 7 tags, 95 % against 93 % correct, timed answers. Prints CPU seconds and peak memory.
1,000,000 records are to take under 60 s and 2 GB, the simulated run included.
"""

from __future__ import annotations

import random
import resource
import sys
import time

from evalkit import compare, gate
from evalkit.data import Policy, Rule, Run
from tests.outcomes import case, run

POLICY = Policy(
    rules=(
        Rule(kind="max_drop", score="correct", limit=0.03),
        Rule(kind="floor", score="compliance", limit=0.9),
        Rule(kind="latency_ratio", limit=1.5),
        Rule(kind="fault_share", limit=0.05),
    )
)


def simulated(records: int, seed: int = 7) -> Run:
    chance = random.Random(seed)
    cases = [case(i, f"tool-{i % 40}", [f"tag-{i % 7}"]) for i in range(records // 2)]
    words = {
        name: ["p" if chance.random() < rate else chance.choice("wvnx") for _ in cases]
        for name, rate in (("old", 0.95), ("new", 0.93))
    }
    return run(cases, words, seconds={"old": 1.0, "new": 1.1})


def main(sizes: list[int]) -> None:
    print(f"{'records':>10} {'compare':>10} {'decide':>10} {'us/record':>10} {'peak MiB':>10}  verdict")
    for size in sizes:
        made = simulated(size)
        start = time.process_time()
        comparison = compare.compare(made, "old", made, "new")
        compared = time.process_time()
        verdict = gate.decide(comparison, POLICY)
        decided = time.process_time()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        spent = f"{compared - start:>9.2f}s {decided - compared:>9.2f}s {1e6 * (decided - start) / size:>10.1f}"
        print(f"{size:>10,} {spent} {peak:>10.0f}  {verdict.word}")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000, 1_000_000])
