"""Other tools' files: each format reads its own, refuses what is wrong with a place, and knows itself from the rest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evalkit import extract, plugins, schema, suite
from evalkit.data import ArgRule, Case, Expectation, Json, Target, Usage
from evalkit.errors import InputError

CORPUS = Path(__file__).parent / "corpora" / "tools"
BFCL = Path(__file__).parents[1].parent / "shared/recorded/bfcl-2024-08"
EXAMPLES = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*.*"))
"""FORMAT/NAME.json or .yaml: tool files as other people's programs write them."""
DECLARING = [name for name in plugins.names("formats") if hasattr(plugins.find("formats", name), "tools")]

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "City and country."},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "units": {"type": "string", "enum": ["metric", "imperial"]},
    },
    "required": ["city"],
}


def test_there_are_examples_of_every_format_that_reads_tools() -> None:
    assert {example.partition("/")[0] for example in EXAMPLES} == set(DECLARING)


@pytest.mark.parametrize("example", EXAMPLES)
def test_exactly_the_right_format_recognises_a_file(example: str) -> None:
    text = (CORPUS / example).read_text(encoding="utf-8")
    assert [name for name in plugins.names("formats") if plugins.find("formats", name).sniff(text)] == [
        example.partition("/")[0]
    ]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "5", "null", "no: [", "{", "a: 1", '{"tools": []}', "\x00", "[[]]", '"x"']
)
def test_no_format_recognises_what_declares_nothing(text: str) -> None:
    assert not [name for name in plugins.names("formats") if plugins.find("formats", name).sniff(text)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_tool_of_an_example_is_usable(example: str) -> None:
    name, _, file = example.partition("/")
    specs = plugins.find("formats", name).tools((CORPUS / example).read_text(encoding="utf-8"), file)
    assert specs
    for spec in specs:
        assert schema.check(spec.schema, spec.source) == ()
        assert spec.source.startswith(f"{file}#")
    weather = next((spec for spec in specs if "weather" in spec.name), None)
    if weather is not None:
        assert (weather.name, weather.description) == ("get_weather", "The weather in a city.")
        assert weather.schema == WEATHER


# --------------------------------------------------------------------------- what each makes of its own


def read(name: str, value: Json, file: str = "t.json") -> tuple[Any, ...]:
    specs: tuple[Any, ...] = plugins.find("formats", name).tools(json.dumps(value), file)
    return specs


def test_the_source_is_the_place_of_the_schema() -> None:
    declared = {"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}
    assert read("openai_chat", {"tools": [declared]})[0].source == "t.json#/tools/0/function/parameters"
    assert read("mcp", {"result": {"tools": [{"name": "a", "inputSchema": {}}]}})[0].source.endswith(
        "#/result/tools/0/inputSchema"
    )
    assert read("gemini", [{"functionDeclarations": [{"name": "a"}]}])[0].source == "t.json#/0/functionDeclarations/0"


def test_a_tool_without_parameters_takes_none() -> None:
    for name, declared in {
        "openai_chat": {"type": "function", "function": {"name": "now"}},
        "openai_responses": {"type": "function", "name": "now", "parameters": None},
        "gemini": {"functionDeclarations": [{"name": "now"}]},
    }.items():
        (spec,) = read(name, declared)
        assert spec.schema == {"type": "object", "properties": {}}


def test_the_schema_stays_as_declared() -> None:
    odd = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"optional": {"$ref": "#/definitions/x"}, "nullable": {"type": "string", "nullable": True}},
        "definitions": {"x": {"type": ["string", "null"], "format": "date", "x-mine": [1]}},
        "strict": True,
    }
    for name, key in {"openai_responses": "parameters", "anthropic": "input_schema", "mcp": "inputSchema"}.items():
        kind = {"type": "function"} if name == "openai_responses" else {}
        assert read(name, [{**kind, "name": "a", key: odd}])[0].schema == odd
    assert read("gemini", [{"name": "a", "parametersJsonSchema": odd}])[0].schema == odd
    assert read("json_schema", odd, "a.json")[0].schema == odd


