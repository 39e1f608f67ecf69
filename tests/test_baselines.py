"""Baselines: set, reviewed, held against a later run; what changed since is left out by name, the rest is compared."""

# ruff: noqa: F811 - fixtures are named by what takes them
from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import baselines, compare, store
from evalkit.baselines import holding
from evalkit.data import Payload, Record, Response, Timing, Violation
from evalkit.errors import ExitCode, InputError
from tests import outcomes
from tests.test_cli import Cli, cli  # noqa: F401 - a fixture

NOW = "2026-03-02T10:00:00+00:00"


@pytest.fixture
def asked(cli: Cli, tmp_path: Path) -> Path:
    """A run of the incumbent over two suites, kept as the baseline `old`, and of a worse candidate."""
    cli("run", "travel", "payments", "-m", "reference/oracle?name=old&latency=0.5", "--run", "july")
    worse = "reference/faulty?name=new&kind=schema.enum_case&rate=0.5&latency=0.8"
    cli("run", "travel", "payments", "-m", worse, "--run", "now")
    assert cli("baseline", "set", "july", "--name", "old", "--why", "signed off", "--by", "Ada").code == 0
    return tmp_path / "suites/baselines/old.json"


# --------------------------------------------------------------------------- whole commands


def test_a_fresh_run_is_gated_against_a_baseline_as_against_the_run_it_came_from(cli: Cli, asked: Path) -> None:
    from_file = cli("gate", "now", "--baseline", "baseline:old", "-o", "x.html", "-o", "x.md")
    from_run = cli("gate", "july", "now")
    assert from_file.code == from_run.code == ExitCode.GATE_FAILED
    assert from_file.out.split("report: ")[0] == from_run.out
    by_path = cli("gate", "now", "--baseline", f"baseline:{asked}", "--json")
    assert by_path.code == ExitCode.GATE_FAILED and by_path.json["baseline"] == "old"


def test_the_file_is_reviewed_line_by_line(cli: Cli, asked: Path) -> None:
    lines = asked.read_text(encoding="utf-8").splitlines()
    assert sum('"travel/' in line and '"digest"' in line for line in lines) == 50
    cli("baseline", "set", "now", "--name", "old", "--why", "again", "--by", "Ada")
    after = asked.read_text(encoding="utf-8").splitlines()
    answers = [(a, b) for a, b in zip(lines, after, strict=True) if '"digest"' in a]
    assert 0 < sum('"failed"' in b for _, b in answers) == sum("schema.enum_case" in b for _, b in answers) < 60


def test_setting_it_again_is_no_change_but_of_the_day(cli: Cli, asked: Path) -> None:
    before = asked.read_text(encoding="utf-8").splitlines()
    again = cli("baseline", "set", "july", "--name", "old", "--why", "signed off", "--by", "Ada")
    assert "replaces what Ada set" in again.err
    after = asked.read_text(encoding="utf-8").splitlines()
    assert [a for a, b in zip(before, after, strict=True) if a != b and '"set"' not in a] == []


def test_who_when_and_why_are_shown_and_a_removed_one_is_gone(cli: Cli, asked: Path) -> None:
    told = cli("baseline", "show", "old", "--suite", "travel", "--suite", "payments", "--json").json
    assert (told["by"], told["why"], told["cases"], told["correct"], told["stale"]) == ("Ada", "signed off", 100, 1, {})
    assert "old  100 cases of old" in cli("baseline", "list").out
    assert cli("baseline", "rm", "old").code == 0 and not asked.exists()
    missing = cli("gate", "now", "--baseline", "baseline:old")
    assert missing.code == ExitCode.INPUT and "no baseline" in missing.err


