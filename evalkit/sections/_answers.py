"""One side of a drill-down: what a model sent for a case, with the offending places marked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from evalkit import complaint, locate, tally, values
from evalkit.data import (
    Answer,
    Case,
    Fault,
    Json,
    Mismatch,
    Payload,
    Record,
    Response,
    Score,
    Target,
    Timing,
    ToolSpec,
    Violation,
    Wire,
)

LIMIT = 8_000
"""Characters of one text that a report shows: whoever needs more of a megabyte has the stored run."""
WIRE = 4_000
"""Characters of what crossed the network."""
ATTEMPTS = 20
"""Failed attempts of one trial."""
OTHERS = 7
"""Trials beside the one that is shown first."""
FRAGMENT = 400
"""Characters up to which a part of a schema is shown whole."""

Mark = tuple[int, int, str]


def side(case: Case, target: Target, trials: Sequence[Record], specs: Mapping[str, ToolSpec]) -> Json:
    """The first trial that failed, else the first that was judged, and the others; the shape is `Drilldown.sides`."""
    told = {"target": target.identity, "trials": len(trials), "passed": sum(passed(t) is True for t in trials)}
    shown = _shown(trials)
    if shown is None:
        return {**_silent("this case was not asked"), **told, "others": [], "curl": None}
    others = [_answer(case, trial, specs) for trial in trials if trial is not shown][:OTHERS]
    return {**_answer(case, shown, specs), **told, "others": others, "curl": None}


def payloads(trials: Sequence[Record]) -> tuple[Payload, ...]:
    """The calls of the trial that `side` shows first."""
    shown = _shown(trials)
    return shown.answer.payloads if shown is not None and shown.answer is not None else ()


def _shown(trials: Sequence[Record]) -> Record | None:
    judged = [trial for trial in trials if trial.score is not None]
    failed = [trial for trial in judged if passed(trial) is False]
    return next(iter([*failed, *judged, *trials]), None)


def _answer(case: Case, record: Record, specs: Mapping[str, ToolSpec]) -> Json:
    """One trial in full."""
    if isinstance(record.reply, Fault):
        wire = None if record.reply.wire is None else _wire(record.reply.wire)
        why = f"{record.reply.kind}: {record.reply.message}"
        return {**_silent(why), "trial": record.trial, "wire": wire, "attempts": _attempts(record)}
    known = {
        "trial": record.trial,
        "wire": _wire(record.reply.wire),
        "sent": _sent(record.reply),
        "seconds": record.reply.timing.total,
        "timing": _timing(record),
        "attempts": _attempts(record),
    }
    if record.answer is None or record.score is None:
        return {**_silent("this answer was not judged"), **known}
    answer = record.answer
    violations = _violations(answer, record.score)
    return known | {
        "outcome": passed(record),
        "calls": [_call(payload, violations, record.score.mismatches) for payload in answer.payloads],
        "text": shorten(answer.text),
        "finish": answer.finish,
        "violations": [_violation(found, answer.payloads, specs) for found in violations],
        "mismatches": [_mismatch(found, case, answer) for found in record.score.mismatches],
        "fault": None,
        "tokens": {"input": answer.usage.input_tokens, "output": answer.usage.output_tokens},
    }


def _timing(record: Record) -> Json:
    """When what came, and what went before: neither the queue nor the waits after failed attempts are the model's."""
    timing = record.reply.timing if isinstance(record.reply, Response) else Timing()
    return {
        "first_token": timing.first_token,
        "first_call_byte": timing.first_call_byte,
        "arguments_done": timing.arguments_done,
        "queued": timing.queued,
        "backed_off": sum(attempt.wait for attempt in record.attempts) if record.attempts else None,
    }


def _attempts(record: Record) -> Json:
    """Those that failed before the reply, the last ones of very many."""
    return [
        {"why": shorten(f"{fault.kind}: {fault.message}"), "seconds": fault.seconds, "wait": attempt.wait}
        for attempt in record.attempts[-ATTEMPTS:]
        for fault in (attempt.fault,)
    ]


def _sent(reply: Response) -> Json:
    """What was put on the wire, where it differs from what was handed over; the tools are told elsewhere."""
    posted = reply.posted
    if posted is None:
        return None
    members = json.dumps(posted.members, ensure_ascii=False, indent=1)
    return {"url": posted.url, "members": shorten(members), "dropped": list(posted.dropped)}


def _wire(wire: Wire) -> Json:
    body = wire.body[:WIRE]
    return {"status": wire.status, "body": body, "omitted": len(wire.body) - len(body)}


def passed(record: Record) -> bool | None:
    """Correct where the case judges that, else compliant; None for a Fault."""
    if record.score is None:
        return None
    correct = tally.value(record.score, "correct")
    return tally.value(record.score, "compliance") if correct is None else correct


def shorten(text: str) -> str:
    """At most LIMIT characters, and how many are missing."""
    return text if len(text) <= LIMIT else f"{text[:LIMIT]}… ({len(text) - LIMIT:,} more characters)"


