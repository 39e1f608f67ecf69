from __future__ import annotations

import copy
import json
import random
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.data import Json
from evalkit.documents import parse_json, parse_yaml
from evalkit.errors import Problem
from evalkit.shapes import CaseShape, HeaderShape, Kind, ModelsShape, PolicyShape, Shape, SuiteShape, fit, json_schema
from tests import strategies

KINDS: list[Kind] = ["suite", "models", "policy"]
SCHEMAS = Path(__file__).parents[1] / "evalkit/schemas"


def findings(shape: type[Shape], text: str) -> list[str]:
    document, problems = parse_yaml(text, "f.yaml"), list[Problem]()
    fit(shape, document.value, document, problems)
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("shape", "text", "told"),
    [
        (
            CaseShape,
            "id: a\nusr: y\nexpect: none\nuser: x",
            ["f.yaml:2:1: /usr: unknown key 'usr'; did you mean 'user'?"],
        ),
        (
            CaseShape,
            "id: a\nuser: x\nexpect: {call: f, ags: {x: 1}}",
            ["f.yaml:3:19: /expect/ags: unknown key 'ags'; did you mean 'args'?"],
        ),
        (
            CaseShape,
            "id: a\nuser: x\nexpect:\n  any_of: [none, {calls: [{call: f, clsd: true}]}]",
            ["f.yaml:4:37: /expect/any_of/1/calls/0/clsd: unknown key 'clsd'; did you mean 'closed'?"],
        ),
        (CaseShape, "user: x\nexpect: none", ["f.yaml:1:1: 'id' is missing"]),
        (
            CaseShape,
            "id: a b\nuser: x\nexpect: none",
            ["f.yaml:1:5: /id: \"a b\" is no id; an id holds letters, digits, '_', '.' and '-'"],
        ),
        (
            CaseShape,
            "id: 12\nuser: [x]\nexpect: none",
            [
                'f.yaml:1:5: /id: must be a string, not 12; put it in quotes: "12"',
                "f.yaml:2:7: /user: must be a string, not a list",
            ],
        ),
        (
            CaseShape,
            "id: a\nuser: x\nexpect: null",
            [
                "f.yaml:3:9: /expect: expect is none, any_call, {call: TOOL, args: {...}}, {calls: [...]} "
                "or {any_of: [...]}"
            ],
        ),
        (
            CaseShape,
            "id: a\nuser: x\nexpect: any-call",
            ['f.yaml:3:9: /expect: "any-call" is not known here; did you mean \'any_call\'?'],
        ),
        (
            CaseShape,
            "id: a\nuser: x\nexpect: {any_of: [any_call]}",
            ['f.yaml:3:19: /expect/any_of/0: "any_call" is not known here; there are: none'],
        ),
        (
            CaseShape,
            "id: a\nexpect: none",
            ["f.yaml:1:1: the case has neither 'user' nor 'messages'; give one of them"],
        ),
        (CaseShape, "id: a\nexpect: none\nuser:", ["f.yaml:3:6: /user: must be a string, not null"]),
        (
            CaseShape,
            "id: a\nuser: x\nmessages: [{role: user, content: y}]\nexpect: none",
            ["f.yaml:1:1: the case has both 'user' and 'messages'; give one of them"],
        ),
        (
            CaseShape,
            "id: a\nmessages: [{role: usr, content: y}, {content: y}]\nexpect: none",
            [
                "f.yaml:2:19: /messages/0/role: \"usr\" is not known here; did you mean 'user'?",
                "f.yaml:2:37: /messages/1: 'role' is missing",
            ],
        ),
        (CaseShape, "id: a\nuser: x\nexpect: none\noffer: []", ["f.yaml:4:8: /offer: must not be empty"]),
        (CaseShape, "[1, 2]", ["f.yaml:1:1: must be an object, not a list"]),
        (
            HeaderShape,
            "suite: s\ntools: [5, {name: f, parameters: {}, descriptoin: x}]",
            [
                "f.yaml:2:9: /tools/0: a tool is the path of a file, "
                "or {name: ..., description: ..., parameters: {...}}",
                "f.yaml:2:38: /tools/1/descriptoin: unknown key 'descriptoin'; did you mean 'description'?",
            ],
        ),
        (
            ModelsShape,
            "models:\n- {model: a/b, timeout: 0, stream: yes}",
            [
                "f.yaml:2:25: /models/0/timeout: must be more than 0, not 0",
                'f.yaml:2:36: /models/0/stream: must be true or false, not "yes"',
            ],
        ),
        (
            ModelsShape,
            "models:\n- {model: a/b, input_price: -1}",
            ["f.yaml:2:29: /models/0/input_price: must be at least 0, not -1"],
        ),
        (
            PolicyShape,
            "floors: {complience: 0.9, correct: 98}\ntools: {f: {max_dorp: {}}}",
            [
                "f.yaml:1:10: /floors/complience: \"complience\" is not known here; did you mean 'compliance'?",
                "f.yaml:1:36: /floors/correct: must be at most 1, not 98; rates are shares: 0.98, not 98",
                "f.yaml:2:13: /tools/f/max_dorp: unknown key 'max_dorp'; did you mean 'max_drop'?",
            ],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_words_with_its_place(shape: type[Shape], text: str, told: list[str]) -> None:
    assert findings(shape, text) == told


WHOLE: dict[Kind, Json] = {
    "suite": {
        "suite": "s",
        "description": "d",
        "tools": ["a.json", {"name": "f", "description": "d", "parameters": {}, "key": "f~2"}],
        "offer": ["f"],
        "formats": "annotate",
        "system": "Today is Monday.",
        "cases": [
            {"id": "a", "user": "x", "offer": ["f"], "tags": ["t"], "expect": "none", "forbid": ["f"], "flaws": ["w"]},
            {"id": "b", "messages": [{"role": "user", "content": "x"}], "expect": {"any_of": ["none", {"call": "f"}]}},
            {"id": "c", "user": "x", "expect": {"calls": [{"call": "f", "args": {"x": 1}, "closed": False}]}},
        ],
    },
    "models": {"models": [{"model": "a/b", "name": "n", "params": {"seed": 1}, "timeout": 3.5, "input_price": 0.1}]},
    "policy": {
        "floors": {"compliance": 0.9},
        "max_drop": {"correct": 0.05},
        "latency": {"max_ratio": 1.5},
        "faults": {"max_share": 0.02},
        "tools": {"f": {"floors": {"correct": 0.5}}},
    },
}  # fmt: skip
EDITOR = {kind: jsonschema.Draft202012Validator(json.loads(json_schema(kind))) for kind in KINDS}
SHAPES: dict[Kind, type[Shape]] = {"suite": SuiteShape, "models": ModelsShape, "policy": PolicyShape}


def mutated(value: Json, odd: Json, chooser: random.Random) -> Json:
    """A copy of `value` in which one thing was replaced, dropped, renamed or added."""
    value = copy.deepcopy(value)
    node, steps = value, chooser.randrange(6)
    for _ in range(steps):
        children = list(node.values()) if isinstance(node, dict) else node
        nested = [child for child in children if isinstance(child, dict | list) and child]
        node = chooser.choice(nested) if nested else node
    key = chooser.choice(list(node)) if isinstance(node, dict) else chooser.randrange(len(node))
    match chooser.randrange(3):
        case 0:
            node[key] = odd
        case 1:
            del node[key]
        case _ if isinstance(node, dict):
            node["odd"] = odd
        case _:
            node.append(odd)
    return value


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200)
@given(odd=strategies.scalars | st.sampled_from([[], {}, [[]], [{}], {"call": "f"}, "f", 5]), chooser=st.randoms())
def test_the_editors_schema_and_the_shape_agree_and_every_finding_has_words(
    kind: Kind, odd: Json, chooser: random.Random
) -> None:
    value = mutated(WHOLE[kind], odd, chooser)
    problems: list[Problem] = []
    fits = fit(SHAPES[kind], value, parse_json(json.dumps(value), "f.json"), problems) is not None
    assert fits == (not problems)
    assert fits == EDITOR[kind].is_valid(value)
    assert all("Input should" not in problem.what and problem.place for problem in problems)


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_are_whole(kind: Kind) -> None:
    assert findings(SHAPES[kind], json.dumps(WHOLE[kind])) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schemas_have_not_drifted(kind: Kind) -> None:
    committed = (SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert committed == json_schema(kind), f"run: evalkit schema {kind} > evalkit/schemas/{kind}.schema.json"
    jsonschema.Draft202012Validator.check_schema(json.loads(committed))
