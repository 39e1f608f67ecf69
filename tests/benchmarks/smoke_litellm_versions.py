"""Sends tools through several versions of litellm, each in a scratch environment of its own, to loopback.

    .venv/bin/python tests/benchmarks/smoke_litellm_versions.py [VERSION ...]

Without versions: the oldest that is allowed, the pinned one and the newest that installs. Needs uv and a package index.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 240
"""Seconds for each step: making the environment, installing, asking six ways."""

PROBE = """
import asyncio, json
from importlib.metadata import version
from evalkit import extract, plugins, testing, workspace
from evalkit.data import Target
from evalkit.plugins import World
from evalkit.request import Builder

async def ask(suite, server, model, base, stream):
    target = Target(name="m", provider="litellm", model=model, base_url=base, stream=stream, timeout=20)
    connection = plugins.provider("litellm").connect(target, World(environ={}, load_run=repr))
    try:
        answer = extract.read(await connection.ask(Builder(suite).build(suite.cases[0], 0, target)))
    finally:
        await connection.close()
    tools = "tools" in server.requests[-1].json
    return {"calls": len(answer.payloads), "tools": tools, "found": [v.code for v in answer.violations]}

async def main():
    suite = workspace.load_suite("travel")
    told = {}
    async with testing.serve(suite) as server:
        for model, base in (("openai/oracle", server.openai_url), ("anthropic/oracle", server.url),
                            ("gemini/oracle", server.gemini_url)):
            for stream in (False, True):
                try:
                    told[f"{model}{' streamed' if stream else ''}"] = await ask(suite, server, model, base, stream)
                except Exception as error:
                    told[f"{model}{' streamed' if stream else ''}"] = {"error": repr(error)[:300]}
    print("TOLD", json.dumps({"version": version("litellm"), "answers": told}))

asyncio.run(main())
"""


def main(versions: list[str]) -> int:
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    pins = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8")
    [oldest] = re.findall(r'"litellm>=([\d.]+)', project)
    [pinned] = re.findall(r"^litellm==(\S+)", pins, re.MULTILINE)
    failed = 0
    for wanted in versions or [oldest, pinned, "newest"]:
        told = smoke(wanted)
        answers = told.get("answers", {})
        fine = bool(answers) and all(answer.get("calls") and answer.get("tools") for answer in answers.values())
        failed += not fine
        print(f"{wanted:10} {told.get('version', '-'):10} {'calls tools' if fine else 'FAILS'}")
        for name, answer in answers.items():
            if answer.get("error") or answer.get("found") or not answer.get("calls"):
                print(f"    {name}: {answer}")
        if "error" in told:
            print(f"    {told['error']}")
    return failed


def smoke(wanted: str) -> dict[str, Any]:
    """What the probe says in an environment with that version."""
    asked = "litellm" if wanted == "newest" else f"litellm=={wanted}"
    with tempfile.TemporaryDirectory(prefix="evalkit-litellm-") as folder:
        python = Path(folder, "bin/python")
        uv = [sys.executable, "-m", "uv"]
        steps = [
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder],
            [*uv, "pip", "install", "--quiet", "--python", str(python), str(REPOSITORY), asked],
            [str(python), "-c", PROBE],
        ]
        for step in steps:
            try:
                done = subprocess.run(step, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
            except subprocess.TimeoutExpired:
                return {"error": f"not done after {PATIENCE} s: {' '.join(step)[:200]}"}
            if done.returncode:
                return {"error": done.stderr[-600:]}
    lines = [line[5:] for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    told: dict[str, Any] = json.loads(lines[-1])
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
