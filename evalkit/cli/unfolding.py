"""One case of a run on the terminal: what was asked, wanted, answered, and what is wrong with it. 80 columns wide."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import typer

from evalkit import complaint, values
from evalkit.cli import columns
from evalkit.cli.printing import visible
from evalkit.data import Case, Fault, Json, Mismatch, Record, ToolSpec
from evalkit.numerals import counted

_INDENT = 10
_HEAD, _TAIL = 1500, 500
"""Characters of one text that are shown, where it is longer."""


def case(folder: Path, case_id: str, as_json: bool) -> None:
    """One case in full, with every target's every trial. Raises InputError if the run has no such case."""
    from evalkit import codec, patterns, portability, store
    from evalkit.errors import InputError, suggest

    run = store.load(folder)
    known = {case.id: case for case in run.suite.cases}
    if case_id not in known:
        raise InputError(f"{folder} has no case {case_id!r}", suggest(case_id, known))
    asked = known[case_id]
    records = [record for record in run.records if record.case == case_id]
    expected = [patterns.spell(expectation) for expectation in asked.accept]
    if as_json:
        told = {"case": codec.plain(asked), "expected": expected, "records": [codec.plain(r) for r in records]}
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    specs = [run.suite.specs[key] for key in asked.tools]
    handed = {target.identity: portability.handed(specs, target) for target in run.info.targets}
    for line in _lines(asked, handed, expected, records):
        typer.echo(line)


def _lines(
    asked: Case, handed: Mapping[str, Sequence[ToolSpec]], expected: Sequence[Json], records: Sequence[Record]
) -> Iterator[str]:
    tags = f"[{', '.join(asked.tags)}]" if asked.tags else ""
    yield from _told("", "  ".join(filter(None, (asked.id, tags, asked.source))), whole=True)
    for message in asked.messages:
        content = message.get("content")
        yield ""
        yield from _told(str(message.get("role")), content if isinstance(content, str) else _json(dict(message)))
    yield ""
    for place, one in enumerate(expected):
        yield from _told("or" if place else "wanted", _json(one))
    if not expected:
        yield from _told("wanted", "any call that keeps to its schema")
    if asked.forbid:
        yield from _told("never", ", ".join(asked.forbid))
    for record in records:
        yield ""
        yield from _told("", f"{record.target}, trial {record.trial}: {_outcome(record)}")
        yield from _failed(record)
        yield from _timed(record)
        yield from _sent(handed[record.target], record)
        yield from _answered(asked, record)


def _sent(specs: Sequence[ToolSpec], record: Record) -> Iterator[str]:
    """What was sent otherwise than it was built."""
    from evalkit import portability

    if isinstance(record.reply, Fault):
        return
    posted = record.reply.posted
    if posted is not None:
        yield from _told("  sent", f"to {posted.url}")
        others = [*(key for key in posted.members if key not in posted.settings), *posted.dropped]
        if others:
            yield from _told("  sent", f"otherwise than built, or not: {', '.join(others)} (evalkit repro tells how)")
        if posted.settings:
            yield from _told("  sent", f"settings as {_json(posted.settings)}")
    if record.reply.sent is not None:
        for each in portability.sent(specs, record.reply.sent):
            yield from _told("  sent", f"{each.tool} {each.path or '/'}: {each.message} ({each.kind})")


def _failed(record: Record) -> Iterator[str]:
    """The attempts without an answer, and what came of each all the same."""
    for attempt in record.attempts:
        took = f"after {attempt.fault.seconds:.2f} s, then waited {attempt.wait:.2f} s"
        yield from _told("  before", f"{attempt.fault.kind}: {attempt.fault.message} ({took})")
        yield from _came(attempt.fault)
    if isinstance(record.reply, Fault):
        yield from _came(record.reply)


def _timed(record: Record) -> Iterator[str]:
    """When what came; the queue and the waits between attempts are apart, for they are not the model's."""
    if isinstance(record.reply, Fault):
        return
    timing = record.reply.timing
    waited = sum(attempt.wait for attempt in record.attempts) if record.attempts else None
    times = {
        "first token": timing.first_token,
        "first byte of a call": timing.first_call_byte,
        "arguments complete": timing.arguments_done,
        "queued": timing.queued,
        "backed off": waited,
    }
    told = [f"{what} {seconds:.2f} s" for what, seconds in times.items() if seconds is not None]
    if told:
        yield from _told("  times", ", ".join(told))


def _came(fault: Fault) -> Iterator[str]:
    if fault.wire is not None:
        yield from _told("  came", f"status {fault.wire.status}: {values.excerpt(fault.wire.body)}")


def _answered(asked: Case, record: Record) -> Iterator[str]:
    if record.answer is not None:
        for payload in record.answer.payloads:
            text = payload.text if payload.text is not None else _json(payload.value)
            yield from _told("  call", f"{payload.tool} {text}")
        if record.answer.text:
            yield from _told("  text", record.answer.text)
    if record.score is not None:
        for violation in record.score.violations:
            yield from _told("  wrong", complaint.of_violation(violation))
        called = [payload.tool for payload in record.answer.payloads] if record.answer else []
        for mismatch in record.score.mismatches:
            yield from _unlike(mismatch, asked, called)


def _unlike(mismatch: Mismatch, asked: Case, called: Sequence[str]) -> Iterator[str]:
    """A mismatch of an argument with what was wanted and what came below each other."""
    if mismatch.kind not in ("arg", "missing_arg", "extra_arg"):
        yield from _told("  unlike", complaint.of_mismatch(mismatch, asked, called))
        return
    yield from _told("  unlike", ": ".join(filter(None, (f"{mismatch.tool} {mismatch.path}".rstrip(), _why(mismatch)))))
    if mismatch.kind != "extra_arg":
        yield from _told("   wanted", _json(mismatch.expected))
    if mismatch.kind != "missing_arg":
        yield from _told("   got", _json(mismatch.actual))


def _why(mismatch: Mismatch) -> str:
    """What a mismatch says beyond the two values, which stand in full below it: how they were compared."""
    rest = mismatch.why.removeprefix(f"got {values.quoted(mismatch.actual)}")
    if rest == mismatch.why:
        return rest
    wanted = values.quoted(mismatch.expected)
    rest = rest.replace(f"wanted {wanted}", "", 1).replace(wanted, "", 1)
    return " ".join(rest.split()).strip(",; ")


def _outcome(record: Record) -> str:
    if isinstance(record.reply, Fault):
        return f"fault {record.reply.kind}: {record.reply.message}"
    seconds = record.reply.timing.total
    timed = f" in {seconds:.2f} s" if seconds is not None else ""
    failed = record.score.failed_at if record.score else None
    return (f"fails at {failed!r}" if failed else "passes") + timed


def _told(label: str, text: str, *, whole: bool = False) -> Iterator[str]:
    """`text` beside its label, on as many lines as it needs. `whole`: no word of it is broken, as no path should be."""
    first, indent = (f"{label:{_INDENT}}", " " * _INDENT) if label else ("", "  ")
    for line in visible(_bounded(text)).splitlines() or [""]:
        yield from textwrap.wrap(
            line,
            columns.width(),
            initial_indent=first,
            subsequent_indent=indent,
            break_on_hyphens=False,
            drop_whitespace=True,
            break_long_words=not whole,
        ) or [first.rstrip()]
        first = indent


def _bounded(text: str) -> str:
    left_out = len(text) - _HEAD - _TAIL
    if left_out <= 0:
        return text
    return f"{text[:_HEAD]}\n... {counted(left_out, 'character')} left out; --json has them ...\n{text[-_TAIL:]}"


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
