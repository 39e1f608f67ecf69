"""What is wrong with an answer, or why there is none, in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from evalkit import values
from evalkit.data import Case, Fault, Mismatch, Record, Rung, Score, Violation

_CODES: Mapping[Rung, tuple[str, ...]] = {
    "called": ("call.unreadable", "call.leaked_in_text", "call.truncated"),
    "tool": ("tool.",),
    "parsed": ("json.", "call.truncated"),
    "valid": ("schema.",),
    "correct": ("call.unreadable", "schema.", "json.", "tool."),
}
"""Which violations explain that a rung was missed. Others may stand beside them and cost nothing."""


def about(case: Case, records: Sequence[Record]) -> str:
    """Of the first trial that fell short, else of the first Fault; "" if every trial did what the case wants."""
    for record in records:
        if record.score is not None and record.score.failed_at is not None:
            return _line(_shortfall(case, record, record.score, record.score.failed_at))
    return next((_line(of_fault(record.reply)) for record in records if isinstance(record.reply, Fault)), "")


def cause(records: Sequence[Record]) -> str:
    """The kind of what `about` tells of an answer: a code, or the kind of a mismatch; "" where no trial fell short."""
    for record in records:
        if record.score is not None and (rung := record.score.failed_at) is not None:
            found = _telling(record.score, rung)
            if isinstance(found, Mismatch):
                return found.kind
            return found.code if found else "call.missing" if rung == "called" else rung
    return ""


def of_fault(fault: Fault) -> str:
    return f"{fault.kind}: {fault.message}"


def of_violation(violation: Violation) -> str:
    place = f" at {violation.path}" if violation.path else ""
    return f"{violation.code}{place}: {violation.message}"


def of_mismatch(mismatch: Mismatch, case: Case, called: Sequence[str] = ()) -> str:
    """`called`: the tools that the answer calls, in order."""
    tool, why = mismatch.tool, mismatch.why
    match mismatch.kind:
        case "missing_call":
            return _missing(tool, case, called)
        case "extra_call":
            return f"wanted no call, called {tool}" if case.wants_nothing else f"called {tool}, which is not wanted"
        case "forbidden_call":
            return f"called {tool}, which the case forbids"
        case "order":
            return f"the calls come in another order than wanted: {', '.join(called)}"
        case "missing_arg":
            return f"{tool}: {mismatch.path} is missing, wanted {values.excerpt(mismatch.expected)}"
        case "extra_arg":
            return f"{tool}: {mismatch.path} is not wanted, got {values.excerpt(mismatch.actual)}"
        case "arg":
            return f"{tool}: {mismatch.path}: {why}" if why else f"{tool}: {mismatch.path} is not what is wanted"


def _shortfall(case: Case, record: Record, score: Score, rung: Rung) -> str:
    found = _telling(score, rung)
    if isinstance(found, Mismatch):
        called = [payload.tool for payload in record.answer.payloads] if record.answer else []
        return of_mismatch(found, case, called)
    if found is not None:
        return of_violation(found)
    return f"wanted {_names(_wanted(case))}, called nothing" if rung == "called" else f"not {rung}"


def _telling(score: Score, rung: Rung) -> Violation | Mismatch | None:
    """What explains best that a rung was missed."""
    if rung == "correct" and score.mismatches:
        return score.mismatches[0]
    return next((found for found in score.violations if found.code.startswith(_CODES[rung])), None)


def _wanted(case: Case) -> Sequence[str]:
    return [call.tool for call in case.accept[0].calls] if case.accept else ["a call"]


def _missing(tool: str, case: Case, called: Sequence[str]) -> str:
    """Of a tool that is called, but too few times, how often it was wanted."""
    made = called.count(tool)
    wanted = [[call.tool for call in way.calls].count(tool) for way in case.accept]
    enough = min((count for count in wanted if count > made), default=0)
    if made and enough:
        return f"wanted {tool} {_times(enough)}, called it {_times(made)}"
    return f"wanted {tool}, called {_names(called)}"


def _names(tools: Sequence[str]) -> str:
    """Each once, with how often where that is more than once."""
    counts = Counter(tools).items()
    return ", ".join(tool if count == 1 else f"{tool} {_times(count)}" for tool, count in counts) or "nothing"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _line(text: str) -> str:
    """A model's text may hold anything; a line stays a line, and short."""
    return values.excerpt(" ".join(text.split()))
