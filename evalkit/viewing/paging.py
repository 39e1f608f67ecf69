"""A stored run page by page: read-only, in the order of asking, quick for a million records.

What a filter asks for is in the indexes that a run's file has, so that only the lines of one page are read in full.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from msgspec import Struct, field
from msgspec.structs import replace

from evalkit import codec, rows, store
from evalkit.data import Case, Record, RunInfo, Suite
from evalkit.errors import InputError, StoreError, suggest

SIZE = 50
"""Lines of a page."""
_OFTEN = 2_000

_LINES = """
SELECT rowid, target, trial, case_id, fault, failed, score IS NOT NULL,
    (SELECT group_concat(DISTINCT json_extract(value, '$.code')) FROM json_each(violations))
FROM records
"""
_SHARES = "SELECT target, count(*), sum(faulted), avg(valid), avg(correct) FROM records GROUP BY target"


class Filter(Struct, frozen=True, kw_only=True):
    """What lines must be; "" holds for all."""

    target: str = ""
    text: str = ""
    """Stands in the case's id or in one of its messages, in upper or lower case."""
    fault: str = ""
    failed: str = ""
    """The first rung that was missed."""
    code: str = ""

    @property
    def given(self) -> bool:
        return any((self.target, self.text, self.fault, self.failed, self.code))


class Line(Struct, frozen=True, kw_only=True):
    """One record, short."""

    place: int
    target: str
    trial: int
    case: str
    fault: str | None
    failed: str | None
    judged: bool
    codes: tuple[str, ...]


class Page(Struct, frozen=True, kw_only=True):
    lines: tuple[Line, ...]
    next: int | None
    """What to give as `after` for the page that follows; None at the end."""


class Share(Struct, frozen=True, kw_only=True):
    """One target of a run in two numbers: shares of the answers to which each applies, or None."""

    target: str
    records: int
    faults: int
    compliance: float | None
    correct: float | None


class Pages(Struct):
    """An open run. Safe to ask from several threads, one at a time."""

    path: Path
    _connection: sqlite3.Connection
    _lock: Lock = field(default_factory=Lock)

    @property
    def info(self) -> RunInfo:
        with self._reading() as connection:
            return codec.decode(RunInfo, _meta(connection, "info"))

    def suite(self, case: str) -> Suite:
        """The run's suite with this one of its cases. Raises InputError for a case that it does not have."""
        with self._reading() as connection:
            head = codec.decode(Suite, _meta(connection, "suite"))
            found = connection.execute("SELECT body FROM cases WHERE id = ?", (case,)).fetchone()
            if found is None:
                some = [name for (name,) in connection.execute("SELECT id FROM cases LIMIT 1000")]
                raise InputError(f"{self.path.parent.name} has no case {case!r}", suggest(case, some))
        return replace(head, cases=(codec.decode(Case, found[0]),))

    def page(self, wanted: Filter, after: int = 0, size: int = SIZE) -> Page:
        """The lines behind place `after` that meet the filter, in the order of asking."""
        with self._reading() as connection:
            query, values = f"{_LINES} WHERE rowid > :after ORDER BY rowid LIMIT :size", dict[str, str]()
            if wanted.given:
                places, values = _places(connection, wanted)
                query = f"{_LINES} WHERE rowid IN ({places}) ORDER BY rowid"
            found = connection.execute(query, {**values, "after": after, "size": size + 1}).fetchall()
        lines = tuple(_line(row) for row in found[:size])
        return Page(lines=lines, next=lines[-1].place if len(found) > size else None)

    def case(self, name: str) -> tuple[Record, ...]:
        """Every target's every trial of one case."""
        with self._reading() as connection:
            info = codec.decode(RunInfo, _meta(connection, "info"))
            keys = [(target.identity, trial, name) for target in info.targets for trial in range(info.trials)]
            query = f"SELECT {rows.RECORD} FROM records WHERE target = ? AND trial = ? AND case_id = ?"
            found = [row for key in keys for row in connection.execute(query, key)]
        return tuple(map(rows.record, found))

    def shares(self) -> tuple[Share, ...]:
        """Every target's scores, in the order of the run."""
        with self._reading() as connection:
            order = [target.identity for target in codec.decode(RunInfo, _meta(connection, "info")).targets]
            shares = connection.execute(_SHARES).fetchall()
        named = ("target", "records", "faults", "compliance", "correct")
        found = (Share(**dict(zip(named, row, strict=True))) for row in shares)
        return tuple(sorted(found, key=lambda share: order.index(share.target)))

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.DatabaseError as error:
                raise StoreError(f"{self.path}: damaged: {error}") from error