def test_geminis_words_become_json_schemas() -> None:
    declared = {
        "type": "OBJECT",
        "properties": {
            "nullable": {"type": "STRING", "nullable": True, "enum": ["a"], "format": "enum"},
            "any_of": {"any_of": [{"type": "INTEGER"}, {"type": "NUMBER", "format": "double"}], "nullable": True},
            "list": {"type": "ARRAY", "items": {"type": "TYPE_UNSPECIFIED"}, "minItems": "1", "max_items": 3},
        },
        "required": ["list"],
    }
    assert read("gemini", [{"functionDeclarations": [{"name": "a", "parameters": declared}]}])[0].schema == {
        "type": "object",
        "properties": {
            "nullable": {"type": ["string", "null"], "enum": ["a", None], "format": "enum"},
            "any_of": {"anyOf": [{"type": "integer"}, {"type": "number", "format": "double"}, {"type": "null"}]},
            "list": {"type": "array", "items": {}, "minItems": 1, "maxItems": 3},
        },
        "required": ["list"],
    }


def test_bfcls_words_become_json_schemas() -> None:
    declared = {
        "type": "dict",
        "properties": {
            "optional": {"type": "any", "optional": True, "description": "d"},
            "pair": {"type": "tuple", "items": {"type": "float"}, "optional": "True"},
            "inner": {"type": "dict", "properties": {"type": {"type": "integer"}}, "required": ["type"]},
        },
        "required": ["inner"],
        "optional": ["pair"],
    }
    (spec,) = read("bfcl", {"name": "a.b.c", "description": "x", "parameters": declared})
    assert spec.name == "a_b_c"
    assert spec.schema == {
        "type": "object",
        "properties": {
            "optional": {"description": "d"},
            "pair": {"type": "array", "items": {"type": "number"}},
            "inner": {"type": "object", "properties": {"type": {"type": "integer"}}, "required": ["type"]},
        },
        "required": ["inner"],
    }


@pytest.mark.parametrize(
    ("title", "file", "name"),
    [
        ("Get weather!", "x.json", "Get_weather"),
        (None, "a/get_weather.schema.json", "get_weather"),
        ("é", "é.json", "tool"),
    ],
)
def test_a_bare_schema_is_named_by_its_title_or_its_file(title: str | None, file: str, name: str) -> None:
    declared = {"type": "object", **({"title": title} if title else {})}
    assert read("json_schema", declared, file)[0].name == name


# --------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("name", "value", "path", "what"),
    [
        ("openai_chat", [], "", "declares no tools"),
        ("openai_chat", [5], "/0", "declared by an object"),
        ("openai_chat", [{"type": "web_search"}], "/0", "web_search"),
        ("openai_chat", [{"function": {"parameters": {}}}], "/0/function", "needs a name"),
        ("openai_chat", [{"function": {"name": "a", "parameters": []}}], "/0/function/parameters", "is an object"),
        ("openai_chat", [{"function": {"name": "a", "description": 5}}], "/0/function/description", "is text"),
        ("openai_chat", [{"function": {"name": "a"}}, {"function": {"name": "a"}}], "/1/function/name", "twice"),
        ("openai_responses", [{"type": "file_search"}], "/0", "file_search"),
        ("anthropic", [{"name": "a"}], "/0", "input_schema is missing"),
        ("anthropic", [{"type": "bash_20250124", "name": "bash"}], "/0", "server's own"),
        ("mcp", {"tools": [{"name": "a"}]}, "/tools/0", "inputSchema is missing"),
        ("mcp", {"tools": [{"name": "a", "inputSchema": {}}], "nextCursor": "x"}, "/nextCursor", "one page"),
        ("gemini", [{"name": "a", "parameters": {"type": "dict"}}], "/0/parameters/type", "no type of Gemini"),
        ("gemini", {"tools": [{"googleSearch": {}}]}, "/tools/0", "googleSearch"),
        ("bfcl", [{"name": "a", "parameters": {"type": "HashMap"}}], "/0/parameters/type", "no type of BFCL"),
    ],
)
def test_a_wrong_shape_is_refused_with_its_place(name: str, value: Json, path: str, what: str) -> None:
    with pytest.raises(InputError) as refusal:
        plugins.find("formats", name).tools(json.dumps(value, indent=1), "t.json")
    (problem,) = refusal.value.problems
    assert problem.path == path
    assert what in problem.what
    assert problem.place is not None
    assert str(problem).startswith("t.json:")


