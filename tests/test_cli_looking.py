"""`list` and `show` on a terminal: they fit 80 columns, whatever the models said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from evalkit import arms, store
from evalkit.cli import printing, unfolding
from evalkit.cli.app import main
from evalkit.data import (
    Answer,
    Attempt,
    Case,
    Fault,
    Mismatch,
    Payload,
    Posted,
    Record,
    Response,
    Timing,
    ToolSpec,
    Wire,
)
from tests import outcomes

TOOL = """[{"name": "go", "description": "", "input_schema": {"type": "object", "properties": {"n": {"type": "integer"},
"to": {"type": "string"}}}}]"""
SUITE = f"""
suite: a-suite-with-a-rather-long-name
tools: [tools.json]
cases:
  - id: one
    user: "{"Please go there once, and then say that it is done. " * 5}"
    expect: {{call: go, args: {{n: 1, to: {"x" * 90}}}}}
    forbid: []
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools.json").write_text(TOOL, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")
    models = [
        "-m",
        "reference/oracle?name=a-model-of-some-length",
        "-m",
        "reference/sampler?name=sampler-of-some-length&seed=3",
    ]
    assert main(["run", "s.yaml", *models, "-q", "--run", "a-run-whose-name-is-rather-long-as-well"]) == 0
    capfd.readouterr()
    return "a-run-whose-name-is-rather-long-as-well"


def out(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capfd.readouterr().out


def test_everything_fits_80_columns(run: str, capfd: pytest.CaptureFixture[str]) -> None:
    for arguments in (["list"], ["show", run], ["show", run, "one"]):
        lines = out(capfd, *arguments).splitlines()
        long = [line for line in lines if len(line) > 80 and not line.startswith("reports/")]
        assert not long, arguments


def test_what_a_route_makes_of_the_tools_fits_too_and_arms_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools.json").write_text(TOOL, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")
    model = "reference/a-model-whose-name-is-so-long-that-no-column-of-numbers-has-the-room-for-all-of-it"
    names = [f"{model}@{arm}" for arm in ("native", "strict", "prompted")]
    models = [part for name in names for part in ("-m", f"reference/oracle{name[name.index('@') :]}?name={name}")]
    assert main(["run", "s.yaml", *models, "-q", "--run", "r"]) == 0
    capfd.readouterr()
    told = out(capfd, "show", "r").splitlines()
    assert max(map(len, told[1:])) <= 80
    assert all(name in "".join(line.strip() for line in told) for name in names)
    assert any("@strict: tools sent otherwise than declared (" in line for line in told)
    listed = out(capfd, "list").splitlines()
    assert max(map(len, listed)) <= 80 and "native +2" in listed[1]


def test_a_long_argument_is_cut_and_it_says_by_how_much() -> None:
    answer = Answer(payloads=(Payload(index=0, tool="go", text="x" * 1_000_000, value=None),))
    wire = Response(wire=Wire(status=200, body=""), dialect="openai_chat")
    record = Record(case="one", trial=0, target="m", started="", sent="", reply=wire, answer=answer, score=None)
    asked = Case(id="one", messages=(), tools=(), accept=())
    told = list(unfolding._answered(asked, record))
    assert sum(map(len, told)) < 3000 and max(map(len, told)) <= 80
    (cut,) = [line for line in told if "left out" in line]
    kept = sum(line.count("x") for line in told if line is not cut)
    assert f"{1_000_000 - kept:,} characters left out; --json has them" in cut


def test_a_case_without_tags_shows_no_brackets(run: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert "[]" not in out(capfd, "show", run, "one").splitlines()[0]


def test_a_mismatch_shows_what_was_wanted_above_what_came(run: str, capfd: pytest.CaptureFixture[str]) -> None:
    lines = out(capfd, "show", run, "one").splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("  unlike") and "/n" in line)
    assert lines[at + 1 : at + 2] == ["   wanted 1"]
    assert "got" not in lines[at] and "wanted" not in lines[at], "the two values stand below, once"
    told = json.loads(out(capfd, "show", run, "one", "--json"))
    (mismatch,) = [m for r in told["records"] for m in r["score"]["mismatches"] if m["path"] == "/n"]
    if mismatch["kind"] == "arg":
        assert lines[at + 2] == f"   got    {mismatch['actual']}"


