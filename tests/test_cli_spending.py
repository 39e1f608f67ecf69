"""Whole commands that keep an eye on what is spent: plan, --stop-early and the limits on calls, money and time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit import store
from evalkit.cli.app import main
from evalkit.errors import ExitCode

ORACLE = "reference/oracle?name=old"
FAULTY = "reference/faulty?name=new&kind=call.missing&rate=0.5"
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run one command in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return run


# --------------------------------------------------------------------------- plan


def test_a_plan_asks_nothing_and_fits_the_terminal(cli: Cli) -> None:
    code, out, _ = cli("plan", "travel", "-m", ORACLE, "-m", FAULTY, "--detect", "2", "--trials", "3")
    assert code == ExitCode.OK
    assert "50 cases x 2 models x 3 trials = 300 requests" in out and "unknown" in out
    assert "cases in all that tell 2 points" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert not Path("reports").exists()


def test_a_plan_of_one_case_says_one(cli: Cli) -> None:
    policy = Path("policy.yaml")
    policy.write_text("max_drop: {compliance: 0.01}", encoding="utf-8")
    _, out, _ = cli("plan", "travel", "-m", ORACLE, "--limit", "1", "--policy", policy, "--concurrency", "1")
    assert "1 case x 1 model x 1 trial = 1 request\n" in out and "with 1 request at a time" in out
    assert "may fall by 1 point (policy" in out and "1 case judges it" in out


def test_a_wanted_fall_that_is_the_limit_fills_two_columns(cli: Cli) -> None:
    Path("policy.yaml").write_text("max_drop: {compliance: 0.03}", encoding="utf-8")
    _, out, _ = cli("plan", "travel", "-m", ORACLE, "--policy", "policy.yaml", "--detect", "3")
    (line,) = (line for line in out.splitlines() if "cases in all that tell 3 points" in line)
    assert len(line.partition("points")[2].split()) == 2


def test_a_plan_as_json_measured_on_an_earlier_run(cli: Cli) -> None:
    cli("run", "travel", "-m", ORACLE, "-m", FAULTY, "--trials", "2", "--run", "before", "-q")
    code, out, _ = cli("plan", "travel", "-m", ORACLE, "--like", "before", "--json")
    told = json.loads(out)
    assert code == ExitCode.OK and told["requests"] == 50 and told["cost"] is None
    assert told["spending"][0]["output"]["source"] == "measured"
    assert [sight["discordance"]["source"] for sight in told["sights"]] == ["measured", "measured"]
    assert 0.3 < told["sights"][1]["discordance"]["share"] < 0.6


def test_money_follows_from_the_prices_of_the_model_list(cli: Cli) -> None:
    Path("models.yaml").write_text(
        "models: [{name: a, model: reference/oracle, input_price: 1, output_price: 2}]", encoding="utf-8"
    )
    told = json.loads(cli("plan", "travel", "--models", "models.yaml", "--json")[1])
    spent = told["spending"][0]
    assert told["cost"] == pytest.approx((spent["input_tokens"] + 2 * spent["output_tokens"]) / 1e6)


# --------------------------------------------------------------------------- stopping


def test_a_decided_migration_stops_early_and_says_so_everywhere(cli: Cli) -> None:
    worse = FAULTY.replace("0.5", "0.9")
    code, out, err = cli("migrate", "travel", "--from", ORACLE, "--to", worse, "--stop-early", "--run", "m")
    assert code == ExitCode.GATE_FAILED
    info = store.load(Path("reports/m")).info
    assert info.sequential and info.stopped is not None
    assert f"\nstopped early: {info.stopped}" in err
    left = int(info.stopped.split("; ")[1].split(" of 100 calls")[0])
    assert left == 100 - len(store.load(Path("reports/m")).records) > 30
    assert "Asking stopped: " in out and "hold at any stopping time" in " ".join(out.split())
    assert info.stopped in Path("reports/m/report.html").read_text(encoding="utf-8")


def test_what_cannot_be_decided_early_is_asked_in_full(cli: Cli) -> None:
    code, _, err = cli("migrate", "travel", "--from", ORACLE, "--to", "reference/oracle?name=new", "--stop-early", "-q")
    assert code == ExitCode.INCONCLUSIVE and "stopped" not in err  # 50 cases are too few for 3 points


@pytest.mark.parametrize("limit", [("--max-calls", 7), ("--max-seconds", 0)])
def test_a_budget_ends_a_run_which_goes_on_later(cli: Cli, limit: tuple[str, object]) -> None:
    code, _, err = cli("run", "travel", "-m", ORACLE, "--run", "r", "-q", *limit)
    assert code == ExitCode.INCONCLUSIVE
    assert f"stopped: {limit[0]}" in err and "of 50 calls have no answer" in err and "asks the rest" in err
    assert len(store.load(Path("reports/r")).records) < 50
    assert cli("run", "travel", "-m", ORACLE, "--run", "r", "-q")[0] == ExitCode.OK
    assert len(store.load(Path("reports/r")).records) == 50


@pytest.mark.parametrize(
    "command",
    [
        ["run", "travel", "-m", ORACLE, "-m", "openai_http/x?base_url=http://127.0.0.1:9/v1"],
        ["migrate", "travel", "--from", ORACLE, "--to", "openai_http/x?base_url=http://127.0.0.1:9/v1"],
    ],
)
def test_a_cost_that_nobody_knows_is_refused_before_anything_is_asked(cli: Cli, command: list[str]) -> None:
    code, _, err = cli(*command, "--max-cost", "1")
    assert code == ExitCode.INPUT and "what openai_http/x costs is unknown" in err
    assert not Path("reports").exists()


def test_what_answers_here_spends_nothing_unless_it_has_a_price(cli: Cli) -> None:
    assert cli("run", "travel", "-m", ORACLE, "--run", "free", "--max-cost", "1", "-q")[0] == ExitCode.OK
    models = "models: [{name: dear, model: reference/oracle, input_price: 1000, output_price: 1000}]"
    Path("models.yaml").write_text(models, encoding="utf-8")
    code, _, err = cli("run", "travel", "--models", "models.yaml", "--run", "dear", "--max-cost", "0.01", "-q")
    assert code == ExitCode.INCONCLUSIVE and "stopped: --max-cost 0.01: reached" in err


def test_a_budget_ends_a_migration_before_it_is_decided(cli: Cli) -> None:
    code, out, err = cli("migrate", "travel", "--from", ORACLE, "--to", FAULTY, "--max-calls", "7", "-q")
    assert code == ExitCode.INCONCLUSIVE and not out and "93 of 100 calls have no answer" in err
