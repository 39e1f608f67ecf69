from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import assume, given

from evalkit import files
from evalkit.data import ArgRule, Expectation, ExpectedCall, Json, Policy, Quarantine, Rule, Serve, Target, ToolSpec
from evalkit.documents import parse_lines, parse_yaml
from evalkit.errors import InputError, Problem
from evalkit.files import editors
from tests import strategies

SUITES = Path(__file__).parents[1] / "suites"
EDITOR = jsonschema.Draft202012Validator(json.loads(editors.json_schema("suite")))

SUITE = """\
suite: travel
tools:
  - ../tools.json
  - {name: book, description: Books., parameters: {type: object}}
offer: [find, book]
system: Today is Monday.
cases:
  - id: one
    user: Find me a flight.
    tags: [a]
    expect: {call: find, args: {to: {$text: Oslo}}}
    forbid: [book]
  - id: two
    messages: [{role: user, content: Book it., name: ann}]
    offer: [book]
    expect: none
    flaws: [unsure]
"""


class Whole:
    """A suite's file, read to its end."""

    def __init__(self, file: files.SuiteFile) -> None:
        written = list(file.cases)
        self.file = file
        self.cases = [case for case, _ in written]
        self.origins = [origin for _, origin in written]
        self.problems = [str(problem) for problem in file.problems]


def suite(text: str) -> Whole:
    return Whole(files.read_suite(parse_yaml(text, "s.yaml")))


def refusal(text: str) -> list[str]:
    """All that is wrong with a suite's file."""
    try:
        return suite(text).problems
    except InputError as error:
        return str(error).split("\n")


def lines(text: str) -> Whole:
    problems: list[Problem] = []
    documents = parse_lines(text.split("\n"), "s.jsonl", problems)
    return Whole(files.read_suite_lines(documents, problems, "s.jsonl"))


# --------------------------------------------------------------------------- suites


def test_a_suite_file_becomes_cases_and_the_names_of_its_tools() -> None:
    read = suite(SUITE)
    one, two = read.cases
    book = ToolSpec(name="book", description="Books.", schema={"type": "object"}, source="s.yaml#/tools/1/parameters")
    assert (read.file.name, read.file.formats, read.problems) == ("travel", "assert", [])
    assert [declared.tools for declared in read.file.tools] == ["../tools.json", book]
    assert one.messages == (
        {"role": "system", "content": "Today is Monday."},
        {"role": "user", "content": "Find me a flight."},
    )
    assert (one.tools, one.tags, one.forbid, one.flaws) == (("find", "book"), ("a",), ("book",), ())
    rule = ArgRule(path="/to", matcher="text", value="Oslo")
    assert one.accept == (Expectation(calls=(ExpectedCall(tool="find", args=(rule,)),)),)
    assert two.messages[1] == {"role": "user", "content": "Book it.", "name": "ann"}
    assert (two.tools, two.accept, two.flaws) == (("book",), (Expectation(),), ("unsure",))
    assert (one.source, two.source) == ("s.yaml:8", "s.yaml:13")


def test_every_part_of_a_case_is_found_again() -> None:
    one, two = suite(SUITE).origins
    assert str(one.locate(("id",))[0]) == "s.yaml:8:9"
    assert str(one.locate(("forbid", 0))[0]) == "s.yaml:12:14"
    assert str(one.locate(("expect", 0, 0))[0]) == "s.yaml:11:13"
    assert one.locate(("expect", 0, 0, 0))[1] == "/cases/0/expect/args/to"
    place, path = one.locate(("offer", 1))
    assert (str(place), path) == ("s.yaml:5:15", "/offer/1")
    place, path = two.locate(("offer", 0))
    assert (str(place), path) == ("s.yaml:15:13", "/cases/1/offer/0")


def test_json_lines_are_the_same_suite_with_lines_for_places() -> None:
    whole = parse_yaml(SUITE, "s.yaml").value
    cases = whole.pop("cases")
    text = "\n".join(json.dumps(line) for line in [whole, *cases])
    file, other = lines(text), suite(SUITE)
    assert [case.source for case in file.cases] == ["s.jsonl:2", "s.jsonl:3"]
    assert [(case.id, case.messages, case.accept) for case in file.cases] == [
        (case.id, case.messages, case.accept) for case in other.cases
    ]
    place, path = file.origins[0].locate(("expect", 0, 0, 0))
    assert (str(place), path) == ("s.jsonl:2", "/expect/args/to")


