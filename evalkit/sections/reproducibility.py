"""What was run, exactly: suite, models, parameters, versions, guards. Enough to do it again."""

from __future__ import annotations

import json

from evalkit import values
from evalkit.data import Column, Comparison, Json, RunInfo, Section, Suite, Table, Target, Verdict
from evalkit.numerals import counted
from evalkit.pairing import likeness

ORDER = 120


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """Always there: a number nobody can reproduce is an opinion."""
    before, after = comparison.baseline_info, comparison.candidate_info
    rows = [*_targets(comparison.baseline, comparison.candidate), *_runs(before, after)]
    return Section(
        id="reproducibility",
        title="How to reproduce this",
        lead=(
            f"Suite {comparison.suite.name} with digest {comparison.suite.digest or 'unknown'}, "
            f"{counted(len(comparison.suite.cases), 'case')}, tool specs with digest {_specs(comparison.suite)}; "
            + ("all models in one run." if likeness.one_run(before, after) else "the models come from two runs.")
        ),
        blocks=(
            Table(
                title="Side by side",
                columns=(
                    Column(key="what", label="What"),
                    Column(key="baseline", label="Baseline", kind="code"),
                    Column(key="candidate", label="Candidate", kind="code"),
                ),
                rows=tuple(
                    {"what": what, "baseline": old, "candidate": new, "differs": old != new}
                    for what, old, new in rows
                    if old is not None or new is not None
                ),
            ),
            *_others(comparison),
        ),
    )


def _specs(suite: Suite) -> str:
    return values.digest([[spec.name, spec.description, spec.schema] for _, spec in sorted(suite.specs.items())])


def _others(comparison: Comparison) -> tuple[Table, ...]:
    """How the further candidates were asked."""
    targets = [rival.comparison.candidate for rival in comparison.rivals]
    if not targets:
        return ()
    return (
        Table(
            title="The other candidates",
            columns=(
                Column(key="target", label="Model"),
                *(Column(key=name, label=name.capitalize(), kind="code") for name in ("provider", "model", "arm")),
                Column(key="endpoint", label="Endpoint", kind="code"),
                Column(key="params", label="Parameters", kind="code"),
            ),
            rows=tuple(
                {
                    "target": target.identity,
                    "provider": target.provider,
                    "model": target.model,
                    "arm": target.arm,
                    "endpoint": target.base_url or None,
                    "params": _plain(target.params or None),
                }
                for target in targets
            ),
        ),
    )


Row = tuple[str, Json, Json]


def _targets(before: Target, after: Target) -> list[Row]:
    rows: list[Row] = [
        (label, getattr(before, name) or None, getattr(after, name) or None)
        for name, label in (
            ("name", "Name"),
            ("provider", "Provider"),
            ("model", "Model"),
            ("arm", "Arm"),
            ("base_url", "Endpoint"),
        )
    ]
    rows.append(("Served here by", _served(before), _served(after)))
    rows += _pairs("Parameter", before.params, after.params)
    rows += _pairs("Option", before.options, after.options)
    rows.append(("Streamed", _yes(before.stream), _yes(after.stream)))
    return rows


def _served(target: Target) -> str | None:
    serve = target.serve
    return " ".join((serve.engine, serve.model, *serve.args)) if serve else None


def _runs(before: RunInfo, after: RunInfo) -> list[Row]:
    return [
        ("Run", before.id, after.id),
        ("Started (UTC)", before.created, after.created),
        ("Suite digest", before.suite_digest, after.suite_digest),
        ("Trials per case", before.trials, after.trials),
        ("Looked at while asking", _yes(before.sequential), _yes(after.sequential)),
        ("Stopped", before.stopped, after.stopped),
        ("Strings compared", before.judging.strings, after.judging.strings),
        *_pairs("Version of", before.versions, after.versions),
        *_pairs("Guard", before.guards, after.guards),
    ]


def _pairs(label: str, before: Json, after: Json) -> list[Row]:
    return [
        (f"{label} {key}", _plain(before.get(key)), _plain(after.get(key))) for key in dict.fromkeys([*before, *after])
    ]


def _plain(value: Json) -> Json:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
