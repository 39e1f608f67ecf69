"""What a log of production becomes: cases, each question once, and the answers as records of a run."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit import extract, messages_api, plugins, store, testing, traces, workspace
from evalkit.cli.app import main
from evalkit.data import Case, Json, Response, Suite, Target, ToolSpec, Usage, Wire
from evalkit.errors import ExitCode, InputError
from evalkit.request import Builder
from tests import strategies

CORPUS = Path(__file__).parent / "corpora/logs"
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def tool(name: str = "get_weather", schema: Json = WEATHER) -> dict[str, Json]:
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": schema}}


def body(*calls: tuple[str, Json], text: str = "", stream: bool = False) -> str:
    return plugins.dialect("openai_chat").write(calls, text, model="m-1", usage=Usage(), stream=stream)


def line(said: str, *calls: tuple[str, Json], tools: Sequence[Json] | None = None, **request: Json) -> dict[str, Json]:
    asked = {"model": "m", "messages": [{"role": "user", "content": said}], "tools": tools or [tool()], **request}
    return {"request": asked, "response": json.loads(body(*calls))}


OSLO = ("get_weather", '{"city": "Oslo"}')


class Made(NamedTuple):
    suite: Suite
    tally: traces.Tally


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Made]:
    """The suite of a log of these lines."""

    def make(*lines: Json, gold: bool = False) -> Made:
        log = tmp_path / "log.jsonl"
        written = (each if isinstance(each, str) else json.dumps(each) for each in lines)
        log.write_text("".join(f"{each}\n" for each in written), encoding="utf-8")
        return Made(*traces.suite_of("s", traces.Log(path=log, form="openai_log", gold=gold)))

    return make


# --------------------------------------------------------------------------- what becomes of an exchange


def test_a_question_becomes_a_case_that_wants_a_call_and_no_more(made: Callable[..., Made]) -> None:
    asked = line("Weather?", OSLO)
    ((case,), specs) = (found := made(asked).suite).cases, found.specs
    assert case.messages == ({"role": "user", "content": "Weather?"},)
    assert case.accept == () and case.tools == ("get_weather",)
    assert case.tags == ("model:m-1", "day:2026-01-01")
    assert case.source.endswith("log.jsonl:1")
    assert (specs["get_weather"].schema, specs["get_weather"].description) == (WEATHER, "d")


def test_what_was_answered_is_expected_only_when_told_so_and_is_marked(made: Callable[..., Made]) -> None:
    nested = ("get_weather", '{"city": "Oslo", "$top": {"$one_of": [1, {"a": null}]}}')
    open_ = {"type": "object", "properties": {"city": {"type": "string"}}}
    suite = made(line("Two?", OSLO, nested, tools=[tool(schema=open_)]), line("None?"), gold=True).suite
    two, none = suite.cases
    assert [call.tool for call in two.accept[0].calls] == ["get_weather", "get_weather"]
    assert {rule.path: (rule.matcher, rule.value) for rule in two.accept[0].calls[1].args} == {
        "/city": ("exact", "Oslo"),
        "/$top": ("exact", {"$one_of": [1, {"a": None}]}),
    }
    assert none.wants_nothing
    assert all(traces.UNREVIEWED in case.tags for case in suite.cases)


def test_an_answer_that_no_case_could_want_is_not_expected(made: Callable[..., Made]) -> None:
    broken = [("get_weather", '{"city": "Os'), ("get_wether", "{}"), ("get_weather", "[1]")]
    suite = made(*(line(str(number), call) for number, call in enumerate(broken)), gold=True).suite
    assert [(case.accept, traces.UNREVIEWED in case.tags) for case in suite.cases] == [((), False)] * 3


@pytest.mark.parametrize("gold", [False, True])
@pytest.mark.parametrize(
    "response",
    [
        json.loads(body(text='<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>')),
        'data: {"error": {"code": "tool_use_failed", "failed_generation": "<function=get_weather>"}}\n\n',
    ],
    ids=["left in the text", "not read by the server"],
)
def test_a_call_that_was_lost_was_wanted_all_the_same(made: Callable[..., Made], response: Json, gold: bool) -> None:
    (case,) = made({**line("Oslo?"), "response": response}, gold=gold).suite.cases
    assert (case.accept, case.wants_call, traces.UNREVIEWED in case.tags) == ((), True, False)


def test_an_expected_answer_that_breaks_its_schema_is_marked(made: Callable[..., Made]) -> None:
    (case,) = made(line("?", ("get_weather", '{"city": 5}')), gold=True).suite.cases
    assert len(case.flaws) == 1 and "/city" in case.flaws[0]


def test_whether_a_call_was_wanted_where_none_was_made_is_not_guessed(made: Callable[..., Made]) -> None:
    found = made(line("Called", OSLO), line("Said"))
    assert len(found.suite.cases) == 1 and found.tally.left == {"silent": 1}


def test_a_question_counts_once_whatever_was_answered_and_whenever(made: Callable[..., Made]) -> None:
    again = {**line("A", ("get_weather", '{"city": "Rome"}')), "start_time": 1}
    found = made(line("A", OSLO), line("B", OSLO), again)
    assert len(found.suite.cases) == 2 and found.tally.repeated == 1
    assert {case.id for case in made(again, line("B", OSLO)).suite.cases} == {case.id for case in found.suite.cases}
    assert made(again).suite.cases[0].id not in {
        case.id for case in made(line("A", OSLO, tools=[tool("x")])).suite.cases
    }


def test_tools_of_one_name_and_other_schemas_have_keys_of_their_own(made: Callable[..., Made]) -> None:
    other = tool(schema={"type": "object"})
    suite = made(line("A", OSLO), line("B", OSLO, tools=[other]), line("C", OSLO, tools=[tool("go"), other])).suite
    assert [case.tools for case in suite.cases] == [("get_weather",), ("get_weather~2",), ("go", "get_weather~2")]
    assert {key: spec.name for key, spec in suite.specs.items()} == {
        "get_weather": "get_weather",
        "get_weather~2": "get_weather",
        "go": "go",
    }


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (line("?", OSLO, tool_choice="none"), "barred"),
        (line("?", OSLO, tools=[tool(schema={"type": "strng"})]), "unsound"),
        (line("?", OSLO, tools=[tool(schema={"$ref": "http://x/y"})]), "unsound"),
        (line("?", OSLO, messages=[]), "unheld"),
        ({**line("?", OSLO), "response": body(OSLO, stream=True)[:200]}, "unread"),
        ('{"request": {"mess', "torn"),
        ('{"a": 1, "a": 2}', "torn"),
        ('{"a": "\\ud83d"}', "torn"),
    ],
)
def test_what_becomes_no_case_is_counted_by_its_reason(made: Callable[..., Made], wrong: Json, kind: str) -> None:
    found = made(line("Sound", OSLO), "", wrong)
    assert len(found.suite.cases) == 1 and found.tally.left == {kind: 1} and found.tally.exchanges == 2
    if kind != "barred":
        assert [problem.place and problem.place.line for problem in found.tally.told] == [3]


def test_a_forced_question_is_tagged(made: Callable[..., Made]) -> None:
    (case,) = made(line("?", OSLO, tool_choice={"type": "function", "function": {"name": "get_weather"}})).suite.cases
    assert "forced" in case.tags


def test_of_many_torn_lines_the_first_are_told(made: Callable[..., Made]) -> None:
    found = made(*["{"] * 50, line("?", OSLO))
    assert found.tally.left == {"torn": 50}
    assert [str(problem).partition("log.jsonl:")[2].partition(" ")[0] for problem in found.tally.told] == [
        "1:2:",
        "2:2:",
        "3:2:",
    ]


def test_a_line_that_is_no_text_stops_nothing(tmp_path: Path) -> None:
    sound = json.dumps(line("å", OSLO), ensure_ascii=False).encode()
    (tmp_path / "log").write_bytes(sound + b"\n" + sound[:-40] + b"\xc3\n\0\n" + sound + b"\n" + sound[:90])
    suite, tally = traces.suite_of("s", traces.Log(path=tmp_path / "log", form="openai_log"))
    assert (len(suite.cases), tally.repeated, tally.left) == (1, 1, {"torn": 3})


def test_of_a_log_in_the_words_of_several_apis_one_is_read_and_the_others_are_counted(tmp_path: Path) -> None:
    """Which one it is, the first line tells that can be of one alone."""
    unclear = {"request": {"messages": [{"role": "user", "content": "?"}]}, "response": {"error": {"message": "Busy"}}}
    messages = {"request": messages_api.body(line("A?")["request"]), "response": answer("anthropic", "A")}
    responses = {"request": asked_of_responses("b", "B?")["body"], "response": answer("openai_responses", "B")}
    each = {"openai_log": line("C?", OSLO), "anthropic_log": messages, "openai_responses_log": responses}
    for form, first in each.items():
        logged = [unclear, first, *(other for other in each.values() if other is not first)]
        (tmp_path / "log").write_text("\n".join(map(json.dumps, logged)), encoding="utf-8")
        assert traces.sniff(tmp_path / "log") == form
        suite, tally = traces.suite_of("s", traces.Log(path=tmp_path / "log", form=form))
        assert [case.source.rpartition(":")[2] for case in suite.cases] == ["2"]
        may_be_unclear = {"foreign": 3} if form == "openai_responses_log" else {"failed": 1, "foreign": 2}
        assert tally.left == may_be_unclear


def test_a_conversation_that_the_log_only_points_to_is_left_out(tmp_path: Path) -> None:
    one = {"request": asked_of_responses("a", "A?")["body"], "response": answer("openai_responses", "A")}
    next_ = {**one, "request": {**one["request"], "previous_response_id": "resp_1"}}
    (tmp_path / "log").write_text(f"{json.dumps(one)}\n{json.dumps(next_)}\n", encoding="utf-8")
    suite, tally = traces.suite_of("s", traces.Log(path=tmp_path / "log", form="openai_responses_log"))
    assert len(suite.cases) == 1 and tally.left == {"continued": 1}
    assert list(traces.reasons(tally).values()) == [
        "1: goes on from what was said elsewhere, which the log only points to"
    ]


# --------------------------------------------------------------------------- packed by gzip


def test_a_log_that_gzip_packed_is_the_log_it_was_and_its_places_are_those_of_its_lines(tmp_path: Path) -> None:
    lines = [*(CORPUS / "openai_log/bodies.jsonl").read_bytes().splitlines(keepends=True), b'{"torn\n']
    (tmp_path / "plain.jsonl").write_bytes(b"".join(lines))
    # of two members, as a log has that was written on; and by its first bytes, for many a .gz comes unpacked
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[:3])) + gzip.compress(b"".join(lines[3:])))
    read = {path.name: list(traces.read(path, traces.sniff(path))) for path in tmp_path.iterdir()}
    plain, packed = read["plain.jsonl"], read["packed.jsonl.gz"]
    assert [found for _, found in packed] == [found for _, found in plain]
    assert [str(place) for place, _ in packed] == [
        str(place).replace("plain.jsonl", "packed.jsonl.gz") for place, _ in plain
    ]
    assert str(packed[-1][0]).endswith(f"packed.jsonl.gz:{len(lines)}:2")


@pytest.mark.parametrize("harm", ["cut", "flip", "garbled", "tail"])
def test_of_what_gzip_packed_all_is_read_that_stands_before_the_harm(tmp_path: Path, harm: str) -> None:
    sound = [json.dumps(line(f"{number} {os.urandom(60).hex()}", OSLO)).encode() + b"\n" for number in range(200)]
    packed = bytearray(gzip.compress(b"".join(sound)))
    if harm == "cut":
        del packed[len(packed) // 2 :]
    elif harm == "flip":
        packed[-6] ^= 1  # of the sum at its end
    elif harm == "garbled":
        packed += packed[:10] + b"\xff" * 20
    else:
        packed += b"not packed"
    (tmp_path / "a.gz").write_bytes(packed)
    (tmp_path / "b.jsonl").write_bytes(sound[-1])
    suite, tally = traces.suite_of("s", traces.Log(path=tmp_path, form=traces.sniff(tmp_path)))
    assert tally.left == {"torn": 1} and len(suite.cases) in (range(50, 150) if harm == "cut" else [200])
    assert str(tally.told[0]).startswith(
        f"{tmp_path}/a.gz:{tally.exchanges - 1}: what gzip packed is cut off or damaged"
    )


def test_a_large_log_is_unpacked_as_it_is_read(tmp_path: Path) -> None:
    """Of 12 MB that gzip packed into some 30 kB, no more is held than a few lines."""
    one = json.dumps(line("?", OSLO) | {"padding": "x" * 30_000}).encode() + b"\n"
    with gzip.open(tmp_path / "log.gz", "wb") as file:
        for _ in range(400):
            file.write(one)
    tracemalloc.start()
    read = traces.read(tmp_path / "log.gz", "openai_log")
    count = sum(1 for _ in read)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 400 and peak < 1e6


# --------------------------------------------------------------------------- halves


def batch(tmp_path: Path, *parts: Sequence[Json]) -> Made:
    for number, lines in enumerate(parts):
        text = "".join(json.dumps(each) + "\n" for each in lines)
        (tmp_path / f"{number}.jsonl").write_text(text, encoding="utf-8")
    return Made(*traces.suite_of("s", traces.Log(path=tmp_path, form=traces.sniff(tmp_path), gold=True)))


def asked(id: str, said: str) -> Json:
    return {"custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": line(said)["request"]}


def answered(id: str, city: str) -> Json:
    return {"custom_id": id, "response": {"status_code": 200, "body": answer("openai_chat", city)}, "error": None}


def answer(dialect: str, city: str) -> Json:
    made = [("get_weather", json.dumps({"city": city}))]
    return json.loads(plugins.dialect(dialect).write(made, "", model="m-1", usage=Usage(), stream=False))


def asked_of_anthropic(id: str, said: str) -> Json:
    return {"custom_id": id, "params": messages_api.body(line(said)["request"])}


def answered_by_anthropic(id: str, city: str) -> Json:
    return {"custom_id": id, "result": {"type": "succeeded", "message": answer("anthropic", city)}}


def asked_of_responses(id: str, said: str) -> Json:
    body = {"model": "m", "input": said, "tools": [{"type": "function", **tool()["function"]}]}
    return {"custom_id": id, "method": "POST", "url": "/v1/responses", "body": body}


def answered_by_responses(id: str, city: str) -> Json:
    return {"custom_id": id, "response": {"status_code": 200, "body": answer("openai_responses", city)}, "error": None}


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(
    ("asked", "answered"),
    [(asked, answered), (asked_of_anthropic, answered_by_anthropic), (asked_of_responses, answered_by_responses)],
    ids=["chat", "messages", "responses"],
)
def test_the_files_of_a_batch_find_each_other_in_any_order(
    tmp_path: Path, asked: Callable[..., Json], answered: Callable[..., Json], flipped: bool
) -> None:
    questions = [asked("a", "A?"), asked("b", "B?"), asked("c", "C?")]
    parts = [questions, [answered("b", "B"), answered("a", "A"), answered("z", "Z")]]
    found = batch(tmp_path, *(reversed(parts) if flipped else parts))
    wanted = {case.messages[0]["content"]: case.accept[0].calls[0].args[0].value for case in found.suite.cases}
    assert wanted == {"A?": "A", "B?": "B"}
    assert json.dumps(found.suite.specs["get_weather"].schema) == json.dumps(WEATHER)  # models see the order
    assert found.tally.left == {"single": 2}


@pytest.mark.parametrize("result", [{"type": "expired"}, {"type": "canceled"}, {"type": "errored", "error": {}}])
def test_a_question_of_a_batch_that_was_not_answered_has_failed(tmp_path: Path, result: Json) -> None:
    questions = [asked_of_anthropic("a", "A?"), asked_of_anthropic("b", "B?")]
    found = batch(tmp_path, questions, [{"custom_id": "b", "result": result}, answered_by_anthropic("a", "A")])
    assert len(found.suite.cases) == 1 and found.tally.left == {"failed": 1}


def test_halves_that_could_be_those_of_two_questions_are_left_out(tmp_path: Path) -> None:
    parts = [[asked("a", "A?"), asked("b", "B?")], [asked("a", "Another?")], [answered("a", "A"), answered("b", "B")]]
    found = batch(tmp_path, *parts)
    assert [case.messages[0]["content"] for case in found.suite.cases] == ["B?"]
    assert found.tally.left == {"single": 3}


# --------------------------------------------------------------------------- there and back

_ROLES = st.sampled_from(["system", "user", "assistant", "tool"])
_MESSAGES = st.builds(
    lambda role, content, other: {**other, "role": role, "content": content},
    _ROLES,
    strategies.texts,
    st.dictionaries(strategies.texts, strategies.values, max_size=2),
)
_CALLS = st.lists(st.tuples(st.sampled_from(["f", "g", "unknown"]), st.text(max_size=20)), min_size=1, max_size=3)
_SCHEMAS = st.sampled_from(
    [WEATHER, {}, {"type": "object"}, {"$schema": "http://json-schema.org/draft-07/schema#", "x-mine": [1.0]}]
)
SPECS = st.tuples(_SCHEMAS, _SCHEMAS).map(
    lambda both: tuple(
        ToolSpec(name=name, description=f"Does {name}.", schema=schema, source="")
        for name, schema in zip("fg", both, strict=True)
    )
)


@given(st.lists(_MESSAGES, min_size=1, max_size=4), SPECS, _CALLS, strategies.texts, st.booleans(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_what_was_asked_and_answered_comes_back_from_a_log_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    messages: list[Mapping[str, Json]],
    specs: tuple[ToolSpec, ...],
    calls: list[tuple[str, str]],
    said: str,
    stream: bool,
    as_text: bool,
) -> None:
    case = Case(id="c", messages=tuple(messages), tools=("f", "g"))
    suite = Suite(name="s", specs={spec.name: spec for spec in specs}, cases=(case,))
    sent = Builder(suite).build(case, 0, Target(name="t", provider="openai_http", model="m", stream=stream)).body
    received = body(*calls, text=said, stream=stream)
    log = tmp_path_factory.mktemp("there") / "log.jsonl"
    logged = received if stream or as_text else json.loads(received)
    log.write_text(json.dumps({"request": json.dumps(sent) if as_text else sent, "response": logged}), encoding="utf-8")
    gatherer = traces.Gatherer(traces.Log(path=log, form=traces.sniff(log)))
    ((again, record),) = gatherer.gather()
    assert again.messages == case.messages and again.tools == case.tools
    assert {key: (each.name, each.description, each.schema) for key, each in gatherer.specs.items()} == {
        each.name: (each.name, each.description, each.schema) for each in specs
    }
    assert record.answer == extract.read(Response(wire=Wire(status=200, body=received), dialect="openai_chat"))


# --------------------------------------------------------------------------- commands


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("EVALKIT_")]:
        monkeypatch.delenv(name)

    def run(*words: object) -> Result:
        code = main([str(word) for word in words])
        return Result(code, *capfd.readouterr())

    return run


@pytest.mark.parametrize("form", traces.formats())
def test_a_log_of_every_format_becomes_a_suite_that_loads_as_the_run_knows_it(cli: Cli, form: str) -> None:
    shutil.copytree(CORPUS / form, "logs")
    Path("logs/expected.json").unlink()
    done = cli("import", "traces", "logs", "-o", "suites/was.jsonl", "--expect", "answer", "--run", "was", "--json")
    assert done.code == ExitCode.OK, done.err
    run = store.load(Path("reports/was"))
    assert run.info.suite_digest == workspace.load_suite("suites/was.jsonl").digest
    assert {record.case for record in run.records} == {case.id for case in run.suite.cases}
    assert done.json["targets"][0]["answered"] == len(run.suite.cases)
    assert all(record.score and record.score.correct for record in run.records)
    assert "sk-not-a-key" not in Path("suites/was.jsonl").read_text(encoding="utf-8")


def test_the_counts_are_told_to_people_and_to_programs(cli: Cli) -> None:
    shutil.copy(CORPUS / "openai_log/bodies.jsonl", "log.jsonl")
    told = cli("import", "traces", "log.jsonl", "-o", "s.jsonl", "--json")
    assert told.json["cases"] == 7 and told.json["exchanges"] == 18
    assert told.json["left_out"] == {
        **{"failed": 2, "unsound": 2, "unread": 2, "foreign": 2},
        **{"toolless": 1, "silent": 1, "unheld": 1},
    }
    assert "7 cases, 2 tools: s.jsonl" in told.err and "1: offers no tools" in told.err
    assert "log.jsonl:5: the stream broke off before its end; " in told.err


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("", ["--from", "openai_log"], "log.jsonl: the log is empty"),
        ("{\n", ["--from", "openai_log"], "log.jsonl: nothing of 1 becomes a case: 1: not JSON, or not whole"),
        ('{"a": 1}\n', [], "log.jsonl: is no log in a format that is known"),
        ("[\n", [], "log.jsonl: is no log in a format that is known"),
        (
            json.dumps(line("?", OSLO)),
            ["--from", "mcp"],
            "--from mcp: reads no logs; these do: anthropic_log, litellm_log, openai_log",
        ),
        (json.dumps(line("?", OSLO)), ["--from", "openai_logs"], "did you mean 'openai_log'?"),
    ],
)
def test_a_log_of_which_nothing_is_left_is_one_line(cli: Cli, text: str, words: list[str], said: str) -> None:
    Path("log.jsonl").write_text(text, encoding="utf-8")
    done = cli("import", "traces", "log.jsonl", "-o", "s.jsonl", *words)
    (told,) = done.err.splitlines()
    assert done.code == ExitCode.INPUT and said in told and not Path("s.jsonl").exists()


def test_a_log_that_is_not_there_is_told(cli: Cli) -> None:
    assert "gone.jsonl: no such file" in cli("import", "traces", "gone.jsonl", "-o", "s.jsonl").err


def test_a_pipe_is_read_where_once_is_enough_and_refused_where_its_beginning_would_be_missing(cli: Cli) -> None:
    logged, into = os.pipe()
    with open(into, "wb") as pipe:
        pipe.write((CORPUS / "openai_log/bodies.jsonl").read_bytes())  # 64 KiB go into a pipe, and this is less
    words = ("import", "traces", f"/dev/fd/{logged}", "-o", "s.jsonl")
    try:
        for told in ((), ("--from", "openai_log", "--run", "was")):
            refused = cli(*words, *told)
            assert refused.code == ExitCode.INPUT and "can be read but once" in refused.err
        assert "7 cases, 2 tools: s.jsonl" in cli(*words, "--from", "openai_log").err
    finally:
        os.close(logged)


def test_a_candidate_is_held_against_what_production_answered(cli: Cli) -> None:
    """The whole way: a run of ours is taken for production, logged, imported, and a candidate asked the same."""
    travel = workspace.load_suite("travel")
    with testing.running([travel]) as server:
        address = f"?base_url={server.openai_url}"
        first = ["--limit", 24, "--run", "production", "-q"]
        assert cli("run", "travel", "-m", f"openai_http/oracle{address}", *first).code == ExitCode.OK
    was = store.load(Path("reports/production"))
    build = Builder(was.suite).build
    cases = {case.id: case for case in was.suite.cases}
    with open("log.jsonl", "w", encoding="utf-8") as log:
        for record in was.records:
            assert isinstance(record.reply, Response)
            sent = build(cases[record.case], 0, was.info.targets[0]).body
            exchange = {"request": sent, "response": record.reply.wire.body, "start_time": record.started}
            log.write(json.dumps(exchange) + "\n")
    assert cli("import", "traces", "log.jsonl", "-o", "prod.jsonl", "--expect", "answer", "--run", "july").code == 0
    asked = store.load(Path("reports/july")).suite
    assert [case.messages for case in asked.cases] == [case.messages for case in was.suite.cases]
    with testing.running([asked]) as server:
        address = f"?base_url={server.openai_url}"
        good, bad = f"openai_http/oracle{address}&name=good", f"openai_http/faulty;kind=tool.unknown{address}&name=bad"
        cli("run", "prod.jsonl", "-m", good, "-m", bad, "--run", "july", "-q")
    fresh = cli("run", "prod.jsonl", "-m", good, "--run", "july", "--fresh", "-q")
    assert fresh.code == ExitCode.INPUT and "would forget" in fresh.err
    Path("policy.yaml").write_text("max_drop: {compliance: 0.2, correct: 0.2}\n", encoding="utf-8")
    for candidate, code in {"good": ExitCode.OK, "bad": ExitCode.GATE_FAILED}.items():
        held = cli("gate", "july", "--policy", "policy.yaml", "--baseline", "production", "--candidate", candidate)
        assert held.code == code, held.out
    report = cli("report", "july", "--baseline", "production", "--candidate", "bad", "-o", "july.html")
    assert report.code == ExitCode.OK and "production" in Path("july.html").read_text(encoding="utf-8")


def test_a_log_that_is_written_on_meanwhile_is_the_suite_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(line("A", OSLO)) + "\n", encoding="utf-8")
    log = traces.Log(path=path, form="openai_log")
    suite, _ = traces.suite_of("s", log)
    with path.open("a", encoding="utf-8") as more:
        more.write(json.dumps(line("B", OSLO)) + "\n")
    target = Target(name="production", provider="recorded", model="production")
    assert [record.case for record in traces.records(suite, log, target)] == [suite.cases[0].id]


def test_tools_that_a_log_does_not_tell_are_those_of_a_file(cli: Cli) -> None:
    """Most instrumentations record no tools, and what they record of one may be its name alone."""
    spans = (CORPUS / "otel_genai/spans.jsonl").read_text(encoding="utf-8")
    Path("log.jsonl").write_text(spans.replace("gen_ai.tool.definitions", "not.recorded"), encoding="utf-8")
    done = cli("import", "traces", "log.jsonl", "-o", "s.jsonl")
    assert done.code == ExitCode.INPUT and "4: does not tell which tools were offered (--tools FILE does)" in done.err
    Path("tools.json").write_text(json.dumps([tool()]), encoding="utf-8")
    assert cli("import", "traces", "log.jsonl", "-o", "s.jsonl", "--tools", "tools.json").code == ExitCode.OK
    suite = workspace.load_suite("s.jsonl")
    assert {key: spec.schema for key, spec in suite.specs.items()} == {"get_weather": WEATHER}
    assert len(suite.cases) == 4


def test_a_format_of_another_distribution_is_told_if_it_reads_no_logs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reads no logs"):
        list(traces.read(tmp_path, "bfcl"))
