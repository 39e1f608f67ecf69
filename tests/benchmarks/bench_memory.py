"""How much memory a run takes, and that it is flat in the number of cases.

    python -m tests.benchmarks.bench_memory [CASES ...] [--in-flight N] [--trials N]

Prints the peak of resident memory of `evalkit run` over openai_http, of the same command where nothing is left to
ask, and of `evalkit score`, and what each further case adds to it. The goal is under 150 MB at 100,000 cases, and no
growth.

The suite is JSON Lines: five tools that all cases share, prompts of some 400 characters, every fourth with a system
message and an earlier turn, four expected arguments. Every answer is the same call of some 600 bytes, from the
endpoint of bench_asking; half of the cases want another.

What is not measured: a large YAML file, which is read whole; many models; long answers, of which as many are held as
are in flight. With --trials N there are some 800 bytes more for each case (how often it passed, and what its answers
were) and 50 MB for the statistics library; `--stop-early`, `compare` and `report` hold the suite and all records.
The cases lie in a temporary file (in $SQLITE_TMPDIR, $TMPDIR or /var/tmp), about 1.5 kB each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.benchmarks.bench_asking import ARGUMENTS, ROOT, endpoint, tool

PLACES = ("Tromsø", "Bergen", "Ålesund", "Røros", "Oslo", "Bodø", "Narvik", "Hammerfest")
SAID = (
    "we would like a quiet room with a view and will arrive late in the evening by the coastal boat so please leave "
    "the key at the desk one of us does not eat fish and the other needs a desk to work at and a lamp that does not hum"
)


def cases(count: int) -> Iterator[dict[str, Any]]:
    chance, words = random.Random(7), SAID.split()
    for number in range(count):
        place = PLACES[number % 2 * chance.randrange(len(PLACES))]
        said = " ".join(chance.choices(words, k=70))
        asked = {"role": "user", "content": f"A room in {place} for two, please; {said}. Number {number}."}
        earlier = [
            {"role": "system", "content": "You book rooms. Ask nobody anything. Today is 2026-03-01."},
            {"role": "user", "content": "Hello, is this where one books?"},
            {"role": "assistant", "content": "It is."},
        ]
        yield {
            "id": f"room-{number:06}",
            "messages": [*earlier, asked] if number % 4 == 0 else [asked],
            "tags": [f"place-{PLACES.index(place)}"],
            "expect": {"call": f"book_{number % 10 // 5}", "args": {**ARGUMENTS, "place": {"$text": place}}},
        }


def write_suite(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for line in chain([{"suite": "rooms", "tools": [tool(number) for number in range(5)]}], cases(count)):
            file.write(json.dumps(line) + "\n")


class Spent(Struct, frozen=True, kw_only=True):
    peak: float
    """MB."""
    cpu: float
    """Seconds."""


def spent(words: Sequence[str]) -> Spent:
    """What one command of evalkit takes, from start to end; no less than this process has, which it begins as."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "evalkit", *words], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(f"evalkit {' '.join(words)}\n{said.read().decode()[-2000:]}")
    return Spent(peak=usage.ru_maxrss / 1024, cpu=usage.ru_utime + usage.ru_stime)


def measured(count: int, folder: Path, width: int, trials: int) -> Iterator[tuple[str, Spent]]:
    suite, reports = folder / f"{count}.jsonl", ["--reports", str(folder / "reports")]
    write_suite(suite, count)
    with endpoint(0.0) as url:
        model = ["-m", f"openai_http/m?base_url={url}"]
        asking = ["run", str(suite), *model, *reports, "--run", "r", "-j", str(width), "--trials", str(trials), "-q"]
        yield "run", spent([*asking, "--fresh"])
        yield "run again", spent(asking)
    yield "score", spent(["score", "r", *reports])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--trials", type=int, default=1)
    asked = parser.parse_args()
    print(f"{'cases':>8} {'command':10} {'MB':>6} {'B a further case':>18} {'CPU ms a case':>15}")
    before: dict[str, tuple[int, float]] = {}
    for count in asked.cases:
        with tempfile.TemporaryDirectory() as folder:
            for verb, found in measured(count, Path(folder), asked.in_flight, asked.trials):
                fewer, less = before.get(verb, (0, 0.0))
                further = f"{(found.peak - less) * 2**20 / (count - fewer):.0f}" if fewer else ""
                told = f"{found.peak:>6.0f} {further:>18} {1e3 * found.cpu / count:>15.2f}"
                print(f"{count:>8,} {verb:10} {told}", flush=True)
                before[verb] = count, found.peak


if __name__ == "__main__":
    main()
