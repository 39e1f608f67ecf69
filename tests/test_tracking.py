"""A stored run in MLflow, in a tracking store of its own on disk."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from evalkit import tally, tracking
from evalkit.errors import InputError
from tests.outcomes import case, run
from tests.test_cli import Cli, cli  # noqa: F401 - a fixture

OLD = ["p"] * 8 + ["w", "x"]
NEW = ["p"] * 6 + ["v", "v", "n", "p"]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # the smallest store there is, which MLflow keeps as it is
    for name in tracking._QUIET:
        monkeypatch.setenv(name, "true" if name != "MLFLOW_HTTP_REQUEST_MAX_RETRIES" else "0")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=str(tmp_path / "mlruns"))


def logged(client: Any) -> dict[str, Any]:
    """Target -> its MLflow run."""
    found = client.search_runs([each.experiment_id for each in client.search_experiments()])
    return {each.data.tags["evalkit.target"]: each for each in found}


def test_a_run_of_its_own_for_each_target(client: Any, tmp_path: Path) -> None:
    stored = run([case(number) for number in range(10)], {"old": OLD, "new": NEW})
    tracking.log(stored, str(tmp_path / "mlruns"), "<p>the report</p>")
    found = logged(client)
    assert sorted(found) == ["new", "old"]
    old, new = (found[name].data for name in ("old", "new"))
    assert client.get_experiment(found["old"].info.experiment_id).name == "made"
    assert (old.params["model"], old.params["arm"], old.params["suite_digest"]) == (
        "oracle",
        "native",
        stored.suite.digest,
    )
    for data, name in ((old, "old"), (new, "new")):
        totals = tally.Totals()
        for record in stored.records:
            if record.target == name:
                totals.add(record)
        assert data.metrics["correct"] == pytest.approx(totals.rate("correct"))
        assert data.metrics["compliance"] == pytest.approx(totals.rate("compliance"))
        assert data.metrics["seconds_p50"] == 1.0
    assert (old.metrics["faults"], old.metrics["faults.timeout"], new.metrics["faults"]) == (1, 1, 0)
    assert new.metrics["codes.schema.required"] == 2 and "cost" not in new.metrics
    assert found["old"].info.status == "FINISHED" and old.tags["evalkit.run"] == "made"


def test_the_records_and_the_report_go_along(client: Any, tmp_path: Path) -> None:
    tracking.log(run([case(0)], {"old": ["p"], "new": ["v"]}), str(tmp_path / "mlruns"), "<p>the report</p>")
    for name, each in logged(client).items():
        folder = Path(each.info.artifact_uri)
        (line,) = (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
        assert json.loads(line)["target"] == name
        assert (folder / "report.html").read_text(encoding="utf-8") == "<p>the report</p>"


def test_logged_again_a_run_replaces_what_was_logged_of_it(client: Any, tmp_path: Path) -> None:
    uri = str(tmp_path / "mlruns")
    stored = run([case(0)], {"old": ["p"], "new": ["v"]})
    for _ in range(2):
        tracking.log(stored, uri)
    tracking.log(run([case(0)], {"old": ["p"]}, id="another"), uri)
    found = client.search_runs([each.experiment_id for each in client.search_experiments()])
    names = sorted((each.data.tags["evalkit.run"], each.data.tags["evalkit.target"]) for each in found)
    assert names == [("another", "old"), ("made", "new"), ("made", "old")]


def test_the_command_logs_a_run_with_its_report(client: Any, cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    asked = ("--from", "reference/oracle", "--to", "reference/lexical", "--limit", "3", "--run", "r", "-q")
    cli("migrate", "travel", *asked)
    done = cli("export", "r", "-o", "mlflow:mlruns", "-o", "r.jsonl")
    assert done.code == 0 and "2 models: mlflow:mlruns" in done.err and (tmp_path / "r.jsonl").exists()
    found = logged(client)
    assert found["reference/oracle"].data.metrics["correct"] == 1.0
    assert (Path(found["reference/oracle"].info.artifact_uri) / "report.html").exists()


def test_what_mlflow_refuses_is_one_line(client: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mlflow:nowhere://x: ") as refused:
        tracking.log(run([case(0)], {"old": ["p"]}), "nowhere://x")
    assert "\n" not in str(refused.value)


def test_without_mlflow_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="python -m pip install mlflow-skinny"):
        tracking.log(run([case(0)], {"old": ["p"]}), "anywhere")