def test_a_changed_case_and_a_changed_tool_leave_only_their_cases_out(cli: Cli, tmp_path: Path) -> None:
    tools = [
        {"name": name, "description": "", "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
        for name in ("go", "stay")
    ]
    cases = [
        f"  - {{id: {tool}-{n}, user: '{tool} {n}', offer: [{tool}], expect: {{call: {tool}, args: {{n: {n}}}}}}}\n"
        for tool in ("go", "stay")
        for n in range(3)
    ]

    def write() -> None:
        (tmp_path / "tools.json").write_text(json.dumps(tools), encoding="utf-8")
        text = "suite: small\ntools: [tools.json]\ncases:\n" + "".join(cases)
        (tmp_path / "small.yaml").write_text(text, encoding="utf-8")

    write()
    cli("run", "small.yaml", "-m", "reference/oracle?name=old", "--run", "a")
    cli("baseline", "set", "a", "--name", "b")
    cases[0] = cases[0].replace("go 0", "Go, zero")
    tools[1]["description"] = "Do not move."
    write()
    cli("run", "small.yaml", "-m", "reference/oracle?name=new", "--run", "c")
    held = cli("gate", "c", "--baseline", "baseline:b", "--json", "-o", "x.md")
    assert held.code == ExitCode.INCONCLUSIVE
    assert "not compared: go-0: the case changed since baseline b was set" in held.err
    assert held.err.count("the spec of stay changed since baseline b was set") == 3
    assert "stay-0" in (tmp_path / "x.md").read_text(encoding="utf-8")
    assert "over 2 cases" in held.out

    tools[0]["description"] = "Move."
    write()
    cli("run", "small.yaml", "-m", "reference/oracle?name=new", "--run", "d")
    gone = cli("gate", "d", "--baseline", "baseline:b")
    assert gone.code == ExitCode.NOT_COMPARABLE and "no case is as baseline b has it" in " ".join(gone.out.split())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<<<<<<< HEAD", "not JSON"),
        ("[]", "not a baseline"),
        ('{"format": "evalkit.report"}', "not a baseline"),
        ('{"format": "evalkit.baseline", "version": 9}', "version 9"),
        ('{"format": "evalkit.baseline", "version": 1, "name": 3}', "damaged"),
        ('{"format": "evalkit.baseline", "version": 1, "name": "a", "name": "b"}', "not JSON"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused_with_what_to_do(
    cli: Cli,
    tmp_path: Path,
    text: str,
    why: str,
) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    refused = cli("baseline", "show", "x.json")
    assert refused.code == ExitCode.INPUT and why in refused.err and "baseline set" in refused.err


def test_a_name_is_no_way_out_of_the_folder(cli: Cli, asked: Path) -> None:
    for name in ("../x", "a/b", ".hidden", ""):
        assert cli("baseline", "show", name).code == ExitCode.INPUT


def test_what_a_run_lacks_is_said(cli: Cli, tmp_path: Path) -> None:
    cli("run", "travel", "-m", "reference/oracle?name=a", "-m", "reference/oracle?name=b", "--run", "r", "--limit", 3)
    assert "--target is not given" in cli("baseline", "set", "r").err
    assert cli("baseline", "set", "r", "--target", "c").code == ExitCode.INPUT
    assert cli("baseline", "set", "r", "--target", "b").out.endswith("suites/baselines/travel-b.json\n")


# --------------------------------------------------------------------------- the same comparison, from less

WORDS = st.lists(st.text(alphabet="pwvnx", min_size=1, max_size=3), min_size=4, max_size=12)


@given(WORDS, st.randoms(use_true_random=False))
def test_a_baseline_compares_as_its_run_does(words: list[str], random: object) -> None:
    cases = [outcomes.case(n, None if n % 5 == 4 else "book") for n in range(len(words))]
    words = [word.replace("v", "w") if case.wants_nothing else word for word, case in zip(words, cases, strict=True)]
    old = ["p", *words[1:]]
    run = outcomes.run(cases, {"old": old, "new": ["p"] * len(cases)})
    held = baselines.read(baselines.write(baselines.take(run, "old", "b", at=NOW)), "b.json")
    direct, through = compare.compare(run, "old", run, "new"), holding.against(held, run, "new")
    assert (through.cells, through.changes) == (direct.cells, direct.changes)
    assert (through.latency, through.differs, through.left_out) == (direct.latency, (), ())


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_model_sent_stays_on_its_line_and_comes_back(tool: str, text: str) -> None:
    case = outcomes.case(0)
    run = outcomes.run([case], {"old": ["v"]})
    record = run.records[0]
    assert record.answer is not None and record.score is not None and isinstance(record.reply, Response)
    wrong = Violation(payload=0, code="json.syntax", message=text, excerpt=text[:200])
    told = Record(
        case=case.id,
        trial=0,
        target="old",
        started="",
        sent="",
        reply=Response(wire=record.reply.wire, dialect="x", timing=Timing(total=0.001)),
        answer=type(record.answer)(payloads=(Payload(index=0, tool=tool, text=text, error="json.syntax"),)),
        score=replace(record.score, violations=(wrong,)),
    )
    taken = baselines.take(type(run)(info=run.info, suite=run.suite, records=(told,)), "old", "b", at=NOW)
    written = baselines.write(taken)
    assert all(line.isprintable() for line in written.split("\n"))
    assert written.encode("utf-8") and baselines.read(written, "b.json") == taken
    assert sum(line.startswith(' "case-0"') for line in written.split("\n")) == 1


def test_a_megabyte_is_cut_and_says_so() -> None:
    assert len(baselines._clip("x" * 1_000_000)) < 4_100


def test_the_recorded_migration_comes_out_the_same_from_a_file(cli: Cli, tmp_path: Path) -> None:
    recorded = Path(__file__).parents[1].parent / "shared/recorded/bfcl-2024-08"
    if not recorded.is_dir():
        pytest.skip("the recorded answers are not beside this checkout")
    cli("import", "cases", recorded, "--from", "bfcl", "-o", "bfcl.jsonl")
    old, new = "gpt-4o-2024-05-13", "gpt-4o-2024-08-06"
    for name in (old, new):
        answers = recorded / f"results/{name}-FC"
        cli("import", "run", answers, "--from", "bfcl", "--suite", "bfcl.jsonl", "--target", name, "--run", name)
    cli("baseline", "set", old, "--name", "may")
    held, direct = cli("gate", new, "--baseline", "baseline:may", "--json"), cli("gate", old, new, "--json")
    assert held.code == direct.code and held.json["verdict"] == direct.json["verdict"]
    assert held.json["changes"] == direct.json["changes"]
    assert (tmp_path / "suites/baselines/may.json").stat().st_size < 1_000_000


def test_nothing_judged_is_no_baseline() -> None:
    run = outcomes.run([outcomes.case(0)], {"old": ["x"]})
    with pytest.raises(InputError, match="no judged answer"):
        baselines.take(run, "old", "b", at=NOW)


def test_a_stored_run_keeps_its_tokens_and_seconds(cli: Cli, asked: Path, tmp_path: Path) -> None:
    held = baselines.read(asked.read_text(encoding="utf-8"), "old")
    stored = {record.case: record for record in store.load(tmp_path / "reports/july").records}
    for record in holding.records(held):
        was = stored[record.case]
        assert record.answer and was.answer and isinstance(record.reply, Response) and isinstance(was.reply, Response)
        assert record.answer.usage.output_tokens == was.answer.usage.output_tokens
        assert record.reply.timing.total == pytest.approx(was.reply.timing.total, rel=1e-3)