def test_an_unsound_schema_is_refused_at_its_line() -> None:
    text = """{
 "name": "a",
 "input_schema": {
  "type": "object",
  "properties": {"b": {"type": "strng"},
                 "c": {"$ref": "https://example.com/c.json"}}
 }
}"""
    with pytest.raises(InputError, match=r"^t\.json:5:32: /input_schema/properties/b/type: .*strng"):
        plugins.find("formats", "anthropic").tools(text, "t.json")
    with pytest.raises(InputError, match=r"^t\.json:6:32: /input_schema/properties/c/\$ref: .*outside"):
        plugins.find("formats", "anthropic").tools(text.replace("strng", "string"), "t.json")
    with pytest.raises(InputError, match=r"^a\.yaml:2:13: /properties: "):
        plugins.find("formats", "json_schema").tools("type: object\nproperties: 5\n", "a.yaml")


def test_all_that_is_wrong_with_a_file_is_said_at_once() -> None:
    with pytest.raises(InputError) as refusal:
        read("openai_chat", [{"function": {}}, {"type": "custom"}, {"function": {"name": "a", "parameters": 1}}])
    assert len(refusal.value.problems) == 3


def test_the_line_and_column_are_those_of_the_file() -> None:
    text = "- type: function\n  function:\n    name: a\n    parameters: [1]\n"
    with pytest.raises(InputError, match=r"^t\.yaml:4:17: /0/function/parameters: "):
        plugins.find("formats", "openai_chat").tools(text, "t.yaml")


@pytest.mark.parametrize("name", ["openai_chat", "anthropic", "mcp", "gemini", "json_schema", "bfcl"])
def test_what_is_no_json_and_no_yaml_is_refused_with_its_place(name: str) -> None:
    with pytest.raises(InputError, match=r"t\.json:1:\d+"):
        plugins.find("formats", name).tools('{"a": [}', "t.json")
    with pytest.raises(InputError, match=r"t\.yaml:2"):
        plugins.find("formats", name).tools("a: 1\na: 2\n", "t.yaml")


def test_an_error_of_an_mcp_server_is_no_list_of_tools() -> None:
    with pytest.raises(InputError, match="Method not found"):
        read("mcp", {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "Method not found"}})


# --------------------------------------------------------------------------- BFCL's cases


def question(id: str, *functions: Mapping[str, Json]) -> str:
    return json.dumps({"id": id, "messages": [{"role": "user", "content": "?"}], "functions": functions})


def function(name: str, **properties: str) -> dict[str, Json]:
    declared = {name: {"type": kind} for name, kind in properties.items()}
    return {"name": name, "description": "d", "parameters": {"type": "dict", "properties": declared, "required": []}}


def case(function_: Mapping[str, Json], truth: Mapping[str, Json]) -> Case:
    files = {
        "questions/c.jsonl": question("c_0", function_),
        "possible_answers/c.jsonl": json.dumps({"id": "c_0", "ground_truth": truth}),
    }
    (found,) = plugins.find("formats", "bfcl").cases(files, "s").cases
    return found  # type: ignore[no-any-return]


