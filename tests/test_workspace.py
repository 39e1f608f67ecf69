from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import suite as suites
from evalkit import workspace
from evalkit.data import ARMS, SCORES, Case, Json, Suite, Target, ToolSpec
from evalkit.errors import InputError
from evalkit.patterns import compile_expect
from tests import strategies

TOOLS = [
    {
        "name": "find",
        "description": "Finds.",
        "parameters": {"type": "object", "properties": {"to": {"type": "string"}}},
    },
    {"name": "book", "description": "Books.", "parameters": {"type": "object", "additionalProperties": False}},
]
DECLARED = [{"type": "function", "function": tool} for tool in TOOLS]
SUITE = """\
suite: trips
tools: [../specs/tools.json]
cases:
  - id: one
    user: To Oslo.
    expect: {call: find, args: {to: Oslo}}
"""


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with a suite and its tools."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suites").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / "suites/trips.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "specs/tools.json").write_text(json.dumps(DECLARED), encoding="utf-8")
    return tmp_path


def refusal(act: object, *arguments: object) -> str:
    assert callable(act)
    with pytest.raises(InputError) as error:
        act(*arguments)
    return str(error.value)


# --------------------------------------------------------------------------- everything at once


def test_a_wrong_key_of_a_suite_hides_nothing_that_is_wrong_with_its_cases(at: Path) -> None:
    wrong = SUITE.replace("to: Oslo", "to: 5").replace("cases:", "csaes: []\nformats: maybe\ncases:")
    more = "  - {id: two, user: Book., expect: {call: bok}}\n  - {id: three, user: Hm.}\n"
    (at / "suites/trips.yaml").write_text(wrong + more, encoding="utf-8")
    assert [line.split(": ", 1)[1] for line in refusal(workspace.load_suite, "trips").split("\n")] == [
        "/csaes: unknown key 'csaes'; did you mean 'cases'?",
        '/formats: "maybe" is not known here; there are: annotate, assert',
        "/cases/0/expect/args/to: what find is expected to get breaks its schema: /to: expected a string, found 5"
        "; declared at specs/tools.json#/0/function/parameters",
        "/cases/1/expect: no tool is called 'bok'; did you mean 'book'?",
        "/cases/2: 'expect' is missing",
    ]


def test_of_many_wrong_lines_a_hundred_are_told_and_the_rest_is_counted(at: Path) -> None:
    head = json.dumps({"suite": "s", "tools": ["specs/tools.json"], "odd": 1})
    (at / "many.jsonl").write_text("\n".join([head, *["{}"] * 300, "nonsense"]), encoding="utf-8")
    with pytest.raises(InputError) as error:
        workspace.load_suite("many.jsonl")
    lines = str(error.value).split("\n")
    assert lines[0].startswith("many.jsonl:1: /odd: unknown key 'odd'") and len(lines) == InputError.TOLD + 1
    assert lines[-1] == f"and {len(error.value.problems) - InputError.TOLD:,} more"


# --------------------------------------------------------------------------- text


def test_text_is_utf_8_with_or_without_a_mark(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("\ufeffå\r\n".encode())
    assert workspace.read_text(tmp_path / "a") == "å\r\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"ok\nbl\xe5b\xe6r", "f:2: is not UTF-8: byte 0xe5; save it as UTF-8"),
        ("suite: x".encode("utf-16"), "f: is UTF-16 text; save it as UTF-8"),
        (b"\x7fELF\0\0", "f: is a binary file, not text"),
    ],
)
def test_what_is_no_text_is_refused(at: Path, content: bytes, told: str) -> None:
    Path("f").write_bytes(content)
    assert refusal(workspace.read_text, "f") == told


def test_files_that_are_not_there_or_cannot_be_read_are_told(at: Path) -> None:
    assert (
        refusal(workspace.read_text, "suites/trip.yaml") == "suites/trip.yaml: no such file; did you mean 'trips.yaml'?"
    )
    assert refusal(workspace.read_text, "nowhere/x.yaml") == "nowhere/x.yaml: no such file; there is no folder nowhere"
    assert refusal(workspace.read_text, "suites") == "suites: cannot be read: is a directory"
    assert refusal(workspace.read_text, "suites/trips.yaml/x") == "suites/trips.yaml/x: cannot be read: not a directory"


