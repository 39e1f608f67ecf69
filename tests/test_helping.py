"""The help pages of every verb, the variables of its options, and one voice for all that goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from evalkit import plugins
from evalkit.cli import helping
from evalkit.cli.app import MENU, command_line, main
from evalkit.errors import ExitCode


class Said(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Said]

VERBS = sorted(name for names in MENU.values() for name in names)
BELOW = {
    "baseline": ("set", "list", "show", "rm"),
    "cache": ("info", "clear"),
    "import": ("tools", "cases", "run", "traces"),
}
PAGES = [(), *((verb,) for verb in VERBS), *((group, verb) for group, verbs in BELOW.items() for verb in verbs)]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """One command in an empty folder, on a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: str) -> Said:
        code = main(list(words))
        return Said(code, *capfd.readouterr())

    return run


@pytest.mark.parametrize("verb", PAGES, ids=" ".join)
def test_every_page_fits_80_columns_and_speaks_of_no_type(cli: Cli, verb: tuple[str, ...]) -> None:
    page = cli(*verb, "--help")
    assert (page.code, page.err) == (0, "")
    assert max(map(len, page.out.splitlines())) <= 80
    assert not any(sign in page.out for sign in ("<", "list[", "}...", "env var", "[["))


@pytest.mark.parametrize("group", [(), *((name,) for name in BELOW)], ids=" ".join)
def test_no_line_of_a_menu_is_cut(cli: Cli, group: tuple[str, ...]) -> None:
    listed = [line for line in cli(*group, "--help").out.splitlines() if not line.startswith("Usage")]
    assert not [line for line in listed if line.endswith(("...", "…"))]


def test_the_menu_has_every_verb_once() -> None:
    assert named(command_line()) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_found_where_the_menu_says(verb: str) -> None:
    alone = named(command_line(verb))
    assert verb in alone and len(alone) < len(VERBS) / 2


def named(app: typer.Typer) -> list[str]:
    return sorted(each.name or "" for kind in (app.registered_commands, app.registered_groups) for each in kind)


@pytest.mark.parametrize("verb", ["report", "migrate", "gate", "compare", "bump"])
def test_the_help_of_o_names_every_kind_of_report(cli: Cli, verb: str) -> None:
    page = " ".join(cli(verb, "--help").out.split())
    suffixes = {plugins.renderer(name).SUFFIX for name in plugins.names("renderers")} - {""}
    assert not {suffix for suffix in suffixes if f"x{suffix}" not in page}


@pytest.mark.parametrize("verb", PAGES[1:], ids=" ".join)
def test_a_page_tells_how_variables_are_named(cli: Cli, verb: tuple[str, ...]) -> None:
    page = cli(*verb, "--help").out
    if "--reports" in page:
        prefix = "_".join(("EVALKIT", *verb)).upper()
        assert f"{prefix}_" in page and "has a variable named after it" in page


def test_a_variable_is_named_after_its_option(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MATCH": "flight", "LIMIT": "2", "RUN": "named", "JSON": "1", "TAG": "parallel"}.items():
        monkeypatch.setenv(f"EVALKIT_RUN_{name}", value)
    told = cli("run", "travel", "-m", "reference/oracle", "--dry-run")
    assert '"run": "reports/named"' in told.out and '"requests": 2' in told.out


def test_what_a_variable_spoilt_is_told_with_its_name(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_RUN_LIMIT", "some")
    assert "(EVALKIT_RUN_LIMIT is 'some')" in cli("run", "travel").err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("trials", "x", "must be a whole number"),
        ("trials", "1.5", "must be a whole number"),
        ("trials", "0", "must be at least 1"),
        ("concurrency", "0", "must be"),
        ("concurrency", "5000", "must be"),
        ("timeout", "soon", "must be a number"),
        ("timeout", "it's: soon", "must be a number"),
        ("timeout", "nan", "must be"),
        ("max-seconds", "nan", "must be"),
        ("timeout", "-1", "must be at least 0.001"),
        ("quiet", "maybe", "must be true or false"),
    ],
)
def test_a_number_is_asked_for_in_our_words(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, option: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"EVALKIT_RUN_{option.replace('-', '_').upper()}", value)
    done = cli("run", "travel")
    assert done.code == ExitCode.INPUT
    assert f"--{option}': {said}" in done.err and "valid int" not in done.err and "Input" not in done.err


@pytest.mark.parametrize("verb", PAGES, ids=" ".join)
def test_the_short_name_of_an_option_stands_first(cli: Cli, verb: tuple[str, ...]) -> None:
    assert "\n  -h, --help " in cli(*verb, "--help").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope"], "no such command 'nope'"),
        (["rnu"], "did you mean 'run'?"),
        (["run"], "missing argument 'SUITE'"),
        (["run", "travel", "--limit", "x"], "invalid value for '--limit'"),
        (["run", "travel", "--nope"], "no such option: --nope"),
        (["migrate", "travel", "--from", "a/b"], "missing option '--to'"),
        (["schema", "nope"], "invalid value for 'suite|models|policy|report'"),
        (["baseline", "show"], "missing argument 'NAME'; see `evalkit baseline show --help`"),
        (["run", "nope", "-m", "reference/oracle"], "no suite is called 'nope'"),
        (["show", "nope"], "there is no such run"),
    ],
)
def test_whatever_goes_wrong_is_one_line_in_one_voice(cli: Cli, words: list[str], said: str) -> None:
    done = cli(*words)
    assert (done.code, done.out) == (ExitCode.INPUT, "")
    (line,) = done.err.splitlines()
    assert line.startswith("evalkit: ") and said.lower() in line.lower()


@pytest.mark.parametrize("words", [(), ("cache",), ("baseline",), ("import",)], ids=" ".join)
def test_nothing_typed_shows_the_page_and_is_no_success(cli: Cli, words: tuple[str, ...]) -> None:
    done = cli(*words)
    assert done.code == ExitCode.INPUT and done.err.startswith("Usage: evalkit")


@pytest.mark.parametrize(
    "model",
    [
        "nope/x?base_url=http://user:s3cret@localhost/v1",
        "openai_http/x@nope?base_url=http://user:s3cret@localhost/v1",
        "https://user:s3cret@localhost/v1",
        "openai_http/x?base_url=http://user:s3cret@localhost/v1",
        "openai_http/x?api_key=s3cret",
        "nope/x?api_key=s3cret",
        "nope/x?token=s3cret&a=b",
    ],
)
def test_a_login_is_not_printed_back(cli: Cli, model: str) -> None:
    done = cli("run", "travel", "-m", model)
    assert done.code == ExitCode.INPUT and "s3cret" not in done.out + done.err


def test_what_is_no_secret_is_left_as_it_is() -> None:
    line = "x.yaml:3:1: /models/0: api_key_env: no key SLOT=1 at http://localhost:8000/v1; see a@b.org"
    assert helping.without_secrets(line) == line
