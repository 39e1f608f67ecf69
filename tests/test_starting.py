"""A project that was started works at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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


def test_every_file_that_people_write_names_its_schema_to_editors(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path)]) == ExitCode.OK
    written = [path for path in tmp_path.rglob("*.yaml")]
    assert len(written) == 3
    for path in written:
        named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text(encoding="utf-8"))
        assert named and (path.parent / named[1]).resolve().is_relative_to(tmp_path.resolve())
        assert (path.parent / named[1]).read_text(encoding="utf-8").startswith("{")


def test_the_workflow_of_a_started_project_does_what_it_says(tmp_path: Path) -> None:
    """Its scripts are run as the runner would, but for the installation."""
    assert main(["init", str(tmp_path)]) == ExitCode.OK
    workflow = yaml.safe_load((tmp_path / ".github/workflows/evalkit.yml").read_text(encoding="utf-8"))
    scripts = {step["name"]: step["run"] for step in workflow["jobs"]["gate"]["steps"] if "run" in step}
    assert not any("${{" in script for script in scripts.values())  # a script holds no text from outside

    def run(name: str) -> int:
        environ = {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", scripts[name]]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=False).returncode

    assert run("install") == 1  # where nobody said what to install
    assert run("lint") == ExitCode.OK
    assert run("gate") in (ExitCode.INCONCLUSIVE, ExitCode.GATE_FAILED)
    assert (tmp_path / "reports/evalkit.html").exists() and (tmp_path / "reports/evalkit.xml").exists()
