"""BFCL as an outside judge: its verdicts on 9,920 recorded answers against ours, and a cause for every difference."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from msgspec import Struct

from evalkit import extract, values
from evalkit.data import Answer, ArgRule, Case, Json, Judging, Response, Score, Suite, Target
from evalkit.formats import bfcl
from evalkit.schema.defaults import declared
from evalkit.score import judge

RECORDED = Path(__file__).parents[1].parent / "shared/recorded/bfcl-2024-08"
pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded BFCL results are not beside the checkout")


class Judged(Struct, frozen=True, kw_only=True):
    """One answer, judged twice."""

    model: str
    case: Case
    schemas: Mapping[str, Json]
    answer: Answer
    score: Score
    valid: bool
    """BFCL's verdict."""
    error: str
    """BFCL's reason."""

    @property
    def agrees(self) -> bool:
        return self.score.correct == self.valid


def texts(folder: str) -> dict[str, str]:
    return {str(path): path.read_text(encoding="utf-8") for path in sorted((RECORDED / folder).glob("*.jsonl"))}


@cache
def suite() -> Suite:
    return bfcl.cases({**texts("questions"), **texts("possible_answers")}, "bfcl")


@cache
def judged(strings: str) -> tuple[Judged, ...]:
    score = judge(suite(), Judging(strings="bfcl" if strings == "bfcl" else "exact"))
    cases = {case.id: case for case in suite().cases}
    found = []
    for model in sorted(path.name for path in (RECORDED / "results").iterdir()):
        lines = [line for text in texts(f"verdicts/{model}").values() for line in text.splitlines()]
        verdicts = {verdict["id"]: verdict for verdict in map(json.loads, lines)}
        target = Target(name=model, provider="replay", model=model)
        for record in bfcl.run(texts(f"results/{model}"), suite(), target):
            case, verdict = cases[record.case], verdicts[record.case]
            assert isinstance(record.reply, Response)
            answer = extract.read(record.reply)
            found.append(
                Judged(
                    model=model,
                    case=case,
                    schemas={suite().specs[key].name: suite().specs[key].schema for key in case.tools},
                    answer=answer,
                    score=score(case, answer),
                    valid=verdict["valid"],
                    error=json.dumps(verdict["error"]),
                )
            )
    return tuple(found)


# --------------------------------------------------------------------------- why the two may differ


def arguments(of: Judged) -> Iterator[tuple[str, str, Json]]:
    """(tool, pointer, value) of every argument, and of the items of lists, of every call that can be read."""
    for payload in of.answer.payloads:
        members = payload.value.items() if isinstance(payload.value, dict) else ()
        for name, value in members:
            yield payload.tool, values.pointer(name), value
            for index, item in enumerate(value if isinstance(value, list) else ()):
                yield payload.tool, values.pointer(name, index), item


def type_of(of: Judged, tool: str, path: str) -> Json:
    """The type that the schema declares for the value at `path`, a member or an item of one."""
    node = of.schemas.get(tool, {})
    for step in values.tokens(path):
        node = node.get("items", {}) if step.isdecimal() else node.get("properties", {}).get(step, {})
    return node.get("type")


def rules(of: Judged) -> Iterator[ArgRule]:
    for expectation in of.case.accept:
        for call in expectation.calls:
            yield from call.args


def whole_numbers_in_a_list_of_floats(of: Judged) -> bool:
    """BFCL wants [1.0, 3.0] for a list of float, and takes [1, 3] for another type."""
    return of.score.correct is True and "Nested type checking failed" in of.error and any(
        type(value) is int and len(values.tokens(path)) == 2 and type_of(of, tool, path) == "number"
        for tool, path, value in arguments(of)
    )  # fmt: skip


def a_whole_number_written_as_a_float(of: Judged) -> bool:
    """JSON Schema takes 4.0 for an integer, BFCL does not."""
    return of.score.correct is True and "got float" in of.error and any(
        type(value) is float and value.is_integer() and type_of(of, tool, path) == "integer"
        for tool, path, value in arguments(of)
    )  # fmt: skip


def a_default_that_was_spelled_out(of: Judged) -> bool:
    """BFCL refuses an argument that its accepted answer does not name, even if it changes nothing."""
    return of.score.correct is True and "Unexpected parameter" in of.error and any(
        values.same(declared(of.schemas.get(tool, {}), path), value) for tool, path, value in arguments(of)
    )  # fmt: skip