def test_nothing_of_a_call_is_lost_on_the_way(run: str, capfd: pytest.CaptureFixture[str]) -> None:
    shown = "".join(out(capfd, "show", run, "one").split())
    for record in json.loads(out(capfd, "show", run, "one", "--json"))["records"]:
        for payload in record["answer"]["payloads"]:
            assert "".join(payload["text"].split()) in shown


def test_what_a_client_library_sent_otherwise_is_told_before_the_answer() -> None:
    left = {"type": "object", "properties": {"n": {}, "to": {"type": "string"}}}
    record = Record(
        case="one",
        trial=0,
        target="m",
        started="",
        sent="",
        reply=Response(
            wire=Wire(status=200, body=""),
            dialect="anthropic",
            sent=[{"name": "go", "input_schema": left}],
            posted=Posted(url="http://host/v1", headers={}, members={"max_tokens": 4096}),
        ),
    )
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "to": {"type": "string"}}}
    spec = ToolSpec(name="go", description="", schema=schema, source="")
    assert list(unfolding._sent([spec], record)) == [
        "  sent    to http://host/v1",
        '  sent    settings as {"max_tokens": 4096}',
        "  sent    go /properties/n/type: type was not sent, so nothing held the model to",
        "          it (lost)",
    ]
    assert not list(unfolding._sent([spec], replace(record, reply=Fault(kind="network", message="cut"))))


def test_of_an_attempt_without_an_answer_it_is_told_what_came() -> None:
    cut = Fault(kind="network", message="cut off", status=200, wire=Wire(status=200, body='{"choices": ['))
    silent = Fault(kind="timeout", message="no answer")
    asked = outcomes.record(outcomes.case(0), 0, "x", "m")
    heard = replace(asked, reply=silent, attempts=(Attempt(fault=cut, wait=0.5),))
    assert list(unfolding._failed(heard)) == [
        "  before  network: cut off (after 0.00 s, then waited 0.50 s)",
        '  came    status 200: {"choices": [',
    ]
    assert list(unfolding._failed(replace(heard, reply=cut, attempts=())))[-1].endswith('{"choices": [')


@pytest.mark.parametrize(
    ("why", "beyond"),
    [
        ("got 2, wanted 1", ""),
        ("got 2, wanted 1, abs 0.5", "abs 0.5"),
        ("got 2, wanted a number near 1", "wanted a number near"),
        ("got 2, which is no date; wanted 1", "which is no date"),
        ("has length 2, wanted 1", "has length 2, wanted 1"),
        ("", ""),
    ],
)
def test_a_mismatch_says_beside_its_values_only_how_they_were_compared(why: str, beyond: str) -> None:
    mismatch = Mismatch(kind="arg", tool="go", path="/n", expected=1, actual=2, why=why)
    assert next(unfolding._unlike(mismatch, Case(id="one", messages=(), tools=()), [])) == (
        f"  unlike  go /n: {beyond}" if beyond else "  unlike  go /n"
    )


