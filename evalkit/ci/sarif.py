"""What lint found as SARIF 2.1.0, which code scanning services and editors put at the line of the suite. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from evalkit.data import DIVERGENCES, Case, Divergence, Json
from evalkit.errors import Place, Problem
from evalkit.renderers import _visible as visible
from evalkit.version import VERSION

SUFFIX = ".sarif"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

Level = Literal["error", "warning", "note"]

RULES: Mapping[str, tuple[Level, str]] = {
    "suite.unusable": ("error", "the suite cannot be judged by"),
    "suite.unmet": ("error", "the case's own gold does not pass it"),
    "suite.note": ("note", "worth a look; nothing here stops a run"),
    **{
        f"portability.{kind}": ("warning" if kind in ("refused", "limit", "lost") else "note", meaning)
        for kind, meaning in DIVERGENCES.items()
    },
}
"""Rule -> how bad, and what it means."""


class Finding(NamedTuple):
    rule: str
    """One of RULES."""
    message: str
    file: str = ""
    """As it was named, from where the command ran; "": not of one file."""
    line: int | None = None
    column: int | None = None


def of_problem(rule: str, problem: Problem) -> Finding:
    """A problem of a suite, at its place; what the path says that the place does not is in the message."""
    said = "; ".join(part for part in (problem.what, problem.hint) if part)
    told = f"{problem.path}: {said}" if problem.path else said
    if problem.place is None:
        return Finding(rule, told)
    if problem.place.line is not None:
        return Finding(rule, told, problem.place.file, problem.place.line, problem.place.column)
    return Finding(rule, told, *_place(problem.place.file))


def of_case(case: Case, why: str) -> Finding:
    """A case whose own gold fails."""
    return Finding("suite.unmet", f"{case.id}: {why}", *_place(case.source))


def divergence(route: str, found: Divergence) -> Problem:
    """What a route makes of a tool, in the file that declares it."""
    file, _, pointer = found.source.partition("#")
    return Problem(what=f"{found.tool} on {route}: {found.message}", place=Place(file=file), path=pointer)


def render(findings: Sequence[Finding], root: Path) -> str:
    """The whole log. Files below `root` are named relative to it, as services want them."""
    rules = {rule: place for place, rule in enumerate(RULES)}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "evalkit", "version": VERSION, "rules": list(_rules())}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, rules, root) for finding in findings],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rules() -> Iterable[Json]:
    for rule, (level, meaning) in RULES.items():
        yield {"id": rule, "shortDescription": {"text": meaning}, "defaultConfiguration": {"level": level}}


def _result(finding: Finding, rules: Mapping[str, int], root: Path) -> Json:
    result: dict[str, Json] = {
        "ruleId": finding.rule,
        "ruleIndex": rules[finding.rule],
        "level": RULES[finding.rule][0],
        "message": {"text": visible.plain(finding.message)},
    }
    if finding.file:
        physical: dict[str, Json] = {"artifactLocation": _artifact(finding.file, root)}
        if finding.line is not None:
            column = {"startColumn": finding.column} if finding.column is not None else {}
            physical["region"] = {"startLine": finding.line, **column}
        result["locations"] = [{"physicalLocation": physical}]
    return result


def _artifact(file: str, root: Path) -> Json:
    path = (root / file).resolve()
    if path.is_relative_to(root.resolve()):
        return {"uri": quote(path.relative_to(root.resolve()).as_posix()), "uriBaseId": "%SRCROOT%"}
    return {"uri": path.as_uri()}


def _place(source: str) -> tuple[str, int | None]:
    """`file:line`, or a file alone."""
    file, _, line = source.rpartition(":")
    return (file, int(line)) if file and line.isdecimal() and int(line) > 0 else (source, None)