def test_a_folder_is_read_whole(at: Path) -> None:
    assert list(workspace.read_folder(at)) == ["specs/tools.json", "suites/trips.yaml"]
    assert workspace.read_folder("suites/trips.yaml") == {"trips.yaml": SUITE}
    Path("empty").mkdir()
    assert refusal(workspace.read_folder, "empty") == "empty: the folder holds no files"
    assert refusal(workspace.read_folder, "gone").startswith("gone: no such file")


def test_what_is_written_is_there_and_nothing_else_is(at: Path) -> None:
    workspace.write_atomic("new/deep/a.txt", "å\n")
    assert Path("new/deep/a.txt").read_bytes() == "å\n".encode()
    assert os.listdir("new/deep") == ["a.txt"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(Path("new/deep/a.txt").stat().st_mode) == 0o666 & ~umask


def test_a_file_that_is_replaced_keeps_its_mode_and_its_links(at: Path) -> None:
    Path("a.sh").write_text("old", encoding="utf-8")
    Path("a.sh").chmod(0o750)
    Path("link").symlink_to("a.sh")
    workspace.write_atomic("link", "new")
    assert Path("link").is_symlink() and Path("a.sh").read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(Path("a.sh").stat().st_mode) == 0o750


def test_a_reader_never_sees_half_a_file(at: Path) -> None:
    texts = {letter * 200_000 for letter in "ab"}
    workspace.write_atomic("f", "a" * 200_000)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for text in sorted(texts):
                workspace.write_atomic("f", text)

    writer = threading.Thread(target=write)
    writer.start()
    seen = {Path("f").read_text(encoding="utf-8") for _ in range(200)}
    stop.set()
    writer.join()
    assert seen <= texts


def test_a_write_that_fails_leaves_the_old_file_and_no_other(at: Path) -> None:
    Path("f").write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        workspace.write_atomic("f", "half \ud800")
    assert Path("f").read_text(encoding="utf-8") == "old" and sorted(os.listdir()) == ["f", "specs", "suites"]


def test_pieces_are_written_as_they_come_and_whole_or_not_at_all(at: Path) -> None:
    workspace.write_atomic("f", (f"{number}\n" for number in range(3)))
    assert Path("f").read_text(encoding="utf-8") == "0\n1\n2\n"
    with pytest.raises(ZeroDivisionError):
        workspace.write_atomic("f", (f"{1 / number}\n" for number in (2, 1, 0)))
    assert Path("f").read_text(encoding="utf-8") == "0\n1\n2\n" and sorted(os.listdir()) == ["f", "specs", "suites"]


def test_a_pipe_is_written_to_and_not_replaced(at: Path) -> None:
    workspace.write_atomic("/dev/null", "x")
    assert Path("/dev/null").is_char_device()


def test_paths_that_cannot_be_written_are_told(at: Path) -> None:
    assert refusal(workspace.write_atomic, "suites", "x") == "suites: cannot be written: is a directory"
    told = refusal(workspace.write_atomic, "suites/trips.yaml/x.html", "x")
    assert told == f"suites/trips.yaml/x.html: cannot be written: {at.resolve()}/suites/trips.yaml is no folder"
    told = refusal(workspace.write_atomic, "suites/trips.yaml/deep/x.html", "x")
    assert told == "suites/trips.yaml/deep/x.html: cannot be written: not a directory"


# --------------------------------------------------------------------------- suites


def test_a_suite_is_found_by_its_name_or_its_path(at: Path) -> None:
    assert workspace.load_suite("trips") == workspace.load_suite("suites/trips.yaml")
    assert workspace.load_suite(Path("suites/trips.yaml")).cases[0].source == "suites/trips.yaml:4"


def test_the_suites_that_came_with_evalkit_are_found_from_anywhere(at: Path) -> None:
    assert {"travel", "trips"} <= workspace.bundled_suites().keys()
    travel = workspace.load_suite("travel")
    assert len(travel.cases) >= 40 and travel.digest
    assert refusal(workspace.load_suite, "travle") == "no suite is called 'travle'; did you mean 'travel'?"
    assert refusal(workspace.load_suite, "travle.yaml").startswith("travle.yaml: no such file")


def test_tools_are_offered_as_the_suite_says(at: Path) -> None:
    suite = workspace.load_suite("trips")
    assert suite.specs["find"] == ToolSpec(
        name="find", description="Finds.", schema=TOOLS[0]["parameters"], source=suite.specs["find"].source
    )
    assert suite.specs["find"].source.startswith("specs/tools.json#/0")
    assert suite.cases[0].tools == ("find", "book")


def test_tools_of_one_name_get_keys_of_their_own(at: Path) -> None:
    text = SUITE.replace("json]", "json, ../specs/tools.json, {name: find, parameters: {type: object}, key: last}]")
    Path("suites/trips.yaml").write_text(text.replace("user:", "offer: [find~2, book]\n    user:"), encoding="utf-8")
    suite = workspace.load_suite("trips")
    assert list(suite.specs) == ["find", "book", "find~2", "book~2", "last"]
    assert suite.cases[0].tools == ("find~2", "book")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SUITE.replace("tools.json", "tolls.json"), "suites/trips.yaml:2:9: /tools/0: "
         "there is no file specs/tolls.json; the paths of tools are relative to the suite's file"),
        (SUITE.replace("Oslo}", "5}"), "suites/trips.yaml:6:37: /cases/0/expect/args/to: "
         "what find is expected to get breaks its schema: /to: "),
        (SUITE.replace("call: find", "call: fnd"), "suites/trips.yaml:6:13: /cases/0/expect: "
         "no tool is called 'fnd'; did you mean 'find'?"),
        (SUITE.replace("to: Oslo", "to: {$txt: Oslo}"), "suites/trips.yaml:6:37: /cases/0/expect/args/to: "
         "no matcher is called 'txt'; did you mean 'text'?"),
        (SUITE.replace("    user", "    offer: [find, bok]\n    user"), "suites/trips.yaml:5:19: /cases/0/offer/1: "
         "no tool is called 'bok'; did you mean 'book'?"),
        (SUITE.partition("  - id")[0] + "  []", "suites/trips.yaml:1:1: the suite 'trips' has no cases; "
         "write at least one under cases, or on the lines below the first of a .jsonl"),
        (SUITE.partition("cases")[0], "suites/trips.yaml:1:1: the suite 'trips' has no cases; "
         "write at least one under cases, or on the lines below the first of a .jsonl"),
        (SUITE + "    user: again", "suites/trips.yaml:7:5: /cases/0: the key 'user' stands twice; "
         "the first is on line 5"),
        (SUITE.replace("json]", "json, {name: f, parameters: {$ref: 'https://example.com/s'}}]"),
         "suites/trips.yaml:2:59: /tools/1/parameters/$ref: "),
    ],
)  # fmt: skip
def test_a_suite_that_cannot_be_judged_is_refused(at: Path, text: str, told: str) -> None:
    Path("suites/trips.yaml").write_text(text, encoding="utf-8")
    (line,) = refusal(workspace.load_suite, "trips").split("\n")
    assert line.startswith(told)


