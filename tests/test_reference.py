"""Reference models: the ceiling is reached, valid means valid, and every fault there is a code for can be made."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import extract, plugins, reference
from evalkit.data import (
    CODES,
    Answer,
    ArgRule,
    Case,
    Expectation,
    ExpectedCall,
    Json,
    Judging,
    Response,
    Suite,
    ToolSpec,
    Usage,
    Wire,
)
from evalkit.errors import InputError
from evalkit.reference import faulty, patterns, payloads
from evalkit.reference._scalars import FORMATS
from evalkit.schema import compile_schema
from evalkit.score import judge

CORPUS = Path(__file__).parent / "corpora/reference"
RECORDED = Path(__file__).parents[1].parent / "shared/recorded/maskbench"

# --------------------------------------------------------------------------- values that fit a schema

HARD: dict[str, Json] = {
    **json.loads((CORPUS / "schemas.json").read_text(encoding="utf-8")),
    **{f"format {name}": {"type": "string", "format": name} for name in FORMATS},
}
IMPOSSIBLE: list[Json] = [
    False,
    {"enum": []},
    {"type": "integer", "minimum": 2, "maximum": 1},
    {"allOf": [{"type": "string"}, {"type": "null"}]},
]


@pytest.mark.parametrize("amount", ["some", "all", "required"])
@pytest.mark.parametrize("name", HARD)
def test_what_is_drawn_fits(name: str, amount: Any) -> None:
    validator = compile_schema(HARD[name])
    for seed in range(10):
        value = payloads.draw(HARD[name], Random(seed), amount)
        assert validator.valid(value), value
        json.dumps(value, allow_nan=False)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"enum": []},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"allOf": [{"type": "string"}, {"type": "null"}]},
    ],
)
def test_a_schema_that_nothing_fits_is_given_up(schema: Json) -> None:
    with pytest.raises(payloads.Unsampled):
        payloads.draw(schema, Random(0))


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded schemas are not beside the checkout")
def test_every_recorded_tool_schema_can_be_drawn_from() -> None:
    with (RECORDED / "glaive.jsonl").open(encoding="utf-8") as lines:
        schemas = [json.loads(line)["schema"] for line in lines]
    assert len(schemas) == 828
    for seed, schema in enumerate(schemas):
        assert compile_schema(schema).valid(payloads.draw(schema, Random(seed)))


def test_optional_properties_come_and_go() -> None:
    schema = {"type": "object", "properties": {name: {"type": "null"} for name in "abcdef"}, "required": ["a"]}
    assert payloads.draw(schema, Random(0), "required") == {"a": None}
    assert list(payloads.draw(schema, Random(0), "all")) == list("abcdef")
    assert len({tuple(payloads.draw(schema, Random(seed))) for seed in range(30)}) > 10


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{4}-\d{2}-\d{2}$", r"^[A-Z]{2,3}$", r"^(\+|00)[0-9 ]+$", r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$",
        r"^(?:a|b(c|d)?)*$", r"^\w+(-\w+)?$", r"^[\w.%+-]+$", r"^\x41\u0042[\]\\-]$", r"^a{0}b{2,}c??$",
        r"^#(?:[0-9a-fA-F]{3}){1,2}$", r"^.{3}$", r"^[a-]+$", r"^(?P<year>\d\d)$", r"^\^\$\.$", r"a|^b$", r"^{x}$", r"",
    ],
)  # fmt: skip
def test_a_drawn_string_matches_its_pattern(pattern: str) -> None:
    for seed in range(20):
        drawn = patterns.draw(pattern, Random(seed))
        assert re.search(pattern, drawn), drawn


@given(st.text(max_size=30), st.integers())
def test_any_text_can_be_drawn_from_as_a_pattern(pattern: str, seed: int) -> None:
    assert isinstance(patterns.draw(pattern, Random(seed)), str)


# --------------------------------------------------------------------------- a suite with a place for every fault


def spec(name: str, description: str, required: list[str], **properties: Json) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return ToolSpec(name=name, description=description, schema=schema, source="test")


BOOK = spec(
    "book_room",
    "Book a meeting room for a day.",
    ["room", "day", "seats", "catering", "equipment", "payer", "confirmed", "version"],
    room={"type": "string", "pattern": "^[A-Z][0-9]{3}$", "description": "Number of the room, like B102."},
    day={"type": "string", "format": "date"},
    seats={"type": "integer", "minimum": 1, "maximum": 50, "description": "How many people."},
    catering={"type": "string", "enum": ["none", "lunch", "dinner"]},
    equipment={"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1, "maxItems": 4},
    payer={"oneOf": [{"type": "string", "minLength": 3}, {"type": "object", "required": ["id"]}]},
    confirmed={"type": "boolean"},
    version={"const": 2},
    note={"type": "string"},
)  # fmt: skip
FIND = spec(
    "find_room",
    "Find free rooms in a city.",
    ["city"],
    city={"type": "string"},
    day={"type": "string", "format": "date"},
    people={"type": "integer"},
)
CANCEL = spec("cancel_booking", "Cancel a booking.", ["booking_id"], booking_id={"type": "string"})
SPECS = {spec.name: spec for spec in (BOOK, FIND, CANCEL)}


def rules(**args: Json) -> tuple[ArgRule, ...]:
    return tuple(ArgRule(path=f"/{name}", value=value) for name, value in args.items())


BOOKED = rules(
    room="B102",
    day="2026-03-05",
    seats=12,
    catering="lunch",
    equipment=["beamer", "whiteboard"],
    payer="ACME",
    confirmed=True,
    version=2,
)


def case(id: str, user: str, *accept: Expectation, **more: Any) -> Case:
    messages = ({"role": "system", "content": "Today is Monday 2 March 2026."}, {"role": "user", "content": user})
    return Case(id=id, messages=messages, tools=tuple(SPECS), accept=accept, **more)


def calls(*wanted: tuple[str, tuple[ArgRule, ...]], **more: Any) -> Expectation:
    return Expectation(calls=tuple(ExpectedCall(tool=tool, args=args) for tool, args in wanted), **more)


ODD = (
    ArgRule(path="/room", matcher="regex", value="B10[0-9]"),
    ArgRule(path="/day", matcher="date", value="2026-03-05"),
    ArgRule(path="/seats", matcher="number", value=12, options={"abs": 2}),
    ArgRule(path="/catering", matcher="one_of", value=["no such", "dinner"]),
    ArgRule(path="/equipment", matcher="length", value=2),
    ArgRule(path="/equipment/0", matcher="text", value="Beamer!"),
    ArgRule(path="/equipment/1", matcher="present"),
    ArgRule(path="/payer", matcher="present"),
    ArgRule(path="/confirmed", matcher="ignore"),
    ArgRule(path="/version", value=2),
    ArgRule(path="/note", matcher="absent"),
)
WHERE = rules(city="Oslo")
MAYBE_WHEN = ArgRule(path="/day", value="2026-03-05", optional=True)
MAYBE_WHERE = ArgRule(path="/city", value="Oslo", optional=True)
CASES = (
    case("book", "Book B102 for 12 on 5 March: lunch, beamer, whiteboard.", calls(("book_room", BOOKED))),
    case("find", "Find a room in Oslo.", calls(("find_room", WHERE))),
    case("two", "Rooms in Oslo and in Bergen.", calls(("find_room", WHERE), ("find_room", rules(city="Bergen")))),
    case("chat", "What do you think of the weather?", Expectation()),
    case("any", "Do whatever you like."),
    case("odd", "Book a room.", calls(("book_room", ODD))),
    case("optional", "Find one.", calls(("find_room", (MAYBE_WHERE, MAYBE_WHEN)))),
    case("lean", "Find one in Oslo.", calls(("find_room", (*WHERE, MAYBE_WHEN)))),
    case("open", "Book.", Expectation(calls=(ExpectedCall(tool="book_room", args=rules(seats=3), closed=False),))),
)
MODELS = ("oracle", "sampler", "lexical")
SUITE = Suite(name="rooms", specs=SPECS, cases=CASES)


def answer(said: reference.Said, *, stream: bool = False) -> Answer:
    body = plugins.dialect("openai_chat").write(
        said.calls, said.text, model="m", usage=Usage(), stream=stream, finish=said.finish, ids=said.ids
    )
    wire = Wire(status=200, body=body, stream=stream)
    return extract.read(Response(wire=wire, dialect="openai_chat", client=said.client))


def ask(model: str, one: Case, trial: int = 0, **options: Json) -> reference.Said:
    return reference.say(reference.manner(model, options), one, [SPECS[name] for name in one.tools], trial=trial)


# --------------------------------------------------------------------------- the models


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_the_oracle_is_right(one: Case) -> None:
    score = judge(SUITE, Judging())(one, answer(ask("oracle", one)))
    assert score.failed_at is None, score
    assert score.violations == ()
    assert score.abstained is not False


def test_the_oracle_leaves_optional_arguments_out_unless_the_schema_wants_them() -> None:
    by_id = {one.id: one for one in CASES}
    assert json.loads(ask("oracle", by_id["optional"]).calls[0][1]) == {"city": "Oslo", "day": "2026-03-05"}
    assert json.loads(ask("oracle", by_id["lean"]).calls[0][1]) == {"city": "Oslo"}


def test_the_sampler_is_always_valid_and_hardly_ever_right() -> None:
    score = judge(SUITE, Judging())
    scores = [score(one, answer(ask("sampler", one, trial))) for one in CASES for trial in range(10)]
    assert all(s.valid is not False for s in scores)
    assert sum(bool(s.correct) for s in scores) < len(scores) / 4
    assert len({ask("sampler", CASES[0], trial).calls for trial in range(10)}) > 5
    assert len({tool for trial in range(20) for tool, _ in ask("sampler", CASES[0], trial).calls}) == len(SPECS)


@pytest.mark.parametrize(
    ("user", "tool", "arguments"),
    [
        ("Find a room in Oslo for 12 people.", "find_room", {"city": "Oslo", "people": 12}),
        ("Find rooms in Oslo on the 5th of January", "find_room", {"city": "Oslo", "day": "2027-01-05"}),
        ("Please cancel my booking X-4711.", "cancel_booking", {"booking_id": "X-4711"}),
        ("Are there free rooms in Bergen tomorrow?", "find_room", {"city": "Bergen", "day": "2026-03-03"}),
        ("Find me rooms in 'Los Angeles' on 2026-12-24", "find_room", {"city": "Los Angeles", "day": "2026-12-24"}),
        ("How tall is Mont Blanc?", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_the_lexical_model_takes_what_the_words_say(user: str, tool: str | None, arguments: Json) -> None:
    said = ask("lexical", case("x", user))
    assert [name for name, _ in said.calls] == ([tool] if tool else [])
    if tool:
        found = json.loads(said.calls[0][1])
        assert {name: found.get(name) for name in arguments} == arguments


@given(st.text(max_size=200), st.sampled_from(MODELS))
def test_every_model_speaks_to_every_prompt(user: str, model: str) -> None:
    for tool, text in ask(model, case("x", user)).calls:
        assert tool in SPECS
        assert isinstance(json.loads(text), dict)


def test_a_case_without_tools_is_answered_with_text() -> None:
    bare = Case(id="bare", messages=({"role": "user", "content": "Hi"},), tools=(), accept=(Expectation(),))
    assert all(ask(model, bare).calls == () for model in MODELS)


def test_answers_do_not_depend_on_the_process() -> None:
    code = "from tests.test_reference import *; print([ask(m, c, 3, seed=5) for m in MODELS for c in CASES])"
    root = Path(__file__).parents[1]
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert len(printed[0]) > 1000


# --------------------------------------------------------------------------- faults

FOLLOWS = {"call.leaked_in_text": {"call.missing"}, "call.truncated": {"json.syntax"}}
"""What a fault cannot come without."""
AT = {"call.unexpected": "chat"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("code", faulty.FAULTS)
def test_every_code_has_a_fault_that_makes_it_and_no_other(code: str, stream: bool) -> None:
    one = next(one for one in CASES if one.id == AT.get(code, "book"))
    if code == "schema.required":  # one argument that may be left out without more
        one = next(one for one in CASES if one.id == "find")
    found = judge(SUITE, Judging())(one, answer(ask("faulty", one, kind=code), stream=stream)).violations
    assert {violation.code for violation in found} == {code} | FOLLOWS.get(code, set())


def test_there_is_a_fault_for_every_code() -> None:
    of_the_server = {"envelope.missing_index", "envelope.same_index", "envelope.same_id", "call.unreadable"}
    assert set(faulty.FAULTS) == set(CODES) - of_the_server


@pytest.mark.parametrize("code", faulty.FAULTS)
@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_a_fault_without_a_place_leaves_the_oracles_answer(one: Case, code: str) -> None:
    said = ask("faulty", one, kind=code)
    found = {v.code for v in judge(SUITE, Judging())(one, answer(said)).violations}
    assert found in ({code} | FOLLOWS.get(code, set()), set())
    if not found:
        assert said == ask("oracle", one)


def test_faults_come_at_their_rate_and_more_of_them_at_a_higher_one() -> None:
    many = [replace(CASES[0], id=f"case-{n}") for n in range(300)]
    oracle = [ask("oracle", one) for one in many]

    def faulty_at(rate: float) -> set[int]:
        said = [ask("faulty", one, kind="json.syntax", rate=rate, seed=1) for one in many]
        return {n for n, (a, b) in enumerate(zip(said, oracle, strict=True)) if a.calls != b.calls}

    none, few, more = faulty_at(0), faulty_at(0.1), faulty_at(0.3)
    assert not none
    assert 15 < len(few) < 50
    assert 60 < len(more) < 120
    assert few < more


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("orakel", {}, "no reference model is called 'orakel'; did you mean 'oracle'?"),
        ("faulty", {}, "name a violation code"),
        ("faulty", {"kind": "json.sintax"}, "did you mean 'json.syntax'?"),
        ("oracle", {"kind": "json.syntax"}, "only reference/faulty has one"),
        ("oracle", {"sed": 3}, "did you mean 'seed'?"),
        ("sampler", {"seed": "3"}, "seed is int, not '3'"),
        ("sampler", {"seed": True}, "seed is int, not True"),
        ("faulty", {"kind": "json.nan", "rate": 1.5}, "between 0 and 1"),
        ("oracle", {"latency": -1}, "at least 0"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(model: str, options: dict[str, Json], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        reference.manner(model, options)


def test_latency_is_made_up_around_its_mean() -> None:
    many = [ask("oracle", replace(CASES[0], id=f"case-{n}"), latency=2.0, jitter=0.3) for n in range(400)]
    seconds = [said.seconds for said in many]
    assert 1.9 < sum(seconds) / len(seconds) < 2.1
    assert min(seconds) < 1.3 < 3.0 < max(seconds)
    assert all(0 < said.first_token < said.seconds for said in many)
    assert many[0] == ask("oracle", replace(CASES[0], id="case-0"), latency=2.0, jitter=0.3)
    assert {ask("oracle", CASES[0]).seconds} == {0.0}
