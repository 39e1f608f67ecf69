"""What is said of how far a run has come."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from evalkit import serving
from evalkit.cli import progress
from tests.outcomes import case, record
from tests.test_serving import target


def test_the_pace_is_that_of_the_asking_however_long_a_server_took_to_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    with progress.Progress(3, quiet=False) as told:
        time.sleep(0.5)
        told.add(record(case(0), 0, "p", "m", seconds=0.1))
        told.add(record(case(0), 1, "x", "m"))
    first, second, last = capsys.readouterr().err.splitlines()
    assert re.match(r"asked 1 of 3 in 0\.[1-3] s, about [01] s left: \d+/s$", first)
    assert second == last and "1 fault," in second


def test_what_came_from_the_cache_was_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.Progress(3, quiet=False) as told:
        told.add(record(case(0), 0, "p", "m"))
        for trial in (1, 2):
            told.add(replace(record(case(0), trial, "p", "m"), cached="2026-01-01T00:00:00+00:00"))
    assert re.match(r"asked 1 of 3 in .* s: 2 from the cache, ", capsys.readouterr().err)


def test_whoever_waits_for_a_server_is_told_where_it_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (True, False):
        told = progress.Progress(3, quiet=quiet)
        with serving.started([target()], tmp_path, told.waiting):
            said = "" if quiet else f"waiting for the server command, which writes to {tmp_path}/server-command-2.log\n"
            assert capsys.readouterr().err == said
