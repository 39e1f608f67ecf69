"""A stored run page by page: read-only, in the order of asking, quick for a million records.

Pages without a filter are read where they stand. The first filter makes a table of what can be filtered by, in a
temporary file of this process; it is made anew once another process has written to the run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from evalkit import codec, shelf, store
from evalkit.data import RUNGS, Record, RunInfo, Suite
from evalkit.errors import StoreError

SIZE = 50
"""Lines of a page."""
_OFTEN = 2_000

_FAILED = " ".join(f"WHEN json_extract(score, '$.{rung}') = 0 THEN '{rung}'" for rung in RUNGS)
_LINES = f"""
SELECT rowid AS place, target, trial, case_id,
    CASE WHEN faulted THEN json_extract(coalesce(unread, reply), '$.kind') END AS fault,
    CASE {_FAILED} END AS failed,
    score IS NOT NULL AS judged,
    (SELECT group_concat(DISTINCT json_extract(value, '$.code')) FROM json_each(score, '$.violations')) AS codes
FROM records
"""
_INDEX = f"""
DROP TABLE IF EXISTS temp.lines; DROP TABLE IF EXISTS temp.coded; DROP TABLE IF EXISTS temp.prompts;
CREATE TEMP TABLE lines (place INTEGER PRIMARY KEY, target, trial, case_id, fault, failed, judged, codes);
INSERT INTO temp.lines {_LINES} ORDER BY rowid;
CREATE INDEX temp.by_fault ON lines (fault) WHERE fault IS NOT NULL;
CREATE INDEX temp.by_rung ON lines (failed) WHERE failed IS NOT NULL;
CREATE INDEX temp.by_case ON lines (case_id);
CREATE TEMP TABLE coded (code, place, PRIMARY KEY (code, place)) WITHOUT ROWID;
INSERT OR IGNORE INTO temp.coded
    SELECT json_extract(value, '$.code'), main.records.rowid
    FROM temp.lines JOIN main.records ON main.records.rowid = lines.place,
        json_each(records.score, '$.violations')
    WHERE lines.codes IS NOT NULL;
CREATE TEMP TABLE prompts (case_id PRIMARY KEY, said) WITHOUT ROWID;
"""
_SHARES = """
SELECT target, count(*), sum(faulted), avg(json_extract(score, '$.valid')),
    avg(json_extract(score, '$.correct'))