def test_what_distinct_counts_is_said_where_trials_are(run: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert "distinct" not in out(capfd, "show", run)
    told = out(capfd, "run", "s.yaml", "-m", "reference/oracle", "--trials", "2", "-q", "--run", "twice").splitlines()
    assert told[-1].startswith("distinct: ") and max(map(len, told)) <= 80
    assert "50.0 %" in told[-2], "all alike: one answer in two trials"


def test_lint_names_the_file_once_and_then_the_places(run: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path("tools.json").write_text(
        json.dumps(
            [
                {
                    "name": "go",
                    "input_schema": {
                        "type": "object",
                        "properties": {name: {"type": "integer", "exclusiveMinimum": 0} for name in ("n", "m")},
                    },
                }
            ]
        ),
        encoding="utf-8",
    )
    Path("s.yaml").write_text("suite: s\ntools: [tools.json]\ncases: [{id: a, user: Go., expect: none}]\n", "utf-8")
    lines = out(capfd, "lint", "s.yaml", "--portability", "gemini").splitlines()
    assert sum("tools.json" in line for line in lines) == 1 and "  tools.json" in lines
    assert sum(line.strip().startswith("#/0/") and line.endswith("/exclusiveMinimum") for line in lines) == 2
    assert max(map(len, lines)) <= 120


def test_what_came_from_the_cache_is_said_where_a_run_is_summed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = outcomes.run([outcomes.case(0), outcomes.case(1)], {"old": ["p", "p"], "new": ["p", "p"]})
    with store.create(tmp_path, made.info, made.suite) as opened:
        opened.append(replace(record, cached="2026-01-01" * (record.target == "old")) for record in made.records)
    printing.summary(tmp_path, as_json=False)
    told = [line for line in capsys.readouterr().out.splitlines() if "from the cache" in line]
    assert told == ["old: 2 of 2 from the cache, with the times of then"]
    printing.summary(tmp_path, as_json=True)
    assert [row["cached"] for row in json.loads(capsys.readouterr().out)["targets"]] == [2, 0]


def test_of_an_answer_it_is_told_when_what_came_and_what_was_waited_for_before() -> None:
    refused = Attempt(fault=Fault(kind="rate_limit", message="slow down", seconds=0.25), wait=1.5)
    timing = Timing(first_token=0.1, first_call_byte=0.2, arguments_done=0.3, total=0.4, queued=2.25)
    posted = Posted(url="http://h/v1?key=$KEY", headers={}, members={"system": "s"}, dropped=("stream_options",))
    reply = Response(wire=Wire(status=200, body=""), dialect="x", timing=timing, posted=posted)
    record = Record(case="c", trial=0, target="m", started="", sent="", reply=reply, attempts=(refused,))
    told = [*unfolding._failed(record), *unfolding._timed(record), *unfolding._sent([], record)]
    assert " ".join(" ".join(told).split()) == (
        "before rate_limit: slow down (after 0.25 s, then waited 1.50 s) times first token 0.10 s, first byte of a "
        "call 0.20 s, arguments complete 0.30 s, queued 2.25 s, backed off 1.50 s sent to http://h/v1?key=$KEY sent "
        "otherwise than built, or not: system, stream_options (evalkit repro tells how)"
    )


def test_tools_that_left_as_their_arm_has_them_left_as_they_were_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = outcomes.run([outcomes.case(0)], {"old": ["p"]})
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    spec = replace(made.suite.specs["book"], schema=schema)
    target = replace(outcomes.OLD, provider="anthropic_http", arm="strict")
    (declared,) = arms.offer(target, [spec]).large["tools"]
    (asked,) = made.records
    assert isinstance(asked.reply, Response) and declared["function"]["strict"]
    left = replace(asked.reply, sent=[{"name": "book", "input_schema": declared["function"]["parameters"]}])
    with store.create(
        tmp_path, replace(made.info, targets=(target,)), replace(made.suite, specs={"book": spec})
    ) as opened:
        opened.append([replace(asked, target=target.identity, reply=left)])
    unfolding.case(tmp_path, "case-0", as_json=False)
    told = capsys.readouterr().out
    assert "old@strict, trial 0" in told and "minimum" not in told


def test_lines_are_as_long_as_columns_says(
    run: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = {}
    for columns in ("60", "100", "nonsense"):
        monkeypatch.setenv("COLUMNS", columns)
        widths[columns] = [
            max(map(len, out(capfd, *verb).splitlines())) for verb in (("compare", run), ("show", run, "one"))
        ]
    assert [told[0] for told in widths.values()] == [80, 100, 80]  # its tables need 80
    assert widths["60"][1] <= 60 < widths["nonsense"][1] <= 80 < widths["100"][1] <= 100


def test_a_path_is_not_broken() -> None:
    path = "/a" * 60 + ".yaml:3"
    assert path in [line.strip() for line in unfolding._told("", f"one  [dates]  {path}", whole=True)]


def test_where_no_tool_changed_there_is_no_empty_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    models = ["-m", "reference/oracle?name=old", "-m", "reference/oracle?name=new"]
    assert main(["run", "travel", "payments", "office", "cloud", *models, "--run", "r", "-q"]) == 0
    told = out(capfd, "compare", "r").partition("\nTools\n")[2].partition("\n\n")[0]
    assert told and "Cases" not in told and "──" not in told
