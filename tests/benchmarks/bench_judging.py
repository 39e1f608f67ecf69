"""How fast stored answers are judged again, beside BFCL's own evaluation of the same answers.

    python tests/benchmarks/bench_judging.py [--bfcl-python PATH] [--rounds N]

PATH is the interpreter of an environment of its own that holds `bfcl-eval` and `soundfile`, which it imports:

    uv venv ../bfcl && uv pip install --python ../bfcl/bin/python bfcl-eval soundfile

Both judge recorded answers as a whole process, start to end: `evalkit score` reads a stored run, judges every answer
and writes back what came out otherwise than before: nothing where it is judged again by the same rules, all of it
where it is judged for the first time, which is measured beside it. `bfcl evaluate` reads result files and writes score
files. Twice: the 1,240 answers of one model, and
the 9,920 of eight, so that the difference tells what an answer more costs, start and loading left out. CPU time, the
least of N rounds; the two take turns. Both find their byte code in a cache of their own, whatever the environment says
of it, which a first start that does not count has filled.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from evalkit import extract, judge, running, score, store
from evalkit.data import Judging, Record, Response, Suite, Target
from evalkit.formats import bfcl

ROOT = Path(__file__).parents[2]
RECORDED = ROOT.parent / "shared/recorded/bfcl-2024-08"
GOAL_RATE, GOAL_RATIO = 8_000, 20
SIZES = (1, 8)
"""Models whose answers are judged: few, and all that there are."""

CATEGORIES: Mapping[str, str] = {
    "simple": "simple_python",
    "multiple_function": "multiple",
    "parallel_function": "parallel",
    "parallel_multiple_function": "parallel_multiple",
    "relevance": "irrelevance",
}
"""BFCL's names of then and of now. Some questions changed in between, which changes verdicts but not the work."""
STAND_INS = (
    *("gpt-4o-2024-11-20-FC", "gpt-4o-mini-2024-07-18-FC", "gpt-4.1-2025-04-14-FC", "gpt-4.1-mini-2025-04-14-FC"),
    *("gpt-4.1-nano-2025-04-14-FC", "gpt-5-mini-2025-08-07-FC", "gpt-5-nano-2025-08-07-FC", "gpt-5.2-2025-12-11-FC"),
)
"""Models that bfcl-eval knows today and reads as those of then were read."""


