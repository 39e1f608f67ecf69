"""What `evalkit run` costs beside inspect_ai and promptfoo, which do the same cases against the same endpoint.

    python -m tests.benchmarks.bench_peers [--inspect-python PY] [--promptfoo DIR] [--cases N] [--rounds N]

A thousand questions with five tools, about 10 kB each, asked of an endpoint on loopback that answers a fixed tool call
from bytes rendered beforehand, at once or after 50 ms. Each harness checks the arguments of every answer against the
JSON Schema of the tool, and keeps what it keeps by default: evalkit a run, inspect_ai a log, promptfoo its database.
Each is measured whole, from the start of its process to the end. A harness that finds fewer answers valid than were
asked has not done the same, and is refused. A peer that is not given is left out. Beside them stands the limit of
whoever asks over aiohttp: a bare loop that sends the same bodies and neither checks nor keeps what comes. The peers go
into folders of their own, from pip and npm:

    python -m venv /tmp/inspect && /tmp/inspect/bin/pip install inspect_ai openai jsonschema
    npm install --prefix /tmp/promptfoo promptfoo
    python -m tests.benchmarks.bench_peers --inspect-python /tmp/inspect/bin/python --promptfoo /tmp/promptfoo

Peers start in an empty home and are told to send nothing to anyone else. CPU time is user and system of the whole
process; each figure is the median of the rounds, of which one more, for the byte code, is not counted; only ratios
mean something.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from tests.benchmarks.bench_asking import LATENCY, Cost, cost, endpoint, mode, tool, write_bodies, write_suite

GOAL_CPU, GOAL_WALL = 40, 30
QUESTION = "A room in Tromsø for two, please. Number {}."

INSPECT = """
import json, sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import CORRECT, INCORRECT, Score, accuracy, scorer
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import ToolDef, ToolParams
from jsonschema import Draft202012Validator

url, file, logs, width = sys.argv[1:]
given = json.load(open(file))
checks = {tool["name"]: Draft202012Validator(tool["parameters"]) for tool in given["tools"]}

async def book(**arguments):
    return "booked"

def offered(tool):
    parameters = ToolParams.model_validate(tool["parameters"])
    return ToolDef(book, name=tool["name"], description=tool["description"], parameters=parameters)

@scorer(metrics=[accuracy()])
def valid():
    async def score(state, target):
        calls = state.output.message.tool_calls or []
        fit = bool(calls) and all(checks[call.function].is_valid(call.arguments) for call in calls)
        return Score(value=CORRECT if fit else INCORRECT)
    return score

