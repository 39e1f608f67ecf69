"""A project that was started works at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.cli.app import main
from evalkit.errors import ExitCode


def test_a_started_project_is_sound_and_runs_as_it_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "mine"]) == ExitCode.OK
    told = [line.split() for line in capfd.readouterr().out.splitlines() if line.startswith("  evalkit")]
    assert len(told) == 2
    assert main(told[0][1:]) == ExitCode.OK
    assert main(told[1][1:]) in (ExitCode.INCONCLUSIVE, ExitCode.GATE_FAILED)  # four cases settle nothing


def test_nothing_is_overwritten(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policy.yaml").write_text("mine", encoding="utf-8")
    assert main(["init", str(tmp_path)]) == ExitCode.INPUT
    assert "policy.yaml is there already" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["policy.yaml"]
