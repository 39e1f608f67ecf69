"""How the command line explains itself: its help pages, the names of its variables, and what was typed wrongly.

All in 80 columns. The verbs stand in groups, and so do a verb's options; each option has a variable that is named
after it, and one line says how.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from math import isnan
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from evalkit.cli import options

UsageError = cast(type[Exception], typer.BadParameter.__base__)
"""What is wrong with the words of a command; typer has it from click, or from its own copy of click."""


_HEADINGS = ("Arguments", "Options", options.CASES, options.ASKING, options.LIMITS, options.RESULT)
_SECRET = re.compile(
    r"(?<=//)[^/\s@]+(?=@)|(?i:(?<=key=)|(?<=token=)|(?<=password=)|(?<=secret=))[^&\s;,]+?(?=[&\s;,]|: |$)"
)
"""What lets one in: before the @ of an address, or behind a name that says so."""


_REWORDED = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r"Value error, ", ""),
        (r"Input should be greater than or equal to (\S+)", r"must be at least \1"),
        (r"Input should be less than or equal to (\S+)", r"must be at most \1"),
        (r"Input should be a valid integer.*", "must be a whole number"),
        (r"Input should be a valid number.*", "must be a number"),
        (r"Input should be a valid boolean.*", "must be true or false"),
        (r"(?<=: ).+ is not in the range x>=(\S+)", r"must be at least \1"),
        (r"(?<=: ).+ is not in the range (\S+)<=x<=(\S+)", r"must be from \1 to \2"),
        (r"(?<=: ).+ is not a valid int.*", "must be a whole number"),
        (r"(?<=: ).+ is not a valid float.*", "must be a number"),
        (r"(?<=: ).+ is not a valid boolean.*", "must be true or false"),
    )
)
"""The words of what reads options -> ours. Up to typer 0.28 that is typer itself, from 0.29 on pydantic."""
_NOT_ONE_OF = re.compile(r"'([^']*)' is not one of (.*)")
_QUOTED = re.compile(r"'([^']*)'")


class Menu(TyperGroup):
    """A command with verbs below it, listed under the headings that they were given."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        listed: dict[str, list[tuple[str, str]]] = {}
        width = max(len(name) for name in self.commands)
        for name, verb in self.commands.items():
            heading = getattr(verb, "rich_help_panel", None)
            rows = listed.setdefault(heading if isinstance(heading, str) else "Verbs", [])
            rows.append((f"{name:{width}}", verb.get_short_help_str(formatter.width - width - 4)))
        _write(formatter, listed)


class Verb(TyperCommand):
    """One verb, its options under the headings that they were given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for option in self._options():
            option.envvar = _variable(ctx, option)
            option.allow_from_autoenv = option.show_envvar = False  # its own name alone, and said once
        rest = super().parse_args(ctx, args)
        for option in self._options():
            value = ctx.params.get(option.name)
            if isinstance(value, float) and isnan(value):  # which typer finds in any range, up to 0.28
                raise typer.BadParameter("must be a number", ctx, option)
        return rest

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = [param for param in self.get_params(ctx) if param.param_type_name == "argument"]
        return ["[OPTIONS]", *map(_argument, arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        listed: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if param.param_type_name == "argument":
                listed.setdefault("Arguments", []).append((_argument(param), getattr(param, "help", None) or ""))
            else:
                heading = getattr(param, "rich_help_panel", None)
                rows = listed.setdefault(heading if isinstance(heading, str) else "Options", [])
                rows.append((_option(param), _told(param)))
        _write(formatter, {heading: listed[heading] for heading in sorted(listed, key=_HEADINGS.index)})

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        options = list(self._options())
        if options:
            option = options[-1]
            formatter.write_paragraph()
            formatter.write_text(
                f"Each option has a variable named after it: {option.opts[-1]} is {_variable(ctx, option)}."
            )

    def _options(self) -> Iterator[Any]:
        return (param for param in self.params if param.param_type_name == "option")


def arrange(app: typer.Typer, menu: Mapping[str, Iterable[str]]) -> None:
    """Give every verb our help page and its place in the menu (heading -> verbs below it)."""
    headings = {name: heading for heading, names in menu.items() for name in names}
    order = list(headings)
    for verb in app.registered_commands:
        verb.name = verb.name or getattr(verb.callback, "__name__", "").replace("_", "-")
        verb.cls, verb.rich_help_panel = Verb, headings[verb.name]
    for group in app.registered_groups:
        group.cls, group.rich_help_panel = Menu, headings[group.name or ""]
        for verb in group.typer_instance.registered_commands if group.typer_instance else ():
            verb.cls = Verb
    app.registered_commands.sort(key=lambda verb: order.index(verb.name or ""))


def page(error: Any) -> str:
    """The help page that an error is which typer raises where nothing at all was typed; "" for other errors."""
    said = str(error.format_message())
    return said if said.startswith("Usage:") else ""


def complaint(error: Any) -> str:
    """What was typed wrongly, in one line and with the next step."""
    what = " ".join(error.format_message().split()).rstrip(".")
    for theirs, ours in _REWORDED:
        what = theirs.sub(ours, what)
    if unknown := _NOT_ONE_OF.search(what):
        close = get_close_matches(unknown[1], _QUOTED.findall(unknown[2]), n=1)
        what += f"; did you mean {close[0]!r}?" if close else ""
    context = error.ctx
    variable = getattr(getattr(error, "param", None), "envvar", None)
    if variable and os.environ.get(variable):
        what += f" ({variable} is {os.environ[variable]!r})"
    return f"{what[0].lower()}{what[1:]}; see `{context.command_path if context else 'evalkit'} --help`"


def without_secrets(line: str) -> str:
    """A line for the log of a terminal or a CI job: what was typed comes back in it, a login must not."""
    return _SECRET.sub("…", line)


def _write(formatter: Any, listed: Mapping[str, Iterable[tuple[str, str]]]) -> None:
    for heading, rows in listed.items():
        with formatter.section(heading):
            formatter.write_dl(list(rows), col_max=24)


def _variable(ctx: Any, option: Any) -> str:
    return f"{ctx.auto_envvar_prefix}_{max(option.opts, key=len).lstrip('-').replace('-', '_').upper()}"


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return f"{name if param.required else f'[{name}]'}{'...' if param.nargs != 1 else ''}"


def _option(param: Any) -> str:
    names = ", ".join(sorted(param.opts, key=len))  # typer has those of the help page in no order
    names += "".join(f" / {name}" for name in param.secondary_opts)
    return names if param.is_flag or not param.metavar else f"{names} {param.metavar}"


def _told(param: Any) -> str:
    """Its help, with what it is where it is not given."""
    notes = [note for note, holds in (("required", param.required), ("repeatable", param.multiple)) if holds]
    if param.default is not None and param.show_default and not param.is_flag:
        notes.append(f"default: {param.default}")
    return f"{param.help or ''}  [{', '.join(notes)}]" if notes else str(param.help or "")
