"""The command `evalkit`: its verbs, and how an error becomes one clear line and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated

import typer

from evalkit.cli import hearing, helping
from evalkit.errors import EvalkitError, ExitCode, InputError, NotComparable
from evalkit.version import VERSION

MENU: Mapping[str, Mapping[str, str]] = {
    "Begin": {"init": "starting", "lint": "checking", "plan": "planning", "doctor": "doctoring"},
    "Ask and decide": {"run": "asking", "migrate": "asking", "bump": "bumping"},
    "Work on stored runs, asking nothing": {
        "compare": "deciding",
        "gate": "deciding",
        "report": "deciding",
        "score": "asking",
        "merge": "merging",
        "export": "importing",
        "list": "looking",
        "show": "looking",
        "view": "viewing",
        "repro": "looking",
    },
    "Files and parts": {
        "validate": "validating",
        "schema": "checking",
        "plugins": "looking",
        "serve-reference": "looking",
        "import": "importing",
    },
    "What is kept": {"baseline": "baselines", "cache": "caching"},
}
"""Heading -> the verbs below it, as the help lists them -> the module beside this one that has the verb."""


def command_line(word: str = "") -> typer.Typer:
    """All verbs; where `word` is one of them, those of its module alone: to make all costs as much as many a verb."""
    app = typer.Typer(
        name="evalkit",
        cls=helping.Menu,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={
            "auto_envvar_prefix": "EVALKIT",
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
        },
    )
    app.callback()(root)
    homes = {verb: home for verbs in MENU.values() for verb, home in verbs.items()}
    for home in [homes[word]] if word in homes else dict.fromkeys(homes.values()):
        import_module(f"evalkit.cli.{home}").register(app)
    helping.arrange(app, MENU)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"evalkit {VERSION}")
        raise typer.Exit


def root(
    version: Annotated[
        bool,
        # Not from the environment: a variable that pins a version would make every verb print it and stop.
        typer.Option("--version", callback=_version, is_eager=True, allow_from_autoenv=False, help="Print it."),
    ] = False,
) -> None:
    """Can you upgrade the language model behind your tools?

    Results go to stdout, progress and diagnostics to stderr.

    Exit codes: 0 ok or pass, 1 the gate failed, 2 bad input, 3 inconclusive, 4 not comparable, 70 a bug of ours,
    130 interrupted (what was answered is kept).
    """


def run() -> None:
    """Run the command line and leave the process with its exit code."""
    hearing.outlive_readers()
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """The exit code of one command. Writes to the process's own stdout and stderr."""
    try:
        app = command_line(arguments[0] if arguments else "")
        return int(app(arguments, prog_name="evalkit", standalone_mode=False) or ExitCode.OK)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(ExitCode.OK if leaving.code is None else 1)
    except helping.UsageError as error:
        typer.echo(said, err=True) if (said := helping.page(error)) else _complain(helping.complaint(error))
        return ExitCode.INPUT
    except NotComparable as error:
        _complain(error)
        return ExitCode.NOT_COMPARABLE
    except InputError as error:
        from evalkit.cli import placing

        _complain(InputError(placing.placed(error.problems)))
        return ExitCode.INPUT
    except EvalkitError as error:
        _complain(error)
        return ExitCode.INPUT
    except Exception:  # noqa: BLE001 - the outermost wrapper: whatever arrives here is our bug
        traceback.print_exc()
        _complain("this is a bug in evalkit; please report it with the lines above")
        return ExitCode.BUG


def _complain(what: object) -> None:
    for line in str(what).splitlines():
        typer.secho(f"evalkit: {helping.without_secrets(line)}", fg="red", err=True)
