"""What routes make of declarations: foreseen place by place, seen in what left, and never held against the model."""

from __future__ import annotations

import copy
import json
import re
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import arms, portability, values, workspace
from evalkit.arms import strict
from evalkit.cli.app import main
from evalkit.data import DIVERGENCES, Case, Divergence, Json, Record, Response, Target, ToolSpec, Wire
from evalkit.errors import InputError
from evalkit.portability import together, walking
from evalkit.portability.routes import ROUTES

SCHEMA: Json = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "minLength": 3, "description": "Airport code."},
        "price": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5},
        "class": {"oneOf": [{"const": "y"}, {"const": "c"}]},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "stop": {"$ref": "#/$defs/stop"},
        "note": {"type": ["string", "null"]},
    },
    "required": ["to"],
    "additionalProperties": False,
    "$defs": {"stop": {"type": "object", "properties": {"at": {"type": "string", "format": "iata"}}}},
}
SPEC = ToolSpec(name="book", description="Books.", schema=SCHEMA, source="tools.json#/0/parameters")


def foreseen(route: str, spec: ToolSpec = SPEC) -> set[tuple[str, str]]:
    return {(found.kind, found.path) for found in portability.check(spec, ROUTES[route])}


def with_schema(schema: Json, name: str = "book") -> ToolSpec:
    return replace(SPEC, name=name, schema=schema)


# --------------------------------------------------------------------------- foreseen


@pytest.mark.parametrize(
    ("route", "lost", "kept"),
    [
        ("gemini", "/additionalProperties", "/properties/to/minLength"),
        ("gemini", "/properties/price/exclusiveMinimum", "/properties/note"),
        ("gemini", "/properties/class/oneOf/0/const", "/required"),
        ("openai-strict", "/properties/to/minLength", "/properties/price/multipleOf"),
        ("openai-strict", "/$defs/stop/properties/at/format", "/properties/price/exclusiveMinimum"),
        ("anthropic-strict", "/properties/price/exclusiveMinimum", "/properties/to/description"),
        ("vllm", "/properties/tags/uniqueItems", "/properties/price/exclusiveMinimum"),
        ("vllm", "/$defs/stop/properties/at/format", "/properties/class/oneOf"),
        ("llama_cpp", "/properties/price/exclusiveMinimum", "/properties/to/minLength"),
        ("ollama", "/properties/price/exclusiveMinimum", "/$defs/stop/properties/at/format"),
        ("ollama", "/properties/class/oneOf", "/required"),
        ("ollama", "/properties/stop/$ref", "/properties/note"),
    ],
)
def test_a_route_loses_its_own_keywords_and_no_others(route: str, lost: str, kept: str) -> None:
    found = foreseen(route)
    assert ("lost", lost) in found
    assert not [path for _, path in found if path == kept]


def test_ollama_leaves_what_stands_below_items_as_it_is() -> None:
    text: Json = {"type": "string", "minLength": 3}
    spec = with_schema({"type": "object", "properties": {"all": {"type": "array", "items": text}, "items": text}})
    assert foreseen("ollama", spec) == {("lost", "/properties/items/minLength")}


def test_groq_refuses_required_without_properties() -> None:
    assert foreseen("groq", with_schema({"type": "object", "required": ["a"]})) == {("refused", "/required")}
    assert foreseen("groq") == set()


def test_names_of_a_function_are_a_word_for_mistral_and_groq() -> None:
    for route in ("mistral", "groq"):
        assert foreseen(route, with_schema({"type": "object"}, name="a.b")) == {("refused", "")}


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ({"type": "string", "format": "date"}, set()),
        ({"type": "string", "format": "isbn"}, {"format"}),
        ({"type": "integer", "format": "int32"}, set()),
        ({"type": "string", "minLength": 1, "maxLength": 9}, set()),
        ({"type": ["string", "null"], "pattern": "^a", "maxLength": 9}, {"pattern", "maxLength"}),
        ({"type": "number", "multipleOf": 5}, {"multipleOf"}),
        ({"type": "array", "items": {}, "uniqueItems": True}, {"uniqueItems"}),
    ],
)
def test_sglang_refuses_what_its_grammar_would_not_keep(text: Json, refused: set[str]) -> None:
    spec = with_schema({"type": "object", "properties": {"x": text}})
    assert foreseen("sglang", spec) == {("refused", f"/properties/x/{keyword}") for keyword in refused}


