"""The GitHub action and the GitLab template: their scripts are run as the runner would, in a real repository."""

# ruff: noqa: F811 - fixtures are named by what takes them
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.test_bump import ORACLE, WORSE, Models, models  # noqa: F401 - a fixture

GITHUB = Path(__file__).parents[1] / ".github"
ACTION = GITHUB / "actions/evalkit-bump/action.yml"
GITLAB = GITHUB / "gitlab/evalkit.gitlab-ci.yml"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def bash(script: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {key: os.environ[key] for key in ("HOME", "PATH") if key in os.environ}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("step", read(ACTION)["runs"]["steps"])
def test_no_script_of_the_action_holds_text_from_outside(step: dict[str, Any]) -> None:
    assert "${{" not in step["run"] and step["shell"] == "bash"


def test_every_input_that_is_used_is_declared_and_the_other_way_round() -> None:
    text = ACTION.read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([a-z-]+)", text)) == set(read(ACTION)["inputs"])


@pytest.mark.parametrize(("candidate", "code"), [(WORSE, 1), (ORACLE, 0)])
def test_the_action_gates_and_leaves_its_reports(models: Models, tmp_path: Path, candidate: str, code: int) -> None:
    step = next(step for step in read(ACTION)["runs"]["steps"] if step.get("id") == "bump")
    (tmp_path / "evalkit").mkdir()
    (tmp_path / "evalkit/bin").symlink_to(Path(sys.executable).parent)
    models(commit=True, assistant=ORACLE)
    models(assistant=candidate)
    given = {"SUITES": "travel payments", "BASE": "HEAD", "MODELS": "models.yaml", "POLICY": "", "OPTIONS": "-q"}
    done = bash(
        step["run"],
        tmp_path,
        **given,
        REPORTS="reports",
        RUNNER_TEMP=str(tmp_path),
        GITHUB_OUTPUT=str(tmp_path / "output"),
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
    )
    assert done.returncode == code, done.stderr
    assert (tmp_path / "output").read_text(encoding="utf-8") == f"exit-code={code}\n"
    assert (tmp_path / "reports/bump.md").read_text(encoding="utf-8").startswith("<!-- evalkit -->\n")
    assert [(tmp_path / name).is_file() for name in ("reports/bump.xml", "summary")] == [code == 1] * 2


def test_the_gitlab_job_gates_and_leaves_what_it_collects(models: Models, tmp_path: Path) -> None:
    job = read(GITLAB)["evalkit-bump"]
    models(commit=True, assistant=ORACLE)
    models(assistant=WORSE)
    head = subprocess.run(["git", "-C", str(tmp_path), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    variables = {**job["variables"], "EVALKIT_SUITES": "travel payments", "EVALKIT_BUMP_QUIET": "1"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = "\n".join(job["script"])
    done = bash(script, tmp_path, **{**variables, "CI_MERGE_REQUEST_DIFF_BASE_SHA": head.stdout.strip(), "PATH": path})
    assert done.returncode == 1, done.stderr
    assert list(tmp_path.glob(job["artifacts"]["reports"]["junit"]))
    assert {path.name for path in tmp_path.glob(job["artifacts"]["paths"][0])} == {"bump.html", "bump.xml", "bump.md"}


def test_the_example_uses_the_action_with_what_it_takes() -> None:
    steps = read(ACTION.parent / "example.yml")["jobs"]["bump"]["steps"]
    (step,) = [step for step in steps if "evalkit-bump" in step["uses"]]
    assert set(step["with"]) <= set(read(ACTION)["inputs"])