FROM records GROUP BY target
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One record, short."""

    place: int
    target: str
    trial: int
    case: str
    fault: str | None
    failed: str | None
    judged: bool
    codes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    lines: tuple[Line, ...]
    next: int | None
    """What to give as `after` for the page that follows; None at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One target of a run in two numbers: shares of the answers to which each applies, or None."""

    target: str
    records: int
    faults: int
    compliance: float | None
    correct: float | None


@dataclass(slots=True)
class Pages:
    """An open run. Safe to ask from several threads, one at a time."""

    path: Path
    _connection: sqlite3.Connection
    _lock: Lock = field(default_factory=Lock)
    _seen: int | None = None
    """The version of the data that is indexed."""
    _suite: Suite | None = None

    @property
    def info(self) -> RunInfo:
        with self._reading() as connection:
            return codec.decode(RunInfo, _meta(connection, "info"))

    @property
    def suite(self) -> Suite:
        """Read once: a run's suite does not change."""
        with self._reading() as connection:
            return self._cases(connection)

    def page(self, wanted: Filter, after: int = 0, size: int = SIZE) -> Page:
        """The lines behind place `after` that meet the filter, in the order of asking."""
        with self._reading() as connection:
            if wanted.given:
                self._index(connection)
                query, values = _query(wanted, often=bool(wanted.text) and _often(connection, wanted.text))
            else:
                query, values = f"{_LINES} WHERE rowid > :after ORDER BY rowid LIMIT :size", {}
            rows = connection.execute(query, {**values, "after": after, "size": size + 1}).fetchall()
        lines = tuple(_line(row) for row in rows[:size])
        return Page(lines=lines, next=lines[-1].place if len(rows) > size else None)

    def codes(self) -> tuple[str, ...]:
        """Every violation code of the run, once it is indexed; before that, none."""
        with self._reading() as connection:
            if self._seen is None:
                return ()
            found = connection.execute(
                "WITH RECURSIVE each(code) AS (SELECT min(code) FROM temp.coded UNION ALL "
                "SELECT (SELECT min(code) FROM temp.coded WHERE code > each.code) FROM each WHERE code IS NOT NULL) "
                "SELECT code FROM each WHERE code IS NOT NULL"
            )
            return tuple(code for (code,) in found)

    def case(self, name: str) -> tuple[Record, ...]:
        """Every target's every trial of one case."""
        with self._reading() as connection:
            info = codec.decode(RunInfo, _meta(connection, "info"))
            keys = [(target.identity, trial, name) for target in info.targets for trial in range(info.trials)]
            query = f"SELECT {store.RECORD} FROM records WHERE target = ? AND trial = ? AND case_id = ?"
            found = [row for key in keys for row in connection.execute(query, key)]
        return tuple(map(store.record, found))

    def shares(self) -> tuple[Share, ...]:
        """Every target's scores, in the order of the run."""
        with self._reading() as connection:
            rows = connection.execute(_SHARES).fetchall()
        named = ("target", "records", "faults", "compliance", "correct")
        return tuple(Share(**dict(zip(named, row, strict=True))) for row in rows)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.DatabaseError as error:
                raise StoreError(f"{self.path}: damaged: {error}") from error

    def _index(self, connection: sqlite3.Connection) -> None:
        version = int(connection.execute("PRAGMA data_version").fetchone()[0])
        if version == self._seen:
            return
        connection.executescript(_INDEX)
        prompts = ((case.id, _said(case.id, case.messages)) for case in self._cases(connection).cases)
        connection.executemany("INSERT INTO temp.prompts VALUES (?, ?)", prompts)
        connection.commit()
        self._seen = version

    def _cases(self, connection: sqlite3.Connection) -> Suite:
        if self._suite is None:
            head = codec.decode(Suite, _meta(connection, "suite"))
            self._suite = replace(head, cases=tuple(shelf.stored(self.path)))
        return self._suite


def open_pages(folder: Path) -> Pages:
    """A run to be looked at. Raises StoreError: not there, no run, of another version."""
    with store.open_run(folder) as opened:  # refuses, with a reason, what is no run of ours
        path = opened.path
    connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, check_same_thread=False)
    return Pages(path, connection)


def _often(connection: sqlite3.Connection, text: str) -> bool:
    """Whether so many cases hold this text that a walk through the lines soon finds a page of them."""
    query = "SELECT count(*) FROM (SELECT 1 FROM temp.prompts WHERE instr(said, ?) LIMIT ?)"
    return bool(connection.execute(query, (text.casefold(), _OFTEN)).fetchone()[0] == _OFTEN)


def _query(wanted: Filter, *, often: bool) -> tuple[str, Mapping[str, str]]:
    conditions = {
        "target": "target = :target",
        "fault": "fault = :fault",
        "failed": "failed = :failed",
        "code": "place IN (SELECT place FROM temp.coded WHERE code = :code AND place > :after)",
        "text": "instr((SELECT said FROM temp.prompts WHERE prompts.case_id = lines.case_id), :text)"
        if often
        else "case_id IN (SELECT case_id FROM temp.prompts WHERE instr(said, :text))",
    }
    values = {name: getattr(wanted, name) for name in conditions if getattr(wanted, name)}
    if "text" in values:
        values["text"] = values["text"].casefold()
    met = " AND ".join(conditions[name] for name in values)
    return f"SELECT * FROM temp.lines WHERE place > :after AND {met} ORDER BY place LIMIT :size", values


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