@pytest.mark.parametrize(
    ("whole", "lost"),
    [
        ({"patternProperties": {"^a": {}}}, set()),
        ({"patternProperties": {"^a": {}, "^b": {}}}, {"/patternProperties"}),
        ({"patternProperties": {"^a": {}}, "properties": {"b": {}}}, {"/patternProperties"}),
        ({"propertyNames": {"pattern": "^a"}}, set()),
        ({"propertyNames": {"pattern": "^a"}, "properties": {"b": {}}}, {"/propertyNames"}),
    ],
)
def test_vllm_keeps_names_by_pattern_only_where_nothing_else_names_members(whole: Json, lost: set[str]) -> None:
    assert foreseen("vllm", with_schema({"type": "object", **whole})) == {("lost", path) for path in lost}


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        ({"type": "string", "pattern": "^a$", "format": "date", "maxLength": 9}, {"format", "maxLength"}),
        ({"type": "string", "format": "date", "minLength": 1}, {"minLength"}),
        ({"type": "string", "minLength": 1}, set()),
        ({"type": "integer", "minimum": 1}, set()),
        ({"type": "number", "minimum": 1}, {"minimum"}),
        ({"type": "array", "prefixItems": [{}]}, set()),
        ({"type": "array", "prefixItems": [{}], "items": {}}, {"prefixItems"}),
        ({"type": "object", "properties": {}, "anyOf": [{}]}, {"properties"}),
    ],
)
def test_llama_cpp_holds_a_model_to_what_it_reads_first(part: Json, lost: set[str]) -> None:
    spec = with_schema({"type": "object", "properties": {"x": part}})
    assert foreseen("llama_cpp", spec) == {("lost", f"/properties/x/{keyword}") for keyword in lost}


@pytest.mark.parametrize("route", ["openai", "anthropic", "bedrock"])
def test_routes_that_pass_schemas_on_lose_nothing(route: str) -> None:
    assert foreseen(route) == set()


@pytest.mark.parametrize(
    ("route", "name", "taken"),
    [
        ("openai", "a" * 64, True),
        ("openai", "a" * 65, False),
        ("openai", "air.port", False),
        ("anthropic", "a" * 128, True),
        ("anthropic", "air.port", False),
        ("gemini", "air.port", True),
        ("gemini", "2go", False),
        ("bedrock", "a" * 65, False),
        ("vllm", "air port", True),
    ],
)
def test_a_name_that_a_route_does_not_take_is_refused(route: str, name: str, taken: bool) -> None:
    spec = with_schema({"type": "object", "properties": {}, "additionalProperties": False}, name)
    assert (("refused", "") in foreseen(route, spec)) is not taken


def test_names_of_properties_are_looked_at_too() -> None:
    spec = with_schema({"type": "object", "properties": {"x y": {"type": "string"}}})
    assert ("refused", "/properties/x y") in foreseen("anthropic", spec)
    assert ("refused", "/properties/x y") in foreseen("gemini", spec)
    assert ("refused", "/properties/x y") not in foreseen("openai", spec)


@pytest.mark.parametrize("route", ["openai", "anthropic"])
def test_a_union_at_the_root_is_refused(route: str) -> None:
    assert ("refused", "/anyOf") in foreseen(route, with_schema({"type": "object", "anyOf": [{"required": ["a"]}]}))


def test_a_schema_that_refers_to_itself_is_refused_where_recursion_is() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": False}
    node = {**tree, "properties": {"next": {"$ref": "#/$defs/node"}}}
    listed = {**node, "$defs": {"node": node}}
    assert ("refused", "") in foreseen("anthropic-strict", with_schema(tree))
    assert ("refused", "/$defs/node") in foreseen("anthropic-strict", with_schema(listed))
    assert not any(kind == "refused" for kind, _ in foreseen("openai-strict", with_schema(tree)))
    assert not any(kind == "refused" for kind, _ in foreseen("anthropic-strict", SPEC))