def texts(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.jsonl"))}


def recorded() -> tuple[Suite, tuple[Target, ...], list[Record]]:
    suite = bfcl.cases({**texts(RECORDED / "questions"), **texts(RECORDED / "possible_answers")}, "bfcl")
    targets = [
        Target(name=path.name, provider="replay", model=path.name) for path in sorted((RECORDED / "results").iterdir())
    ]
    records = [r for t in targets for r in bfcl.run(texts(RECORDED / "results" / t.name), suite, t)]
    return suite, tuple(targets), records


# --------------------------------------------------------------------------- ours


def run_of(models: int) -> str:
    return f"bfcl-{models}"


def stored(judged: Path, unjudged: Path, models: int) -> None:
    """The recorded answers of the first models as two stored runs, judged and not."""
    suite, targets, records = recorded()
    order = running.Order(suite=suite, targets=targets[:models], judging=Judging(strings="bfcl"))
    names = {target.identity for target in order.targets}
    asked, worth = [record for record in records if record.target in names], judge.records(suite, order.judging)
    for reports, kept in ((judged, map(worth, asked)), (unjudged, asked)):
        info = running.describe(run_of(models), order, guards={})
        with store.create(reports / run_of(models), info, suite) as made:
            made.append(kept)


def bare_rate() -> float:
    """Answers read and scored a CPU second, with nothing loaded or written; schemas and rules are compiled in it."""
    suite, _, records = recorded()
    cases = {case.id: case for case in suite.cases}
    began = time.process_time()
    rules = score.judge(suite, Judging(strings="bfcl"))
    for record in records:
        assert isinstance(record.reply, Response)
        rules(cases[record.case], extract.read(record.reply))
    return len(records) / (time.process_time() - began)


# --------------------------------------------------------------------------- theirs


def results(folder: Path) -> int:
    """The recorded answers as bfcl-eval stores them. Returns how many there are of each model."""
    count = 0
    for model, name in zip(sorted((RECORDED / "results").iterdir()), STAND_INS, strict=True):
        (folder / name).mkdir(parents=True)
        for then, now in CATEGORIES.items():
            lines = list(renamed((model / f"{then}.jsonl").read_text(encoding="utf-8").splitlines(), then, now))
            (folder / name / f"BFCL_v4_{now}_result.json").write_text("\n".join(lines) + "\n", encoding="utf-8")
            count += len(lines)
    return count // len(STAND_INS)


def renamed(lines: Sequence[str], then: str, now: str) -> Iterator[str]:
    for line in lines:
        answer = json.loads(line)
        yield json.dumps({**answer, "id": now + answer["id"].removeprefix(then)})


# --------------------------------------------------------------------------- both


class Judge(Struct, frozen=True):
    """A command that judges the answers of so many models."""

    name: str
    command: Callable[[int], Sequence[str]]
    environ: Mapping[str, str]
    before: Callable[[int], None] = lambda models: None
    """What is put right before each time."""

    def cpu_seconds(self, models: int) -> float:
        """Of the whole process, user and system."""
        self.before(models)
        command = self.command(models)
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **self.environ, "PYTHONDONTWRITEBYTECODE": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\n{said.decode(errors='replace')[-2000:]}")
        return usage.ru_utime + usage.ru_stime


def judges(scratch: Path, bfcl_python: str | None) -> Iterator[Judge]:
    byte_code = {"PYTHONPYCACHEPREFIX": str(scratch / "byte_code")}
    reports, once = scratch / "reports", scratch / "once"
    ours = (sys.executable, "-m", "evalkit", "score", "--reports")
    yield Judge("evalkit score", lambda models: (*ours, str(reports), run_of(models)), byte_code)
    if bfcl_python:
        theirs = (bfcl_python, "-m", "bfcl_eval", "evaluate", "--test-category", ",".join(CATEGORIES.values()))
        # Its handlers want a key to be set, and ask nobody.
        environ = {**byte_code, "BFCL_PROJECT_ROOT": str(scratch / "bfcl"), "OPENAI_API_KEY": "unused"}
        yield Judge("bfcl evaluate", lambda models: (*theirs, "--model", ",".join(STAND_INS[:models])), environ)

    def unjudged(models: int) -> None:
        shutil.copytree(scratch / "unjudged" / run_of(models), once / run_of(models), dirs_exist_ok=True)

    yield Judge("the first time", lambda models: (*ours, str(once), run_of(models)), byte_code, unjudged)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bfcl-python", help="interpreter of an environment with bfcl-eval and soundfile")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        each = results(scratch / "bfcl/result")
        for models in SIZES:
            stored(scratch / "reports", scratch / "unjudged", models)
        print(f"read and scored alone: {bare_rate():,.0f} answers a CPU second (goal {GOAL_RATE:,})")
        compare(tuple(judges(scratch, options.bfcl_python)), each, options.rounds)


def compare(contestants: Sequence[Judge], each: int, rounds: int) -> None:
    for contestant in contestants:
        contestant.cpu_seconds(SIZES[0])
    sizes = {f"{models * each:,} answers": models for models in SIZES}
    least = {
        label: [
            min(spent) for spent in zip(*[[j.cpu_seconds(n) for j in contestants] for _ in range(rounds)], strict=True)
        ]
        for label, n in sizes.items()
    }
    few, many = least.values()
    more = (SIZES[1] - SIZES[0]) * each
    for label, seconds, answers in (
        *((label, seconds, sizes[label] * each) for label, seconds in least.items()),
        (f"each of {more:,} more", [b - a for a, b in zip(few, many, strict=True)], more),
    ):
        print(label)
        for contestant, spent in zip(contestants, seconds, strict=True):
            rate = f"{1e3 * spent / answers:.3f} ms an answer, {answers / spent:,.0f} a CPU second"
            print(f"  {contestant.name:14} {spent:6.2f} CPU s, {rate}")
        ours, *theirs, first = seconds
        for spent in theirs:
            print(f"  ratio          {spent / ours:6.1f} times (goal {GOAL_RATIO}), the first time {spent / first:.1f}")


if __name__ == "__main__":
    main()