def rules(accepted: Mapping[str, Json]) -> set[tuple[str, str, str, bool]]:
    kinds = {list: "array", dict: "dict", str: "string", int: "integer", float: "float", bool: "boolean"}
    properties = {name: kinds[type(next((v for v in values if v != ""), ""))] for name, values in accepted.items()}
    found = case(function("f", **properties), {"f": accepted})
    ((expectation),) = found.accept
    ((call),) = expectation.calls
    return {(rule.path, rule.matcher, json.dumps(rule.value), rule.optional) for rule in call.args}


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ({"a": [1]}, {("/a", "exact", "1", False)}),
        ({"a": ["x", "y"]}, {("/a", "one_of", '["x", "y"]', False)}),
        ({"a": ["x", ""]}, {("/a", "exact", '"x"', True)}),
        ({"a": ["x", "y", ""]}, {("/a", "one_of", '["x", "y"]', True)}),
        ({"a": [""]}, {("/a", "absent", "true", False)}),
        ({"a": [[1, 2]]}, {("/a", "exact", "[1, 2]", False)}),
        ({"a": [[]]}, {("/a", "exact", "[]", False)}),
        ({"a": [False]}, {("/a", "exact", "false", False)}),
        ({"a": [{"b": [1, 2], "c": ["x", ""]}]}, {("/a/b", "one_of", "[1, 2]", False), ("/a/c", "exact", '"x"', True)}),
        ({"a": [{"b": [1], "c": ["x"]}]}, {("/a", "exact", '{"b": 1, "c": "x"}', False)}),
        (
            {"a": [[{"b": [1, 3]}, {"b": [2]}]]},
            {("/a", "length", "2", False), ("/a/0/b", "one_of", "[1, 3]", False), ("/a/1", "exact", '{"b": 2}', False)},
        ),
    ],
)
def test_accepted_values_become_rules(accepted: Mapping[str, Json], expected: set[tuple[str, str, str, bool]]) -> None:
    assert rules(accepted) == expected


def test_several_accepted_objects_are_alternatives() -> None:
    found = case(function("f", a="dict"), {"f": {"a": [{"b": [1, 2], "c": [2]}, {"b": [3]}]}})
    paths = [{rule.path: rule.value for rule in expectation.calls[0].args} for expectation in found.accept]
    assert {"/a/b": [1, 2], "/a/c": 2} in paths
    assert {"/a": {"b": 3}} in paths


@pytest.mark.parametrize("keys", [("f.g_1", "f.g_2"), ("f.g 1", "f.g 2"), ("f.g", "f.g_1")])
def test_a_numbered_name_is_another_call_of_the_function(keys: tuple[str, str]) -> None:
    found = case(function("f.g", a="integer"), {keys[0]: {"a": [1]}, keys[1]: {"a": [2]}})
    assert [(call.tool, call.args) for call in found.accept[0].calls] == [
        ("f_g", (ArgRule(path="/a", value=1),)),
        ("f_g", (ArgRule(path="/a", value=2),)),
    ]
    assert not found.flaws


def test_flawed_gold_is_kept_and_marked() -> None:
    assert "expected an integer" in case(function("f", a="integer"), {"f": {"a": ["x"]}}).flaws[0]
    assert 'declares no "b"' in case(function("f", a="integer"), {"f": {"b": [1]}}).flaws[0]
    assert "only function" in case(function("f", a="integer"), {"g": {"a": [1]}}).flaws[0]
    assert "left out" in case(function("f", a="integer"), {"f": {"a": [1]}, "g": [[], ""]}).flaws[0]


def test_a_category_without_possible_answers_wants_no_call() -> None:
    found = plugins.find("formats", "bfcl").cases({"questions/r.jsonl": question("r_0", function("f"))}, "s")
    assert found.cases[0].accept == (Expectation(),)
    assert found.cases[0].wants_nothing