def test_all_problems_of_all_cases_are_told_at_once() -> None:
    assert refusal(
        "suite: s\n"
        "tool: [x]\n"
        "cases:\n"
        "  - {id: a, usr: x, user: y, expect: none}\n"
        "  - {id: b, user: y, expect: {call: f, args: {x: {$a: 1, $b: 2}}}}\n"
    ) == [
        "s.yaml:2:1: /tool: unknown key 'tool'; did you mean 'tools'?",
        "s.yaml:4:13: /cases/0/usr: unknown key 'usr'; did you mean 'user'?",
        "s.yaml:5:50: /cases/1/expect/args/x: two matchers in one object: $a and $b; "
        "to mean an object that has such keys, write {$exact: {...}}",
    ]


def test_cases_that_are_whole_are_kept_beside_those_that_are_not() -> None:
    file = suite("suite: s\ntools: [x]\ncases:\n  - {id: a, expect: none}\n  - {id: b, user: y, expect: none}\n")
    assert [case.id for case in file.cases] == ["b"]
    assert [problem.path for problem in file.file.problems] == ["/cases/0"]
    assert file.origins[0].locate(("id",))[1] == "/cases/1/id"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["s.yaml: the file is empty"]),
        ("# nothing\n", ["s.yaml: the file is empty"]),
        ("- 1", ["s.yaml:1:1: must be an object, not a list; put it under `cases:`"]),
        ("suite: s\ntools: [x]\ncases: {a: 1}", ["s.yaml:3:8: /cases: must be a list, not an object"]),
    ],
)
def test_what_is_no_suite_at_all(text: str, told: list[str]) -> None:
    assert refusal(text) == told


def test_json_lines_without_a_line() -> None:
    with pytest.raises(InputError) as error:
        lines("\n\n")
    assert str(error.value) == "s.jsonl: the file is empty"


def test_json_lines_tell_bad_lines_and_bad_cases_together() -> None:
    file = lines('{"suite": "s", "tools": ["x"]}\n{"id": "a", "expect": "none"}\n{oops}\n')
    assert file.problems == [
        "s.jsonl:2: the case has neither 'user' nor 'messages'; give one of them",
        "s.jsonl:3:2: not JSON: Expecting property name enclosed in double quotes",
    ]


@given(strategies.expects)
def test_the_shape_allows_every_way_to_say_what_is_expected(expect: Json) -> None:
    whole = {"suite": "s", "tools": ["x"], "cases": [{"id": "a", "user": "x", "expect": expect}]}
    told = refusal(json.dumps(whole, ensure_ascii=False))
    assume(not any("multiply" in each or "cannot be $optional" in each for each in told))
    assert told == []
    assert EDITOR.is_valid(whole)


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_bundled_suites_are_what_editors_are_told_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    EDITOR.validate(parse_yaml(text, path.name).value)
    assert text.startswith("# yaml-language-server: $schema=../evalkit/schemas/suite.schema.json\n")


# --------------------------------------------------------------------------- models


def models(text: str) -> tuple[Target, ...]:
    return files.read_models(parse_yaml(text, "m.yaml"))


def test_a_list_of_models_becomes_targets() -> None:
    text = """\
models:
  - model: openai_http/gpt-4o@forced
    name: four
    base_url: http://127.0.0.1:8000/v1
    api_key_env: KEY
    params: {temperature: 0}
    input_price: 2.5
    timeout: 30
    stream: true
    options: {x: y}
  - model: litellm/vertex_ai/claude-sonnet@20240620
"""
    four, claude = models(text)
    assert four == Target(
        name="four",
        provider="openai_http",
        model="gpt-4o",
        arm="forced",
        base_url="http://127.0.0.1:8000/v1",
        api_key_env="KEY",
        params={"temperature": 0},
        input_price=2.5,
        timeout=30.0,
        stream=True,
        options={"x": "y"},
    )
    assert (claude.name, claude.provider, claude.model, claude.arm) == (
        "litellm/vertex_ai/claude-sonnet@20240620",
        "litellm",
        "vertex_ai/claude-sonnet@20240620",
        "native",
    )


