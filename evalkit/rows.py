"""A record as a row of a run's file, and back: the tables, and what their columns hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from msgspec.structs import replace

from evalkit import codec, values
from evalkit.data import RUNGS, Answer, Attempt, Fault, Json, Record, Response, Score

_FAILED = " ".join(f"WHEN json_extract(score, '$.{rung}') = 0 THEN '{rung}'" for rung in RUNGS)
TABLES = f"""
CREATE TABLE records (
    target TEXT NOT NULL, trial INTEGER NOT NULL, case_id TEXT NOT NULL,
    started TEXT NOT NULL, sent TEXT NOT NULL, cached TEXT NOT NULL,
    attempts TEXT NOT NULL, reply TEXT NOT NULL, faulted INTEGER NOT NULL,
    unread TEXT, answer TEXT, score TEXT, declared TEXT,
    fault TEXT AS (CASE WHEN faulted THEN json_extract(coalesce(unread, reply), '$.kind') END),
    failed TEXT AS (CASE {_FAILED} END),
    violations TEXT AS (nullif(json_extract(score, '$.violations'), '[]')),
    valid INTEGER AS (json_extract(score, '$.valid')), correct INTEGER AS (json_extract(score, '$.correct')),
    PRIMARY KEY (target, trial, case_id)
) STRICT;
CREATE TABLE declarations (digest TEXT PRIMARY KEY, tools TEXT NOT NULL) STRICT;
CREATE INDEX worth ON records (target, faulted, valid, correct);
CREATE INDEX faults ON records (fault, target) WHERE fault IS NOT NULL;
CREATE INDEX failures ON records (failed, target) WHERE failed IS NOT NULL;
CREATE INDEX flaws ON records (violations, target) WHERE violations IS NOT NULL;
"""
"""What follows from a column is in the indexes alone: who looks for some of a million records reads no others."""

_ASKED = "target, trial, case_id, started, sent, cached, attempts, reply, faulted"
_TOOLS = "(SELECT tools FROM declarations WHERE digest = declared)"
_STORED = f"{_ASKED}, unread, answer, score, declared"
RECORD = f"{_ASKED}, unread, answer, score, {_TOOLS}"
"""What a record is read from. `unread`: of a reply that was an answer when it came and could not be read when it was
judged last, the Fault that it counts as; the reply stays for whoever can read it. The tools as they left, which many
replies share, stand beside them once."""
INSERT = f"INSERT OR REPLACE INTO records ({_STORED}) VALUES (?{', ?' * 12})"
ADOPT = f"INSERT OR IGNORE INTO records ({_STORED}) SELECT {_STORED} FROM other.records ORDER BY rowid"
_ONE, _TWO = (", ".join(f"{run}.{column}" for column in _STORED.split(", ")) for run in ("one", "two"))
CLASH = f"""SELECT target, trial, case_id FROM records one JOIN other.records two USING (target, trial, case_id)
WHERE ({_ONE}) IS NOT ({_TWO}) LIMIT 1"""
NO_ANSWER_CAME = "faulted AND unread IS NULL"
CAME = f"{_ASKED.replace('faulted', NO_ANSWER_CAME)}, NULL, NULL, NULL, {_TOOLS}"
"""What a record is read from as it came, whatever it was worth since."""

Attempts: TypeAlias = tuple[Attempt, ...]
_NO_ATTEMPTS = codec.encode(())


def record(row: Sequence[Any]) -> Record:
    """What the columns RECORD of a row hold. Raises StoreError if they are damaged."""
    target, trial, case, started, sent, cached, attempts, reply, faulted, unread, answer, score, tools = row
    return Record(
        case=case,
        trial=trial,
        target=target,
        started=started,
        sent=sent,
        reply=codec.decode(Fault, unread or reply) if faulted else _whole(codec.decode(Response, reply), tools),
        attempts=() if attempts == _NO_ATTEMPTS else codec.decode(Attempts, attempts),
        answer=codec.decode(Answer, answer) if answer else None,
        score=codec.decode(Score, score) if score else None,
        cached=cached,
    )


def row(record: Record) -> tuple[Any, ...]:
    """What INSERT puts away of a record. The tools that left go into a table of their own."""
    declared, reply = declaration(record), record.reply
    if isinstance(reply, Response) and declared:
        reply = replace(reply, sent=None)
    return (
        *(record.target, record.trial, record.case, record.started, record.sent, record.cached),
        *(codec.encode(record.attempts), codec.encode(reply), isinstance(reply, Fault)),
        *(None, *worth(record), declared and declared[0]),
    )


def declaration(record: Record) -> tuple[str, str] | None:
    """The tools as they left, with their digest; None if they are those that were handed over."""
    if isinstance(record.reply, Fault) or record.reply.sent is None:
        return None
    sent = record.reply.sent
    if id(sent) not in _declared:
        if len(_declared) >= _REMEMBERED:
            _declared.clear()
        tools = codec.encode(sent)
        _declared[id(sent)] = sent, (values.digest(tools), tools)
    return _declared[id(sent)][1]


_REMEMBERED = 64
_declared: dict[int, tuple[Json, tuple[str, str]]] = {}
"""By the very object, which is held so that no other takes its place: answers to the same tools may share them."""


def _whole(reply: Response, tools: str | None) -> Response:
    return reply if tools is None else replace(reply, sent=_tools(tools))


@lru_cache(maxsize=256)
def _tools(text: str) -> Json:
    """Shared by all replies that were asked with these."""
    return json.loads(text)


def unread(record: Record) -> str | None:
    """The column of that name, for a record whose reply came as an answer."""
    return codec.encode(record.reply) if isinstance(record.reply, Fault) else None


def worth(record: Record) -> tuple[str | None, str | None]:
    """The columns that tell what it is worth: the answer and its score."""
    answer = None if record.answer is None else codec.encode(record.answer)
    return answer, None if record.score is None else codec.encode(record.score)
