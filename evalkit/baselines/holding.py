"""A run held against a baseline: which cases are still the same, and what became of those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from evalkit import baselines, compare, numerals, values
from evalkit.baselines import Baseline, Call, Trial
from evalkit.data import (
    Answer,
    Case,
    Change,
    Comparison,
    Counts,
    Payload,
    Record,
    Response,
    Run,
    RunInfo,
    Score,
    Suite,
    Timing,
    Usage,
    Wire,
)


def against(baseline: Baseline, run: Run, candidate: str) -> Comparison:
    """A target of `run` against the baseline, over the cases that are still what they were.

    The others are `left_out`, each with the reason. Where none is left, or formats are judged otherwise, the comparison
    `differs` and nothing is decided upon it.
    """
    stale = changed(baseline, run.suite)
    kept = tuple(case for case in run.suite.cases if case.id not in stale)
    suite = replace(run.suite, cases=kept or run.suite.cases)
    compared = compare.compare(
        _as_run(baseline, suite, stale), baseline.target.identity, replace(run, suite=suite), candidate
    )
    return replace(
        compared,
        left_out=tuple(Change(case=case, kind="unpaired", why=why) for case, why in stale.items()),
        differs=(*_unlike(baseline, run.suite, stale), *compared.differs),
    )


def changed(baseline: Baseline, suite: Suite) -> Mapping[str, str]:
    """Case id -> why the baseline says nothing of it any more. The cases that are not here are as they were."""
    specs = baselines.spec_digests(suite)
    return {case.id: why for case in suite.cases if (why := _why_stale(case, baseline, specs))}


def _why_stale(case: Case, baseline: Baseline, specs: Mapping[str, str]) -> str:
    held = baseline.cases.get(case.id)
    if held is None:
        return f"not in baseline {baseline.name}"
    since = f"since baseline {baseline.name} was set"
    if held.digest != baselines.case_digest(case):
        return f"the case changed {since}"
    tools = [key for key in case.tools if baseline.specs.get(key) != specs[key]]
    if tools:
        more = f" and {len(tools) - 3} more" if len(tools) > 3 else ""
        return f"{'the spec' if len(tools) == 1 else 'the specs'} of {', '.join(tools[:3])}{more} changed {since}"
    return ""


def _unlike(baseline: Baseline, suite: Suite, stale: Mapping[str, str]) -> Iterator[str]:
    if baseline.formats != suite.formats:
        yield f"what becomes of `format`: {baseline.formats} against {suite.formats}"
    if len(stale) == len(suite.cases):
        reasons = list(dict.fromkeys(stale.values()))
        more = f"; and {numerals.counted(len(reasons) - 2, 'further reason')}" if len(reasons) > 2 else ""
        yield f"the suite: no case is as baseline {baseline.name} has it ({'; '.join(reasons[:2])}{more})"


def records(baseline: Baseline) -> Iterator[Record]:
    """Every trial as a Record: judged, without a wire body, in the order of the file."""
    for case, held in baseline.cases.items():
        for number, trial in enumerate(held.trials):
            yield _record(case, number, trial, baseline)


def _as_run(baseline: Baseline, suite: Suite, stale: Mapping[str, str]) -> Run:
    """The baseline as if it had been asked `suite`, but for what is stale."""
    kept = {case.id for case in suite.cases} - stale.keys()
    info = RunInfo(
        id=f"baseline:{baseline.name}",
        created=baseline.asked,
        suite_name=baseline.suite,
        suite_digest=baseline.suite_digest,
        cases=len(baseline.cases),
        targets=(baseline.target,),
        trials=max((len(held.trials) for held in baseline.cases.values()), default=0),
        judging=baseline.judging,
        versions=baseline.versions,
        guards=baseline.guards,
    )
    return Run(info=info, suite=suite, records=tuple(each for each in records(baseline) if each.case in kept))


def _record(case: str, number: int, trial: Trial, baseline: Baseline) -> Record:
    blank = Record(
        case=case,
        trial=number,
        target=baseline.target.identity,
        started=baseline.asked,
        sent="",
        reply=trial.fault or _reply(trial),
    )
    return blank if trial.fault else replace(blank, answer=_answer(trial), score=_score(trial))


def _reply(trial: Trial) -> Response:
    """No dialect reads it again: what it held is in the answer, already judged."""
    return Response(wire=Wire(status=200, body=""), dialect="baseline", timing=Timing(total=trial.seconds))


def _answer(trial: Trial) -> Answer:
    sent, received = trial.tokens
    return Answer(
        payloads=tuple(_payload(index, call) for index, call in enumerate(trial.calls)),
        text=trial.text,
        finish=trial.finish,
        usage=Usage(input_tokens=sent, output_tokens=received, cost=trial.cost),
    )


def _payload(index: int, call: Call) -> Payload:
    value = None if call.error else values.read(call.text).value
    return Payload(index=index, tool=call.tool, text=call.text, value=value, error=call.error)


def _score(trial: Trial) -> Score:
    rungs: dict[str, bool | None] = {
        rung: True if rung in trial.passed else False if rung in trial.failed else None for rung in baselines.RUNGS
    }
    return Score(
        **rungs,
        calls=_counts(trial.matched_calls),
        arguments=_counts(trial.matched_arguments),
        violations=trial.violations,
        mismatches=trial.mismatches,
    )


def _counts(three: Sequence[int]) -> Counts:
    matched, expected, actual = three
    return Counts(matched=matched, expected=expected, actual=actual)
