"""Runs made up from what each case came to, for the tests that compare and decide.

A case's trials are a word: `p` passes, `w` wrong argument (valid, but not correct), `v` violates the schema, `n` calls
nothing, `x` a Fault; "ppw" is three trials, "" was never asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from evalkit import compare
from evalkit.data import (
    Answer,
    ArgRule,
    Case,
    Comparison,
    Counts,
    Expectation,
    ExpectedCall,
    Fault,
    Judging,
    Mismatch,
    Payload,
    Record,
    Response,
    Run,
    RunInfo,
    Score,
    Suite,
    Target,
    Timing,
    ToolSpec,
    Violation,
    Wire,
)
from evalkit.pairing import likeness

OLD = Target(name="old", provider="reference", model="oracle")
NEW = Target(name="new", provider="reference", model="faulty")

_RUNGS: Mapping[str, tuple[bool, bool, bool]] = {
    "p": (True, True, True),
    "w": (True, True, False),
    "v": (True, False, False),
    "n": (False, False, False),
}
"""called, valid, correct."""


def case(number: int, tool: str | None = "book", tags: Sequence[str] = ()) -> Case:
    """A case that wants one call of `tool`; None: that wants nothing called."""
    calls = (ExpectedCall(tool=tool, args=(ArgRule(path="/date", value="2026-03-02"),)),) if tool else ()
    return Case(
        id=f"case-{number}",
        messages=({"role": "user", "content": "?"},),
        tools=(tool or "book",),
        accept=(Expectation(calls=calls),),
        tags=tuple(tags),
    )


def suite(cases: Sequence[Case]) -> Suite:
    names = sorted({name for case in cases for name in case.tools})
    specs = {name: ToolSpec(name=name, description="", schema={"type": "object"}, source="made#") for name in names}
    return Suite(name="made", specs=specs, cases=tuple(cases), digest="0123456789abcdef")


def record(case: Case, trial: int, letter: str, target: str, seconds: float | None = 1.0) -> Record:
    reply: Response | Fault
    if letter == "x":
        reply, answer, score = Fault(kind="timeout", message="no answer in 60 s", seconds=60.0), None, None
    else:
        reply = Response(wire=Wire(status=200, body=""), dialect="openai_chat", timing=Timing(total=seconds))
        answer, score = _answer(case, letter), _score(case, letter)
    return Record(
        case=case.id, trial=trial, target=target, started="", sent="", reply=reply, answer=answer, score=score
    )


def _answer(case: Case, letter: str) -> Answer:
    if letter == "n" or (case.wants_nothing and letter == "p"):
        return Answer()
    return Answer(payloads=(Payload(index=0, tool=case.tools[0], text="{}", value={}),))


def _score(case: Case, letter: str) -> Score:
    tool = case.tools[0]
    none = Counts()
    if case.wants_nothing:
        good = letter == "p"
        told = () if good else (Mismatch(kind="extra_call", tool=tool),)
        return Score(
            called=None,
            tool=None,
            parsed=None,
            valid=None,
            correct=good,
            abstained=good,
            valid_lenient=None,
            valid_repaired=None,
            calls=none,
            arguments=none,
            mismatches=told,
        )
    called, valid, correct = _RUNGS[letter]
    violations = {
        "v": (Violation(payload=0, code="schema.required", path="/date", message="'date' is required"),),
        "n": (Violation(payload=None, code="call.missing", message="no call was made"),),
    }
    mismatches = {"w": (Mismatch(kind="arg", tool=tool, path="/date", why="wanted 2026-03-02, got 2026-03-03"),)}
    return Score(
        called=called,
        tool=called,
        parsed=called,
        valid=valid,
        correct=correct,
        abstained=None,
        valid_lenient=valid,
        valid_repaired=valid,
        calls=Counts(matched=int(called), expected=1, actual=int(called)),
        arguments=Counts(matched=int(correct), expected=1, actual=int(called)),
        violations=violations.get(letter, ()),
        mismatches=mismatches.get(letter, ()),
    )


def run(
    cases: Sequence[Case],
    words: Mapping[str, Sequence[str]],
    *,
    seconds: Mapping[str, float] | None = None,
    **info: Any,
) -> Run:
    """A run of OLD and NEW, or of those named in `words` (identity -> a word a case)."""
    targets = tuple(replace({"old": OLD, "new": NEW}.get(name, OLD), name=name) for name in words)
    made = suite(cases)
    described = RunInfo(
        id="made",
        created="2026-03-02T10:00:00Z",
        suite_name=made.name,
        suite_digest=made.digest,
        cases=len(cases),
        targets=targets,
        trials=1,
        judging=Judging(),
        versions={"evalkit": "1", "jsonschema": "4"},
        guards={likeness.EACH: 8},
    )
    records = tuple(
        record(case, trial, letter, name, (seconds or {}).get(name, 1.0))
        for name, column in words.items()
        for case, word in zip(cases, column, strict=True)
        for trial, letter in enumerate(word)
    )
    return Run(info=replace(described, **info), suite=made, records=records)


def compared(old: Sequence[str], new: Sequence[str], tools: Sequence[str | None] | None = None) -> Comparison:
    """OLD against NEW, a word a case each; `tools`: what each case wants."""
    cases = [case(i, tool) for i, tool in enumerate(tools or ["book"] * len(old))]
    made = run(cases, {"old": old, "new": new})
    return compare.compare(made, "old", made, "new")


def fallen(passing: int, broken: int, fixed: int = 0, failing: int = 0) -> Comparison:
    """Cases that pass on both sides, broke, were fixed, fail on both."""
    old = "p" * passing + "p" * broken + "w" * fixed + "w" * failing
    new = "p" * passing + "w" * broken + "p" * fixed + "w" * failing
    return compared(old, new)