def _silent(why: str) -> Json:
    return {
        "trial": 0,
        "outcome": None,
        "calls": [],
        "text": "",
        "finish": None,
        "violations": [],
        "mismatches": [],
        "fault": why,
        "seconds": None,
        "timing": dict.fromkeys(("first_token", "first_call_byte", "arguments_done", "queued", "backed_off")),
        "attempts": [],
        "tokens": {"input": None, "output": None},
        "wire": None,
        "sent": None,
    }


def _violations(answer: Answer, score: Score) -> tuple[Violation, ...]:
    """Those of the envelope stand with the answer; a judge may have taken them over into the score."""
    return (*(found for found in answer.violations if found not in score.violations), *score.violations)


# --------------------------------------------------------------------------- calls and their marks


def _call(payload: Payload, violations: Sequence[Violation], mismatches: Sequence[Mismatch]) -> Json:
    text = json.dumps(payload.value, ensure_ascii=False) if payload.text is None else payload.text
    marks = sorted({*_schema_marks(text, payload, violations), *_wish_marks(text, payload, mismatches)})
    start, end = _window(text, marks)
    return {
        "tool": payload.tool,
        "tool_flaw": _tool_flaw(payload, violations, mismatches),
        "text": text[start:end],
        "as_object": payload.text is None,
        "omitted": [start, len(text) - end],
        "marks": [[max(a - start, 0), min(b, end) - start, code] for a, b, code in marks if a <= end and b >= start],
    }


def _tool_flaw(payload: Payload, violations: Sequence[Violation], mismatches: Sequence[Mismatch]) -> str | None:
    """What is wrong with the call as such, whatever its arguments: shown beside the tool's name."""
    codes = [v.code for v in violations if v.payload == payload.index and v.code.startswith(("tool.", "call."))]
    kinds = [m.kind for m in mismatches if m.payload == payload.index and m.kind.endswith("_call")]
    return next(iter([*codes, *kinds]), None)


def _schema_marks(text: str, payload: Payload, violations: Sequence[Violation]) -> list[Mark]:
    marks: list[Mark] = []
    if payload.error is not None and (span := locate.offence(text)):
        marks.append((*span, payload.error))
    for found in violations:
        if found.payload == payload.index and found.code.startswith("schema."):
            spot = {"schema.required": _gap, "schema.additional": _member}.get(found.code, locate.nearest)
            if span := spot(text, found.path):
                marks.append((*span, found.code))
    return marks


def _wish_marks(text: str, payload: Payload, mismatches: Sequence[Mismatch]) -> list[Mark]:
    marks: list[Mark] = []
    spots = {"missing_arg": _gap, "extra_arg": _member, "arg": locate.nearest}
    for found in mismatches:
        if found.payload == payload.index and found.kind in spots and (span := spots[found.kind](text, found.path)):
            marks.append((*span, found.kind))
    return marks


def _gap(text: str, path: str) -> locate.Span | None:
    """Where something is missing: just before the end of the object that lacks it."""
    span = locate.nearest(text, path)
    return (span[1] - 1, span[1] - 1) if span and text[span[0]] in "{[" else span


def _member(text: str, path: str) -> locate.Span | None:
    return locate.member(text, path) or locate.nearest(text, path)


def _window(text: str, marks: Sequence[Mark]) -> tuple[int, int]:
    """The LIMIT characters to show: from the start, or around the first mark if that lies beyond."""
    first = marks[0][0] if marks else 0
    start = 0 if first < LIMIT * 3 // 4 else first - LIMIT // 2
    return start, min(start + LIMIT, len(text))


# --------------------------------------------------------------------------- what was wrong, in words


def _violation(found: Violation, payloads: Sequence[Payload], specs: Mapping[str, ToolSpec]) -> Json:
    tool = next((payload.tool for payload in payloads if payload.index == found.payload), "")
    return {
        "payload": found.payload,
        "tool": tool,
        "code": found.code,
        "path": found.path,
        "schema_path": found.schema_path,
        "message": shorten(found.message),
        "excerpt": found.excerpt,
        "declared": _declared(found, specs[tool].schema) if tool in specs else None,
    }


def _declared(found: Violation, schema: Json) -> Json:
    """The part of the schema that is violated: whole if it is short, else the keyword alone."""
    if not found.schema_path:
        return None
    above, _, keyword = found.schema_path.rpartition("/")
    part = values.at(schema, above)
    if isinstance(part, values.Absent):
        return None
    if len(json.dumps(part, ensure_ascii=False)) <= FRAGMENT or not isinstance(part, dict):
        return part
    name = values.tokens(f"/{keyword}")[0]
    return {name: part[name]} if name in part else None


def _mismatch(found: Mismatch, case: Case, answer: Answer) -> Json:
    return {
        "payload": found.payload,
        "kind": found.kind,
        "tool": found.tool,
        "path": found.path,
        "why": shorten(complaint.of_mismatch(found, case, [payload.tool for payload in answer.payloads])),
    }
