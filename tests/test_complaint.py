"""One line says what an answer did wrong, whatever the model sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import complaint
from evalkit.data import CODES, MISMATCHES, Answer, Case, Expectation, Mismatch, Payload, Record, Violation, Wire
from evalkit.data import Response as Reply
from tests.outcomes import case, record

WANTED = case(0, "book")
NOTHING = case(1, None)


def told(case: Case, *words: str) -> str:
    return complaint.about(case, [record(case, trial, word, "m") for trial, word in enumerate(words)])


@pytest.mark.parametrize(
    ("case", "words", "line"),
    [
        (WANTED, "p", ""),
        (WANTED, "n", "wanted book, called nothing"),
        (WANTED, "v", "schema.required at /date: 'date' is required"),
        (WANTED, "w", "book: /date: wanted 2026-03-02, got 2026-03-03"),
        (WANTED, "x", "timeout: no answer in 60 s"),
        (WANTED, "pxw", "book: /date: wanted 2026-03-02, got 2026-03-03"),
        (NOTHING, "w", "wanted no call, called book"),
        (replace(WANTED, accept=()), "n", "wanted a call, called nothing"),
    ],
)
def test_the_first_shortfall_is_told(case: Case, words: str, line: str) -> None:
    assert told(case, *words) == line


@pytest.mark.parametrize(
    ("case", "words", "cause"),
    [
        (WANTED, "p", ""),
        (WANTED, "x", ""),
        (WANTED, "n", "call.missing"),
        (WANTED, "pxv", "schema.required"),
        (WANTED, "w", "arg"),
        (NOTHING, "w", "extra_call"),
    ],
)
def test_the_cause_is_the_kind_of_what_is_told(case: Case, words: str, cause: str) -> None:
    assert complaint.cause([record(case, trial, word, "m") for trial, word in enumerate(words)]) == cause
    assert cause == "" or cause in {**CODES, **MISMATCHES}


def test_a_note_that_cost_nothing_is_not_blamed() -> None:
    made = record(WANTED, 0, "v", "m")
    assert made.score is not None
    note = Violation(payload=None, code="envelope.finish_conflict", message="says stop")
    noted = replace(made, score=replace(made.score, violations=(note, *made.score.violations)))
    assert complaint.about(WANTED, [noted]).startswith("schema.required")


def test_a_call_left_in_the_text_is_told_rather_than_its_absence() -> None:
    made = record(WANTED, 0, "n", "m")
    assert made.score is not None
    leak = Violation(payload=None, code="call.leaked_in_text", message="book(...) stands in the text")
    leaked = replace(made, score=replace(made.score, violations=(*made.score.violations, leak)))
    assert complaint.about(WANTED, [leaked]) == "call.leaked_in_text: book(...) stands in the text"


def test_a_call_that_the_endpoint_could_not_read_is_told_where_none_was_wanted() -> None:
    made = record(NOTHING, 0, "p", "m")
    assert made.score is not None
    unread = Violation(payload=None, code="call.unreadable", message="the endpoint could not read the call")
    found = [replace(made, score=replace(made.score, correct=False, abstained=False, violations=(unread,)))]
    assert complaint.about(NOTHING, found) == "call.unreadable: the endpoint could not read the call"
    assert complaint.cause(found) == "call.unreadable"


@pytest.mark.parametrize(
    ("mismatch", "line"),
    [
        (Mismatch(kind="missing_call", tool="book"), "wanted book, called cancel"),
        (Mismatch(kind="extra_call", tool="cancel"), "called cancel, which is not wanted"),
        (Mismatch(kind="forbidden_call", tool="cancel"), "called cancel, which the case forbids"),
        (Mismatch(kind="order", tool="book"), "the calls come in another order than wanted: cancel"),
        (Mismatch(kind="missing_arg", tool="book", path="/a", expected=1), "book: /a is missing, wanted 1"),
        (Mismatch(kind="extra_arg", tool="book", path="/a", actual="b"), "book: /a is not wanted, got b"),
        (Mismatch(kind="arg", tool="book", path="/a", why="not Oslo"), "book: /a: not Oslo"),
        (Mismatch(kind="arg", tool="book", path="/a"), "book: /a is not what is wanted"),
    ],
)
def test_every_kind_of_mismatch_has_its_words(mismatch: Mismatch, line: str) -> None:
    assert complaint.of_mismatch(mismatch, WANTED, ["cancel"]) == line


@pytest.mark.parametrize(
    ("wanted", "called", "line"),
    [
        ([2], 1, "wanted book twice, called it once"),
        ([4], 3, "wanted book 4 times, called it 3 times"),
        ([2], 0, "wanted book, called nothing"),
        ([1, 3], 1, "wanted book 3 times, called it once"),
        ([2, 3], 1, "wanted book twice, called it once"),
        ([1], 1, "wanted book, called book"),
    ],
)
def test_a_tool_called_too_few_times_is_told_with_both_counts(wanted: list[int], called: int, line: str) -> None:
    call = WANTED.accept[0].calls[0]
    asked = replace(WANTED, accept=tuple(Expectation(calls=(call,) * count) for count in wanted))
    assert complaint.of_mismatch(Mismatch(kind="missing_call", tool="book"), asked, ["book"] * called) == line


def test_the_same_tool_several_times_is_told_as_often_as_it_was_called() -> None:
    missing, order = Mismatch(kind="missing_call", tool="book"), Mismatch(kind="order", tool="")
    assert complaint.of_mismatch(missing, WANTED, ["cancel", "pay", "cancel"]) == (
        "wanted book, called cancel twice, pay"
    )
    told = complaint.of_mismatch(order, WANTED, ["book", "cancel", "book"])
    assert told.endswith("than wanted: book, cancel, book")
    twice = replace(WANTED, accept=(Expectation(calls=WANTED.accept[0].calls * 2),))
    assert complaint.about(twice, [record(twice, 0, "n", "m")]) == "wanted book twice, called nothing"


@given(st.text(), st.text())
def test_a_line_stays_one_short_line(tool: str, message: str) -> None:
    made = record(WANTED, 0, "w", "m")
    assert made.score is not None
    mismatches = (Mismatch(kind="missing_call", tool=tool, why=message),)
    answer = Answer(payloads=(Payload(index=0, tool=message, text=None),))
    hostile = replace(
        made,
        reply=Reply(wire=Wire(status=200, body=""), dialect="openai_chat"),
        answer=answer,
        score=replace(made.score, mismatches=mismatches),
    )
    line = complaint.about(WANTED, [hostile])
    assert len(line) <= 200 and len(line.splitlines()) == 1


def test_records_without_any_answer_say_so_in_the_words_of_the_fault() -> None:
    none: list[Record] = []
    assert complaint.about(WANTED, none) == ""
