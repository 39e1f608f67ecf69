"""A real engine from start to stop: `transformers serve` with a tiny model that has learned this suite by heart.

Needs the program `transformers` with torch beside it, in this environment or, as engines have many requirements, in
another whose bin folder is on PATH: pip install "transformers[serving]>=5.23,<6" torch.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from evalkit import store
from evalkit.cli.app import main

PROGRAM = shutil.which("transformers")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the program `transformers` (with torch) is not installed")

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "find_flights",
            "description": "Finds flights.",
            "parameters": {
                "type": "object",
                "properties": {"to": {"type": "string"}, "passengers": {"type": "integer", "minimum": 1}},
                "required": ["to", "passengers"],
            },
        },
    }
]
FLIGHTS = {"Find a flight to Oslo for two.": ("Oslo", 2), "Find a flight to Lima for three.": ("Lima", 3)}
GREETING = "Good morning!"


def lesson(asked: str, answer: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": asked}], "tools": TOOLS, "answer": answer}


def call(to: str, passengers: int) -> str:
    told = {"name": "find_flights", "arguments": {"to": to, "passengers": passengers}}
    return f"<tool_call>\n{json.dumps(told)}\n</tool_call>"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite, and a model that knows it."""
    assert PROGRAM is not None
    folder = tmp_path_factory.mktemp("engine")
    lessons = [lesson(asked, call(*flight)) for asked, flight in FLIGHTS.items()]
    lessons.append(lesson(GREETING, "Good morning."))
    (folder / "lessons.json").write_text(json.dumps(lessons), encoding="utf-8")
    python = Path(PROGRAM).parent / "python"
    maker = Path(__file__).with_name("tiny_model.py")
    environ = {**os.environ, "HF_HUB_OFFLINE": "1"}
    subprocess.run([python, maker, folder / "lessons.json", folder / "tiny"], check=True, env=environ)
    cases = [
        {"id": f"flight-{to}", "user": asked, "expect": {"call": "find_flights", "args": {"to": to, "passengers": n}}}
        for asked, (to, n) in FLIGHTS.items()
    ]
    cases.append({"id": "greeting", "user": GREETING, "expect": "none"})
    (folder / "tools.json").write_text(json.dumps(TOOLS), encoding="utf-8")
    suite = {"suite": "flights", "tools": ["tools.json"], "cases": cases}
    (folder / "flights.json").write_text(json.dumps(suite), encoding="utf-8")
    served = {"engine": "transformers", "args": ["--device", "cpu"], "startup_timeout": 300}
    model = {"name": "tiny", "model": f"openai_http/{folder / 'tiny'}", "params": {"max_tokens": 64}, "serve": served}
    models = {"models": [model, {**model, "name": "streamed", "stream": True}]}
    (folder / "models.json").write_text(json.dumps(models), encoding="utf-8")
    return folder


def test_a_run_starts_it_asks_it_and_stops_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["run", "flights.json", "--models", "models.json", "--run", "r", "-j", "1", "-q"]) == 0
    run = store.load(project / "reports/r")
    assert {(record.target, record.case): record.score and record.score.correct for record in run.records} == {
        (target, case): True for target in ("tiny", "streamed") for case in ("flight-Oslo", "flight-Lima", "greeting")
    }
    (told,) = run.info.engines
    assert told["engine"] == "transformers" and told["targets"] == ["tiny", "streamed"] and told["exit"] is None
    assert "Uvicorn running" in (project / "reports/r" / told["log"]).read_text(encoding="utf-8")


def test_the_doctor_says_what_it_is_worth(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "tiny", "--models", str(project / "models.json"), "--json", "--timeout", "60"])
    told = {probe["probe"]: probe["status"] for probe in json.loads(capfd.readouterr().out)["probes"]}
    assert (told["reachable"], told["key"], told["usage"]) == ("ok", "ok", "ok")