def nested(levels: int) -> Json:
    schema: Json = {"type": "object", "properties": {"x": {"type": "string"}}}
    for _ in range(levels - 1):
        schema = {"type": "object", "properties": {"x": schema}}
    return schema


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (nested(10), nested(11)),
        (
            {"type": "object", "properties": {"e": {"enum": [f"v{n}" for n in range(1000)]}}},
            {"type": "object", "properties": {"e": {"enum": [f"v{n}" for n in range(1001)]}}},
        ),
        (
            {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(5000)}},
            {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(5001)}},
        ),
        (
            {"type": "object", "properties": {"e": {"enum": ["v" * 119_999]}}},
            {"type": "object", "properties": {"e": {"enum": ["v" * 120_000]}}},
        ),
    ],
)
def test_limits_of_size_are_told(within: Json, beyond: Json) -> None:
    assert ("limit", "") not in foreseen("openai-strict", with_schema(within))
    assert ("limit", "") in foreseen("openai-strict", with_schema(beyond))


def with_arguments(number: int, required: int, kind: Json = "string") -> ToolSpec:
    names = [f"a{n}" for n in range(number)]
    schema = {"type": "object", "properties": dict.fromkeys(names, {"type": kind}), "required": names[:required]}
    return with_schema(schema, f"tool{number}")


@pytest.mark.parametrize(
    ("few", "one", "what"),
    [
        ([with_arguments(12, 0)] * 2, with_arguments(1, 0), "25 arguments that may be left out in the 3 tools"),
        ([with_arguments(8, 8, ["string", "null"])] * 2, with_arguments(1, 1, ["null"]), "17 arguments with altern"),
        ([with_arguments(1, 1)] * 20, with_arguments(0, 0), "21 tools in the 21 tools of one request; the limit is 20"),
    ],
)
def test_limits_of_a_request_are_told_of_tools_that_keep_them_one_by_one(
    few: list[ToolSpec], one: ToolSpec, what: str
) -> None:
    strictly = ROUTES["anthropic-strict"]
    assert together.exceeded([few, [one], []], strictly) == ()
    (found,) = together.exceeded([[one], [*few, one], few], strictly)
    assert (found.tool, found.kind) == (few[0].name, "limit") and found.message.startswith(what)
    assert not any(each.kind == "limit" for spec in (*few, one) for each in portability.check(spec, strictly))
    assert together.exceeded([[*few, one]], ROUTES["openai"]) == ()


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"provider": "anthropic_http"}, ["34 arguments that may be left out in the 10 tools"]),
        ({"provider": "litellm", "model": "bedrock/anthropic.claude-x"}, ["34 arguments that may be left out"]),
        ({"provider": "anthropic_http", "base_url": "http://127.0.0.1:9"}, []),  # who knows what is there
        ({"provider": "anthropic_http", "arm": "native"}, []),
        ({"provider": "openai_http"}, []),
    ],
)
def test_a_run_tells_the_limits_that_its_strict_tools_exceed(fields: dict[str, str], found: list[str]) -> None:
    suite = workspace.load_suite("office")
    target = Target(**{"name": "m", "model": "m", "arm": "strict", **fields})  # type: ignore[arg-type]
    told = [each for each in portability.of_target(target, suite.cases, suite.specs, ()) if each.kind == "limit"]
    assert [each.message[: len(start)] for each, start in zip(told, found, strict=True)] == found


def test_a_run_tells_the_limits_of_openai_tool_by_tool() -> None:
    deep = with_schema(nested(11))
    case = Case(id="c", messages=(), tools=("book",))
    for model, limited in {"openai/gpt": True, "groq/gpt": False}.items():
        target = Target(name="m", provider="litellm", model=model, arm="strict")
        told = portability.of_target(target, [case], {"book": deep}, ())
        assert any(each.kind == "limit" for each in told) == limited


def test_lint_tells_what_a_request_with_all_of_a_suite_would_exceed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "office", "--portability", "anthropic-strict", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["portability"]["anthropic-strict"]
    (limit,) = (each for each in told if each["kind"] == "limit")
    assert limit["message"] == "34 arguments that may be left out in the 10 tools of one request; the limit is 24"
    assert limit["source"].startswith(str(workspace.load_suite("office").specs[limit["tool"]].source))


@pytest.mark.parametrize("suite", sorted(workspace.bundled_suites()))
@pytest.mark.parametrize("route", sorted(ROUTES))
def test_every_finding_points_at_what_is_declared_there(route: str, suite: str) -> None:
    for spec in workspace.load_suite(suite).specs.values():
        file, _, at = spec.source.partition("#")
        declared = json.loads(Path(file).read_text(encoding="utf-8"))
        for found in portability.check(spec, ROUTES[route]):
            assert found.kind in DIVERGENCES
            assert not isinstance(values.at(spec.schema, found.path), values.Absent), found
            if values.at(declared, at) == spec.schema:
                assert not isinstance(values.at(declared, found.source.partition("#")[2]), values.Absent)