def test_problems_of_shape_and_of_meaning_are_told_together_in_their_order(at: Path) -> None:
    two, three = "{id: two, user: x, expect: {call: fnd}}", "{id: three, usr: x, expect: none}"
    more = [two, three, "{id: one, user: x, expect: none}"]
    Path("suites/trips.yaml").write_text(SUITE + "".join(f"  - {case}\n" for case in more), encoding="utf-8")
    assert [line.split(": ")[0] for line in refusal(workspace.load_suite, "trips").split("\n")] == [
        "suites/trips.yaml:7:32",
        "suites/trips.yaml:8:17",
        "suites/trips.yaml:9:10",
    ]


# --------------------------------------------------------------------------- writing suites

messages: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant"]), "content": strategies.texts},
    optional={"name": strategies.texts},
)


@st.composite
def judged(draw: st.DrawFn) -> Suite:
    """Any suite that can be judged."""
    open_ = ToolSpec(name="find", description=draw(strategies.texts), schema={"type": "object"}, source="")
    specs = {"find": open_, "find~2": open_, "book": replace(open_, name="book")}
    cases = []
    for index, expect in enumerate(draw(st.lists(strategies.expects, min_size=1, max_size=2))):
        try:
            accept = compile_expect(expect).accept
        except InputError:
            assume(False)
        case = Case(
            id=f"case-{index}",
            messages=tuple(draw(st.lists(messages, min_size=1, max_size=2))),
            tools=draw(st.permutations(["book", draw(st.sampled_from(["find", "find~2"]))]).map(tuple)),
            accept=accept,
            tags=tuple(draw(st.lists(st.text("ab", min_size=1), max_size=2))),
            flaws=tuple(draw(st.lists(st.text("ab", min_size=1), max_size=1))),
        )
        cases.append(case)
    suite = Suite(name="s", specs=specs, cases=tuple(cases), formats=draw(st.sampled_from(["assert", "annotate"])))
    try:
        return suites.build(suite)
    except InputError:
        assume(False)
        raise


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "go", "input_schema": {"type": "object"}}]',
        '[{"type": "function", "function": {"name": "go", "parameters": {"type": "object"}}}]',
        '{"tools": [{"type": "function", "function": {"name": "go", "parameters": {"type": "object"}}}]}',
    ],
)
def test_a_file_of_tools_is_named_as_what_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tools.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(
        InputError, match="declares tools and has no cases: it is no suite.*evalkit import tools"
    ) as said:
        workspace.load_suite(path)
    assert len(said.value.problems) == 1


