"""How fast stored answers are judged again, beside BFCL's own evaluation of the same answers.

    python tests/benchmarks/bench_judging.py [--bfcl-python PATH] [--rounds N]

PATH is the interpreter of an environment of its own that holds `bfcl-eval` and `soundfile`, which it imports:

    uv venv ../bfcl && uv pip install --python ../bfcl/bin/python bfcl-eval soundfile

Both judge the 9,920 recorded answers as a whole process, start to end: `evalkit score` reads a stored run, judges it
and writes the scores back; `bfcl evaluate` reads result files and writes score files. CPU time, the least of N rounds;
both find their byte code in a cache of their own, as after any first start, whatever the environment says of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evalkit import extract, running, score, store
from evalkit.data import Judging, Record, Response, Suite, Target
from evalkit.formats import bfcl

ROOT = Path(__file__).parents[2]
RECORDED = ROOT.parent / "shared/recorded/bfcl-2024-08"
GOAL_RATE, GOAL_RATIO = 8_000, 20
BYTE_CODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""Where a process keeps what it compiles."""

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


def stored(reports: Path) -> None:
    """The recorded answers as a stored run, as yet unjudged."""
    suite, targets, records = recorded()
    order = running.Order(suite=suite, targets=targets, judging=Judging(strings="bfcl"))
    with store.create(reports / "bfcl", running.describe("bfcl", order, guards={}), suite) as made:
        made.append(records)


def bare_rate() -> float:
    """Answers read and scored a CPU second, with nothing loaded or written; schemas and rules are compiled in it."""
    suite, _, records = recorded()
    cases = {case.id: case for case in suite.cases}
    began = time.process_time()
    judge = score.judge(suite, Judging(strings="bfcl"))
    for record in records:
        assert isinstance(record.reply, Response)
        judge(cases[record.case], extract.read(record.reply))
    return len(records) / (time.process_time() - began)


# --------------------------------------------------------------------------- theirs


def results(folder: Path) -> int:
    """The recorded answers as bfcl-eval stores them. Returns how many there are."""
    count = 0
    for model, name in zip(sorted((RECORDED / "results").iterdir()), STAND_INS, strict=True):
        (folder / name).mkdir(parents=True)
        for then, now in CATEGORIES.items():
            lines = list(renamed((model / f"{then}.jsonl").read_text(encoding="utf-8").splitlines(), then, now))
            (folder / name / f"BFCL_v4_{now}_result.json").write_text("\n".join(lines) + "\n", encoding="utf-8")
            count += len(lines)
    return count


def renamed(lines: Sequence[str], then: str, now: str) -> Iterator[str]:
    for line in lines:
        answer = json.loads(line)
        yield json.dumps({**answer, "id": now + answer["id"].removeprefix(then)})


# --------------------------------------------------------------------------- both


def cpu_seconds(command: Sequence[str], environ: Mapping[str, str], rounds: int) -> float:
    """Of the whole process, user and system: the least of `rounds`."""
    spent = []
    for _ in range(rounds):
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **BYTE_CODE, **environ},
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
        spent.append(usage.ru_utime + usage.ru_stime)
    return min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bfcl-python", help="interpreter of an environment with bfcl-eval and soundfile")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        BYTE_CODE["PYTHONPYCACHEPREFIX"] = str(scratch / "byte_code")
        answers = results(scratch / "bfcl/result")
        stored(scratch / "reports")
        print(f"{answers:,} answers; read and scored alone: {bare_rate():,.0f} a CPU second (goal {GOAL_RATE:,})")
        command = [sys.executable, "-m", "evalkit", "score", "bfcl", "--reports", str(scratch / "reports")]
        ours = cpu_seconds(command, {}, options.rounds)
        print(f"evalkit score:  {told(ours, answers)}")
        if options.bfcl_python:
            command = [
                *(options.bfcl_python, "-m", "bfcl_eval", "evaluate"),
                *("--model", ",".join(STAND_INS), "--test-category", ",".join(CATEGORIES.values())),
                *("--result-dir", "result", "--score-dir", "score"),
            ]
            # Its handlers want a key to be set, and ask nobody.
            environ = {"BFCL_PROJECT_ROOT": str(scratch / "bfcl"), "OPENAI_API_KEY": "unused"}
            theirs = cpu_seconds(command, environ, options.rounds)
            print(f"bfcl evaluate:  {told(theirs, answers)}")
            print(f"ratio:          {theirs / ours:6.1f} times (goal {GOAL_RATIO})")


def told(seconds: float, answers: int) -> str:
    return f"{seconds:6.2f} CPU s, {1e3 * seconds / answers:.3f} ms an answer, {answers / seconds:,.0f} a CPU second"


if __name__ == "__main__":
    main()
