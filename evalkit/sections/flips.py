"""Every case in a line; those that changed, that fail, or that either model answers by other calls, each in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from evalkit import numerals, patterns
from evalkit.data import Case, Change, Comparison, Drilldown, Json, Section, ToolSpec, Verdict
from evalkit.sections import _alignment as alignment
from evalkit.sections import _answers as answers
from evalkit.sections import _field as field
from evalkit.sections._asking import Asking
from evalkit.sections._field import Entry
from evalkit.sections._ledger import ledger, tools, unlike

ORDER = 80
SHOWN = ("broken", "fixed", "both_fail", "unjudged")


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None where there is not one case."""
    if not comparison.changes:
        return None
    cases = {case.id: case for case in comparison.suite.cases}
    differing = sum(_otherwise(comparison, change) for change in comparison.changes)
    told = [change for kind in SHOWN for change in comparison.changes if change.kind == kind]
    calm = [change for change in comparison.changes if change.kind not in SHOWN]
    other = [change for change in calm if change.kind == "same" and _otherwise(comparison, change)]
    named = {change.case for change in other}
    told, rest = [*told, *other], [change for change in calm if change.case not in named]
    asking = Asking(comparison)
    further = field.entries(comparison, verdict) if comparison.rivals else ()
    drilldowns = tuple(drilldown(comparison, cases[change.case], change, asking, further) for change in told)
    return Section(
        id="flips",
        title="Cases",
        lead=_lead(Counter(change.kind for change in comparison.changes), len(other), differing),
        blocks=(ledger(comparison, [*told, *rest], asking.offers), *drilldowns),
    )


def _otherwise(comparison: Comparison, change: Change) -> bool:
    return unlike(*(side.get(change.case, ()) for side in (comparison.baseline_records, comparison.candidate_records)))


def _lead(kinds: Counter[str], other: int, differing: int) -> str:
    """`other`: of those that pass on both, the cases answered by other calls; `differing`: of all."""
    said = {
        "broken": "broke",
        "fixed": "was fixed" if kinds["fixed"] == 1 else "were fixed",
        "both_fail": "fails on both sides" if kinds["both_fail"] == 1 else "fail on both sides",
        "unjudged": "could not be judged on a side",
    }
    told = ", ".join(f"{kinds[kind]:,} {words}" for kind, words in said.items() if kinds[kind])
    by_others = f", {other:,} of them by other calls" if other else ""
    if differing > other:
        by_others += f" (of all cases {differing:,} are answered by other calls)"
    calm = f"{kinds['same']:,} pass on both sides{by_others}."
    return f"Of {numerals.counted(kinds.total(), 'case')}, {told}. {calm}" if told else f"No case changed: {calm}"


def drilldown(comparison: Comparison, case: Case, change: Change, asking: Asking, models: Sequence[Entry]) -> Drilldown:
    """One case in full. `models`: how the further candidates fare; () where there are none."""
    baseline = comparison.baseline_records.get(case.id, ())
    candidate = comparison.candidate_records.get(case.id, ())
    offered = {comparison.suite.specs[key].name: comparison.suite.specs[key] for key in case.tools}
    named = tools(case, (*baseline, *candidate))
    return Drilldown(
        case=case.id,
        kind=change.kind,
        tags=case.tags,
        why=change.why,
        messages=tuple(_message(message) for message in case.messages),
        expected=patterns.spell_all(case.accept),
        sides=(
            answers.side(case, comparison.baseline, baseline, offered)
            | {"curl": asking.curl(case, comparison.baseline, baseline)},
            answers.side(case, comparison.candidate, candidate, offered)
            | {"curl": asking.curl(case, comparison.candidate, candidate)},
        ),
        arguments=alignment.align(case, *(answers.payloads(side) for side in (baseline, candidate))),
        schemas=_schemas(named, offered),
        tools=named,
        notes=(*_notes(case), *_elsewhere(case, models, comparison)),
    )


def _message(message: Mapping[str, Json]) -> Mapping[str, Json]:
    content = message.get("content")
    return {**message, "content": answers.shorten(content)} if isinstance(content, str) else message


def _schemas(named: Sequence[str], offered: Mapping[str, ToolSpec]) -> dict[str, Json]:
    """Of the tools that matter; of all offered ones where none does (nothing was wanted, nothing called)."""
    return {name: offered[name].schema for name in (named or offered) if name in offered}


def _notes(case: Case) -> tuple[str, ...]:
    flaws = [f"The expected answer is flawed: {flaw}" for flaw in case.flaws]
    forbidden = [f"Forbidden here: {', '.join(case.forbid)}."] if case.forbid else []
    return (*flaws, *forbidden)


def _elsewhere(case: Case, models: Sequence[Entry], comparison: Comparison) -> Iterator[str]:
    """How the other candidates fare: what fails on all of them may be the case's own fault."""
    shown = (comparison.baseline.identity, comparison.candidate.identity)
    others = [model for model in models if model.target.identity not in shown and case.id in model.passes]
    passing = [model.target.identity for model in others if model.passes[case.id]]
    failing = [model.target.identity for model in others if not model.passes[case.id]]
    if passing:
        yield f"Passes on {', '.join(passing)}."
    if failing:
        yield f"Fails on {', '.join(failing)}."