def test_tools_of_one_name_and_different_schemas_are_kept_apart() -> None:
    lines = [question(f"c_{n}", function("f", **{f"a{n % 2}": "string"})) for n in range(4)]
    found = plugins.find("formats", "bfcl").cases({"questions/c.jsonl": "\n".join(lines)}, "s")
    assert [c.tools for c in found.cases] == [("f",), ("f~2",), ("f",), ("f~2",)]
    assert {key: spec.name for key, spec in found.specs.items()} == {"f": "f", "f~2": "f"}
    assert found.specs["f~2"].source == "questions/c.jsonl#/1/functions/0/parameters"


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({}, "no questions"),
        ({"results/m/c.jsonl": "{}"}, "no questions"),
        ({"questions/c.jsonl": "{"}, "not JSON"),
        ({"questions/c.jsonl": '{"id": "c_0"}'}, "messages, functions missing"),
        ({"questions/c.jsonl": question("c_0", function("f")), "possible_answers/c.jsonl": ""}, "no possible answer"),
        ({"questions/c.jsonl": question("c_0", function("f", a="long"))}, "no type of BFCL"),
    ],
)
def test_a_folder_that_holds_no_cases_is_refused(files: Mapping[str, str], what: str) -> None:
    with pytest.raises(InputError, match=what):
        plugins.find("formats", "bfcl").cases(files, "s")


# --------------------------------------------------------------------------- BFCL as it was recorded


def recorded(folder: Path) -> dict[str, str]:
    if not folder.exists():
        pytest.skip("../shared/recorded/bfcl-2024-08 is not beside this checkout")
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.jsonl")}


def test_all_recorded_questions_become_cases_that_can_be_judged() -> None:
    found = plugins.find("formats", "bfcl").cases(recorded(BFCL), "bfcl")
    assert Counter(case.tags[0] for case in found.cases) == {
        "simple": 400,
        "multiple_function": 200,
        "parallel_function": 200,
        "parallel_multiple_function": 200,
        "relevance": 240,
    }
    assert sum(case.wants_nothing for case in found.cases) == 240
    assert suite.build(found).digest
    assert {case.id for case in found.cases if case.flaws} == {
        *("simple_122", "simple_307", "parallel_function_102", "parallel_function_152"),
        *(f"parallel_multiple_function_{n}" for n in (3, 12, 21, 26, 94)),
        *("simple_363", "parallel_multiple_function_179"),
    }


def test_all_recorded_answers_of_a_model_are_read_as_they_were_sent() -> None:
    reader = plugins.find("formats", "bfcl")
    asked = reader.cases(recorded(BFCL), "bfcl")
    target = Target(name="gpt-4o", provider="recorded", model="gpt-4o")
    files = recorded(BFCL / "results/gpt-4o-2024-08-06-FC")
    records = reader.run(files, asked, target)
    assert len({record.case for record in records}) == len(records) == 1240
    lines = {line["id"]: line for text in files.values() for line in map(json.loads, text.splitlines())}
    for record in records:
        line, answer = lines[record.case], extract.read(record.reply)
        assert record.reply.timing.total == line["latency"]
        assert answer.usage == Usage(input_tokens=line["input_token_count"], output_tokens=line["output_token_count"])
        if isinstance(line["result"], str):
            assert (answer.text, answer.payloads) == (line["result"], ())
        else:
            assert [{payload.tool: payload.text} for payload in answer.payloads] == line["result"]


def test_answers_to_other_suites_and_of_several_models_are_refused() -> None:
    reader = plugins.find("formats", "bfcl")
    asked = reader.cases({"questions/c.jsonl": question("c_0", function("f"))}, "s")
    target = Target(name="m", provider="recorded", model="m")
    line = json.dumps({"id": "c_0", "result": "no"})
    assert len(reader.run({"c.jsonl": line}, asked, target)) == 1
    for files, what in [
        ({"a/c.jsonl": line, "b/c.jsonl": line}, "more than the answers of one model"),
        ({"c.jsonl": '{"id": "d_0", "result": "no"}'}, "no answer to a case"),
        ({"c.jsonl": '{"id": "c_0"}'}, "needs an id and a result"),
        ({"c.jsonl": f"{line}\n{line}"}, "second answer"),
    ]:
        with pytest.raises(InputError, match=what):
            reader.run(files, asked, target)
