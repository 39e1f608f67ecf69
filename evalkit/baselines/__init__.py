"""A baseline: what one target of a run was worth, case by case, in a file that is reviewed and kept in git.

The file has no wire bodies, only what was called and how it was judged, one case a line, so that a change of one answer
is a diff of one line. A digest for each case and each tool tells, when the file is held against a later run, which
cases are still the same: the others are left out, by name and with the reason, and the rest is compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from evalkit import codec, values
from evalkit import suite as suites
from evalkit.data import Case, Counts, Fault, Json, Judging, Mismatch, Payload, Record, Run, Suite, Target, Violation
from evalkit.errors import InputError, StoreError, suggest

FORMAT = "evalkit.baseline"
VERSION = 1
LIMIT = 4_000
"""Characters of a call that are kept. A megabyte of garbage is known by its beginning."""
SAID = 300
"""Characters of what a model said beside its calls that are kept: nothing is judged by it."""

Rung: TypeAlias = Literal[
    "called", "tool", "parsed", "valid", "correct", "abstained", "valid_lenient", "valid_repaired"
]
RUNGS: tuple[Rung, ...] = (
    "called",
    "tool",
    "parsed",
    "valid",
    "correct",
    "abstained",
    "valid_lenient",
    "valid_repaired",
)


class Call(Struct, frozen=True, kw_only=True):
    tool: str
    text: str
    error: str | None = None
    """Why the text is no JSON: one of CODES."""


class Trial(Struct, frozen=True, kw_only=True):
    """One answer, or why there is none. A rung in neither list does not apply to the case."""

    passed: tuple[Rung, ...] = ()
    failed: tuple[Rung, ...] = ()
    calls: tuple[Call, ...] = ()
    text: str = ""
    """How what was said beside the calls begins."""
    finish: str | None = None
    matched_calls: tuple[int, int, int] = (0, 0, 0)
    """Matched, expected, actual: as in `Counts`."""
    matched_arguments: tuple[int, int, int] = (0, 0, 0)
    violations: tuple[Violation, ...] = ()
    mismatches: tuple[Mismatch, ...] = ()
    seconds: float | None = None
    tokens: tuple[int | None, int | None] = (None, None)
    """Sent, received."""
    cost: float | None = None
    fault: Fault | None = None


class Held(Struct, frozen=True, kw_only=True):
    """A case as it was when the baseline was set."""

    digest: str
    trials: tuple[Trial, ...]


class Baseline(Struct, frozen=True, kw_only=True):
    name: str
    why: str = ""
    by: str = ""
    set: str
    """When it was set: UTC, ISO 8601."""
    run: str
    asked: str
    """When its run began: UTC, ISO 8601."""
    suite: str
    suite_digest: str
    formats: Literal["assert", "annotate"]
    target: Target
    judging: Judging
    versions: Mapping[str, str]
    guards: Mapping[str, Json] = field(default_factory=dict)
    specs: Mapping[str, str]
    """Key of a tool -> digest of its spec."""
    cases: Mapping[str, Held]


# --------------------------------------------------------------------------- setting one


def take(run: Run, identity: str, name: str, *, at: str, why: str = "", by: str = "") -> Baseline:
    """What `identity` answered in `run`, as a baseline. Raises InputError if it is not in the run, or said nothing."""
    target = next((each for each in run.info.targets if each.identity == identity), None)
    if target is None:
        raise InputError(
            f"run {run.info.id} has no target {identity!r}", suggest(identity, (t.identity for t in run.info.targets))
        )
    heard: dict[str, list[Record]] = {}
    for record in run.records:
        if record.target == identity:
            heard.setdefault(record.case, []).append(record)
    if not any(record.score for records in heard.values() for record in records):
        raise InputError(
            f"{identity} has no judged answer in run {run.info.id}", "a baseline of nothing decides nothing"
        )
    return Baseline(
        name=name,
        why=why,
        by=by,
        set=at,
        run=run.info.id,
        asked=run.info.created,
        suite=run.suite.name,
        suite_digest=run.suite.digest,
        formats=run.suite.formats,
        target=target,
        judging=run.info.judging,
        versions=run.info.versions,
        guards=run.info.guards,
        specs=spec_digests(run.suite),
        cases={
            case.id: Held(
                digest=case_digest(case),
                trials=tuple(_trial(record) for record in sorted(heard[case.id], key=lambda record: record.trial)),
            )
            for case in run.suite.cases
            if case.id in heard
        },
    )


def case_digest(case: Case) -> str:
    """Of what is asked and wanted; the tools, which other cases share, have digests of their own."""
    return suites.digest(Suite(name="", specs={}, cases=(case,)))


def spec_digests(suite: Suite) -> Mapping[str, str]:
    return {
        key: suites.digest(Suite(name="", specs={key: spec}, cases=())) for key, spec in sorted(suite.specs.items())
    }


def _trial(record: Record) -> Trial:
    if isinstance(record.reply, Fault) or record.score is None or record.answer is None:
        missing = Fault(kind="plugin", message="the answer was not judged")
        fault = record.reply if isinstance(record.reply, Fault) else missing
        return Trial(fault=replace(fault, message=_clip(fault.message)))
    score, answer, seconds = record.score, record.answer, record.reply.timing.total
    return Trial(
        passed=tuple(rung for rung in RUNGS if getattr(score, rung) is True),
        failed=tuple(rung for rung in RUNGS if getattr(score, rung) is False),
        calls=tuple(_call(payload) for payload in answer.payloads),
        text=_clip(answer.text, SAID),
        finish=answer.finish,
        matched_calls=_three(score.calls),
        matched_arguments=_three(score.arguments),
        violations=tuple(replace(found, message=_clip(found.message)) for found in score.violations),
        mismatches=tuple(_short(found) for found in score.mismatches),
        seconds=None if seconds is None else float(f"{seconds:.4g}"),
        tokens=(answer.usage.input_tokens, answer.usage.output_tokens),
        cost=answer.usage.cost,
    )


def _call(payload: Payload) -> Call:
    text = json.dumps(payload.value, ensure_ascii=False) if payload.text is None else payload.text
    return Call(tool=_clip(payload.tool), text=_clip(text), error=payload.error)


def _three(counts: Counts) -> tuple[int, int, int]:
    return counts.matched, counts.expected, counts.actual


def _short(found: Mismatch) -> Mismatch:
    """What was wanted is in the suite; what came is kept if it is short."""
    actual = found.actual if len(values.canonical(found.actual)) <= LIMIT else values.excerpt(found.actual)
    return replace(found, tool=_clip(found.tool), actual=actual, why=_clip(found.why))


def _clip(text: str, limit: int = LIMIT) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more characters)"


# --------------------------------------------------------------------------- the file


def path_of(name: str, folder: Path) -> Path:
    """The file of a baseline: `name` is a path if it ends in .json, else a name in `folder`. Raises InputError."""
    if name.endswith(".json"):
        return Path(name)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise InputError(f"{name!r} cannot name a baseline", "letters, digits, `.`, `_` and `-`, the first no sign")
    return folder / f"{name}.json"


def free_name(suite: str, identity: str) -> str:
    """What a baseline is called if nobody says: by its suite and its model."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", f"{suite}-{identity}").strip("-.")


