"""Whether the gate errs as seldom, and finds as much, as `plan` says: simulated migrations.

    python -m tests.benchmarks.bench_deciding [MIGRATIONS]

reference/faulty leaves out a call at a known rate: an incumbent at 2 %, a candidate as good, one worse by the limit
and one worse by twice the limit, on all cases of the bundled suites. Each case is asked once through the whole pipeline
with the fault and once without; a migration then throws the dice of `faulty`, which of the two answers it is.
Comparison and gate are those of any run. The same answers are also taken one by one with `--stop-early`.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from msgspec.structs import replace

from evalkit import compare, gate, judge, pipeline, planning, selection, stats, workspace
from evalkit.data import Judging, Policy, Record, Rule, Run, RunInfo, Suite, Target
from evalkit.errors import StoreError
from evalkit.pacing.pace import Pace
from evalkit.pairing import sequence
from evalkit.plugins import World
from evalkit.stopping import Early

SUITES = ("travel", "payments", "office", "cloud", "crowded")
LIMIT = 0.05
RATE = 0.02
DROP = Rule(kind="max_drop", score="compliance", limit=LIMIT)
POLICY = Policy(rules=(DROP,))
CANDIDATES = {"as good": RATE, "worse by the limit": RATE + LIMIT, "worse by twice the limit": RATE + 2 * LIMIT}


def main(migrations: int) -> None:
    suite = selection.merge([workspace.load_suite(name) for name in SUITES])
    outcomes: dict[str, Counter[str]] = {name: Counter() for name in CANDIDATES}
    early: dict[str, Counter[str]] = {name: Counter() for name in CANDIDATES}
    asked: dict[str, list[int]] = {name: [] for name in CANDIDATES}
    start = time.process_time()
    answers = asked_once(suite)
    for number in range(migrations):
        run = simulated(suite, answers, random.Random(number))
        for name in CANDIDATES:
            verdict = gate.decide(compare.compare(run, "incumbent", run, name), POLICY)
            outcomes[name][verdict.checks[0].outcome] += 1
            outcome, cases = stopped_early(run, name)
            early[name][outcome] += 1
            asked[name].append(cases)
    seconds = time.process_time() - start
    print(f"{migrations} migrations x {len(CANDIDATES)} candidates, {len(suite.cases)} cases, {seconds:.0f} CPU s\n")
    _print_against_plan(suite, outcomes, migrations)
    _print_early(early, asked, migrations)


def asked_once(suite: Suite) -> Mapping[str, tuple[Record, Record]]:
    """Case -> the answer without the fault, and with it."""
    models = [
        Target(name=name, provider="reference", model="faulty", options={"kind": "call.missing", "rate": rate})
        for name, rate in (("never", 0.0), ("always", 1.0))
    ]
    heard = {(record.target, record.case): record for record in asyncio.run(_ask(suite, models))}
    return {case.id: (heard["never", case.id], heard["always", case.id]) for case in suite.cases}


def simulated(suite: Suite, answers: Mapping[str, tuple[Record, Record]], dice: random.Random) -> Run:
    """One incumbent and its candidates, each with throws of its own."""
    rates = {"incumbent": RATE, **CANDIDATES}
    targets = tuple(
        Target(name=name, provider="reference", model="faulty", options={"kind": "call.missing", "rate": rate})
        for name, rate in rates.items()
    )
    info = RunInfo(
        id="simulated",
        created="2026-03-02T10:00:00Z",
        suite_name=suite.name,
        suite_digest=suite.digest,
        cases=len(suite.cases),
        targets=targets,
        trials=1,
        judging=Judging(),
        versions={},
    )
    records = [
        replace(answers[case.id][dice.random() < rate], target=name)
        for name, rate in rates.items()
        for case in suite.cases
    ]
    return Run(info=info, suite=suite, records=tuple(records))


async def _ask(suite: Suite, targets: Sequence[Target]) -> list[Record]:
    worth = judge.records(suite, Judging())
    world = World(environ={}, load_run=_no_runs)
    requests = pipeline.plan(suite, targets, trials=1)
    return [worth(record) async for record in pipeline.ask([requests], suite, targets, world, Pace())]


def _no_runs(name: str) -> Run:
    raise StoreError(name)


def stopped_early(run: Run, candidate: str) -> tuple[str, int]:
    """What a run that may stop early comes to, and after how many cases."""
    heard = {(record.case, record.target): record for record in run.records}
    brake = Early(run.suite, POLICY, "incumbent", candidate)
    for count, case in enumerate(sequence.shuffled(run.suite), start=1):
        for target in ("incumbent", candidate):
            brake.add(heard[case.id, target])
        if (why := brake.admit()) is not None:
            return ("pass" if "ruled out" in why else "fail"), count
    return "inconclusive", len(run.suite.cases)


def _print_against_plan(suite: Suite, outcomes: dict[str, Counter[str]], migrations: int) -> None:
    told = planning.estimate(suite, (), POLICY, trials=1, concurrency=1).sights[0]
    print(f"compliance over {told.cases} cases, limit {100 * LIMIT:g} points   seen              plan")
    for what, name, outcome, expected in (
        ("false alarms: as good, fails", "as good", "fail", "at most 5 %"),
        ("as good, passes", "as good", "pass", f"{told.equal_pass:.1%}"),
        ("worse by the limit, passes", "worse by the limit", "pass", "at most 5 %"),
        ("worse by the limit, fails", "worse by the limit", "fail", "at most 5 %"),
        ("worse by twice the limit, fails", "worse by twice the limit", "fail", f"{told.twice_fail:.1%}"),
        ("worse by twice the limit, passes", "worse by twice the limit", "pass", "about never"),
    ):
        print(f"  {what:40} {_share(outcomes[name][outcome], migrations):18} {expected}")


def _print_early(early: dict[str, Counter[str]], asked: dict[str, list[int]], migrations: int) -> None:
    print("\nwith --stop-early                            passes              fails               median cases")
    for name, seen in early.items():
        shares = (_share(seen[outcome], migrations) for outcome in ("pass", "fail"))
        print(f"  {name:40} {'  '.join(f'{share:18}' for share in shares)}  {median(asked[name]):.0f}")


def _share(count: int, of: int) -> str:
    low, high = stats.wilson(count, of) or (0.0, 1.0)
    return f"{count / of:.1%} [{100 * low:.1f}, {100 * high:.1f}]"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