@settings(max_examples=50)
@given(suite=judged())
def test_a_suite_that_was_written_is_read_as_the_same(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "written.jsonl"
    workspace.write_suite(suite, path)
    read = workspace.load_suite(path)
    assert read.digest == suite.digest
    assert [case.source for case in read.cases] == [f"{path}:{line}" for line in range(2, len(suite.cases) + 2)]
    unplaced = tuple(replace(case, source="") for case in read.cases)
    specs = {key: replace(spec, source="") for key, spec in read.specs.items()}
    assert repr(replace(read, cases=unplaced, specs=specs)) == repr(suite)


# --------------------------------------------------------------------------- tools


def test_tools_are_read_in_the_format_that_is_named_or_recognised(at: Path) -> None:
    assert workspace.read_tools("specs/tools.json") == workspace.read_tools("specs/tools.json", "openai_chat")
    told = refusal(workspace.read_tools, "specs/tools.json", "openai_cht")
    assert told == "no format is called 'openai_cht'; did you mean 'openai_chat'?"


def test_files_that_declare_no_tools_are_told(at: Path) -> None:
    Path("words.txt").write_text("just words", encoding="utf-8")
    told = refusal(workspace.read_tools, "words.txt")
    assert told.startswith(
        "words.txt: declares tools in no format that is known; `evalkit import tools FILE --from FORMAT` reads it as "
    )


def test_a_misspelt_key_of_a_tool_is_told_where_it_stands(at: Path) -> None:
    text = '[\n  {"name": "go",\n   "input_scheme": {"type": "object"}}\n]'
    Path("t.json").write_text(text, encoding="utf-8")
    told = "t.json:3:4: /0/input_scheme: the tool 'go' has the unknown key 'input_scheme'; did you mean 'input_schema'?"
    assert refusal(workspace.read_tools, "t.json") == told
    Path("t.json").write_text('{"tools": ' + text + "}", encoding="utf-8")
    assert "t.json:3:4: /tools/0/input_scheme: " in refusal(workspace.read_tools, "t.json")
    Path("t.json").write_text("[{", encoding="utf-8")
    assert refusal(workspace.read_tools, "t.json").startswith("t.json:1:3: not JSON")


# --------------------------------------------------------------------------- models


def test_a_model_is_spelled_in_one_word() -> None:
    assert workspace.parse_target("reference/oracle") == Target(
        name="reference/oracle", provider="reference", model="oracle"
    )
    spelled = "openai_http/org/m@forced?name=n&base_url=http%3A//h/v1?x&api_key_env=KEY&stream=true&timeout=3"
    assert workspace.parse_target(spelled + "&a=1e3&b=no&c=%26") == Target(
        name="n",
        provider="openai_http",
        model="org/m",
        arm="forced",
        base_url="http://h/v1?x",
        api_key_env="KEY",
        stream=True,
        timeout=3.0,
        options={"a": 1000.0, "b": "no", "c": "&"},
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'': /model: must not be empty"),
        ("gpt-4o", "gpt-4o: /model: 'gpt-4o' is not of the form provider/model or provider/model@arm; "
         "as in openai_http/gpt-4o@forced"),
        ("refrence/oracle", "refrence/oracle: no provider is called 'refrence'; did you mean 'reference'?"),
        ("reference/oracle@forcd", "reference/oracle@forcd: /model: no arm is called 'forcd'; did you mean 'forced'?"),
        ("reference/x?rate", "reference/x?rate: 'rate' is not of the form key=value; "
         'as in "reference/faulty?kind=json.syntax&rate=0.1"'),
        ("reference/x?a=1&a=2", "reference/x?a=1&a=2: 'a=2' stands twice; "
         'as in "reference/faulty?kind=json.syntax&rate=0.1"'),
        ("reference/x?timeout=soon", 'reference/x?timeout=soon: /timeout: must be a number, not "soon"'),
        ("reference/x?rate=.inf", "reference/x?rate=.inf: .inf is no JSON number"),
    ],
)  # fmt: skip
def test_a_model_that_is_spelled_wrong_is_refused(text: str, told: str) -> None:
    assert refusal(workspace.parse_target, text) == told


