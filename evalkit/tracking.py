"""A stored run in MLflow: a run of its own for each target, in the experiment that is named after the suite."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from msgspec.structs import replace

from evalkit import frames, tally, values
from evalkit.data import SCORES, Json, Record, Run, Target
from evalkit.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

SCHEME = "mlflow:"
_IDENTITY = "evalkit.id"
_LONGEST = 500
"""Characters of a parameter that every MLflow server takes."""
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""MLflow's own settings, where the environment has none: it calls nobody but its server, and says soon if that is
away."""


def log(run: Run, uri: str, report: str | None = None) -> None:
    """Log each target of `run` to the tracking store at `uri` ("": where MLFLOW_TRACKING_URI says).

    `report`: HTML that goes along. What was logged of the same run and target before is replaced. Raises InputError
    without MLflow, and with what MLflow says.
    """
    if find_spec("mlflow") is None:
        raise InputError("there is no MLflow here", "python -m pip install mlflow-skinny")
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        client = MlflowClient(tracking_uri=uri or None)
        found = client.get_experiment_by_name(run.suite.name)
        experiment = found.experiment_id if found else client.create_experiment(run.suite.name)
        for target in run.info.targets:
            _log(client, experiment, run, target, report)
    except MlflowException as error:
        raise InputError(f"{SCHEME}{uri}: {' '.join(str(error).split())}") from None


def _log(client: MlflowClient, experiment: str, run: Run, target: Target, report: str | None) -> None:
    from mlflow.entities import Metric, Param

    own = replace(run, records=tuple(record for record in run.records if record.target == target.identity))
    identity = values.digest([run.info.id, run.info.created, target.identity])
    earlier = client.search_runs([experiment], f"tags.`{_IDENTITY}` = '{identity}'")
    began = int(datetime.fromisoformat(run.info.created).timestamp() * 1000)
    tags = {_IDENTITY: identity, **_tags(run, target)}
    logged = client.create_run(experiment, began, tags, run_name=f"{run.info.id}: {target.identity}").info.run_id
    client.log_batch(
        logged,
        metrics=[Metric(name, value, began, 0) for name, value in _metrics(own, target)],
        params=[Param(name, _text(value)) for name, value in _params(run, target)],
    )
    client.log_text(logged, frames.jsonl(own), "records.jsonl")
    if report is not None:
        client.log_text(logged, report, "report.html")
    client.set_terminated(logged)
    for old in earlier:
        client.delete_run(old.info.run_id)


def _params(run: Run, target: Target) -> Iterator[tuple[str, Json]]:
    """What was asked, and how."""
    yield from (
        ("model", target.model),
        ("provider", target.provider),
        ("arm", target.arm),
        ("stream", target.stream),
        ("suite", run.suite.name),
        ("suite_digest", run.suite.digest),
        ("cases", len(run.suite.cases)),
        ("trials", run.info.trials),
        ("strings", run.info.judging.strings),
    )
    yield from ((f"params.{name}", value) for name, value in target.params.items())
    yield from ((f"options.{name}", value) for name, value in target.options.items())


def _metrics(run: Run, target: Target) -> Iterator[tuple[str, float]]:
    """Scores as shares, latency in seconds, cost in USD, and counts. What is not known is left out."""
    totals = tally.Totals()
    for record in run.records:
        totals.add(record)
    known: Mapping[str, float | None] = {
        **{name: totals.rate(name) for name in SCORES},
        **{f"seconds_{name}": totals.quantile(share) for name, share in tally.QUANTILES.items()},
        **_spent(run.records, target),
        "answered": totals.answered,
        "faults": totals.faults.total(),
        **{f"faults.{kind}": count for kind, count in totals.faults.items()},
        **{f"codes.{code}": count for code, count in totals.codes.items()},
    }
    yield from ((name, float(value)) for name, value in known.items() if value is not None)


def _spent(records: tuple[Record, ...], target: Target) -> Mapping[str, float | None]:
    total = tally.usage(records, target).total
    return {"cost": total.cost, "input_tokens": total.input_tokens, "output_tokens": total.output_tokens}


def _tags(run: Run, target: Target) -> dict[str, str]:
    """By what it is found again."""
    return {
        "mlflow.source.name": "evalkit",
        "evalkit.run": run.info.id,
        "evalkit.target": target.identity,
        **{f"version.{name}": version for name, version in run.info.versions.items()},
    }


def _text(value: Json) -> str:
    told = value if isinstance(value, str) else values.canonical(value)
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"