task = Task(
    dataset=[Sample(input=question) for question in given["questions"]],
    solver=[use_tools([offered(tool) for tool in given["tools"]]), generate(tool_calls="none")],
    scorer=valid(),
)
model = get_model("openai/m", base_url=url, api_key="none", responses_api=False)
[log] = eval(
    task, model=model, display="none", log_dir=logs, max_connections=int(width), max_samples=int(width), max_retries=0
)
found = log.results.scores[0].metrics["accuracy"].value if log.results else None
sys.exit(None if log.status == "success" and found == 1 else f"{log.status}: accuracy {found}, {log.error}")
"""

Measure: TypeAlias = Callable[[str], Cost]
"""What it costs to have a harness do the cases against the endpoint at an address."""


class Work(Struct, frozen=True, kw_only=True):
    """The cases, as each harness wants them told."""

    folder: Path
    cases: int
    width: int
    rounds: int

    def measured(self, command: Sequence[str], url: str, environ: Mapping[str, str] | None = None) -> Cost:
        told = {"HOME": str(self.folder), "OPENAI_API_KEY": "none", **(environ or {})}
        variables = [f"{name}={value}" for name, value in told.items()]
        return cost(["env", "-C", str(self.folder), *variables, *command], url, self.cases, self.rounds)

    def evalkit(self, url: str) -> Cost:
        suite = self.folder / "suite.jsonl"
        write_suite(suite, self.cases)
        reports = self.folder / "reports"
        words = ["-m", f"openai_http/m?base_url={url}", "-j", str(self.width), "--reports", str(reports)]
        root = Path(__file__).parents[2]
        command = [sys.executable, "-m", "evalkit", "run", str(suite), *words, "--fresh", "-q"]
        return self.measured(command, url, {"PYTHONPATH": str(root)})

    def bare(self, url: str) -> Cost:
        bodies = self.folder / "bodies"
        write_bodies(bodies, self.cases)
        return self.measured(mode("aiohttp", url, str(bodies), str(self.width)), url)

    def inspect(self, python: str, url: str) -> Cost:
        file = self.folder / "inspect.json"
        questions = [QUESTION.format(n) for n in range(self.cases)]
        file.write_text(json.dumps({"tools": [tool(n) for n in range(5)], "questions": questions}), encoding="utf-8")
        words = [url, str(file), str(self.folder / "logs"), str(self.width)]
        return self.measured([python, "-c", INSPECT, *words], url)

    def promptfoo(self, program: Path, url: str) -> Cost:
        tools = [{"type": "function", "function": tool(n)} for n in range(5)]
        config = {
            "prompts": [QUESTION.format("{{number}}")],
            "providers": [{"id": "openai:chat:m", "config": {"apiBaseUrl": url, "apiKey": "none", "tools": tools}}],
            "defaultTest": {"assert": [{"type": "is-valid-openai-tools-call"}]},
            "tests": [{"vars": {"number": n}} for n in range(self.cases)],
        }
        file = self.folder / "promptfooconfig.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        words = ["eval", "-c", str(file), "-j", str(self.width), "--no-cache", "--no-table", "--no-progress-bar"]
        # Of its log files one is at times written after it was closed, which ends the process.
        silent = ("TELEMETRY", "UPDATE", "SHARING", "REMOTE_GENERATION", "DEBUG_LOG", "ERROR_LOG")
        return self.measured(
            [str(program), *words, "--no-share"],
            url,
            {**{f"PROMPTFOO_DISABLE_{what}": "1" for what in silent}, "PROMPTFOO_CONFIG_DIR": str(self.folder / "db")},
        )


def compare(harnesses: Mapping[str, Measure], cases: int, latency: float) -> None:
    """One table, evalkit first; ratios are what the others take of what it takes."""
    print(f"\n{cases} cases, {1000 * latency:g} ms latency")
    ours: Cost | None = None
    for name, measure in harnesses.items():
        with endpoint(latency) as url:
            took = measure(url)
        ours = ours or took
        print(
            f"  {name:10} {1000 * took.cpu / cases:7.2f} ms CPU a case ({took.cpu / ours.cpu:5.2f} times); "
            f"{cases / took.asking:6.0f} cases a second; wall {took.wall:6.2f} s ({took.wall / ours.wall:5.2f} times); "
            f"first request after {took.first:5.2f} s; peak {took.peak:4.0f} MB",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inspect-python", metavar="PY", help="a Python that has inspect_ai, openai and jsonschema")
    parser.add_argument("--promptfoo", metavar="DIR", type=Path, help="a folder in which npm installed promptfoo")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Work(folder=Path(folder), cases=asked.cases, width=asked.in_flight, rounds=asked.rounds)
        harnesses: dict[str, Measure] = {"evalkit": work.evalkit, "aiohttp": work.bare}
        if asked.inspect_python:
            python = os.path.abspath(asked.inspect_python)  # not resolved: the link is what makes it the venv's
            harnesses["inspect_ai"] = lambda url: work.inspect(python, url)
        if asked.promptfoo:
            program = asked.promptfoo.absolute() / "node_modules/.bin/promptfoo"
            harnesses["promptfoo"] = lambda url: work.promptfoo(program, url)
        for peer in ("inspect_ai", "promptfoo"):
            if peer not in harnesses:
                print(f"{peer} was not given, so it is not measured")
        print(f"goals: at least {GOAL_CPU} times less CPU than both; at 50 ms at least {GOAL_WALL} times faster")
        for latency in (0.0, LATENCY):
            compare(harnesses, asked.cases, latency)


if __name__ == "__main__":
    main()