def test_a_server_to_start_takes_its_model_from_the_target_and_numbers_among_its_arguments() -> None:
    text = """\
models:
  - {model: openai_http/Qwen/Qwen3-8B, serve: {engine: vllm, args: [--max-model-len, 8192, --x=1]}}
  - {model: openai_http/q, serve: {engine: llama_server, model: q.gguf, port: 8080, health: /h, startup_timeout: 9}}
"""
    vllm, llama = models(text)
    assert vllm.serve == Serve(engine="vllm", model="Qwen/Qwen3-8B", args=("--max-model-len", "8192", "--x=1"))
    assert llama.serve == Serve(engine="llama_server", model="q.gguf", port=8080, health="/h", startup_timeout=9.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "models: [{model: a/b, serve: {engine: vllm, port: 65536}}]",
            "m.yaml:1:51: /models/0/serve/port: must be at most 65535, not 65536",
        ),
        (
            "models: [{model: a/b, serve: {engine: vllm, port: x}}]",
            'm.yaml:1:51: /models/0/serve/port: must be a whole number, not "x"',
        ),
        (
            "models: [{model: a/b, serve: {engine: vllm, args: [{}]}}]",
            "m.yaml:1:52: /models/0/serve/args/0: must be a string, not an object",
        ),
        (
            "models: [{model: a/b, serve: {engin: vllm, engine: x}}]",
            "m.yaml:1:31: /models/0/serve/engin: unknown key 'engin'; did you mean 'engine'?",
        ),
        ("models: []", "m.yaml:1:9: /models: must not be empty"),
        (
            "models: [{model: gpt-4o}]",
            "m.yaml:1:18: /models/0/model: 'gpt-4o' is not of the form provider/model or provider/model@arm; "
            "as in openai_http/gpt-4o@forced",
        ),
        (
            "models: [{model: reference/faulty?rate=1}]",
            "m.yaml:1:18: /models/0/model: 'reference/faulty?rate=1' is not of the form provider/model or "
            "provider/model@arm; write what follows the ? under options",
        ),
        (
            "models: [{model: a/b@forcd}]",
            "m.yaml:1:18: /models/0/model: no arm is called 'forcd'; did you mean 'forced'?",
        ),
        (
            "models: [{model: a/b, base_url: 'https://me:hush@host/v1'}]",
            "m.yaml:1:33: /models/0/base_url: an address with a user's name or password would be stored with every "
            "run; name the environment variable that holds it in api_key_env",
        ),
        (
            "models: [{model: a/b, params: {api_key: hush}}]",
            "m.yaml:1:41: /models/0/params/api_key: a key written here would be stored with every run; "
            "name the environment variable that holds it in api_key_env",
        ),
        (
            "models: [{model: a/b, options: {api_key: hush}}]",
            "m.yaml:1:42: /models/0/options/api_key: a key written here would be stored with every run; "
            "name the environment variable that holds it in api_key_env",
        ),
    ],
)
def test_models_that_cannot_be_asked(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        models(text)
    assert str(error.value) == message


def test_an_at_sign_behind_the_host_is_no_login() -> None:
    (target,) = models("models: [{model: a/b, base_url: 'http://host/v1/@cf/meta?of=me@here'}]")
    assert target.base_url == "http://host/v1/@cf/meta?of=me@here"


# --------------------------------------------------------------------------- policies


def test_a_policy_becomes_rules() -> None:
    text = """\
floors: {compliance: 0.98}
max_drop: {compliance: 0.02, correct: 0.03}
latency: {max_ratio: 1.5}
faults: {max_share: 0.02}
tools:
  book: {floors: {correct: 0.9}, max_drop: {correct: 0}}
cost: {max_ratio: 1.2}
quarantine:
- {case: hotel-in-march, until: 2026-12-31, owner: ada, why: the gold is disputed}
inconclusive: fail
"""
    assert files.read_policy(parse_yaml(text, "p.yaml")) == Policy(
        rules=(
            Rule(kind="floor", limit=0.98, score="compliance"),
            Rule(kind="max_drop", limit=0.02, score="compliance"),
            Rule(kind="max_drop", limit=0.03, score="correct"),
            Rule(kind="latency_ratio", limit=1.5),
            Rule(kind="cost_ratio", limit=1.2),
            Rule(kind="fault_share", limit=0.02),
            Rule(kind="floor", limit=0.9, score="correct", slice="tool:book"),
            Rule(kind="max_drop", limit=0.0, score="correct", slice="tool:book"),
        ),
        source="p.yaml",
        quarantine=(Quarantine(case="hotel-in-march", until="2026-12-31", owner="ada", why="the gold is disputed"),),
        inconclusive="fail",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{}",
            "p.yaml:1:1: a policy without rules passes everything; "
            "set floors, max_drop, latency, cost or faults, as in max_drop: {correct: 0.05}",
        ),
        (
            "floors: {correct: 98}",
            "p.yaml:1:19: /floors/correct: must be at most 1, not 98; rates are shares: 0.98, not 98",
        ),
        ("latency: {max_ratio: 0}", "p.yaml:1:22: /latency/max_ratio: must be more than 0, not 0"),
        (
            "cost: {max_ratio: 1}\nquarantine:\n- {case: a, until: 2026-02-30, owner: b, why: c}\n"
            "- {case: a, until: 2026-02-28, owner: b, why: c}",
            "p.yaml:3:20: /quarantine/0/until: there is no day 2026-02-30\n"
            "p.yaml:4:10: /quarantine/1/case: 'a' is in quarantine twice; keep one",
        ),
    ],
)
def test_policies_that_decide_nothing(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        files.read_policy(parse_yaml(text, "p.yaml"))
    assert str(error.value) == message
