"""The README says what the code does: its files are written, its commands run, its exit codes hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from evalkit import plugins
from evalkit.data import RUNGS
from evalkit.errors import ExitCode
from tests import tables

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


class Block(NamedTuple):
    language: str
    options: dict[str, str]
    text: str


def blocks() -> list[Block]:
    found = re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    return [
        Block(language, dict(option.split("=") for option in options.split()), text)
        for language, options, text in found
    ]


def test_every_file_and_command_of_the_readme_works_in_an_empty_folder(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "ANTHROPIC_API_KEY": "none"}
    ran = 0
    for block in blocks():
        if "file" in block.options:
            (tmp_path / block.options["file"]).write_text(block.text, encoding="utf-8")
        if block.language == "sh":
            done = subprocess.run(
                ["bash", "-c", block.text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == int(block.options.get("exit", "0")), (block.text, done.stdout, done.stderr)
            assert "Traceback" not in done.stderr
            ran += 1
    assert ran >= 6
    assert {"bump.html", "bump.md", "both.html", "both.jsonl", "both.csv"} <= {path.name for path in tmp_path.iterdir()}


def test_every_verb_of_the_readme_exists() -> None:
    from evalkit.cli.app import MENU

    known = {verb for verbs in MENU.values() for verb in verbs}
    named = set(re.findall(r"(?:`|^|\| )evalkit ([a-z][a-z-]+)", README, flags=re.MULTILINE))
    assert len(named) >= 10
    assert not named - known


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_is_explained(code: ExitCode) -> None:
    assert f"\n| {code.value} | " in README


def test_every_rung_provider_and_matcher_is_named() -> None:
    for rung in RUNGS:
        assert f"\n| {rung} | " in README
    for name in plugins.names("providers"):
        assert f"`{name}`" in README
    for name in set(plugins.names("matchers")) - {"exact"}:
        assert f"${name}:" in README


def test_the_suites_that_ship_are_named() -> None:
    for path in (ROOT / "suites").glob("*.yaml"):
        assert path.stem in README


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)", README) + re.findall(r'(?:href|src|srcset)="([^"]+)"', README)
    assert {"reports/sample/light.png", "reports/sample/dark.png"} <= set(targets)
    for target in targets:
        assert (ROOT / target).exists(), target


def test_the_generated_tables_are_up_to_date() -> None:
    assert tables.written(README) == README, "run `make generated`"
