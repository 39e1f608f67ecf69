"""How large the HTML report of many records is, and how fast it opens and filters in Chromium.

    python -m tests.benchmarks.bench_report [RECORDS ...]

Simulated: two models, 40 tools with schemas of some size, 95 % against 93 % correct, timed answers with their wires.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace
from playwright.sync_api import Page, sync_playwright

from evalkit import compare, gate, report
from evalkit.data import (
    Answer,
    ArgRule,
    Case,
    Comparison,
    Counts,
    Expectation,
    ExpectedCall,
    Json,
    Judging,
    Mismatch,
    Payload,
    Policy,
    Record,
    Response,
    Rule,
    Run,
    RunInfo,
    Score,
    Suite,
    Target,
    Timing,
    ToolSpec,
    Usage,
    Violation,
    Wire,
)
from evalkit.renderers import html

CHROMIUM = "/usr/bin/chromium"
POLICY = Policy(rules=(Rule(kind="max_drop", score="correct", limit=0.03),))
MODELS = {
    name: Target(name=name, provider="openai_http", model=name, params={"temperature": 0}) for name in ("old", "new")
}
RIGHT = {"old": 0.95, "new": 0.93}
TOOLS = 40
OFFERED = 8
"""Tools of one case."""
WORDS = ("book", "move", "find", "send", "list", "cancel", "change", "train", "invoice", "meeting", "ticket", "room")


def simulated(records: int, seed: int = 7) -> Comparison:
    """Half as many cases, each asked once of both models."""
    chance = random.Random(seed)
    cases = [_case(number, chance) for number in range(records // 2)]
    suite = Suite(name="simulated", specs={spec.name: spec for spec in map(_spec, range(TOOLS))}, cases=tuple(cases))
    info = RunInfo(
        id=f"simulated-{records}",
        created="2026-03-01T09:00:00Z",
        suite_name=suite.name,
        suite_digest=suite.digest,
        cases=len(cases),
        targets=tuple(MODELS.values()),
        trials=1,
        judging=Judging(),
        versions={},
    )
    answers = [_record(case, name, chance) for name in MODELS for case in cases]
    run = Run(info=info, suite=suite, records=tuple(answers))
    return compare.compare(run, "old", run, "new")


def _spec(number: int) -> ToolSpec:
    schema = {
        "type": "object",
        "properties": {
            "place": {"type": "string", "description": "Where it is to be, as the user said it, without the country."},
            "count": {"type": "integer", "minimum": 1, "maximum": 40, "description": "How many are wanted."},
            "unit": {"type": "string", "enum": ["piece", "box", "pallet", "lorry"]},
            "when": {"type": "string", "format": "date-time", "description": "In local time; now if left out."},
            "contact": {"type": "object", "properties": {"name": {"type": "string"}, "mail": {"type": "string"}}},
        },
        "required": ["place", "count"],
        "additionalProperties": False,
    }
    return ToolSpec(name=f"tool_{number:02}", description="One of many tools.", schema=schema, source=f"t#/{number}")


def _case(number: int, chance: random.Random) -> Case:
    tool = number % TOOLS
    rules = (ArgRule(path="/place", value=f"Town {number}"), ArgRule(path="/count", value=number % 40 + 1))
    said = f"Please {' '.join(chance.choices(WORDS, k=12))}: {number % 40 + 1} to Town {number}."
    return Case(
        id=f"group-{number % 17}/case-{number:06}",
        messages=({"role": "user", "content": said},),
        tools=tuple(f"tool_{(tool + step) % TOOLS:02}" for step in range(OFFERED)),
        accept=(Expectation(calls=(ExpectedCall(tool=f"tool_{tool:02}", args=rules),)),),
        tags=(f"tag-{number % 7}",),
    )


def _record(case: Case, model: str, chance: random.Random) -> Record:
    call = case.accept[0].calls[0]
    wanted: dict[str, Json] = {rule.path[1:]: rule.value for rule in call.args}
    right = chance.random() < RIGHT[model]
    text = json.dumps(wanted if right else {**wanted, "count": str(wanted["count"])})
    payload = Payload(index=0, tool=call.tool, text=text, value=json.loads(text))
    message = {
        "tool_calls": [{"id": f"call_{chance.randrange(10**9)}", "function": {"name": call.tool, "arguments": text}}]
    }
    wire = json.dumps({"id": f"chatcmpl-{chance.randrange(10**12)}", "choices": [{"index": 0, "message": message}]})
    spent = chance.lognormvariate(0.0, 0.4)
    return Record(
        case=case.id,
        trial=0,
        target=model,
        started="2026-03-01T09:00:00Z",
        sent="",
        reply=Response(wire=Wire(status=200, body=wire), dialect="openai_chat", timing=Timing(total=spent)),
        answer=Answer(payloads=(payload,), usage=Usage(input_tokens=900, output_tokens=chance.randrange(20, 60))),
        score=replace(_RIGHT_SCORE, **({} if right else _WRONG)),
    )


_RIGHT_SCORE = Score(
    called=True,
    tool=True,
    parsed=True,
    valid=True,
    correct=True,
    abstained=None,
    valid_lenient=True,
    valid_repaired=True,
    calls=Counts(matched=1, expected=1, actual=1),
    arguments=Counts(matched=2, expected=2, actual=2),
)
_WRONG: Json = {
    "valid": False,
    "correct": False,
    "valid_lenient": False,
    "violations": (
        Violation(
            payload=0,
            code="schema.stringified_scalar",
            path="/count",
            schema_path="/properties/count/type",
            message="a string that holds an integer",
        ),
    ),
    "mismatches": (Mismatch(kind="arg", tool="", payload=0, path="/count", why="a string, not a number"),),
}


# --------------------------------------------------------------------------- in the browser


def opened(page: Page) -> float:
    """Seconds from navigation until the page can be used."""
    spent: float = page.evaluate("performance.getEntriesByName('ready')[0].startTime")
    return spent / 1000


def filtered(page: Page, words: str) -> Sequence[float]:
    """Seconds from a key until the lines stand, for each way to filter: words typed, an outcome, a tool."""
    measured: Sequence[float] = page.evaluate(
        """async (words) => {
        const form = document.querySelector("form.filter"), spent = [];
        const timed = async (change) => {
            const start = performance.now();
            change();
            form.dispatchEvent(new Event("input", { bubbles: true }));
            document.body.offsetHeight;
            spent.push((performance.now() - start) / 1000);
            await new Promise((done) => setTimeout(done, 20));
        };
        const { q, tool } = form.elements, kind = form.querySelector("[name=kind]");
        await timed(() => { kind.checked = true; });
        await timed(() => { kind.checked = false; });
        await timed(() => { tool.selectedIndex = 3; });
        await timed(() => { tool.selectedIndex = 0; });
        for (const end of [1, 3, words.length]) await timed(() => { q.value = words.slice(0, end); });
        return spent;
    }""",
        words,
    )
    return measured


def main(sizes: Sequence[int]) -> None:
    print(f"{'records':>10} {'build':>8} {'render':>8} {'size':>9} {'open':>8} {'filter, worst':>14}")
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for size in sizes:
            comparison = simulated(size)
            start = time.process_time()
            built = report.build(comparison, gate.decide(comparison, POLICY))
            told = time.process_time()
            text = html.render(built)
            rendered = time.process_time()
            path = Path(folder, f"{size}.html")
            path.write_text(text, encoding="utf-8")
            page = browser.new_page()
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            spent, worst = opened(page), max(filtered(page, f"town {size // 4}"))
            page.close()
            print(
                f"{size:>10,} {told - start:>7.1f}s {rendered - told:>7.1f}s {path.stat().st_size / 1e6:>6.2f} MB "
                f"{spent:>7.2f}s {1000 * worst:>11.0f} ms"
            )
        browser.close()


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000])
