"""bump: real git repositories whose model list changed, asked and gated; and what a CI job is told of it."""

# ruff: noqa: F811 - fixtures are named by what takes them
from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import plugins, report
from evalkit.ci import bumps, github
from evalkit.data import Change, Serve, Target
from evalkit.errors import ExitCode, InputError
from tests import comparisons
from tests.test_cli import Cli, cli  # noqa: F401 - a fixture

ORACLE = "reference/oracle"
WORSE = "reference/faulty, options: {kind: schema.enum_case, rate: 0.6}"
Models = Callable[..., None]


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    """Write the model list, each `name=model`; `commit=True`: and commit it."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "-q", "-b", "main")

    def write(commit: bool = False, **listed: str) -> None:
        lines = [f"  - {{name: {name}, model: {model}}}\n" for name, model in listed.items()]
        (tmp_path / "models.yaml").write_text("models:\n" + "".join(lines), encoding="utf-8")
        if commit:
            git(tmp_path, "add", "models.yaml")
            git(tmp_path, "commit", "-q", "-m", "models")

    return write


# --------------------------------------------------------------------------- whole commands


def test_a_bump_to_a_worse_model_fails_with_both_asked_the_same(cli: Cli, models: Models, tmp_path: Path) -> None:
    models(commit=True, assistant=ORACLE, other=ORACLE)
    models(assistant=WORSE, other=ORACLE)
    done = cli("bump", "travel", "payments", "--base", "HEAD", "-o", "x.md", "--run", "r")
    assert done.code == ExitCode.GATE_FAILED
    assert "assistant: model oracle → faulty; kind unset → schema.enum_case; rate unset → 0.6" in done.out
    assert "asked 200 of 200" in done.err
    assert "assistant (oracle)" in (tmp_path / "x.md").read_text(encoding="utf-8")
    targets = cli("show", "r", "--json").json["targets"]
    assert [target["target"] for target in targets] == ["assistant (oracle)", "assistant"]  # type: ignore[attr-defined]


def test_an_unchanged_list_asks_nothing(cli: Cli, models: Models, tmp_path: Path) -> None:
    models(commit=True, assistant=ORACLE)
    done = cli("bump", "travel", "--base", "main")
    assert (done.code, done.out.count("\n")) == (0, 1) and "nothing to gate" in done.out
    assert not (tmp_path / "reports").exists()


def test_what_came_went_and_was_renamed_is_listed(cli: Cli, models: Models) -> None:
    models(commit=True, a=ORACLE, b="reference/lexical")
    models(a=ORACLE, c="reference/lexical", d="reference/faulty")
    done = cli("bump", "travel", "--base", "HEAD", "--json")
    assert done.code == 0
    assert done.json == {"bumped": [], "added": ["d"], "removed": [], "renamed": [["b", "c"]]}


def test_a_list_that_was_not_there_had_no_models(cli: Cli, models: Models, tmp_path: Path) -> None:
    (tmp_path / "README").write_text("x", encoding="utf-8")
    git(tmp_path, "add", "README")
    git(tmp_path, "commit", "-q", "-m", "first")
    models(a=ORACLE)
    assert "a: new in the list" in cli("bump", "travel", "--base", "HEAD").out


def test_parameters_may_differ_for_that_is_the_question(cli: Cli, models: Models) -> None:
    models(commit=True, a=f"{ORACLE}, params: {{temperature: 0}}")
    models(a=f"{ORACLE}, params: {{temperature: 0.7}}")
    done = cli("bump", "travel", "payments", "--base", "HEAD")
    assert done.code == ExitCode.OK and "temperature 0 → 0.7" in done.out


def test_of_several_the_worst_verdict_counts_and_each_has_its_report(cli: Cli, models: Models, tmp_path: Path) -> None:
    models(commit=True, good=f"{ORACLE}, params: {{seed: 1}}", bad=ORACLE)
    models(good=f"{ORACLE}, params: {{seed: 2}}", bad=WORSE)
    done = cli("bump", "travel", "payments", "--base", "HEAD", "-o", "x.xml", "--comment", "c.md", "--json")
    assert done.code == ExitCode.GATE_FAILED
    assert [pair["exit_code"] for pair in done.json["bumped"]] == [0, 1]  # type: ignore[attr-defined]
    assert (tmp_path / "x-good.xml").is_file() and (tmp_path / "x-bad.xml").is_file()
    comment = (tmp_path / "c.md").read_text(encoding="utf-8")
    assert comment.startswith("<!-- evalkit -->\n") and "Regressed" in comment and "Not worse" in comment


@pytest.mark.parametrize("ref", ["no-such", "--output=/tmp/x", "HEAD; touch x", "-h", ""])
def test_a_revision_that_is_none_is_refused_and_nothing_else_happens(
    cli: Cli, models: Models, tmp_path: Path, ref: str
) -> None:
    models(commit=True, a=ORACLE)
    refused = cli("bump", "travel", f"--base={ref}")
    assert refused.code == ExitCode.INPUT and "no revision" in refused.err
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "models.yaml"]


def test_outside_of_a_repository_it_says_so(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(f"models: [{{model: {ORACLE}}}]", encoding="utf-8")
    assert "not a git repository" in cli("bump", "travel", "--base", "HEAD").err


def test_a_github_job_gets_its_summary_and_marks_on_the_lines_of_broken_cases(
    cli: Cli, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = "".join(
        f"  - {{id: c{n}, user: '::error::go {n}', expect: {{call: go, args: {{unit: km}}}}}}\n" for n in range(20)
    )
    tool = '[{"name": "go", "description": "", "input_schema": {"properties": {"unit": {"enum": ["km", "mi"]}}}}]'
    (tmp_path / "tools.json").write_text(tool, encoding="utf-8")
    (tmp_path / "small.yaml").write_text(f"suite: small\ntools: [tools.json]\ncases:\n{cases}", encoding="utf-8")
    models(commit=True, a=ORACLE)
    models(a=WORSE.replace("0.6", "1"))
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    done = cli("bump", "small.yaml", "--base", "HEAD", "--run", "r")
    assert done.code == ExitCode.GATE_FAILED
    commands = [line for line in done.err.splitlines() if line.startswith("::")]
    assert len(commands) == 10 and commands[0].startswith("::error file=small.yaml,line=4,title=")
    assert commands[-1].endswith("::11 further cases broke: see the report")
    assert not re.search(r"(?m)^\s*::", done.out)
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n") and "Regressed" in text
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "gate.md"))
    assert cli("gate", "r", "--github-summary").err.count("::error") == 10
    assert "Regressed" in (tmp_path / "gate.md").read_text(encoding="utf-8")


# --------------------------------------------------------------------------- which model became which


def target(name: str, model: str = "m", **fields: object) -> Target:
    return replace(Target(name=name, provider="reference", model=model), **fields)


def test_one_that_vanished_where_one_appeared_was_replaced() -> None:
    found = bumps.between([target("p/gpt-4", "gpt-4")], [target("p/gpt-5", "gpt-5")])
    (only,) = found.bumped
    assert (only.incumbent.identity, only.candidate.identity) == ("p/gpt-4", "p/gpt-5")


def test_where_it_cannot_be_told_nothing_passes_unseen() -> None:
    with pytest.raises(InputError, match="which replaces which"):
        bumps.between([target("a", "1"), target("b", "2")], [target("c", "3"), target("d", "4")])


def test_an_arm_is_a_change_and_a_price_is_none() -> None:
    assert bumps.between([target("a")], [target("a", arm="forced")]).bumped[0].what == "arm native → forced"
    dearer = target("a", input_price=3.0, timeout=9.0, api_key_env="KEY")
    assert bumps.between([target("a")], [dearer]) == bumps.Bumps()


def test_a_server_started_otherwise_is_a_change_and_its_port_is_none() -> None:
    def served(*args: str, port: int = 0) -> Target:
        return Target(name="m", provider="openai_http", model="q", serve=Serve(engine="vllm", args=args, port=port))

    (bump,) = bumps.between([served()], [served("--enforce-eager")]).bumped
    assert bump.what == 'args [] → ["--enforce-eager"]'
    assert not bumps.between([served()], [served(port=8000)]).bumped


def test_two_arms_of_one_name_are_two_models() -> None:
    before = [target("a"), target("a", arm="forced")]
    after = [target("a"), target("a", "n", arm="forced")]
    (only,) = bumps.between(before, after).bumped
    assert (only.incumbent.identity, only.candidate.identity) == ("a (m)@forced", "a@forced")


TARGETS = st.lists(
    st.builds(target, st.sampled_from("abcd"), st.sampled_from("xyz"), arm=st.sampled_from(["native", "forced"])),
    max_size=5,
    unique_by=lambda t: t.identity,
)


@given(TARGETS, TARGETS)
def test_every_model_of_both_lists_is_accounted_for_once(before: list[Target], after: list[Target]) -> None:
    try:
        found = bumps.between(before, after)
    except InputError:
        return
    candidates = [pair.candidate.identity for pair in found.bumped]
    same = {t.identity for t in after} - {*candidates, *found.added, *(now for _, now in found.renamed)}
    asked_before = {(t.model, t.arm) for t in before}
    assert {(t.model, t.arm) for t in after if t.identity in same} <= asked_before
    assert len(before) - len(found.removed) == len(after) - len(found.added)
    identities = [pair.incumbent.identity for pair in found.bumped] + candidates
    assert len(set(identities)) == len(identities)


# --------------------------------------------------------------------------- what GitHub reads


def unescaped(text: str) -> str:
    for code, char in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, char)
    return text


@given(st.text(max_size=80), st.text(max_size=40))
def test_a_command_is_one_line_of_one_shape_whatever_it_says(message: str, title: str) -> None:
    told = github.command("error", message, file="a.yaml", line="3", title=title)
    assert len(told.splitlines()) == 1 and told.encode("utf-8") and "\x1b" not in told
    shape = re.fullmatch(r"::error file=a\.yaml,line=3,title=([^:,]*)::(.*)", told)
    assert shape and "##[" not in told
    assert "\n" not in unescaped(shape[2])


def test_what_a_hostile_model_said_makes_no_command_link_or_row_in_a_summary(tmp_path: Path) -> None:
    made = report.build(comparisons.hostile(), comparisons.verdict())
    marks = github.marks(made, tmp_path, tmp_path)
    assert marks and all(mark.startswith("::error title=") and len(mark.splitlines()) == 1 for mark in marks)
    assert not any("forged" in mark.split("::")[0] or "\x1b" in mark for mark in marks)
    page = github.fit([plugins.renderer("markdown").render(made)] * 2, github.COMMENT)
    assert not re.search(r"(?m)^\s*::|##\w*\[|\]\(|<script|\x00|\x1b", page)
    rows = [line for line in page.split("\n") if line.startswith("|")]
    assert rows and all(line.endswith("|") for line in rows)


def test_a_path_that_is_not_in_the_repository_is_not_named(tmp_path: Path) -> None:
    made = report.build(comparisons.outings(), comparisons.verdict())
    outside = replace(made, sources={"forecast-zurich": "/elsewhere/x.yaml:3", "train-rome": "../../x.yaml:4"})
    assert not [mark for mark in github.marks(outside, tmp_path, tmp_path) if "file=" in mark]
    inside = replace(made, sources={"train-rome": "suites/a,b.yaml:4"})
    assert any("file=suites/a%2Cb.yaml,line=4" in mark for mark in github.marks(inside, tmp_path, tmp_path))


def test_under_a_verdict_that_is_no_failure_broken_cases_are_warnings(tmp_path: Path) -> None:
    made = report.build(comparisons.outings(), comparisons.verdict("pass"))
    assert {mark.split()[0] for mark in github.marks(made, tmp_path, tmp_path)} == {"::warning"}


LINES = st.lists(st.sampled_from(["| a | b |", "- ünïcode", "<details><summary>x</summary>", "</details>", "", "text"]))


@given(st.lists(LINES, min_size=1, max_size=3), st.integers(min_value=0, max_value=600))
def test_what_is_too_long_is_cut_between_lines_and_counted(pages: list[list[str]], limit: int) -> None:
    texts = ["\n".join(lines) for lines in pages]
    fitted = github.fit(texts, limit)
    assert len(fitted.encode("utf-8")) <= max(limit, len(pages))
    whole = {line for lines in pages for line in lines} | {"", "</details>"}
    assert all(line in whole or line.startswith("Cut here: ") for line in fitted.split("\n"))


def test_each_page_gets_its_share_and_the_rows_left_out_are_said() -> None:
    rows = "\n".join(["| row |"] * 1000)
    fitted = github.fit(["## first\n" + rows, "## second", "## third\n" + rows], 4_000)
    assert len(fitted) <= 4_000 and all(f"## {name}" in fitted for name in ("first", "second", "third"))
    kept, gone = fitted.count("| row |"), re.findall(r"([\d,]+) further rows", fitted)
    assert kept + sum(int(count.replace(",", "")) for count in gone) == 2_000


def test_a_hundred_thousand_broken_cases_make_as_many_marks_as_are_shown() -> None:
    made = report.build(comparisons.outings(), comparisons.verdict())
    many = tuple(Change(case=f"c{n}", kind="broken", why="w" * 80) for n in range(100_000))
    assert len(github.marks(replace(made, changes=many), Path(), Path())) == github.ANNOTATIONS
