"""Whole commands that ask a suite in parts and merge what came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.errors import ExitCode
from tests.test_cli import Cli, Result, cli  # noqa: F401 - a fixture

MODELS = ("-m", "reference/oracle?name=old", "-m", "reference/faulty?name=new&kind=call.missing&rate=0.3")


def told(done: Result) -> object:
    """But for what the run is called, and the times it took."""
    rows: Any = done.json["targets"]
    return done.json["suite"], done.json["suite_digest"], [{**row, "p50": None, "p95": None} for row in rows]


def test_parts_asked_apart_and_merged_are_the_run_of_the_whole(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    names = []
    for number in (1, 2, 3):
        done = cli("run", "travel", *MODELS, "--shard", f"{number}/3", "-q", "--json")
        assert done.code == ExitCode.OK and done.json["suite"] == f"travel-part-{number}-of-3"
        names.append(Path(str(done.json["run"])).name)
        assert names[-1].startswith(f"travel-part-{number}-of-3-")
    merged = cli("merge", *names, "--run", "merged", "--json")
    whole = cli("run", "travel", *MODELS, "-q", "--run", "whole", "--json")
    assert merged.code == ExitCode.OK and merged.err == ""
    assert told(merged) == told(whole)
    gates = [cli("gate", run, "--json") for run in ("merged", "whole")]
    assert gates[0].code == gates[1].code == ExitCode.GATE_FAILED
    assert gates[0].json["verdict"] == gates[1].json["verdict"]
    assert len(cli("export", "merged").out.splitlines()) == 100
    assert cli("score", "merged").code == cli("report", "merged").code == ExitCode.OK
    assert "merged" in cli("list").out
    assert "asked" not in cli("run", "travel", *MODELS, "--run", "merged").err


def test_a_part_that_is_not_there_is_told_and_can_be_asked_for(cli: Cli) -> None:  # noqa: F811
    for number in (1, 3):
        cli("run", "travel", *MODELS, "--shard", f"{number}/3", "-q", "--run", number)
    done = cli("merge", 1, 3, "--run", "merged")
    assert done.code == ExitCode.INCONCLUSIVE
    assert "1 part of the suite not there: 2/3" in done.err
    assert "42 of 100 answers were never asked for, and are counted as missing" in done.err
    assert "old: incomplete: 29 of 50 answers" in done.out
    told = " ".join(cli("gate", "merged", "-q").out.split())
    assert "Of the 50 cases of travel, 21 are in none of the parts that were merged." in told
    assert "asked 42 of 42" in cli("run", "travel", *MODELS, "--run", "merged").err


def test_a_gate_on_a_part_says_of_which_part_it_is(cli: Cli) -> None:  # noqa: F811
    pair = ("--from", "reference/oracle?name=old", "--to", "reference/oracle?name=new")
    done = cli("migrate", "travel", *pair, "--shard", "2/3", "-q", "-o", "x.md", "-o", "x.json")
    said = "This is part 2 of 3 of travel: the other 29 of its 50 cases decided nothing."
    assert said in done.out and said in Path("x.md").read_text(encoding="utf-8")
    assert json.loads(Path("x.json").read_text(encoding="utf-8"))["suite"] == "travel-part-2-of-3"


@pytest.mark.parametrize("part", ["0/4", "5/4", "a/b", ""])
def test_what_names_no_part_ends_in_one_line_before_anything_is_asked(cli: Cli, tmp_path: Path, part: str) -> None:  # noqa: F811
    done = cli("run", "travel", *MODELS, "--shard", part)
    assert done.code == ExitCode.INPUT and len(done.err.splitlines()) == 1
    assert f"--shard {part}: there is no such part; give K/N" in done.err
    assert not (tmp_path / "reports").exists()


def test_parts_that_would_stop_each_by_itself_are_refused(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    pair = ("--from", "reference/oracle?name=old", "--to", "reference/oracle?name=new")
    done = cli("migrate", "travel", *pair, "--shard", "1/2", "--stop-early")
    assert done.code == ExitCode.INPUT and "leave out --stop-early, or --shard" in done.err
    assert not (tmp_path / "reports").exists()


def test_what_cannot_be_merged_leaves_nothing(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    cli("run", "travel", *MODELS, "--shard", "1/2", "-q", "--run", "a")
    cli("run", "office", *MODELS, "-q", "--run", "b")
    done = cli("merge", "a", "b", "--run", "c")
    assert done.code == ExitCode.INPUT and "a and reports/b differ in the suite: travel" in done.err
    assert cli("merge", "a", "a", "--run", "c").code == cli("merge", "a", "none", "--run", "c").code == ExitCode.INPUT
    assert not (tmp_path / "reports/c").exists()