def test_an_unknown_route_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="did you mean 'gemini'"):
        portability.route("gemeni")


def test_every_entry_says_what_it_rests_on() -> None:
    for route in ROUTES.values():
        assert route.meaning and route.source
        re.compile(route.name)
        assert {rule.kind for rule in route.rules} <= DIVERGENCES.keys()


# --------------------------------------------------------------------------- seen


def seen(declared: Json, left: Json) -> set[tuple[str, str]]:
    return {(found.kind, found.path) for found in portability.difference(declared, left)}


def test_what_left_as_declared_differs_in_nothing() -> None:
    assert seen(SCHEMA, deepcopy(SCHEMA)) == set()
    assert portability.sent([SPEC], arms.declare([SPEC])) == ()


def test_what_is_missing_changed_or_added_is_told_where_it_stands() -> None:
    left = deepcopy(SCHEMA)
    del left["properties"]["to"]["minLength"], left["properties"]["to"]["description"], left["properties"]["note"]
    left["properties"]["price"]["multipleOf"] = 1
    left["properties"]["tags"]["maxItems"] = 9
    left["properties"]["class"]["oneOf"].pop()
    assert seen(SCHEMA, left) == {
        ("lost", "/properties/to/minLength"),
        ("unsaid", "/properties/to/description"),
        ("lost", "/properties/note"),
        ("changed", "/properties/price/multipleOf"),
        ("changed", "/properties/tags"),
        ("changed", "/properties/class/oneOf"),
    }


def test_a_reference_that_is_written_out_is_followed() -> None:
    left = deepcopy(SCHEMA)
    left["properties"]["stop"] = left.pop("$defs")["stop"]
    assert seen(SCHEMA, left) == {("changed", "/properties/stop/$ref")}
    del left["properties"]["stop"]["properties"]["at"]["format"]
    assert ("lost", "/properties/stop/properties/at/format") in seen(SCHEMA, left)


def test_types_in_capitals_and_required_in_another_order_are_the_same() -> None:
    declared = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": ["string", "null"]}}}
    left = {"type": "OBJECT", "required": ["b", "a"], "properties": {"a": {"type": ["STRING", "NULL"]}}}
    assert seen(declared, left) == set()


def test_a_tree_is_compared_to_its_end() -> None:
    tree: Json = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    flat = {"type": "object", "properties": {"next": {"type": "object"}}}
    assert seen(tree, flat) == {("changed", "/properties/next/$ref"), ("lost", "/properties/next/properties")}


schemas = st.recursive(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "integer"])}, optional={"minimum": st.integers(), "title": st.text()}
    ),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.text(max_size=3), inner, max_size=3)}
    ),
    max_leaves=5,
)


@given(schemas, st.data())
def test_whatever_keyword_is_dropped_is_told(schema: Json, data: st.DataObject) -> None:
    places = [(path, node) for path, node in walking.subschemas(schema)]
    path, node = data.draw(st.sampled_from(places))
    keyword = data.draw(st.sampled_from(sorted(node)))
    left = deepcopy(schema)
    del values.at(left, path)[keyword]  # type: ignore[union-attr]
    kind = "unsaid" if keyword == "title" else "lost"
    assert seen(schema, left) == {(kind, path + values.pointer(keyword))}