def names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def write(baseline: Baseline) -> str:
    """The text of its file: stable, a case and a tool a line, and nothing in it that a reviewer cannot see."""
    told = codec.lean(baseline)
    specs, cases = told.pop("specs", {}), told.pop("cases")
    head = {"format": FORMAT, "version": VERSION, **told}
    parts = [
        *(f"{json.dumps(key)}: {_line(value)}" for key, value in head.items()),
        f'"specs": {_lines(specs)}',
        f'"cases": {_lines(cases)}',
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(entries: Mapping[str, Json]) -> str:
    return "{\n" + ",\n".join(f" {_line(key)}: {_line(entries[key])}" for key in entries) + "\n}"


def _line(value: Json) -> str:
    """On one line. What cannot be seen (controls, marks that turn the text around) stands as its escape."""
    text = json.dumps(value, ensure_ascii=False)
    return (
        text if text.isprintable() else "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
    )


def read(text: str, source: str) -> Baseline:
    """The baseline in a file. Raises InputError: no baseline, of another version, or damaged (by a merge, say)."""
    hint = "take the file from version control, or set it again: `evalkit baseline set RUN`"
    reading = values.read(text, max_chars=len(text) + 1)
    if reading.error:
        raise InputError(f"{source}: not JSON: {reading.message}", hint)
    told = reading.value
    if not isinstance(told, dict) or told.pop("format", None) != FORMAT:
        raise InputError(f"{source}: not a baseline", hint)
    if (version := told.pop("version", None)) != VERSION:
        raise InputError(f"{source}: a baseline of version {version}; this evalkit reads version {VERSION}", hint)
    try:
        return codec.decode(Baseline, json.dumps(told))
    except StoreError as error:
        raise InputError(f"{source}: {error}", hint) from error
