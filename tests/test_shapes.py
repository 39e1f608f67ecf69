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
from evalkit.documents import parse_json
from evalkit.errors import Problem
from evalkit.files.editors import json_schema
from evalkit.files.fitting import fit
from evalkit.files.shapes import SHAPES, Kind
from tests import strategies

KINDS: list[Kind] = ["suite", "models", "policy"]
SCHEMAS = Path(__file__).parents[1] / "evalkit/schemas"


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
        "cost": {"max_ratio": 1.2},
        "faults": {"max_share": 0.02},
        "tools": {"f": {"floors": {"correct": 0.5}}},
        "quarantine": [{"case": "a", "until": "2026-12-31", "owner": "ada", "why": "flaky gold"}],
        "inconclusive": "fail",
    },
}  # fmt: skip
EDITOR = {kind: jsonschema.Draft202012Validator(json.loads(json_schema(kind))) for kind in KINDS}


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
    assert fit(SHAPES[kind], WHOLE[kind], parse_json(json.dumps(WHOLE[kind]), "f.json"), []) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schemas_have_not_drifted(kind: Kind) -> None:
    committed = (SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert committed == json_schema(kind), f"run: evalkit schema {kind} > evalkit/schemas/{kind}.schema.json"
    jsonschema.Draft202012Validator.check_schema(json.loads(committed))
