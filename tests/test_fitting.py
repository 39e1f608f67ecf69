"""What is wrong with a file, in words, with its place."""

from __future__ import annotations

import pytest

from evalkit.documents import parse_yaml
from evalkit.errors import Problem
from evalkit.files.fitting import fit
from evalkit.files.shapes import CaseShape, HeaderShape, ModelsShape, PolicyShape, Shape


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
            "id: a\nuser: x\nexpects: none",
            ["f.yaml:3:1: /expects: unknown key 'expects'; did you mean 'expect'?"],
        ),
        (
            CaseShape,
            "user: x\nexpects: none",
            ["f.yaml:1:1: 'id' is missing", "f.yaml:2:1: /expects: unknown key 'expects'; did you mean 'expect'?"],
        ),
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
            ModelsShape,
            "models:\n- {model: a/b, timeout: true, serve: {engine: vllm, port: true, args: [5, true]}}",
            [
                "f.yaml:2:25: /models/0/timeout: must be a number, not true",
                "f.yaml:2:75: /models/0/serve/args/1: must be a string, not true",
                "f.yaml:2:59: /models/0/serve/port: must be a whole number, not true",
            ],
        ),
        (
            ModelsShape,
            f"models:\n- {{model: a/b, timeout: 1{'0' * 400}}}",
            [f"f.yaml:2:25: /models/0/timeout: must be a number, not 1{'0' * 198}…"],
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
        (
            PolicyShape,
            "cost: {max_ratio: 0}\ninconclusive: maybe\nquarantine:\n- {case: a, until: 31.12.2026, why: x}",
            [
                "f.yaml:1:19: /cost/max_ratio: must be more than 0, not 0",
                "f.yaml:4:20: /quarantine/0/until: \"31.12.2026\" is no date; write it as 2026-12-31",
                "f.yaml:4:3: /quarantine/0: 'owner' is missing",
                "f.yaml:2:15: /inconclusive: \"maybe\" is not known here; there are: fail, pass, warn",
            ],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_words_with_its_place(shape: type[Shape], text: str, told: list[str]) -> None:
    assert findings(shape, text) == told