def test_a_list_of_models_is_read(at: Path) -> None:
    Path("models.yaml").write_text(
        "models:\n- model: reference/oracle\n- model: reference/oracle@forced\n", encoding="utf-8"
    )
    assert [target.identity for target in workspace.load_models("models.yaml")] == [
        "reference/oracle",
        "reference/oracle@forced",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "models:\n- model: reference/oracle\n- {model: reference/sampler, name: reference/oracle}\n",
            "m.yaml:3:11: two models are called 'reference/oracle'; "
            "give one another name, with name: in the list or ?name= behind the model",
        ),
        (
            "models:\n- model: refrence/oracle\n",
            "m.yaml:2:10: no provider is called 'refrence'; did you mean 'reference'?",
        ),
        (
            "models:\n- model: reference/oracle\n  timout: 1\n",
            "m.yaml:3:3: /models/0/timout: unknown key 'timout'; did you mean 'timeout'?",
        ),
    ],
)
def test_a_list_of_models_that_cannot_be_asked_is_refused(at: Path, text: str, told: str) -> None:
    Path("m.yaml").write_text(text, encoding="utf-8")
    assert refusal(workspace.load_models, "m.yaml").startswith(told)


def test_models_from_anywhere_must_differ() -> None:
    one = workspace.parse_target("reference/oracle")
    assert workspace.unique([one, replace(one, arm="forced")]) == (one, replace(one, arm="forced"))
    assert refusal(workspace.unique, [one, one]).startswith(
        "two models are called 'reference/oracle'; give one another name"
    )


def test_every_arm_has_a_meaning() -> None:
    assert Target(name="n", provider="p", model="m").arm in ARMS and all(ARMS.values())


# --------------------------------------------------------------------------- policies


def test_a_policy_is_read_and_says_where_it_is_from(at: Path) -> None:
    Path("p.yaml").write_text("floors: {correct: 0.9}", encoding="utf-8")
    assert workspace.load_policy("p.yaml").source == "p.yaml"
    Path("p.json").write_text('{"floors": {"corect": 0.9}}', encoding="utf-8")
    assert refusal(workspace.load_policy, "p.json") == (
        "p.json:1:13: /floors/corect: \"corect\" is not known here; did you mean 'correct'?"
    )


def test_without_a_policy_a_candidate_may_hardly_be_worse() -> None:
    policy = workspace.default_policy()
    assert policy.source == "default"
    assert [(rule.kind, rule.score, rule.limit) for rule in policy.rules] == [
        ("max_drop", "compliance", 0.03),
        ("max_drop", "correct", 0.05),
        ("fault_share", None, 0.02),
    ]
    assert all(rule.score is None or rule.score in SCORES for rule in policy.rules)
