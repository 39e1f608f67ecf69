"""Whole commands: what they print, what they leave on disk, and the code they exit with."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from evalkit import codec, locking, store, testing
from evalkit.cli.app import main
from evalkit.errors import ExitCode


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.out)  # type: ignore[no-any-return]


Cli = Callable[..., Result]

TOOL = (
    '[{"name": "go", "description": "", "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}]'
)
SUITE = """\
suite: small
tools: [tools.json]
cases:
  - id: one
    user: Go once.
    expect: {call: go, args: {n: 1}}
"""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run one command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("EVALKIT_", "OPENAI_"))]:
        monkeypatch.delenv(name)

    def run(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tools.json").write_text(TOOL, encoding="utf-8")
    (tmp_path / "small.yaml").write_text(SUITE, encoding="utf-8")
    return tmp_path


def test_exit_codes_are_frozen() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "GATE_FAILED": 1,
        "INPUT": 2,
        "INCONCLUSIVE": 3,
        "NOT_COMPARABLE": 4,
        "BUG": 70,
        "INTERRUPTED": 130,
    }


# --------------------------------------------------------------------------- the main job


def test_migrate_asks_compares_decides_and_reports(cli: Cli, tmp_path: Path) -> None:
    worse = "reference/faulty?name=new&kind=schema.enum_case&rate=0.5"
    outputs = ["-o", "x.html", "-o", "x.md", "-o", "x.json"]
    done = cli("migrate", "travel", "payments", "--from", "reference/oracle?name=old", "--to", worse, *outputs)
    assert done.code == ExitCode.GATE_FAILED
    assert "new should not replace old" in " ".join(done.out.split())
    assert "asked 200 of 200" in done.err
    assert (tmp_path / "x.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert "Regressed" in (tmp_path / "x.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))


def test_equal_models_pass_and_the_report_lies_beside_the_run(cli: Cli, tmp_path: Path) -> None:
    same = ["--from", "reference/oracle?name=old", "--to", "reference/oracle?name=new"]
    done = cli("migrate", "travel", "payments", *same, "--run", "r")
    assert done.code == ExitCode.OK and (tmp_path / "reports/r/report.html").is_file()


def test_too_few_cases_decide_nothing(cli: Cli) -> None:
    same = ["--from", "reference/oracle?name=old", "--to", "reference/oracle?name=new"]
    assert cli("migrate", "travel", *same, "--limit", 5).code == ExitCode.INCONCLUSIVE


def test_the_same_command_asks_nothing_twice(cli: Cli) -> None:
    command = ("run", "travel", "-m", "reference/oracle", "--json")
    first, second = cli(*command), cli(*command)
    assert "asked 50 of 50" in first.err and "asked" not in second.err
    assert first.json == second.json


def test_a_dry_run_asks_nothing(cli: Cli, tmp_path: Path) -> None:
    told = cli(
        "run", "travel", "-m", "reference/oracle", "-m", "reference/lexical", "--trials", 3, "--dry-run", "--json"
    )
    assert told.json["requests"] == 300 and not (tmp_path / "reports").exists()


def test_a_dry_run_counts_only_what_would_be_asked(cli: Cli) -> None:
    command = ("run", "travel", "-m", "reference/oracle", "--run", "r")
    cli(*command, "-q")
    assert cli(*command, "--dry-run").out.startswith(
        "0 requests: 50 cases x 1 model x 1 trial, 50 of them answered already\n"
    )
    told = cli(*command, "--trials", 3, "--dry-run", "--json").json
    assert (told["requests"], told["kept"]) == (100, 50)
    assert cli(*command, "--fresh", "--dry-run", "--json").json["requests"] == 50
    other = cli("run", "office", "-m", "reference/oracle", "--run", "r", "--dry-run")
    assert other.code == ExitCode.INPUT and "this run is of suite travel" in other.err


def test_one_of_anything_is_told_as_one(cli: Cli) -> None:
    one = ("travel", "-m", "reference/oracle", "--limit", 1)
    assert cli("run", *one, "--dry-run").out.startswith("1 request: 1 case x 1 model x 1 trial\n")
    cli("run", *one, "--run", "r")
    assert cli("show", "r").out.splitlines()[0].endswith(", 1 case")
    assert cli("baseline", "set", "r").out.startswith("1 case of reference/oracle")
    exported = cli("export", "r", "-o", "records.jsonl")
    assert exported.err == "1 record: records.jsonl\n"


def test_options_come_from_the_environment_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_RUN_LIMIT", "2")
    monkeypatch.setenv("EVALKIT_RUN_MODEL", "reference/oracle")
    assert "asked 2 of 2" in cli("run", "travel").err


def test_a_stored_run_is_compared_gated_reported_and_judged_again_without_asking(cli: Cli, tmp_path: Path) -> None:
    worse = "reference/faulty?name=new&kind=call.missing&rate=0.6"
    cli("run", "travel", "-m", "reference/oracle?name=old", "-m", worse, "--run", "r")
    before = (tmp_path / "reports/r/run.db").stat().st_mtime_ns
    assert cli("compare", "r").code == ExitCode.OK
    assert cli("gate", "r", "--baseline", "old", "--candidate", "new").code == ExitCode.GATE_FAILED
    assert cli("gate", "r", "--baseline", "new", "--candidate", "old").code == ExitCode.OK
    assert cli("report", "r").out == "report: reports/r/report.html\n"
    assert (tmp_path / "reports/r/run.db").stat().st_mtime_ns == before
    shown = cli("show", "r", "--json")
    assert cli("score", "r", "--json").json == shown.json


def test_two_runs_of_one_suite_are_compared_and_two_of_different_suites_are_not(cli: Cli) -> None:
    cli("run", "travel", "-m", "reference/oracle", "--run", "a")
    cli("run", "travel", "-m", "reference/oracle?name=b", "--run", "b")
    cli("run", "payments", "-m", "reference/oracle", "--run", "c")
    assert cli("gate", "a", "b").code == ExitCode.INCONCLUSIVE  # 50 cases do not settle a margin of 3 points
    refused = cli("gate", "a", "c")
    assert refused.code == ExitCode.NOT_COMPARABLE and "cannot be compared" in " ".join(refused.out.split())


def test_a_run_is_not_looked_into_to_be_judged_again_while_another_process_writes_it(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    with locking.writing(folder):
        (folder / store.FILE).write_bytes(b"about to be made anew")
        done = cli("score", str(folder))
    assert done.code == ExitCode.INPUT and "another process is writing this run" in done.err


def test_a_run_that_another_version_judged_is_compared_once_it_is_judged_anew(cli: Cli, tmp_path: Path) -> None:
    for name in ("a", "b"):
        cli("run", "travel", "-m", f"reference/oracle?name={name}", "--run", name)
    with store.open_run(tmp_path / "reports/a") as opened:
        earlier = {"evalkit": "0.0.1", "litellm": "0.1"}
        opened.describe(replace(opened.info, versions={**opened.info.versions, **earlier}))
    assert cli("gate", "a", "b").code == ExitCode.NOT_COMPARABLE
    cli("score", "a")
    assert cli("gate", "a", "b").code == ExitCode.INCONCLUSIVE  # 50 cases do not settle a margin of 3 points
    with store.open_run(tmp_path / "reports/a") as opened:
        assert opened.info.versions["litellm"] == "0.1"  # which asked, and did not ask again


@pytest.mark.parametrize("fresh", [(), ("--fresh",)])
def test_a_name_that_no_folder_can_have_is_refused(cli: Cli, fresh: tuple[str, ...]) -> None:
    refused = cli("run", "travel", "-m", "reference/oracle", "--run", "x" * 300, *fresh)
    assert refused.code == ExitCode.INPUT and "give another --run" in refused.err
    assert cli("show", "x" * 300).code == ExitCode.INPUT


def test_a_policy_decides(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("floors: {correct: 0.95}\n", encoding="utf-8")
    cli("run", "travel", "payments", "-m", "reference/oracle?name=a", "-m", "reference/oracle?name=b", "--run", "r")
    assert cli("gate", "r", "--policy", "p.yaml").code == ExitCode.OK
    cli("run", "travel", "payments", "-m", "reference/lexical", "--run", "r")
    lexical = cli("gate", "r", "--policy", "p.yaml", "--baseline", "a", "--candidate", "reference/lexical")
    assert lexical.code == ExitCode.GATE_FAILED


def test_a_policy_sets_cases_aside_for_a_while_and_says_what_open_means(cli: Cli, tmp_path: Path) -> None:
    cli("run", "travel", "-m", "reference/oracle?name=a", "-m", "reference/oracle?name=b", "--run", "r")

    def gated(policy: str) -> Result:
        (tmp_path / "p.yaml").write_text(f"max_drop: {{correct: 0.05}}\n{policy}", encoding="utf-8")
        return cli("gate", "r", "--policy", "p.yaml")

    assert gated("").code == ExitCode.INCONCLUSIVE  # 50 cases do not settle a margin of 5 points
    assert gated("inconclusive: fail").code == ExitCode.GATE_FAILED
    assert gated("inconclusive: pass").code == ExitCode.OK
    case = next(json.loads(line)["case"] for line in cli("export", "r").out.splitlines())
    entry = f"quarantine: [{{case: {case}, until: %s, owner: ada, why: the gold is disputed}}]"
    assert f"left out {case}: the gold is disputed" in " ".join(gated(entry % "2999-12-31").out.split())
    assert f"expired, counts again {case}" in " ".join(gated(entry % "2020-01-01").out.split())
    assert gated(entry.replace(case, "nope") % "2999-12-31").code == ExitCode.INPUT


def test_show_prints_a_case_in_full_and_nothing_a_terminal_would_obey(cli: Cli) -> None:
    cli("run", "travel", "-m", "reference/faulty?kind=schema.enum_case&rate=1", "--run", "r")
    told = json.loads(cli("export", "r").out.splitlines()[0])
    shown = cli("show", "r", told["case"]).out
    assert told["case"] in shown and "\nwanted    " in shown and "\x1b" not in shown
    assert cli("show", "r", "no-such-case").code == ExitCode.INPUT


def test_list_names_runs_and_models(cli: Cli) -> None:
    assert "holds no run" in cli("list").err
    cli("run", "travel", "-m", "reference/oracle", "--run", "mine")
    assert "mine" in cli("list").out and cli("list", "--json").out.count('"reference/oracle"') == 1


def test_list_names_a_run_that_cannot_be_read_and_lists_the_others(cli: Cli, tmp_path: Path) -> None:
    for name in ("whole", "cut", "emptied", "junk"):
        cli("run", "travel", "--limit", "1", "-m", "reference/oracle", "--run", name, "-q")
    files = {name: tmp_path / "reports" / name / "run.db" for name in ("cut", "emptied", "junk")}
    files["cut"].write_bytes(files["cut"].read_bytes()[:6000])
    with sqlite3.connect(files["emptied"]) as connection:
        connection.execute("DELETE FROM meta")
    connection.close()
    files["junk"].write_text("no database", encoding="utf-8")
    told = cli("list")
    assert told.code == ExitCode.INPUT
    assert [line.split()[0] for line in told.out.splitlines()] == ["run", "whole"]
    assert len(told.err.splitlines()) == 3 and all(f"/{name}/run.db: " in told.err for name in files)
    assert [entry["run"] for entry in json.loads(cli("list", "--json").out)] == ["whole"]


def test_a_model_of_the_list_is_asked_by_its_name(cli: Cli, project: Path) -> None:
    listed = models(
        project, "models:\n  - {name: old, model: reference/oracle}\n  - {name: new, model: reference/lexical}\n"
    )

    def asked(*more: str) -> object:
        return cli(*listed, *more, "--dry-run", "--json").json["targets"]

    assert asked() == ["old", "new"]
    assert asked("-m", "new") == ["new"]
    assert asked("-m", "old@strict", "-m", "old", "-m", "reference/sampler") == [
        "old@strict",
        "old",
        "reference/sampler",
    ]
    assert "models.yaml has no model 'nwe'; did you mean 'new'?" in cli(*listed, "-m", "nwe").err


def test_export_writes_one_row_a_record(cli: Cli, tmp_path: Path) -> None:
    cli("run", "travel", "-m", "reference/oracle", "--run", "r")
    assert cli("export", "r", "-o", "x.jsonl", "-o", "x.csv").code == 0
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 50 and {"target", "case", "trial", "called", "valid", "correct", "violations"} <= rows[0].keys()
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        told = list(csv.DictReader(file))
    assert [row["case"] for row in told] == [row["case"] for row in rows] and list(told[0]) == list(rows[0])


@pytest.mark.parametrize("arm", ["", "@strict", "@prompted"])
def test_replay_answers_as_the_stored_run_did(cli: Cli, arm: str) -> None:
    cli("run", "travel", "-m", f"reference/faulty{arm}?kind=call.missing,json.syntax&rate=0.5", "--run", "r")
    cli("run", "travel", "-m", f"replay/reference/faulty{arm}?run=r", "--run", "again")
    first, again = (json.loads(cli("show", run, "--json").out)["targets"][0] for run in ("r", "again"))
    assert (first["correct"], first["codes"]) == (again["correct"], again["codes"])


# --------------------------------------------------------------------------- files


def test_lint_gives_the_ceiling_and_the_floors(cli: Cli) -> None:
    told = cli("lint", "travel", "--json").json
    bounds = told["bounds"]
    assert isinstance(bounds, dict) and bounds["oracle"]["correct"] == 1.0 and not told["unmet"]


def test_lint_says_what_routes_make_of_the_tools_and_where(cli: Cli) -> None:
    told = cli("lint", "travel", "--portability", "gemini,openai-strict", "--json").json["portability"]
    assert isinstance(told, dict) and set(told) == {"gemini", "openai-strict"}
    assert any(each["kind"] == "lost" and each["source"].endswith("/exclusiveMinimum") for each in told["gemini"])
    printed = cli("lint", "travel", "--portability", "all")
    assert printed.code == 0 and "tool_specs/travel.json\n" in printed.out
    assert "             #/9/function/parameters/properties/amount" in printed.out
    assert cli("lint", "travel", "--portability", "gemeni").code == 2


def test_of_many_places_that_a_route_treats_alike_the_first_are_shown_and_json_has_all(cli: Cli, project: Path) -> None:
    properties = {"n": {"type": "integer"}, **{f"p{i}": {"type": "string", "not": {"const": ""}} for i in range(600)}}
    schema = {"type": "object", "properties": properties}
    (project / "tools.json").write_text(json.dumps([{"name": "go", "input_schema": schema}]), encoding="utf-8")
    printed = cli("lint", "small.yaml", "--portability", "gemini").out.splitlines()
    assert len(printed) < 30 and "             and 597 more: 600 places in 1 tool; --json has all" in printed
    told = cli("lint", "small.yaml", "--portability", "gemini", "--json").json["portability"]
    assert isinstance(told, dict) and sum(each["keyword"] == "not" for each in told["gemini"]) == 600


def test_arms_of_one_model_are_columns_of_one_run_and_compared_when_asked_for(cli: Cli) -> None:
    arms = ("", "@forced", "@strict", "@prompted", "@constrained")
    models = [word for arm in arms for word in ("-m", f"reference/oracle{arm}")]
    told: list[dict[str, Any]] = json.loads(cli("run", "travel", *models, "--run", "arms", "--json").out)["targets"]
    assert [row["target"] for row in told] == [f"reference/oracle{arm}" for arm in arms]
    assert {row["compliance"] for row in told} == {1.0}
    assert [bool(row["portability"]) for row in told] == [False, False, True, False, True]
    for arm in arms[1:]:
        done = cli("gate", "arms", "--baseline", "reference/oracle@native", "--candidate", f"reference/oracle{arm}")
        assert done.code in (0, 3) and f"reference/oracle{arm}" in done.out


@pytest.mark.parametrize("suite", ["travel", "payments", "office", "cloud", "crowded"])
def test_lint_is_clean_on_what_ships(cli: Cli, suite: str) -> None:
    done = cli("lint", suite)
    assert done.code == 0 and "unmet" not in done.out and "note" not in done.out


def test_lint_notes_what_a_schema_holds_nobody_to_with_line_and_column(cli: Cli, project: Path) -> None:
    schema = '{"type": "object", "properties": {"n": {"type": "integer", "minimun": 1}, "d": {"format": "dat"}}}'
    (project / "tools.json").write_text(f'[{{"name": "go",\n  "input_schema": {schema}}}]', encoding="utf-8")
    done = cli("lint", "small.yaml")
    notes = [line for line in done.out.splitlines() if "note" in line]
    assert done.code == ExitCode.OK and len(notes) == 2
    assert any("tools.json:2:78: /0/input_schema/properties/n/minimun: " in note for note in notes), notes
    assert "did you mean 'minimum'?" in done.out and "did you mean 'date'?" in done.out


def test_import_tools_keeps_every_schema_as_declared(cli: Cli, project: Path) -> None:
    (declared,) = json.loads(cli("import", "tools", "tools.json").out)
    assert declared["function"]["parameters"] == json.loads(TOOL)[0]["input_schema"]


def test_validate_prints_one_verdict_a_line(cli: Cli, project: Path) -> None:
    lines = [
        {"tool": "go", "arguments": {"n": 1}},
        {"tool": "go", "arguments": '{"n": "1"}'},
        {"tool": "go", "arguments": "{n: 1}"},
    ]
    (project / "p.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    done = cli("validate", "--tools", "tools.json", "p.jsonl")
    told = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == ExitCode.GATE_FAILED
    assert [(row["line"], row["parsed"], row["valid"]) for row in told] == [
        (1, True, True),
        (2, True, False),
        (3, False, False),
    ]
    assert [v["code"] for row in told for v in row["violations"]] == ["schema.stringified_scalar", "json.syntax"]


def test_validate_gives_every_line_its_verdict(cli: Cli, project: Path) -> None:
    large = "x" * 1_000_001
    lines = {
        b'{"tool": "GO", "arguments": {"n": 1}}': ["tool.near_miss"],
        b'{"tool": "fly", "arguments": "{"}': ["tool.unknown", "json.syntax"],
        b"nonsense": ["json.syntax"],
        b'{"n": 1}': ["call.missing"],
        b"\xff": ["json.syntax"],
        json.dumps({"tool": "go", "arguments": large}).encode(): ["json.too_large"],
        json.dumps({"tool": "go", "arguments": {"n": large}}).encode(): ["json.too_large"],
        b'{"tool": "go", "arguments": {"n": 1}}': [],
    }
    (project / "p.jsonl").write_bytes(b"\n".join(lines))
    done = cli("validate", "--tools", "tools.json", "p.jsonl")
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [[v["code"] for v in row["violations"]] for row in told] == list(lines.values())
    assert len({tuple(v) for row in told for v in row["violations"]}) == 1  # one shape for all
    assert done.code == ExitCode.INPUT
    assert [line.split(": ")[1] for line in done.err.splitlines()] == ["p.jsonl:3", "p.jsonl:4", "p.jsonl:5"]


def test_validate_judges_against_one_bare_schema(cli: Cli, project: Path) -> None:
    (project / "s.json").write_text('{"type": "object", "required": ["a"]}', encoding="utf-8")
    (project / "p.jsonl").write_text('{"arguments": {"a": 1}}\n', encoding="utf-8")
    assert cli("validate", "--schema", "s.json", "p.jsonl").code == 0


@pytest.mark.parametrize("name", ["glaive", "mixed"])
def test_validate_agrees_with_the_recorded_verdicts(cli: Cli, tmp_path: Path, name: str) -> None:
    recorded = Path(__file__).parents[1].parent / "shared/recorded/maskbench" / f"{name}.jsonl"
    if not recorded.exists():
        pytest.skip("the recorded schemas are not beside the checkout")
    rows = [json.loads(line) for line in recorded.read_text(encoding="utf-8").split("\n") if line]
    arrays = [row for row in rows if isinstance(row["schema"], dict) and row["schema"].get("type") == "array"]
    for row in (*rows[::25], *arrays):
        (tmp_path / "s.json").write_text(json.dumps(row["schema"]), encoding="utf-8")
        lines = [json.dumps({"arguments": json.dumps(test["data"])}) for test in row["tests"]]
        (tmp_path / "p.jsonl").write_text("\n".join(lines), encoding="utf-8")
        told = cli("validate", "--schema", "s.json", "p.jsonl").out.rstrip("\n").split("\n")
        assert [json.loads(line)["valid"] for line in told] == [test["valid"] for test in row["tests"]], row["id"]


def test_an_unsound_bare_schema_is_refused_with_its_place(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"type": "array",\n "items": {"type": "integr"}}', encoding="utf-8")
    done = cli("validate", "--schema", "s.json", "-")
    assert done.code == ExitCode.INPUT and "s.json:2:" in done.err


@pytest.mark.parametrize("kind", ["suite", "models", "policy", "report"])
def test_schema_prints_what_is_committed(cli: Cli, kind: str) -> None:
    committed = Path(__file__).parents[1] / "evalkit" / "schemas" / f"{kind}.schema.json"
    assert cli("schema", kind).out == committed.read_text(encoding="utf-8")


def test_plugins_are_listed_with_a_line_each(cli: Cli) -> None:
    listed = cli("plugins", "matchers").out.splitlines()[1:]
    assert len(listed) >= 10 and all(len(line.split()) > 1 for line in listed)


# --------------------------------------------------------------------------- bad input: one clear line, exit 2


def models(project: Path, text: str) -> list[str]:
    (project / "models.yaml").write_text(text, encoding="utf-8")
    return ["run", "small.yaml", "--models", "models.yaml"]


def suite(project: Path, text: str) -> list[str]:
    (project / "small.yaml").write_text(text, encoding="utf-8")
    return ["run", "small.yaml", "-m", "reference/oracle"]


def tools(project: Path, schema: str) -> list[str]:
    (project / "tools.json").write_text(TOOL.replace('{"type": "integer"}', schema), encoding="utf-8")
    return ["lint", "small.yaml"]


def binary(project: Path) -> list[str]:
    (project / "small.yaml").write_bytes(b"\xff\xfe\x00")
    return ["lint", "small.yaml"]


def old_run(project: Path) -> list[str]:
    main(["run", "small.yaml", "-m", "reference/oracle", "--run", "r", "-q"])
    with store.open_run(project / "reports/r") as opened:
        opened._connection.execute(f"PRAGMA user_version={codec.VERSION + 1}")
    return ["show", "r"]


BAD: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "missing file": (lambda p: ["lint", "nowhere.yaml"], "nowhere.yaml"),
    "unreadable file": (binary, "small.yaml"),
    "wrong YAML": (lambda p: suite(p, SUITE + "  - {"), "small.yaml:8:"),
    "unknown key": (lambda p: suite(p, SUITE.replace("user:", "usr:")), "small.yaml:5:5: /cases/0/usr"),
    "unknown provider": (lambda p: ["run", "small.yaml", "-m", "refrence/oracle"], "did you mean 'reference'"),
    "unknown matcher": (lambda p: suite(p, SUITE.replace("n: 1", "n: {$nmber: 1}")), "did you mean 'number'"),
    "unknown arm": (lambda p: ["run", "small.yaml", "-m", "reference/oracle@fored"], "forced"),
    "unknown format": (lambda p: ["import", "tools", "tools.json", "--from", "antropic"], "did you mean 'anthropic'"),
    "no key": (lambda p: ["run", "small.yaml", "-m", "openai_http/x"], "OPENAI_API_KEY"),
    "unsound schema": (lambda p: tools(p, '{"type": "integr"}'), "tools.json"),
    "remote $ref": (lambda p: tools(p, '{"$ref": "http://127.0.0.1/x"}'), "http://127.0.0.1/x"),
    "a suite without cases": (lambda p: suite(p, "suite: s\ntools: [tools.json]\ncases: []\n"), "cases"),
    "gold that breaks its schema": (lambda p: suite(p, SUITE.replace("n: 1", "n: one")), "small.yaml:6:"),
    "a run that is not there": (lambda p: ["show", "nope"], "nope: there is no such run"),
    "a run of another version": (old_run, f"format {codec.VERSION + 1}"),
    "a report of no kind": (lambda p: ["report", "r", "-o", "x.pdf"], "x.pdf: no report is written as .pdf"),
    "an unwritable output": (lambda p: ["import", "tools", "tools.json", "-o", "tools.json/x"], "tools.json/x"),
    "two equal names": (
        lambda p: models(p, "models:\n  - {model: reference/oracle}\n  - {model: reference/oracle}\n"),
        "oracle",
    ),
    "no model": (lambda p: ["run", "small.yaml"], "no model to ask"),
    "unknown option of a verb": (lambda p: ["run", "small.yaml", "--modle", "x"], "--modle"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_in_a_clear_line_and_exit_2(cli: Cli, project: Path, name: str) -> None:
    command, message = BAD[name]
    done = cli(*command(project))
    assert done.code == ExitCode.INPUT, done
    assert message in done.err and "Traceback" not in done.err and not done.out.strip().startswith("{")


def test_a_tool_that_a_policy_names_and_nobody_has_is_told_at_its_line(cli: Cli, project: Path) -> None:
    assert cli("run", "small.yaml", "-m", "reference/oracle", "-m", "reference/lexical", "--run", "r").code == 0
    (project / "p.yaml").write_text("max_drop: {correct: 0.1}\ntools:\n  goo: {floors: {correct: 1}}\n", "utf-8")
    done = cli("gate", "r", "--policy", "p.yaml")
    assert done.code == ExitCode.INPUT
    assert done.err.startswith("evalkit: p.yaml:3:3: /tools/goo: the policy names the tool 'goo'")
    assert "did you mean 'go'?" in done.err
    sides = ("--from", "reference/oracle", "--to", "reference/lexical")
    early = cli("migrate", "small.yaml", *sides, "--policy", "p.yaml", "--run", "never")
    assert (early.code, early.err) == (done.code, done.err)
    assert not (project / "reports/never").exists()  # and nobody was asked


def test_every_problem_of_a_file_is_told_at_once(cli: Cli, project: Path) -> None:
    cases = SUITE + "  - {id: one, usr: x}\n  - {id: three, user: x, expect: {call: goo}}\n"
    done = cli(*suite(project, cases))
    assert done.code == ExitCode.INPUT and len(done.err.splitlines()) >= 2


def test_a_name_that_the_list_does_not_have_is_told_with_the_nearest(cli: Cli, project: Path) -> None:
    models(project, "models:\n  - {name: old, model: reference/oracle}\n  - {name: new, model: reference/lexical}\n")
    done = cli("migrate", "small.yaml", "--models", "models.yaml", "--from", "old", "--to", "nwe")
    assert done.code == ExitCode.INPUT and "models.yaml has no model 'nwe'; did you mean 'new'?" in done.err


def test_faults_are_named_where_a_run_is_summed_up(cli: Cli, project: Path) -> None:
    dead = "openai_http/x?base_url=http://127.0.0.1:9"
    result = cli("run", "small.yaml", "-m", dead, "--max-retries", 0)
    assert "faults: 1 network; the same command asks again" in result.out


def test_a_model_that_answered_nothing_is_no_success_and_the_others_are_there(cli: Cli, project: Path) -> None:
    command = ("run", "small.yaml", "-m", "reference/oracle", "-q", "--run", "r")
    dead = "openai_http/x?base_url=http://127.0.0.1:9"
    assert cli(*command).code == ExitCode.OK
    result = cli(*command, "-m", dead, "--max-retries", 0)
    assert result.code == ExitCode.INCONCLUSIVE
    assert result.err.startswith("openai_http/x answered nothing: every request to it failed")
    assert len(store.load(Path("reports/r")).records) == 2


def test_a_variable_that_pins_a_version_does_not_stop_every_verb(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_VERSION", "0.1.0")
    assert cli("plugins", "matchers").code == ExitCode.OK


def test_nothing_is_written_when_the_input_is_bad(cli: Cli, project: Path) -> None:
    cli("run", "small.yaml", "-m", "reference/oracle", "-m", "openai_http/x")
    assert not (project / "reports").exists()


# --------------------------------------------------------------------------- the process


def test_help_names_every_verb_and_the_exit_codes(cli: Cli) -> None:
    told = cli("--help").out
    for word in ("run", "migrate", "gate", "report", "lint", "validate", "import", "export", "inconclusive"):
        assert word in told


def test_an_interrupted_run_keeps_what_came_and_says_so(tmp_path: Path) -> None:
    model = "reference/faulty?kind=call.missing&rate=0.1&latency=0.3&sleep=true"
    command = [sys.executable, "-m", "evalkit", "run", "travel", "-m", model, "-j", "1", "--run", "r"]
    root = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, cwd=tmp_path, env=root, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (tmp_path / "reports/r/run.db-wal").exists():
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == ExitCode.INTERRUPTED and "the same command asks the rest" in err
    assert store.counts(tmp_path / "reports/r")[0] > 0


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m evalkit plugins | head -1"
    root = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=root, capture_output=True, text=True, check=False)
    assert done.stdout and not done.stderr


def test_what_an_endpoint_says_instead_of_answers_is_told_and_no_more_is_asked_than_tells_it(
    cli: Cli, project: Path
) -> None:
    with testing.running([]) as server:
        model = f"openai_http/orakle?base_url={server.openai_url}"
        result = cli("run", "travel", "-m", model, "-j", 1)
        assert server.count == 10
    assert result.code == ExitCode.INCONCLUSIVE
    assert "said: no reference model is called 'orakle'; did you mean 'oracle'?" in " ".join(result.out.split())
    assert "refuses every question alike: no reference model is called 'orakle'" in result.err


def test_where_nobody_could_be_reached_is_told(cli: Cli, project: Path) -> None:
    result = cli("run", "small.yaml", "-m", "openai_http/x?base_url=http://127.0.0.1:9/v1", "--max-retries", 0)
    assert "said: cannot connect to 127.0.0.1:9: Connection refused" in result.out
    assert "asks again" not in result.err


def test_the_reference_server_is_a_healthy_endpoint_to_the_doctor(cli: Cli, tmp_path: Path) -> None:
    serving = subprocess.Popen(
        [sys.executable, "-m", "evalkit", "serve-reference", "travel"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert serving.stdout is not None
        address = serving.stdout.readline().split(" at ")[1].split()[0]
        result = cli("doctor", f"openai_http/oracle?base_url={address}/v1")
        assert result.code == ExitCode.OK and "21 ok" in result.out
        refused = cli("doctor", f"openai_http/orakle?base_url={address}/v1").out
        assert "fail     model" in refused and "no reference model is called 'orakle'" in " ".join(refused.split())
    finally:
        serving.terminate()
        serving.communicate()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            ["migrate", "travel", "--from", "reference/oracle", "--to", "reference/oracle"],
            "--from and --to are the same model: reference/oracle",
        ),
        (
            ["run", "travel", "-m", "openai_http/x"],
            "openai_http/x: no key: the environment variable OPENAI_API_KEY is not set; set OPENAI_API_KEY, or name "
            "another in api_key_env; a server of your own needs its base_url",
        ),
        (["run", "small", "-m", "reference/oracle"], "no suite is called 'small'; did you mean the file small.yaml?"),
        (["gate", "r", "--policy", "nope.yaml"], "nope.yaml: no such file\n"),
        (["show", "r", "nocase"], "r has no case 'nocase'; the nearest of 50 are "),
        (["compare", "r"], "run r has one model, reference/oracle: there is nothing to hold it against; ask another"),
        (["show", "rr"], "rr: there is no such run; did you mean 'r'?"),
        (["run", "travel", "--trials", "0"], "invalid value for '--trials': must be at least 1; see"),
        (["run", "travel", "-j", "x"], "must be a whole number; see"),
        (["schema", "suit"], "'suit' is not one of 'suite', 'models', 'policy', 'report'; did you mean 'suite'?"),
        (["run", "travel", "--models", "bare.yaml"], "must be an object, not a list; put it under `models:`"),
        (
            ["run", "travel", "--models", "address.yaml", "--dry-run"],
            "address.yaml:3:13: /models/0/base_url: 'localhost:8000' is no address; write it like http://localhost:8000/v1",
        ),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(cli: Cli, project: Path, command: list[str], said: str) -> None:
    cli("run", "travel", "-m", "reference/oracle", "--run", "r", "-q")
    (project / "bare.yaml").write_text("- {model: reference/oracle}\n", encoding="utf-8")
    (project / "address.yaml").write_text(
        "models:\n- model: openai_http/x\n  base_url: localhost:8000\n", encoding="utf-8"
    )
    result = cli(*command)
    assert result.code == ExitCode.INPUT and said in result.err


def test_where_gold_breaks_a_schema_the_schema_is_named_and_doubted(cli: Cli, project: Path) -> None:
    tools = (project / "tools.json").read_text(encoding="utf-8").replace('"properties"', '"propertys"')
    tools = tools.replace('"type": "object", ', '"type": "object", "additionalProperties": false, ', 1)
    (project / "tools.json").write_text(tools, encoding="utf-8")
    result = cli("lint", "small.yaml")
    assert result.code == ExitCode.INPUT and "; declared at tools.json#/0/input_schema" in result.err
    assert "tools.json:1:" in result.err and "knows no keyword 'propertys'" in result.err


def test_quietly_a_verdict_is_one_line(cli: Cli) -> None:
    asked = ("travel", "--from", "reference/oracle", "--to", "reference/faulty?kind=schema.type&rate=0.9")
    told = [cli("migrate", *asked, "--run", "r", "-q"), cli("gate", "r", "-q"), cli("compare", "r", "-q")]
    assert [result.code for result in told] == [1, 1, 0]
    assert {result.out for result in told} == {told[0].out} and told[0].out.startswith("REGRESSED: reference/faulty")
    assert told[0].out.count("\n") == 1 and not told[0].err
    assert Path("reports/r/report.html").exists()


def test_lint_says_whether_it_takes_understanding(cli: Cli) -> None:
    out = " ".join(cli("lint", "travel").out.split())
    assert "Harder than word overlap: the gold is correct on all cases, word overlap on 4 %." in out


def test_a_case_is_to_be_asked_again_in_lines_that_can_be_read(cli: Cli) -> None:
    cli("run", "travel", "-m", "reference/oracle", "-m", "reference/lexical", "--run", "r", "-q")
    out = cli("repro", "r", "flight-and-hotel", "-m", "reference/lexical").out
    assert '"reference/oracle"' not in out and max(map(len, out.splitlines())) < 700