def arguments_that_are_no_json_count_as_no_call(of: Judged) -> bool:
    """Where no call is wanted, BFCL counts a call whose arguments do not parse as none."""
    unread = [payload.error is not None for payload in of.answer.payloads]
    return of.valid and of.case.wants_nothing and bool(unread) and all(unread)


def the_accepted_answer_breaks_its_own_schema(of: Judged) -> bool:
    """The model repeats what BFCL accepts, and what the question's function document forbids."""
    broken = [violation for violation in of.score.violations if violation.code.startswith("schema.")]
    return of.valid and bool(of.case.flaws) and bool(broken) and not of.score.mismatches


def the_accepted_answer_holds_a_call_that_cannot_be_made(of: Judged) -> bool:
    """A parameter stands among the accepted calls, so that any answer has a call too few for BFCL."""
    wanted = {len(expectation.calls) for expectation in of.case.accept}
    miscounted = "Wrong number of functions" in of.error and len(of.answer.payloads) in wanted
    return of.score.correct is True and bool(of.case.flaws) and miscounted


def an_empty_string_for_what_is_to_be_left_out(of: Judged) -> bool:
    """BFCL writes "" where an argument is left out, and takes an answer of "" for the same."""
    left_out = {rule.path for rule in rules(of) if rule.matcher == "absent" or rule.optional}
    amiss = [(mismatch.kind, mismatch.actual) for mismatch in of.score.mismatches if mismatch.path in left_out]
    return of.valid and bool(amiss) and len(amiss) == len(of.score.mismatches) and set(amiss) == {("arg", "")}


CAUSES: tuple[Callable[[Judged], bool], ...] = (
    whole_numbers_in_a_list_of_floats,
    a_whole_number_written_as_a_float,
    a_default_that_was_spelled_out,
    arguments_that_are_no_json_count_as_no_call,
    the_accepted_answer_breaks_its_own_schema,
    the_accepted_answer_holds_a_call_that_cannot_be_made,
    an_empty_string_for_what_is_to_be_left_out,
)


def by_cause(differences: list[Judged]) -> dict[str, list[Judged]]:
    found: dict[str, list[Judged]] = defaultdict(list)
    for one in differences:
        found[next((cause.__name__ for cause in CAUSES if cause(one)), "unexplained")].append(one)
    return found


def table(found: Mapping[str, list[Judged]]) -> str:
    rows = sorted(found.items(), key=lambda row: -len(row[1]))
    return "\n".join(
        f"{len(members):>4}  {name.replace('_', ' ')}: {', '.join(sorted({one.case.id for one in members}))}"
        for name, members in rows
    )


def by_category(answers: Sequence[Judged]) -> str:
    agreed: dict[str, list[bool]] = defaultdict(list)
    for one in answers:
        agreed[one.case.tags[0]].append(one.agrees)
    return "\n".join(f"{sum(each) / len(each):8.2%}  {name}" for name, each in agreed.items())


# --------------------------------------------------------------------------- the comparison


def test_everything_recorded_is_judged() -> None:
    assert len(suite().cases) == 1240
    assert len(judged("bfcl")) == 9920


def test_ours_and_bfcls_verdicts_agree_and_every_difference_has_a_cause() -> None:
    differences = [one for one in judged("bfcl") if not one.agrees]
    found = by_cause(differences)
    agreement = 1 - len(differences) / len(judged("bfcl"))
    print(f"\nagreement with BFCL, its strings: {agreement:.2%} ({len(differences)} differ)")
    print(by_category(judged("bfcl")), table(found), sep="\n")
    assert agreement >= 0.992
    assert [f"{one.case.id} of {one.model}: {one.error}" for one in found.get("unexplained", [])] == []
    assert found.keys() == {cause.__name__ for cause in CAUSES}, "a cause explains nothing: take it out"


def test_no_cause_would_explain_answers_on_which_both_agree() -> None:
    agreed = [one for one in judged("bfcl") if one.agrees]
    assert [one.case.id for one in agreed if any(cause(one) for cause in CAUSES)] == []


def test_with_our_own_strings_only_spelling_makes_a_further_difference() -> None:
    loose = {(one.model, one.case.id): one for one in judged("bfcl")}
    differences = [one for one in judged("exact") if not one.agrees]
    further = [one for one in differences if loose[one.model, one.case.id].agrees]
    agreement = 1 - len(differences) / len(judged("exact"))
    spelling = [one for one in further if one.valid and loose[one.model, one.case.id].score.correct]
    print(f"\nagreement with BFCL, our strings: {agreement:.2%}; {len(spelling)} differ by case or punctuation alone")
    print(by_category(judged("exact")))
    assert agreement >= 0.98
    assert len(spelling) == len(further)
