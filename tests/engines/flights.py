"""A suite of three cases, and a model that has learned by heart what to answer, as one of Qwen's family writes it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from evalkit import workspace
from evalkit.data import Json, Target
from evalkit.request import Builder

TOOLS: list[Json] = [
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
CASES = ("flight-Oslo", "flight-Lima", "greeting")


def write_suite(folder: Path) -> None:
    cases: list[Json] = [
        {"id": f"flight-{to}", "user": asked, "expect": {"call": "find_flights", "args": {"to": to, "passengers": n}}}
        for asked, (to, n) in FLIGHTS.items()
    ]
    cases.append({"id": "greeting", "user": GREETING, "expect": "none"})
    (folder / "tools.json").write_text(json.dumps(TOOLS), encoding="utf-8")
    suite = {"suite": "flights", "tools": ["tools.json"], "cases": cases}
    (folder / "flights.json").write_text(json.dumps(suite), encoding="utf-8")


def make_model(python: Path, folder: Path) -> Path:
    """A model that knows by heart what to say to the suite in `folder`, on two arms. `python` is one with torch."""
    (folder / "lessons.json").write_text(json.dumps(list(_lessons(folder))), encoding="utf-8")
    return _made(python, "tiny_model.py", folder / "lessons.json", folder / "tiny")


def make_gguf(python: Path, model: Path) -> Path:
    """The same model as llama.cpp reads it. `python` is one with gguf and safetensors."""
    return _made(python, "gguf_model.py", model, model.with_suffix(".gguf"))


def _made(python: Path, script: str, source: Path, made: Path) -> Path:
    environ = {**os.environ, "HF_HUB_OFFLINE": "1"}
    subprocess.run([python, Path(__file__).with_name(script), source, made], check=True, env=environ)
    return made


def _lessons(folder: Path) -> Iterator[Json]:
    suite = workspace.load_suite(folder / "flights.json")
    builder = Builder(suite)
    native = Target(name="m", provider="openai_http", model="tiny")
    for target in (native, replace(native, arm="constrained")):
        for case in suite.cases:
            body = builder.build(case, 0, target).body
            flight = FLIGHTS.get(str(case.messages[-1]["content"]))
            say = _guided if target.arm == "constrained" else _native
            yield {"messages": body["messages"], "tools": body.get("tools"), "answer": say(flight)}


def _native(flight: tuple[str, int] | None) -> str:
    if flight is None:
        return "Good morning."
    call = {"name": "find_flights", "arguments": dict(zip(("to", "passengers"), flight, strict=True))}
    return f"<tool_call>\n{json.dumps(call)}\n</tool_call>"


def _guided(flight: tuple[str, int] | None) -> str:
    """Taught with a fault, numbers as text: that it is not made shows that decoding is guided indeed."""
    arguments = {"to": flight[0], "passengers": str(flight[1])} if flight else {}
    return json.dumps({"calls": [{"name": "find_flights", "arguments": arguments}] if flight else []})
