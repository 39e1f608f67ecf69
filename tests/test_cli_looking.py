"""`list` and `show` on a terminal: they fit 80 columns, whatever the models said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.cli.app import main

TOOL = """[{"name": "go", "description": "", "input_schema": {"type": "object", "properties": {"n": {"type": "integer"},
"to": {"type": "string"}}}}]"""
SUITE = f"""
suite: a-suite-with-a-rather-long-name
tools: [tools.json]
cases:
  - id: one
    user: "{"Please go there once, and then say that it is done. " * 5}"
    expect: {{call: go, args: {{n: 1, to: {"x" * 90}}}}}
    forbid: []
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools.json").write_text(TOOL, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")
    models = [
        "-m",
        "reference/oracle?name=a-model-of-some-length",
        "-m",
        "reference/sampler?name=sampler-of-some-length&seed=3",
    ]
    assert main(["run", "s.yaml", *models, "-q", "--run", "a-run-whose-name-is-rather-long-as-well"]) == 0
    capfd.readouterr()
    return "a-run-whose-name-is-rather-long-as-well"


def out(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capfd.readouterr().out


def test_everything_fits_80_columns(run: str, capfd: pytest.CaptureFixture[str]) -> None:
    for arguments in (["list"], ["show", run], ["show", run, "one"]):
        lines = out(capfd, *arguments).splitlines()
        long = [line for line in lines if len(line) > 80 and not line.startswith("reports/")]
        assert not long, arguments


def test_a_mismatch_shows_what_was_wanted_above_what_came(run: str, capfd: pytest.CaptureFixture[str]) -> None:
    lines = out(capfd, "show", run, "one").splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("  unlike") and "/n" in line)
    assert lines[at + 1 : at + 2] == ["   wanted 1"]
    told = json.loads(out(capfd, "show", run, "one", "--json"))
    (mismatch,) = [m for r in told["records"] for m in r["score"]["mismatches"] if m["path"] == "/n"]
    if mismatch["kind"] == "arg":
        assert lines[at + 2] == f"   got    {mismatch['actual']}"


def test_nothing_of_a_call_is_lost_on_the_way(run: str, capfd: pytest.CaptureFixture[str]) -> None:
    shown = "".join(out(capfd, "show", run, "one").split())
    for record in json.loads(out(capfd, "show", run, "one", "--json"))["records"]:
        for payload in record["answer"]["payloads"]:
            assert "".join(payload["text"].split()) in shown
