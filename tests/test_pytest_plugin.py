"""Suites as tests of pytest: inner sessions, with the models that answer from the suite itself."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from evalkit import store

pytest_plugins = ["pytester"]

TOOL = """
[{"name": "go", "description": "", "input_schema":
  {"type": "object", "properties": {"n": {"type": "integer"}, "to": {"enum": ["a", "b"]}}, "required": ["n"]}}]
"""
SUITE = """
suite: small
tools: [tools.json]
cases:
  - {id: one, user: Go once., tags: [first], expect: {call: go, args: {n: 1}}}
  - {id: two, user: Go twice., expect: {call: go, args: {n: 2}}}
  - {id: none, user: Stay., expect: none}
"""
FAULTY = "reference/faulty?name=faulty&kind=schema.type&rate=1"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".json", tools=TOOL)
    pytester.makefile(".yaml", small=SUITE, other="just: data\n")
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider -p no:asyncio")
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    installed = entry_points(group="pytest11", name="evalkit")
    return project.runpytest_subprocess(*([] if installed else ["-p", "evalkit.pytest_plugin"]), *arguments)


def test_each_case_is_a_test_and_the_run_is_kept(project: pytest.Pytester) -> None:
    done = run(project, "-v", "--evalkit-model", "reference/oracle?name=oracle")
    done.assert_outcomes(passed=3)
    done.stdout.fnmatch_lines(["*small.yaml::one PASSED*", "*3 answers: reports/pytest-small-*"])
    assert len(list(project.path.glob("reports/*/run.db"))) == 1


def test_a_case_that_falls_short_says_what_is_wrong_with_it(project: pytest.Pytester) -> None:
    done = run(project, "--evalkit-model", FAULTY)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(
        ["schema.type at /n: *", "said    Go once.", "wanted  *go*", "called  go *", "more  *one"]
    )
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*pytest_cases.py*")


def test_several_models_and_suites_share_one_run(project: pytest.Pytester) -> None:
    project.makefile(".yml", more=SUITE.replace("small", "more"))
    done = run(project, "-v", "--evalkit-model", "reference/oracle?name=oracle", "--evalkit-model", FAULTY)
    done.stdout.fnmatch_lines_random(["*small.yaml::one?oracle? PASSED*", "*more.yml::two?faulty? FAILED*"])
    assert len(list(project.path.glob("reports/*/run.db"))) == 1


def test_only_what_is_selected_is_asked(project: pytest.Pytester) -> None:
    for selected in (["-k", "first"], ["small.yaml::one"]):
        done = run(project, "--evalkit-model", "reference/oracle", *selected)
        assert done.parseoutcomes()["passed"] == 1
        done.stdout.fnmatch_lines(["1 answer: *"])
    done = run(project, "--collect-only", "-q", "--evalkit-model", "reference/oracle", "--evalkit-run", "untouched")
    done.stdout.fnmatch_lines(["small.yaml::one"])
    assert not (project.path / "reports/untouched").exists()


def test_a_model_that_is_not_heard_is_an_error_and_not_a_failure(project: pytest.Pytester) -> None:
    model = "openai_http/any?name=gone&base_url=http://127.0.0.1:9/v1"
    done = run(project, "--evalkit-max-retries", "0", "--evalkit-model", model)
    done.assert_outcomes(errors=3)
    done.stdout.fnmatch_lines(["gone was not heard: network: *"])


def test_a_named_run_is_gone_on_with(project: pytest.Pytester) -> None:
    for model in ("reference/oracle?name=same", "reference/oracle?name=same"):
        done = run(project, "--evalkit-model", model, "--evalkit-run", "kept", "--evalkit-trials", "2")
        done.assert_outcomes(passed=3)
    done.stdout.fnmatch_lines(["6 answers: reports/kept*"])


def test_a_bundled_suite_and_a_file_of_lines_are_collected_by_name(project: pytest.Pytester) -> None:
    lines = ['{"suite": "lines", "tools": ["tools.json"]}', '{"id": "x", "user": "Stay.", "expect": "none"}']
    (project.path / "cases.jsonl").write_text("\n".join(lines), encoding="utf-8")
    done = run(project, "cases.jsonl", "--evalkit-model", "reference/oracle", "--evalkit-suite", "payments")
    assert done.ret == 0
    done.stdout.fnmatch_lines(["* answers: reports/pytest-*payments*"])
    assert done.parseoutcomes()["passed"] > 10


def test_cases_of_bundled_suites_have_ids_by_which_they_run_again(project: pytest.Pytester) -> None:
    suites = [part for name in ("payments", "travel") for part in ("--evalkit-suite", name)]
    done = run(project, "--collect-only", "-q", "--evalkit-model", "reference/oracle", *suites, "small.yaml")
    ids = [line for line in done.outlines if "::" in line]
    assert len(ids) == len(set(ids)) > 100 and not [each for each in ids if each.startswith("::")]
    assert "small.yaml::one" in ids
    again = [next(each for each in ids if f"{name}.yaml::" in each) for name in ("payments", "travel")]
    done = run(project, "-v", "--evalkit-model", "reference/oracle", *again)
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines_random([f"*{each.rpartition('/')[2]} PASSED*" for each in again])


def test_a_model_list_tells_how_models_are_asked(project: pytest.Pytester) -> None:
    listed = "models:\n  - {model: reference/oracle, name: gold, output_price: 2.0}\n"
    project.makefile(".yaml", models=f"{listed}  - {{model: 'reference/sampler', name: any, params: {{seed: 3}}}}\n")
    done = run(project, "-v", "small.yaml", "--evalkit-models", "models.yaml")
    done.stdout.fnmatch_lines_random(["small.yaml::one?gold? PASSED*", "small.yaml::one?any? *"])
    done = run(project, "-v", "small.yaml", "--evalkit-models", "models.yaml", "--evalkit-model", "gold")
    done.assert_outcomes(passed=3)
    with store.open_run(next(project.path.glob("reports/pytest-small-*"))) as opened:
        (target,) = opened.info.targets
    assert (target.name, target.output_price) == ("gold", 2.0)


def test_what_a_budget_leaves_unasked_is_an_error_that_says_so(project: pytest.Pytester) -> None:
    budget = ("--evalkit-max-calls", "1", "--evalkit-concurrency", "1")
    done = run(project, "small.yaml", "--evalkit-model", "reference/oracle", *budget)
    done.assert_outcomes(passed=1, errors=2)
    done.stdout.fnmatch_lines(["reference/oracle was not heard: it was not asked: *2 of 3 calls*", "stopped: *"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--evalkit-suite", "small.yaml"], "*name one with --evalkit-model*"),
        (["--evalkit-model", "nonsense/x"], "*nonsense*"),
        (["--evalkit-model", "reference/oracle", "--evalkit-suite", "nowhere"], "*nowhere*"),
        (["--evalkit-model", "reference/oracle", "--evalkit-trials", "0"], "*at least 1*"),
        (["--evalkit-model", "reference/oracle", "--evalkit-case-timeout", "0"], "*more than 0*"),
        (["--evalkit-model", "openai_http/x", "--evalkit-max-cost", "1"], "*price*"),
        (["--evalkit-models", "nowhere.yaml"], "*nowhere.yaml*"),
        (["--evalkit-model", "openai_http/gpt", "--evalkit-suite", "small.yaml"], "*OPENAI_API_KEY*"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = run(project, *arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "Traceback" not in done.stderr.str()
    (done.stderr if "ERROR" in done.stderr.str() else done.stdout).fnmatch_lines([said])


def test_a_suite_that_cannot_be_read_is_an_error_of_collection(project: pytest.Pytester) -> None:
    project.makefile(".yaml", small=SUITE.replace("call: go", "call: fly"))
    done = run(project, "--evalkit-model", "reference/oracle")
    assert done.ret == pytest.ExitCode.INTERRUPTED
    done.stdout.fnmatch_lines(["*small.yaml:*fly*"])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_without_its_option_nothing_is_collected_and_nothing_is_imported(project: pytest.Pytester) -> None:
    first = {"evalkit", "evalkit.pytest_plugin", "evalkit.version"}
    project.makepyfile(f"import sys\ndef test_it(): assert {{m for m in sys.modules if m[:7] == 'evalkit'}} == {first}")
    run(project).assert_outcomes(passed=1)
    code = "import sys, evalkit.pytest_plugin; print(*sorted(m for m in sys.modules if m.startswith('evalkit')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert set(done.stdout.split()) == first


def test_what_a_model_says_cannot_drive_the_log(project: pytest.Pytester) -> None:
    project.makefile(".yaml", small=SUITE.replace("Go once.", '"::error::x\\e[31m"'))
    done = run(project, "small.yaml::one", "--evalkit-model", FAULTY)
    assert "\x1b[31m" not in done.stdout.str()
    done.stdout.no_fnmatch_line("::error*")


ROOT = Path(__file__).parents[1]


def test_with_suites_named_no_other_that_lies_in_the_folder_is_asked(project: pytest.Pytester) -> None:
    done = run(project, "--collect-only", "-q", "--evalkit-model", "reference/oracle", "--evalkit-suite", "payments")
    ids = [line for line in done.outlines if "::" in line]
    assert ids and not [each for each in ids if "payments.yaml::" not in each]
