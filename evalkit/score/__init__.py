"""Answer and case to a Score: the ladder, every violation, and what is not as the case wanted it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from evalkit import arms, plugins, values
from evalkit.arms import nulls
from evalkit.data import Answer, Case, Counts, Json, Judging, Mismatch, Payload, Pointer, Score, Suite, Violation
from evalkit.schema import Validator, compile_schema
from evalkit.schema.drafts import Formats
from evalkit.score.expectation import Fit, compile_expectation
from evalkit.score.faults import faults_of

NOTHING_WANTED = Fit(mismatches=(), calls=Counts(), arguments=Counts(), unpaired=0, matched=frozenset())
"""The fit of any answer to a case that says nothing of what must be called."""

_KEPT = 2048
"""Cases that are kept ready at a time, so that memory does not grow with the suite. The trials of one come together."""
_REMEMBERED = 64
"""Answers to a case whose scores are remembered at a time: models, and trials of one, often answer alike."""


def judge(suite: Suite, judging: Judging) -> Callable[[Case, Answer], Score]:
    """How to score answers to cases of `suite`, which was checked when it was built.

    Rules are compiled when a case is first met, and kept for a while.
    """
    benches: dict[str, _Bench] = {}

    def score(case: Case, answer: Answer) -> Score:
        bench = benches.get(case.id)
        if bench is None or bench.case is not case:
            if len(benches) >= _KEPT:
                benches.clear()
            bench = benches[case.id] = _compile(case, suite, judging)
        told = _told(answer)
        if told is None:
            return _score(bench, answer)
        found = bench.scores.get(told)
        if found is None:
            if len(bench.scores) >= _REMEMBERED:
                bench.scores.clear()
            found = bench.scores[told] = _score(bench, answer)
        return found

    return score


def _told(answer: Answer) -> Hashable | None:
    """All that is judged of an answer: two that have it in common have one score. None if it cannot be told in short.

    Arguments that crossed the wire as text are known by it. Objects are by how Python writes them, which tells 1, 1.0
    and true apart, and keeps the order of keys, in which violations are reported.
    """
    try:
        calls = [
            (call.index, call.tool, repr(call.value) if call.text is None else call.text, call.text is None, call.error)
            for call in answer.payloads
        ]
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of levels
        return None
    said = answer.text if answer.arm in arms.IN_TEXT else ""
    return answer.arm, answer.nulls, said, answer.violations, *calls


class _Bench(Struct, frozen=True):
    """A case made ready for judging."""

    case: Case
    wants_call: bool
    wants_nothing: bool
    schemas: Mapping[str, Json]
    """Tool name -> declared schema, for the tools offered."""
    formats: Formats
    fits: Sequence[Callable[[Sequence[Payload]], Fit]]
    """One for each acceptable answer."""
    forbidden: frozenset[str]
    """Names of tools."""
    compiled: dict[str, Validator] = field(default_factory=dict)
    scores: dict[Hashable, Score] = field(default_factory=dict)

    def validator(self, tool: str) -> Validator | None:
        """None for a tool that was not offered. Most that are offered are never called, so each waits for its call."""
        if tool not in self.compiled and tool in self.schemas:
            self.compiled[tool] = compile_schema(self.schemas[tool], self.formats, checked=True)
        return self.compiled.get(tool)


def _compile(case: Case, suite: Suite, judging: Judging) -> _Bench:
    specs = [suite.specs[key] for key in case.tools]
    schemas = {spec.name: spec.schema for spec in specs}
    return _Bench(
        case=case,
        wants_call=case.wants_call,
        wants_nothing=case.wants_nothing,
        schemas=schemas,
        formats=suite.formats,
        fits=[compile_expectation(expectation, schemas, judging) for expectation in case.accept],
        forbidden=frozenset(suite.specs[key].name if key in suite.specs else key for key in case.forbid),
    )


def _score(bench: _Bench, answer: Answer) -> Score:
    case, payloads = bench.case, _meant(bench, answer.payloads, answer)
    faults = [
        fault for payload in payloads for fault in faults_of(payload, bench.validator(payload.tool), bench.schemas)
    ]
    valid = not faults
    named = valid or all(payload.tool in bench.schemas for payload in payloads)
    parsed = valid or (named and all(payload.error is None for payload in payloads))
    fit = _best_fit(bench, payloads)
    forbidden = [_forbidden(payload) for payload in payloads if payload.tool in bench.forbidden]
    unread = any(violation.code == "call.unreadable" for violation in answer.violations)
    right = valid and not fit.mismatches and not forbidden and not unread

    made, wants_call = bool(payloads), bench.wants_call
    lenient = valid or _valid(bench, answer, values.lenient)
    repaired = lenient or _valid(bench, answer, lambda text: values.repair(text)[0])
    return Score(
        called=made if wants_call else None,
        tool=made and named if wants_call else None,
        parsed=made and parsed if wants_call else None,
        valid=made and valid if wants_call else None,
        correct=right and (made or not wants_call) if case.accept or case.forbid else None,
        abstained=not made and not unread if bench.wants_nothing else None,
        valid_lenient=made and lenient if wants_call else None,
        valid_repaired=made and repaired if wants_call else None,
        calls=fit.calls,
        arguments=fit.arguments,
        violations=(*answer.violations, *faults, *_call_faults(bench, payloads, fit)),
        mismatches=(*fit.mismatches, *forbidden),
    )


def _meant(bench: _Bench, payloads: Sequence[Payload], answer: Answer) -> Sequence[Payload]:
    """The arguments without the nulls that the rewriting of their schemas asked for, where they were sent rewritten."""
    if not answer.nulls:
        return payloads
    return [
        replace(payload, value=_restored(bench, payload))
        if payload.error is None and payload.tool in bench.schemas
        else payload
        for payload in payloads
    ]


def _restored(bench: _Bench, payload: Payload) -> Json:
    """A null that may stand for itself as well does so where the case wants one, or where the schema needs it."""
    schema = bench.schemas[payload.tool]
    lean = nulls.restore(payload.value, schema, _nulls_wanted(bench.case, payload.tool))
    validator = bench.validator(payload.tool)
    if validator is None or validator.valid(lean):
        return lean
    full = nulls.restore(payload.value, schema, None)
    return full if validator.valid(full) else lean


def _nulls_wanted(case: Case, tool: str) -> Collection[Pointer]:
    """Places in the arguments where an acceptable answer may have a null."""
    calls = (call for expectation in case.accept for call in expectation.calls if call.tool == tool)
    rules = [rule for call in calls for rule in call.args]
    return {rule.path for rule in rules if plugins.matcher(rule.matcher).match(rule.value, None, rule.options) is None}


def _best_fit(bench: _Bench, payloads: Sequence[Payload]) -> Fit:
    """To the acceptable answer that is nearest: the fewest calls too many or too few, then the fewest mismatches."""
    best = NOTHING_WANTED
    for position, fit in enumerate(bench.fits):
        found = fit(payloads)
        if not found.mismatches:
            return found
        if position == 0 or (found.unpaired, len(found.mismatches)) < (best.unpaired, len(best.mismatches)):
            best = found
    return best


def _forbidden(payload: Payload) -> Mismatch:
    return Mismatch(
        kind="forbidden_call",
        tool=payload.tool,
        payload=payload.index,
        actual=payload.value,
        why="the case forbids a call of this tool",
    )


# --------------------------------------------------------------------------- what is wrong with the calls as a whole


def _call_faults(bench: _Bench, payloads: Sequence[Payload], fit: Fit) -> Iterator[Violation]:
    if not payloads:
        if bench.wants_call:
            yield Violation(payload=None, code="call.missing", message="the case wants a call and none was made")
        return
    if bench.wants_nothing:
        for payload in payloads:
            message = f"{payload.tool} was called, and the case wants no call"
            yield Violation(payload=payload.index, code="call.unexpected", message=message)
    if len(payloads) > 1:
        yield from _duplicates(payloads, fit)


def _duplicates(payloads: Sequence[Payload], fit: Fit) -> Iterator[Violation]:
    """Calls made more often than wanted: once, or as often as the case wants this very call."""
    if len({payload.tool for payload in payloads}) == len(payloads):
        return
    spelled = [_spelled(payload) for payload in payloads]
    wanted = Counter(spelled[position] for position in fit.matched)
    made: Counter[tuple[str, str]] = Counter()
    for payload, call in zip(payloads, spelled, strict=True):
        made[call] += 1
        if made[call] > max(1, wanted[call]):
            message = f"{payload.tool} was called {made[call]} times with the same arguments"
            yield Violation(payload=payload.index, code="call.duplicate", message=message)


def _spelled(payload: Payload) -> tuple[str, str]:
    """One text for one call."""
    if payload.error is not None:
        return payload.tool, f"{payload.error} {payload.text}"
    if payload.text is None and values.depth(payload.value) > values.MAX_DEPTH:  # what is read from text is not deeper
        return payload.tool, f"too deep {payload.index}"
    return payload.tool, values.identity(payload.value)


# --------------------------------------------------------------------------- had it been repaired first


def _valid(bench: _Bench, answer: Answer, mend: Callable[[str], str]) -> bool:
    """Whether every call names an offered tool and its arguments fit, once mended.

    Where the calls stand in the text, it is the text as a whole that an application would mend.
    """
    if answer.arm in arms.IN_TEXT:
        mended = arms.read(mend(answer.text), answer.arm)
    else:
        mended = tuple(_mended(payload, mend) for payload in answer.payloads)
    return all(
        payload.error is None
        and isinstance(payload.value, dict)
        and (validator := bench.validator(payload.tool)) is not None
        and validator.valid(payload.value)
        for payload in _meant(bench, mended, answer)
    )


def _mended(payload: Payload, mend: Callable[[str], str]) -> Payload:
    """An object on the wire has no text to mend."""
    if payload.text is None:
        return payload
    reading = values.read(mend(payload.text))
    return replace(payload, value=reading.value, error=reading.error)