def open_pages(folder: Path) -> Pages:
    """A run to be looked at. Raises StoreError: not there, no run, of another version."""
    with store.open_run(folder) as opened:  # refuses, with a reason, what is no run of ours
        path = opened.path
    connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, check_same_thread=False)
    return Pages(path, connection)


def _places(connection: sqlite3.Connection, wanted: Filter) -> tuple[str, dict[str, str]]:
    """Where the records are that meet the filter, from the indexes alone, as a query with its values."""
    conditions = {
        "target": "target = :target",
        "fault": "fault = :fault",
        "failed": "failed = :failed",
        "code": "rowid IN (SELECT rowid FROM records WHERE violations IS NOT NULL AND instr(violations, :code))",
        "text": _OF_CASES,
    }
    values = {name: getattr(wanted, name) for name in conditions if getattr(wanted, name)}
    if wanted.code:
        values["code"] = f'"code":{json.dumps(wanted.code)}'
    if wanted.text:
        held, sought = _holding(connection, wanted.text)
        cases = connection.execute(f"SELECT id FROM cases WHERE {held} LIMIT {_OFTEN}", sought).fetchall()
        if len(cases) == _OFTEN:  # so many that a walk through the records soon finds a page of them
            conditions["text"] = f"(SELECT {held} FROM cases WHERE id = case_id)"
        info = codec.decode(RunInfo, _meta(connection, "info"))
        values |= sought
        values["cases"] = json.dumps([case for (case,) in cases])
        values["targets"] = json.dumps([target.identity for target in info.targets])
        values["trials"] = json.dumps(list(range(info.trials)))
    met = " AND ".join(conditions[name] for name in conditions if name in values)
    return f"SELECT rowid FROM records WHERE rowid > :after AND {met} ORDER BY rowid LIMIT :size", values


_OF_CASES = """rowid IN (SELECT asked.rowid FROM json_each(:cases) AS held CROSS JOIN records AS asked
    ON asked.case_id = held.value AND asked.target IN (SELECT value FROM json_each(:targets))
    AND asked.trial IN (SELECT value FROM json_each(:trials)))"""
"""CROSS keeps the order: each of the few cases is looked up by the whole key."""


_FOLDING = (
    "\u00df\u0130\u0149\u017f\u01f0\u1e96\u1e97\u1e98\u1e99\u1e9a\u1e9e\u212a\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"
)
"""Letters beyond ASCII that hold one of ASCII once their case is folded, such as ß: LIKE does not see it in them."""


def _holding(connection: sqlite3.Connection, text: str) -> tuple[str, dict[str, str]]:
    """The condition that a case, as it is stored, has this in its id or in a message, with its values."""
    sought = text.casefold()

    def holds(body: str) -> bool:
        case = codec.decode(Case, body)
        return sought in _said(case.id, case.messages)

    connection.create_function("holds", 1, holds, deterministic=True)
    if not (text.isascii() and text.isprintable()):
        return "holds(body)", {}
    written = json.dumps(text)[1:-1]
    for sign in "!%_":
        written = written.replace(sign, f"!{sign}")
    # Most do not have it anywhere; a letter may stand there as its escape.
    beyond = "length(CAST(body AS BLOB)) > length(body)"  # of ASCII, told without GLOB, which is slow
    likely = f"(body LIKE :like ESCAPE '!' OR instr(body, '\\u') OR ({beyond} AND body GLOB :folding))"
    return f"{likely} AND holds(body)", {"like": f"%{written}%", "folding": f"*[{_FOLDING}]*"}


def _line(row: tuple[int, str, int, str, str | None, str | None, int, str | None]) -> Line:
    place, target, trial, case, fault, failed, judged, codes = row
    return Line(
        place=place,
        target=target,
        trial=trial,
        case=case,
        fault=fault,
        failed=failed,
        judged=bool(judged),
        codes=tuple(codes.split(",")) if codes else (),
    )


def _said(name: str, messages: tuple[Mapping[str, object], ...]) -> str:
    return "\n".join([name, *(str(message.get("content") or "") for message in messages)]).casefold()


def _meta(connection: sqlite3.Connection, key: str) -> str:
    return str(connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])
