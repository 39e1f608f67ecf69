"""A reader that leaves changes nothing: neither what a command does, nor what it returns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.errors import ExitCode

ORACLE, WORSE = "reference/oracle", "reference/faulty?kind=call.missing&rate=1&name=worse"


def unheard(folder: Path, *command: str, both: bool = False) -> tuple[int, str]:
    """Exit code and stderr of a command whose stdout (and, if `both`, stderr) nobody ever reads."""
    reading, writing = os.pipe()
    os.close(reading)
    said = folder / "stderr.txt"
    with said.open("wb") as beside:
        done = subprocess.run(
            [sys.executable, "-m", "evalkit", *command],
            cwd=folder,
            stdout=writing,
            stderr=writing if both else beside,
            check=False,
        )
    os.close(writing)
    return done.returncode, said.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with a run in which the second model fails."""
    folder = tmp_path_factory.mktemp("unheard")
    code, _ = unheard(folder, "run", "travel", "-m", ORACLE, "-m", WORSE, "--run", "r", both=True)
    assert code == ExitCode.OK
    return folder


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["lint", "travel"], ExitCode.OK),
        (["export", "r"], ExitCode.OK),
        (["show", "r"], ExitCode.OK),
        (["gate", "r"], ExitCode.GATE_FAILED),
        (["gate", "r", "--json"], ExitCode.GATE_FAILED),
        (["--help"], ExitCode.OK),
    ],
)
def test_a_verb_that_nobody_hears_returns_what_it_would_have(folder: Path, command: list[str], code: ExitCode) -> None:
    assert unheard(folder, *command) == (code, "")


def test_complaints_may_go_unheard_as_well(folder: Path) -> None:
    assert unheard(folder, "lint", "nope", both=True)[0] == ExitCode.INPUT
