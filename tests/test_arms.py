"""Each arm: what it sends, how its calls are read, and that nothing is lost on the way there and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import (
    arms,
    extract,
    judge,
    pipeline,
    plugins,
    portability,
    rows,
    score,
    selection,
    testing,
    values,
    workspace,
)
from evalkit.arms import constrained, notation, nulls, prompted, strict
from evalkit.data import (
    ARMS,
    CONSTRAINTS,
    Answer,
    ArgRule,
    Case,
    Constraint,
    Expectation,
    ExpectedCall,
    Json,
    Judging,
    Pointer,
    Record,
    Response,
    Run,
    Suite,
    Target,
    ToolSpec,
    Usage,
    Wire,
)
from evalkit.pacing.pace import Pace
from evalkit.plugins import World
from evalkit.reference import payloads
from evalkit.schema import check, compile_schema

FLIGHT: Json = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "description": "Airport code."},
        "seats": {"type": "integer", "minimum": 1, "default": 1},
        "cabin": {"enum": ["economy", "business"]},
        "meal": {"type": ["string", "null"]},
        "via": {"$ref": "#/$defs/stop"},
    },
    "required": ["to"],
    "$defs": {
        "stop": {
            "type": "object",
            "properties": {"at": {"type": "string"}, "hours": {"type": "integer"}},
            "required": ["at"],
        }
    },
}
SPEC = ToolSpec(name="book", description="Books a flight.", schema=FLIGHT, source="tools.json#/0")
TARGET = Target(name="m", provider="p", model="model-1")


def departures(schema: Json) -> set[tuple[str, str]]:
    return {(found.kind, found.path) for found in strict.rewrite(schema).departures}


# --------------------------------------------------------------------------- strict: the schema


def test_a_strict_schema_requires_every_member_and_lets_the_optional_be_null() -> None:
    assert strict.rewrite(FLIGHT).schema == {
        "type": "object",
        "properties": {
            "to": {"type": "string", "description": "Airport code."},
            "seats": {"type": ["integer", "null"], "minimum": 1},
            "cabin": {"type": ["string", "null"], "enum": ["economy", "business", None]},
            "meal": {"type": ["string", "null"]},
            "via": {"anyOf": [{"$ref": "#/$defs/stop"}, {"type": "null"}]},
        },
        "required": ["to", "seats", "cabin", "meal", "via"],
        "additionalProperties": False,
        "$defs": {
            "stop": {
                "type": "object",
                "properties": {"at": {"type": "string"}, "hours": {"type": ["integer", "null"]}},
                "required": ["at", "hours"],
                "additionalProperties": False,
            }
        },
    }


def test_every_departure_is_told_where_it_stands() -> None:
    assert departures(FLIGHT) == {
        ("changed", ""),
        ("changed", "/properties/seats"),
        ("unsaid", "/properties/seats/default"),
        ("changed", "/properties/cabin"),
        ("changed", "/properties/meal"),
        ("changed", "/properties/via"),
        ("changed", "/$defs/stop"),
        ("changed", "/$defs/stop/properties/hours"),
    }


@pytest.mark.parametrize(
    ("part", "kind", "where"),
    [
        ({"type": "string", "minLength": 2}, "lost", "/minLength"),
        ({"type": "string", "format": "iban"}, "lost", "/format"),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "lost", "/uniqueItems"),
        ({"type": "string", "examples": ["x"]}, "unsaid", "/examples"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "changed", "/oneOf"),
        ({"allOf": [{"type": "string"}]}, "changed", "/allOf"),
        ({"const": 1}, "changed", ""),
        ({"type": "string", "format": "date", "pattern": "^2"}, None, ""),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None, ""),
    ],
)
def test_what_a_strict_schema_cannot_hold_is_left_out_and_told(part: Json, kind: str | None, where: str) -> None:
    schema = {"type": "object", "properties": {"x": part}, "required": ["x"], "additionalProperties": False}
    assert departures(schema) == ({(kind, f"/properties/x{where}")} if kind else set())
    assert strict.rewrite(schema).schema is not None


@pytest.mark.parametrize(
    "part",
    [
        {},
        True,
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "patternProperties": {"^x": {"type": "string"}}},
        {"type": "array"},
        {"type": "array", "prefixItems": [{"type": "string"}]},
        {"allOf": [{"type": "string"}, {"minLength": 1}]},
        {"$ref": "#/properties/y"},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]},
    ],
)
def test_a_tool_that_no_strict_schema_says_is_sent_as_declared(part: Json) -> None:
    schema = {"type": "object", "properties": {"x": part, "y": {"type": "string"}}}
    spec = ToolSpec(name="t", description="", schema=schema, source="")
    (found,) = strict.rewrite(schema).departures
    assert found.kind == "refused"
    assert found.path.startswith("/properties/x")
    assert arms.declare([spec], strict.OPENAI) == arms.declare([spec])


@pytest.mark.parametrize(
    "root", [{"anyOf": [FLIGHT]}, {"type": "array"}, {"$ref": "#/$defs/x", "$defs": {"x": FLIGHT}}]
)
def test_the_root_of_a_strict_schema_is_a_plain_object(root: Json) -> None:
    assert strict.rewrite(root).schema is None


# --------------------------------------------------------------------------- strict: there and back


def test_a_null_that_stands_for_nothing_is_taken_out_and_one_that_was_meant_stays() -> None:
    sent = {"to": "OSL", "seats": None, "cabin": None, "meal": None, "via": {"at": "CPH", "hours": None}}
    assert nulls.restore(sent, FLIGHT) == {"to": "OSL", "via": {"at": "CPH"}}
    assert nulls.restore(sent, FLIGHT, {"/meal", "/seats"}) == {"to": "OSL", "meal": None, "via": {"at": "CPH"}}
    assert nulls.restore(sent, FLIGHT, None) == {"to": "OSL", "meal": None, "via": {"at": "CPH"}}
    assert nulls.restore({"to": None}, FLIGHT) == {"to": None}, "a required member is not optional"
    assert nulls.restore({"to": "OSL", "who": None}, FLIGHT) == {"to": "OSL", "who": None}, "not of the schema"


def test_nothing_is_undone_where_the_schema_was_not_rewritten() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string"}, "any": {}}}
    assert strict.rewrite(schema).schema is None
    assert nulls.restore({"x": None}, schema) == {"x": None}


def _objects(inner: st.SearchStrategy[Json], lossy: bool) -> st.SearchStrategy[Json]:
    def closed(parts: dict[str, Json], needed: list[str], open: bool) -> Json:
        required = [name for name in parts if name in needed]
        shut = {} if open else {"additionalProperties": False}
        return {"type": "object", "properties": parts, "required": required, **shut}

    names = st.sampled_from(["a", "b", "c/d", "~e"])
    parts = st.dictionaries(names, inner, min_size=1, max_size=3)
    return st.builds(closed, parts, st.lists(names), st.booleans() if lossy else st.just(False))


SCALARS: list[Json] = [
    {"type": "string"},
    {"type": "integer", "minimum": 0, "maximum": 9},
    {"type": ["boolean", "null"]},
    {"type": "string", "enum": ["x", "y"]},
    {"const": "k"},
    {"enum": [1, "two", None]},
    {"type": "string", "format": "date"},
    {"$ref": "#/$defs/leaf"},
    {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    {"anyOf": [{"type": "number"}, {"type": "null"}]},
    {"oneOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}]},
]
LOSSY: list[Json] = [
    {"type": "string", "minLength": 2, "maxLength": 5},
    {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
    {"allOf": [{"type": "integer", "multipleOf": 2}]},
]


def schemas(*, lossy: bool) -> st.SearchStrategy[Json]:
    """Schemas of arguments that have a strict form; with `lossy`, such as lose constraints in it."""

    def containers(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
        arrays = st.builds(lambda items: {"type": "array", "items": items, "maxItems": 2}, inner)
        either = st.builds(lambda part: {"anyOf": [part, {"type": "string"}]}, _objects(inner, lossy))
        return _objects(inner, lossy) | arrays | either

    leaves = st.sampled_from([*SCALARS, *LOSSY] if lossy else SCALARS)
    leaf = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    roots = _objects(st.recursive(leaves, containers, max_leaves=4), lossy)
    return roots.map(lambda root: {**root, "$defs": {"leaf": leaf}})


@given(schemas(lossy=False), st.randoms(use_true_random=False))
def test_what_fits_a_lossless_strict_schema_fits_the_declared_one_once_restored(schema: Json, random: Random) -> None:
    rewritten = strict.rewrite(schema)
    assert not check(rewritten.schema, "")
    assert {found.kind for found in rewritten.departures} <= {"changed"}
    drawn = payloads.draw(rewritten.schema, random, "all")
    for value in (drawn, _with_nulls(drawn, random)):
        if compile_schema(rewritten.schema).valid(value):
            assert compile_schema(schema).violations(nulls.restore(value, schema)) == ()


def _with_nulls(value: Json, random: Random) -> Json:
    """`value` with some of its members null."""
    if isinstance(value, dict):
        return {name: None if random.random() < 0.4 else _with_nulls(item, random) for name, item in value.items()}
    return [_with_nulls(item, random) for item in value] if isinstance(value, list) else value


@given(schemas(lossy=True), st.randoms(use_true_random=False), st.sampled_from(["required", "all"]))
def test_what_fits_the_declared_schema_can_be_said_strictly_and_comes_back_the_same(
    schema: Json, random: Random, how: str
) -> None:
    value = payloads.draw(schema, random, how)  # type: ignore[arg-type]
    assume(compile_schema(schema).valid(value))
    spelled = nulls.spell(value, schema)
    assert compile_schema(strict.rewrite(schema).schema).violations(spelled) == ()
    assert nulls.restore(spelled, schema, set(_nulls(value))) == value


def _nulls(value: Json, path: Pointer = "") -> Iterator[Pointer]:
    if value is None:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _nulls(item, path + values.pointer(key))


@pytest.mark.parametrize("suite", sorted(workspace.bundled_suites()))
def test_every_bundled_tool_has_a_sound_strict_form_or_a_reason(suite: str) -> None:
    for spec in workspace.load_suite(suite).specs.values():
        rewritten = strict.rewrite(spec.schema)
        if rewritten.schema is None:
            assert rewritten.departures[0].kind == "refused"
        else:
            assert not check(rewritten.schema, spec.source)
            value = payloads.draw(spec.schema, Random(0), "required")
            assert nulls.restore(nulls.spell(value, spec.schema), spec.schema, set(_nulls(value))) == value


# --------------------------------------------------------------------------- prompted: the messages


def test_the_tools_stand_in_the_system_message_and_can_be_found_there() -> None:
    (told, asked) = prompted.messages([{"role": "user", "content": "hi"}], prompted.system([SPEC]))
    assert told["role"] == "system"
    assert json.dumps(FLIGHT, ensure_ascii=False) in told["content"]
    assert asked == {"role": "user", "content": "hi"}
    assert list(prompted.declared(told["content"])) == ["book"]
    assert list(prompted.declared("hi")) == []


@pytest.mark.parametrize("content", ["Be brief.", [{"type": "text", "text": "Be brief."}]])
def test_the_cases_own_system_message_comes_first_in_the_same_message(content: Json) -> None:
    (told, _) = prompted.messages(
        [{"role": "system", "content": content}, {"role": "user", "content": "hi"}], prompted.system([SPEC])
    )
    text = told["content"] if isinstance(content, str) else "".join(part["text"] for part in told["content"])
    assert text.startswith("Be brief.")
    assert '"name": "book"' in text


def test_earlier_calls_and_results_are_said_in_the_notation() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "book", "arguments": '{"to": "OSL"}'}}
    said: list[dict[str, Json]] = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "booked"},
    ]
    made, result = prompted.messages(said, "")
    assert made == {"role": "assistant", "content": '[{"name": "book", "arguments": {"to": "OSL"}}]'}
    assert result == {"role": "user", "content": "Result of the call c1: booked"}


def test_without_tools_nothing_is_added() -> None:
    said = [{"role": "user", "content": "hi"}]
    for arm in ("prompted", "constrained", "strict"):
        offer = arms.offer(Target(name="m", provider="p", model="m", arm=arm), [])
        assert (offer.messages(said), offer.large, offer.small) == (said, {}, {})


# --------------------------------------------------------------------------- the notation

NOTATIONS = [notation.BARE, notation.UNDER_CALLS]
arguments = st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=6) | st.none(), max_size=3)
made = st.lists(st.tuples(st.text(min_size=1, max_size=8), arguments), max_size=3)


@pytest.mark.parametrize("written", NOTATIONS)
@given(made, st.sampled_from([None, 1, 3]), st.sampled_from(["", "\n", "  \t"]))
def test_what_is_written_is_read_back_character_for_character(
    written: notation.Notation, calls: list[tuple[str, Json]], indent: int | None, space: str
) -> None:
    texts = [(tool, json.dumps(value, indent=indent)) for tool, value in calls]
    read = notation.read(f"{space}{notation.write(texts, written)}{space}", written)
    assert [(payload.tool, payload.text, payload.value, payload.error) for payload in read] == [
        (tool, text, value, None) for (tool, text), (_, value) in zip(texts, calls, strict=True)
    ]


@pytest.mark.parametrize("written", NOTATIONS)
@pytest.mark.parametrize(
    ("around", "error"),
    [
        ("```json\n{}\n```", "json.fenced"),
        ("{}\n\nI have called the tools.", "json.trailing_data"),
        ("{}{}", "json.concatenated"),
    ],
)
def test_what_stands_around_the_calls_spoils_them_all_and_they_are_named(
    written: notation.Notation, around: str, error: str
) -> None:
    whole = notation.write([("a", '{"x":  1}'), ("b", "{}")], written)
    found = notation.read(around.replace("{}", whole), written)
    assert [(payload.tool, payload.text, payload.error) for payload in found] == [
        ("a", '{"x":  1}', error),
        ("b", "{}", error),
    ]
    assert all(payload.value is None for payload in found)


@pytest.mark.parametrize("written", NOTATIONS)
def test_what_is_cut_off_is_one_call_as_far_as_it_goes(written: notation.Notation) -> None:
    text = notation.write([("book", '{"to": "OSL"}')], written)[:-6]
    (payload,) = notation.read(text, written)
    assert (payload.tool, payload.text, payload.error) == ("book", text, "json.syntax")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is cold.",
        "[Note] I cannot do that.",
        'Of course: [{"name": "book", "arguments": {}}]',
        '{"name": "book", "arguments": {}}',
        "```python\nprint(1)\n```",
    ],
)
def test_a_text_that_does_not_begin_as_the_notation_does_holds_no_call(text: str) -> None:
    assert all(notation.read(text, written) == () for written in NOTATIONS)


def test_no_calls_are_no_calls() -> None:
    assert notation.read("[]", notation.BARE) == notation.read('{"calls": []}', notation.UNDER_CALLS) == ()


@pytest.mark.parametrize(
    ("call", "tool", "text", "error"),
    [
        ('{"name": "a"}', "a", "", "json.syntax"),
        ('{"name": 7, "arguments": {}}', "", '{"name": 7, "arguments": {}}', None),
        ('{"name": "a", "arguments": "{}"}', "a", '"{}"', None),
    ],
)
def test_a_call_without_its_parts_is_still_seen(call: str, tool: str, text: str, error: str | None) -> None:
    (payload,) = notation.read(f"[{call}]", notation.BARE)
    assert (payload.tool, payload.text, payload.error) == (tool, text, error)


@given(st.text(alphabet='[]{}":, \n`name argucls1', max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for written in NOTATIONS:
        for start in ("", "[{", '{"calls": [', '```json\n[{"name": "a",'):
            for payload in notation.read(start + text, written):
                assert payload.error is None or payload.value is None


# --------------------------------------------------------------------------- constrained


@pytest.mark.parametrize(
    ("constraint", "place"),
    [
        ("response_format", "/response_format/json_schema/schema"),
        ("structured_outputs", "/structured_outputs/json"),
        ("grammar", "/json_schema"),
    ],
)
def test_the_union_of_all_calls_allows_what_the_tools_allow(constraint: Constraint, place: str) -> None:
    plain = ToolSpec(name="go", description="", schema={"type": "object", "properties": {}}, source="")
    members = constrained.members([SPEC, plain], constraint)
    union = values.at(members, place)
    assert not check(union, "")
    validator = compile_schema(union)
    right = {"to": "OSL", "via": {"at": "CPH"}}
    spelled = nulls.spell(right, FLIGHT) if constraint == "response_format" else right
    calls = [{"name": "book", "arguments": spelled}, {"name": "go", "arguments": {}}]
    assert validator.violations({"calls": calls}) == ()
    assert validator.valid({"calls": []})
    assert not validator.valid({"calls": [{"name": "other", "arguments": {}}]})
    assert not validator.valid({"calls": [{"name": "book", "arguments": {"to": 1}}]})
    assert not validator.valid([])


def test_an_offer_is_what_its_arm_says() -> None:
    def offered(arm: str) -> arms.Offer:
        return arms.offer(Target(name="m", provider="p", model="m", arm=arm), [SPEC])

    assert offered("native").large == {"tools": arms.declare([SPEC])}
    assert offered("forced").small == {"tool_choice": {"type": "function", "function": {"name": "book"}}}
    (tool,) = offered("strict").large["tools"]
    assert tool["function"]["strict"] is True
    assert tool["function"]["parameters"] == strict.rewrite(FLIGHT).schema
    assert offered("prompted").large == {}
    assert set(offered("constrained").large) == {"response_format"}
    assert len({offered(arm).digest for arm in ("native", "strict", "constrained")}) == 3


def test_of_several_tools_none_is_named_for_that_would_give_the_answer_away() -> None:
    target = Target(name="m", provider="p", model="m", arm="forced")
    assert arms.offer(target, [SPEC, replace(SPEC, name="other")]).small == {"tool_choice": "required"}


@pytest.mark.parametrize(
    ("back", "place"),
    [
        ("#", ""),
        ("#/$defs/leg", "/$defs/leg"),
        ("#/$defs/l%65g", "/$defs/leg"),
        ("#/$defs/stop", "/$defs/leg"),
        ("#/$defs/place", None),
    ],
)
def test_a_schema_that_refers_to_itself_is_strict_for_openai_and_as_declared_for_claude(
    back: str, place: Pointer | None
) -> None:
    defs: Json = {
        "leg": {"type": "object", "properties": {"next": {"$ref": back}}},
        "stop": {"type": "array", "items": {"$ref": "#/$defs/leg"}},
        "place": {"type": "string"},
    }
    schema = {"type": "object", "properties": {"first": {"$ref": "#/$defs/leg"}}, "$defs": defs}
    assert strict.rewrite(schema).schema is not None
    rewritten = strict.rewrite(schema, strict.CLAUDE)
    assert (rewritten.schema is None) == (place is not None)
    if place is not None:
        assert [(found.kind, found.path) for found in rewritten.departures] == [("refused", place)]


def test_a_strict_tool_on_bedrock_may_leave_arguments_out_and_has_no_bounds() -> None:
    schema = {
        "type": "object",
        "properties": {"to": {"type": "string"}, "seats": {"type": "integer", "minimum": 1}},
        "required": ["to"],
    }
    target = Target(name="m", provider="litellm", model="bedrock/anthropic.claude-x", arm="strict")
    (tool,) = arms.offer(target, [replace(SPEC, schema=schema)]).large["tools"]
    assert tool["function"]["strict"] is True
    assert tool["function"]["parameters"] == {
        "type": "object",
        "properties": {"to": {"type": "string"}, "seats": {"type": "integer"}},
        "required": ["to"],
        "additionalProperties": False,
    }
    told = portability.of_target(
        target, [Case(id="c", messages=(), tools=("b",))], {"b": replace(SPEC, schema=schema)}, []
    )
    assert {(each.kind, each.path) for each in told} == {
        ("lost", "/properties/seats/minimum"),
        ("changed", ""),
    }


def test_a_null_stands_for_nothing_where_arguments_may_be_left_out() -> None:
    def read_as(provider: str, model: str) -> str:
        return arms.answered(Target(name="m", provider=provider, model=model, arm="strict"))

    assert read_as("openai_http", "m") == read_as("litellm", "openai/m") == "strict"
    assert read_as("litellm", "gemini/m") == read_as("litellm", "bedrock/anthropic.claude-x") == "native"
    assert arms.answered(Target(name="m", provider="litellm", model="gemini/m", arm="forced")) == "forced"


# --------------------------------------------------------------------------- the whole path

SUITE = selection.select(workspace.load_suite("travel"), limit=16)
ASKED = [
    *((arm, "response_format") for arm in sorted(ARMS)),
    *(("constrained", constraint) for constraint in sorted(CONSTRAINTS) if constraint != "response_format"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[testing.Server]:
    with testing.running(SUITE) as running:
        yield running


async def scores(target: Target, suite: Suite = SUITE) -> list[Record]:
    """Every case of `suite` asked and judged."""
    world = World(environ={}, load_run=no_runs)
    asked = pipeline.ask([pipeline.plan(suite, [target], 1)], suite, [target], world, Pace(retries=0))
    worth = judge.records(suite, Judging(), [target])
    return [worth(record) async for record in asked]


def no_runs(name: str) -> Run:
    raise AssertionError(name)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(("arm", "constraint"), ASKED)
async def test_a_right_model_is_right_on_every_arm(
    server: testing.Server, arm: str, constraint: Constraint, stream: bool
) -> None:
    target = Target(
        name="m",
        provider="openai_http",
        model="oracle",
        base_url=server.openai_url,
        arm=arm,
        stream=stream,
        constraint=constraint,
    )
    for record in await scores(target):
        assert record.answer is not None and record.score is not None, record.reply
        assert record.answer.arm == arm
        assert record.score.violations == ()
        assert record.score.correct is not False


@pytest.mark.parametrize("arm", sorted(arms.IN_TEXT))
async def test_an_arm_without_tools_in_the_body_sends_none(server: testing.Server, arm: str) -> None:
    await scores(replace(TARGET, provider="openai_http", model="oracle", base_url=server.openai_url, arm=arm))
    assert not {"tools", "tool_choice"} & server.requests[-1].json.keys()


@pytest.mark.parametrize("arm", sorted(ARMS))
@pytest.mark.parametrize("kind", ["schema.required", "schema.stringified_container", "tool.unknown", "call.duplicate"])
async def test_a_planted_fault_is_seen_on_every_arm_and_judged_against_the_declared_schema(arm: str, kind: str) -> None:
    target = Target(name="m", provider="reference", model="faulty", options={"kind": kind}, arm=arm)
    seen = [violation.code for record in await scores(target) if record.score for violation in record.score.violations]
    native = [
        violation.code
        for record in await scores(replace(target, arm="native"))
        if record.score
        for violation in record.score.violations
    ]
    assert seen == native
    assert kind in seen


async def test_a_stored_answer_is_read_again_in_the_way_it_was_asked() -> None:
    target = Target(name="m", provider="reference", model="oracle", arm="prompted")
    for record in await scores(target):
        stored = rows.record(rows.row(replace(record, answer=None, score=None)))
        again = judge.records(SUITE, Judging())(stored)
        assert (again.answer, again.score) == (record.answer, record.score)


def answered(text: str, arm: str, finish: str | None = None, calls: Sequence[tuple[str, Json]] = ()) -> Answer:
    body = plugins.dialect("openai_chat").write(calls, text, model="m", usage=Usage(), stream=False, finish=finish)
    return extract.read(Response(wire=Wire(status=200, body=body), dialect="openai_chat", arm=arm))


def test_calls_are_read_from_the_text_and_from_nowhere_else() -> None:
    answer = answered("", "prompted", calls=[("book", "{}")])
    assert answer.payloads == ()
    assert [violation.code for violation in answer.violations] == ["envelope.finish_conflict"]


def test_a_call_behind_prose_is_left_in_the_text() -> None:
    answer = answered('Gladly:\n[{"name": "book", "arguments": {"to": "OSL"}}]', "prompted")
    assert answer.payloads == ()
    assert [violation.code for violation in answer.violations] == ["call.leaked_in_text"]


def test_a_text_cut_off_at_the_token_limit_is_a_truncated_call() -> None:
    answer = answered('[{"name": "book", "arguments": {"to": "O', "prompted", finish="length")
    assert [(v.code, v.payload) for v in answer.violations] == [("call.truncated", 0)]


@pytest.mark.parametrize(
    ("text", "lenient", "repaired"),
    [
        ('```json\n[{"name": "book", "arguments": {"to": "OSL"}}]\n```', True, True),
        ('[{"name": "book", "arguments": {"to": "OSL"},}]', False, True),
        ('```json\n[{"name": "book", "arguments": {}}]\n```', False, False),
    ],
)
def test_what_leniency_and_repair_would_buy_is_told_of_the_text_as_a_whole(
    text: str, lenient: bool, repaired: bool
) -> None:
    case = Case(id="a", messages=(), tools=("book",))
    rules = score.judge(Suite(name="s", specs={"book": SPEC}, cases=(case,)), Judging())
    given = rules(case, answered(text, "prompted"))
    assert (given.called, given.tool, given.parsed) == (True, True, False)
    assert (given.valid_lenient, given.valid_repaired) == (lenient, repaired)


@pytest.mark.parametrize(
    ("wanted", "sent", "correct"),
    [
        ({"to": "OSL"}, {"to": "OSL", "seats": None, "cabin": None, "meal": None, "via": None}, True),
        ({"to": "OSL", "meal": None}, {"to": "OSL", "seats": None, "cabin": None, "meal": None, "via": None}, True),
        ({"to": "OSL", "seats": 2}, {"to": "OSL", "seats": None, "cabin": None, "meal": None, "via": None}, False),
    ],
)
def test_strict_nulls_are_judged_as_what_they_stand_for(wanted: Json, sent: Json, correct: bool) -> None:
    rules = tuple(ArgRule(path=f"/{name}", value=value) for name, value in wanted.items())
    case = Case(
        id="a",
        messages=(),
        tools=("book",),
        accept=(Expectation(calls=(ExpectedCall(tool="book", args=rules),)),),
    )
    judged = score.judge(Suite(name="s", specs={"book": SPEC}, cases=(case,)), Judging())
    made = [("book", json.dumps(sent))]
    assert judged(case, answered("", "strict", calls=made)).correct is correct
    assert judged(case, answered("", "native", calls=made)).valid is False


def test_a_null_in_the_text_counts_as_left_out_only_where_the_schema_asked_for_it() -> None:
    said = '{"calls": [{"name": "book", "arguments": {"to": "OSL", "seats": null, "via": null}}]}'
    body = plugins.dialect("openai_chat").write([], said, model="m", usage=Usage(), stream=False)
    wire = Wire(status=200, body=body)
    case = Case(id="a", messages=(), tools=("book",))
    rules = score.judge(Suite(name="s", specs={"book": SPEC}, cases=()), Judging())
    for strictly in (True, False, True):
        answer = extract.read(Response(wire=wire, dialect="openai_chat", arm="constrained", nulls=strictly))
        assert rules(case, answer).valid is strictly


def test_who_is_sent_schemas_in_strict_form_spells_nulls() -> None:
    def spells(**fields: Any) -> bool:
        return arms.spells_nulls(Target(name="m", model="m", **{"provider": "openai_http", **fields}))

    assert spells(arm="strict")
    assert spells(arm="constrained", constraint="response_format")
    assert not spells(arm="constrained", constraint="structured_outputs")
    assert not spells(arm="constrained", constraint="response_format", provider="anthropic_http")
    assert not spells(arm="native")


def test_a_null_that_the_schema_needs_stands_for_itself() -> None:
    changes = {"type": "object", "properties": {"phone": {"type": ["string", "null"]}}, "minProperties": 1}
    spec = ToolSpec(name="t", description="", schema={"type": "object", "properties": {"set": changes}}, source="")
    case = Case(id="a", messages=(), tools=("t",))
    rules = score.judge(Suite(name="s", specs={"t": spec}, cases=(case,)), Judging())
    assert rules(case, answered("", "strict", calls=[("t", '{"set": {"phone": null}}')])).valid is True
