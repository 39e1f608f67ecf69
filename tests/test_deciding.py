"""What deciding verbs print on a terminal, and what they print where there is none."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from evalkit.cli.app import main


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    models = ["reference/oracle?name=old", "reference/faulty?name=new&kind=schema.enum_case&rate=0.5"]
    asked = [argument for model in models for argument in ("-m", model)]
    assert main(["run", "travel", *asked, "--run", "r", "--reports", str(folder), "-q"]) == 0
    return folder


def on_a_terminal(arguments: list[str], environ: Mapping[str, str]) -> str:
    """What a command writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    environment = {**kept, "TERM": "xterm-256color", "COLUMNS": "100", **environ}
    command = [sys.executable, "-m", "evalkit", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as running:
        os.close(theirs)
        told = b""
        while chunk := _read(ours):
            told += chunk
        running.wait()
    os.close(ours)
    return told.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


def test_on_a_terminal_there_is_colour_unless_it_is_not_wanted(reports: Path) -> None:
    page = reports / "x.md"
    arguments = ["compare", "r", "--reports", str(reports), "-o", str(page)]
    told = on_a_terminal(arguments, {})
    assert "\x1b[1;31m" in told
    assert page.is_file() and told.count(f"Report: {page}") == 1
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told).replace("\r", "")
    assert 80 < max(map(len, plain.splitlines()[:7])) <= 100
    assert "\x1b[1;31m" not in on_a_terminal(arguments, {"NO_COLOR": "1"})


def test_elsewhere_it_is_plain_and_80_columns_wide(reports: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "r", "--reports", str(reports)]) == 0
    told = capfd.readouterr().out
    assert "\x1b" not in told and max(map(len, told.splitlines())) <= 80


def test_one_command_writes_every_kind_of_report_of_a_stored_run(
    reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    files = [tmp_path / f"x.{kind}" for kind in ("html", "md", "json", "xml", "csv", "jsonl", "parquet")]
    outputs = [part for file in files for part in ("-o", str(file))]
    assert main(["report", "r", "--reports", str(reports), *outputs, "--github-summary"]) == 0
    assert all(file.stat().st_size > 1000 for file in files)
    assert files[-1].read_bytes().startswith(b"PAR1") and len(files[-2].read_text(encoding="utf-8").splitlines()) == 50
    assert summary.read_text(encoding="utf-8").startswith("## ")
    summary.unlink()
    assert main(["report", "r", "--reports", str(reports), "-o", str(files[0])]) == 0 and not summary.exists()
    capfd.readouterr()
    assert main(["report", "r", "--reports", str(reports), "-o", "x.xlsx"]) == 2
    assert ".csv, .html, .json, .jsonl, .md, .parquet, .xml" in capfd.readouterr().err


def test_a_case_is_printed_as_it_was_asked(reports: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["repro", "r", "flight-and-hotel", "-m", "new", "--reports", str(reports)]) == 0
    told = capfd.readouterr().out
    assert told.startswith('# "new"\n') and '"tools": [\n' in told
    assert main(["repro", "r", "flight-and-hotle", "--reports", str(reports)]) == 2
    assert "flight-and-hotel" in capfd.readouterr().err
    assert main(["repro", "r", "flight-and-hotel", "-m", "newer", "--reports", str(reports)]) == 2


# --------------------------------------------------------------------------- more than two models


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    faulty = "reference/faulty?kind=schema.enum_case"
    models = ["reference/oracle?name=old", f"{faulty}&name=a&rate=0.5", f"{faulty}&name=b&rate=0", f"{faulty}&name=c"]
    asked = [argument for model in models for argument in ("-m", model)]
    suites = ["travel", "payments", "office"]
    assert main(["run", *suites, *asked, "--run", "m", "--reports", str(folder), "-q"]) == 0
    return folder


def test_of_many_models_compare_tells_all_and_the_first_after_the_baseline_in_full(
    many: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "m", "--reports", str(many)]) == 0
    told = capfd.readouterr()
    assert "Of 3 candidates for the place of old, 1 passes the gate: b; 2 fail." in told.out.replace("\n  ", " ")
    assert "old → a · travel+payments+office" in told.out
    assert told.err.startswith("a against old in full, the others beside it")
    assert main(["compare", "m", "--candidate", "old", "--reports", str(many)]) == 0
    assert capfd.readouterr().err.startswith("old against a in full")


def test_a_gate_picks_nobody_out_of_many(many: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "m", "--reports", str(many)]) == 2
    assert "which is meant? --baseline is not given; the run has: old, a, b, c" in capfd.readouterr().err
    assert main(["gate", "m", "--baseline", "old", "--reports", str(many)]) == 2
    assert "--candidate is not given" in capfd.readouterr().err
    for candidate, code in (("a", 1), ("b", 0)):
        named = ["--baseline", "old", "--candidate", candidate]
        assert main(["gate", "m", *named, "--reports", str(many)]) == code
        assert capfd.readouterr().err == ""


def test_a_report_of_many_is_about_the_candidate_named(many: Path) -> None:
    page = many / "x.md"
    assert main(["report", "m", "--candidate", "c", "--reports", str(many), "-o", str(page)]) == 0
    told = page.read_text(encoding="utf-8")
    assert "<code>old</code> → <code>c</code>" in told and "; one of 3 candidates" in told


def test_many_are_held_against_a_baselines_file(many: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kept = ["--baselines", str(many / "kept")]
    by = ["--target", "old", "--name", "kept", "--by", "ada"]
    assert main(["baseline", "set", "m", *by, *kept, "--reports", str(many)]) == 0
    against = ["m", "--baseline", f"baseline:{many / 'kept' / 'kept.json'}", "--reports", str(many)]
    capfd.readouterr()
    assert main(["compare", *against]) == 0
    told = capfd.readouterr()
    assert "Of 3 candidates for the place of old, 1 passes the gate: b" in told.out  # old in this run is old again
    assert "a against baseline:" in told.err
    assert main(["gate", *against]) == 2
    assert "--candidate is not given; the run has: a, b, c" in capfd.readouterr().err
    assert main(["gate", *against, "--candidate", "old"]) == 0
