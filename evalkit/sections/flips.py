"""The cases that broke, those that were fixed, and those that fail on both sides: each in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from evalkit import numerals, patterns
from evalkit.data import Case, Change, Comparison, Drilldown, Json, Record, Section, ToolSpec, Verdict
from evalkit.sections import _answers as answers

ORDER = 80
SHOWN = ("broken", "fixed", "both_fail", "unjudged")


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None if every case passes on both sides."""
    cases = {case.id: case for case in comparison.suite.cases}
    changes = [change for kind in SHOWN for change in comparison.changes if change.kind == kind]
    if not changes:
        return None
    return Section(
        id="flips",
        title="Cases",
        lead=_lead(Counter(change.kind for change in comparison.changes)),
        blocks=tuple(_drilldown(comparison, cases[change.case], change) for change in changes),
    )


def _lead(kinds: Counter[str]) -> str:
    said = {
        "broken": "broke",
        "fixed": "was fixed" if kinds["fixed"] == 1 else "were fixed",
        "both_fail": "fails on both sides" if kinds["both_fail"] == 1 else "fail on both sides",
        "unjudged": "could not be judged on a side",
    }
    told = ", ".join(f"{kinds[kind]:,} {words}" for kind, words in said.items() if kinds[kind])
    return f"Of {numerals.counted(kinds.total(), 'case')}, {told}. {kinds['same']:,} pass on both sides: not listed."


def _drilldown(comparison: Comparison, case: Case, change: Change) -> Drilldown:
    baseline = comparison.baseline_records.get(case.id, ())
    candidate = comparison.candidate_records.get(case.id, ())
    offered = {comparison.suite.specs[key].name: comparison.suite.specs[key] for key in case.tools}
    tools = _tools(case, (*baseline, *candidate))
    return Drilldown(
        case=case.id,
        kind=change.kind,
        tags=case.tags,
        why=change.why,
        messages=tuple(_message(message) for message in case.messages),
        expected=patterns.spell_all(case.accept),
        sides=(
            answers.side(case, comparison.baseline, baseline, offered),
            answers.side(case, comparison.candidate, candidate, offered),
        ),
        schemas=_schemas(tools, offered),
        tools=tools,
        notes=_notes(case),
    )


def _message(message: Mapping[str, Json]) -> Mapping[str, Json]:
    content = message.get("content")
    return {**message, "content": answers.shorten(content)} if isinstance(content, str) else message


def _tools(case: Case, records: Sequence[Record]) -> tuple[str, ...]:
    """Wanted ones first, then called ones, each once."""
    wanted = [call.tool for expectation in case.accept for call in expectation.calls]
    called = [payload.tool for record in records if record.answer for payload in record.answer.payloads]
    return tuple(dict.fromkeys([*wanted, *called]))


def _schemas(tools: Sequence[str], offered: Mapping[str, ToolSpec]) -> dict[str, Json]:
    """Of the tools that matter; of all offered ones where none does (nothing was wanted, nothing called)."""
    return {name: offered[name].schema for name in (tools or offered) if name in offered}


def _notes(case: Case) -> tuple[str, ...]:
    flaws = [f"The expected answer is flawed: {flaw}" for flaw in case.flaws]
    forbidden = [f"Forbidden here: {', '.join(case.forbid)}."] if case.forbid else []
    return (*flaws, *forbidden)