OPENAI = [{"type": "function", "function": {"name": "book", "description": "Books.", "parameters": SCHEMA}}]
SHAPES: dict[str, Json] = {
    "openai": OPENAI,
    "responses": [{"type": "function", "name": "book", "description": "Books.", "parameters": SCHEMA}],
    "anthropic": [{"name": "book", "description": "Books.", "input_schema": SCHEMA}],
    "gemini": [{"functionDeclarations": [{"name": "book", "description": "Books.", "parametersJsonSchema": SCHEMA}]}],
    "litellm's gemini": [{"function_declarations": [{"name": "book", "description": "Books.", "parameters": SCHEMA}]}],
    "bedrock": [{"toolSpec": {"name": "book", "description": "Books.", "inputSchema": {"json": SCHEMA}}}],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_providers_shape_of_a_list_of_tools_is_read(shape: str) -> None:
    assert portability.sent([SPEC], SHAPES[shape]) == ()
    bare = json.loads(json.dumps(SHAPES[shape]).replace('"minLength": 3, ', ""))
    (found,) = portability.sent([SPEC], bare)
    assert (found.tool, found.kind, found.path) == ("book", "lost", "/properties/to/minLength")
    assert found.source == "tools.json#/0/parameters/properties/to/minLength"


def test_a_tool_under_another_name_and_one_that_is_missing_are_told() -> None:
    dotted = with_schema({"type": "object"}, "air.port")
    gone = with_schema({"type": "object"}, "gone")
    left = [{"name": "air_port", "description": "Books.", "input_schema": {"type": "object"}}]
    assert [(each.tool, each.kind) for each in portability.sent([dotted, gone], left)] == [
        ("air.port", "renamed"),
        ("gone", "refused"),
    ]


@pytest.mark.parametrize("tools", [None, [], "x", [1, {}], {"tools": []}])
def test_whatever_left_is_compared(tools: Json) -> None:
    assert [each.kind for each in portability.sent([SPEC], tools)] == ["refused"]


# --------------------------------------------------------------------------- of a run

CASE = Case(id="a", messages=(), tools=("book",))


def of_target(target: Target, left: Json = None) -> tuple[Divergence, ...]:
    reply = Response(wire=Wire(status=200, body=""), dialect="openai_chat", sent=left)
    record = Record(case="a", trial=0, target=target.identity, started="", sent="", reply=reply)
    return portability.of_target(target, [CASE], {"book": SPEC}, [record, record])


TARGET = Target(name="m", provider="p", model="m")


@pytest.mark.parametrize(("arm", "rewritten"), [("native", False), ("forced", False), ("prompted", False)])
def test_arms_that_send_schemas_as_declared_diverge_in_nothing(arm: str, rewritten: bool) -> None:
    assert of_target(replace(TARGET, arm=arm)) == ()


def test_what_the_strict_arm_rewrites_is_told_without_a_word_in_the_records() -> None:
    found = of_target(replace(TARGET, arm="strict"))
    assert ("lost", "/properties/to/minLength") in {(each.kind, each.path) for each in found}
    assert of_target(replace(TARGET, arm="constrained")) == found
    assert of_target(replace(TARGET, arm="constrained", constraint="structured_outputs")) == ()


def test_what_left_says_more_than_what_was_to_leave() -> None:
    left = copy.deepcopy(arms.declare([SPEC], strict.OPENAI))
    del left[0]["function"]["parameters"]["properties"]["price"]["exclusiveMinimum"]
    found = {(each.kind, each.path) for each in of_target(replace(TARGET, arm="strict"), left)}
    assert {("lost", "/properties/price/exclusiveMinimum"), ("lost", "/properties/to/minLength")} <= found


def test_tools_that_left_as_the_arm_has_them_in_other_words_are_told_as_if_in_the_same() -> None:
    functions = [tool["function"] for tool in arms.declare([SPEC], strict.OPENAI)]
    left = [{("input_schema" if key == "parameters" else key): each[key] for key in each} for each in functions]
    assert left[0]["strict"] is True
    assert of_target(replace(TARGET, arm="strict"), left) == of_target(replace(TARGET, arm="strict"))


def test_a_tool_that_cannot_be_strict_is_said_to_be_sent_as_declared() -> None:
    spec = with_schema({"type": "object", "properties": {"any": {}}})
    (found,) = portability.of_target(replace(TARGET, arm="strict"), [CASE], {"book": spec}, [])
    assert (found.kind, found.path) == ("changed", "/properties/any")
    assert "not strict" in found.message


def test_a_strict_tool_that_left_without_its_flag_is_told() -> None:
    target = Target(name="m", provider="litellm", model="bedrock/us.anthropic.claude-x", arm="strict")
    case = Case(id="c", messages=(), tools=("k",))

    def told(**flag: Json) -> list[str]:
        rewritten = strict.rewrite(SPEC.schema, strict.CLAUDE).schema
        tool = {"name": SPEC.name, "description": SPEC.description, "input_schema": rewritten, **flag}
        reply = Response(wire=Wire(status=200, body=""), dialect="anthropic", sent=[tool])
        record = Record(case="c", trial=0, target=target.identity, started="", sent="", reply=reply)
        return [each.message for each in portability.of_target(target, [case], {"k": SPEC}, [record])]

    assert strict.rewrite(SPEC.schema, strict.CLAUDE).schema is not None
    lost = "the strict flag was not sent: nothing is enforced"
    assert lost in told()
    assert lost not in told(strict=True)
