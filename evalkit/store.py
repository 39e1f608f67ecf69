"""A run on disk: one SQLite file that is appended to, resumed, judged again and loaded.

Each append is one transaction: a process killed at any moment loses only what was not yet appended. What came
back and what it is worth are separate columns, so that judging again rewrites the second and never the first.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from evalkit import codec, shelf
from evalkit.data import Answer, Attempt, Fault, Record, Run, RunInfo, Score, Suite
from evalkit.errors import InputError, StoreError

FILE = "run.db"
_APPLICATION = 0x45564B54  # "EVKT", so that another SQLite file is refused by name and not by accident
_TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
{shelf.TABLE};
CREATE TABLE records (
    target TEXT NOT NULL, trial INTEGER NOT NULL, case_id TEXT NOT NULL,
    asked TEXT NOT NULL, judged TEXT, faulted INTEGER NOT NULL,
    PRIMARY KEY (target, trial, case_id)
) STRICT;
"""

Key: TypeAlias = tuple[str, int, str]
"""(target identity, trial, case id)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judged:
    answer: Answer | None
    score: Score | None


class Store:
    """An open run. One process writes; any number may read.

    What SQLite cannot read or write in its `with` block (a damaged file, a full disk, a lock) leaves it as StoreError.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.path = path

    def __enter__(self) -> Store:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._connection.close()
        if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
            raise StoreError(f"{self.path}: cannot be read or written: {error}") from error

    @property
    def info(self) -> RunInfo:
        return codec.decode(RunInfo, self._meta("info"))

    @property
    def suite(self) -> Suite:
        """Of a large one the cases stay in the file, and are read as they are taken."""
        return replace(codec.decode(Suite, self._meta("suite")), cases=shelf.stored(self.path))

    def describe(self, info: RunInfo) -> None:
        """Replace what is known of the run as a whole (a target joined, judged by other rules)."""
        with self._connection:
            self._set_meta("info", codec.encode(info))

    def append(self, records: Iterable[Record]) -> None:
        """Add records in one transaction; one of the same target, trial and case is replaced."""
        rows = [(r.target, r.trial, r.case, _asked(r), _judged(r), isinstance(r.reply, Fault)) for r in records]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)", rows)

    def answers(self, trials: int) -> Mapping[str, int]:
        """Target identity -> how often it answered in the first `trials` trials. A Fault is no answer."""
        query = "SELECT target, count(*) FROM records WHERE trial < ? AND NOT faulted GROUP BY target"
        return dict(self._connection.execute(query, (trials,)))

    def answered(self, key: Key) -> bool:
        """Whether that need not be asked again."""
        query = "SELECT 1 FROM records WHERE target = ? AND trial = ? AND case_id = ? AND NOT faulted"
        return self._connection.execute(query, key).fetchone() is not None

    def spent(self, key: Key) -> tuple[Attempt, ...]:
        """The attempts already spent on what is still unanswered."""
        query = "SELECT asked FROM records WHERE target = ? AND trial = ? AND case_id = ? AND faulted"
        found = self._connection.execute(query, key).fetchone()
        record = codec.decode(Record, found[0]) if found else None
        if record is None or not isinstance(record.reply, Fault):
            return ()
        return (*record.attempts, Attempt(fault=record.reply, wait=0.0))

    def records(self) -> Iterator[Record]:
        """Every record, by target, trial and the order of asking; read as they are taken."""
        rows = self._connection.execute("SELECT asked, judged FROM records ORDER BY target, trial, rowid")
        for asked, judged in rows:
            yield _record(asked, judged)

    def asked(self) -> Iterator[Record]:
        """Every record as it came, without what it is worth, in the order of asking; read as they are taken."""
        for (asked,) in self._connection.execute("SELECT asked FROM records ORDER BY rowid"):
            yield codec.decode(Record, asked)

    def load(self) -> Run:
        suite = self.suite
        whole = replace(suite, cases=tuple(suite.cases))
        return Run(info=self.info, suite=whole, records=tuple(self.records()))

    def rejudge(self, records: Iterable[Record], info: RunInfo) -> None:
        """Replace what records are worth, and with it what is known of the run, all in one transaction."""
        rows = ((_judged(r), r.target, r.trial, r.case) for r in records)
        with self._connection:
            self._connection.executemany(
                "UPDATE records SET judged = ? WHERE target = ? AND trial = ? AND case_id = ?", rows
            )
            self._set_meta("info", codec.encode(info))

    def _meta(self, key: str) -> str:
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise StoreError(f"{self.path}: damaged: it has no {key}")
        return str(row[0])

    def _set_meta(self, key: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def holds_run(folder: Path) -> bool:
    """Whether there is a run in `folder`; False also where nobody may look, or a name is longer than names may be."""
    return os.path.isfile(folder / FILE)


def create(folder: Path, info: RunInfo, suite: Suite) -> Store:
    """A new run in `folder`. Raises InputError if one is there already or the folder cannot be written."""
    path = folder / FILE
    if holds_run(folder):
        raise InputError(f"{path}: there is a run already", "give another --run, or --fresh to begin anew")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path)
        connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; BEGIN; {_TABLES} COMMIT;")
    except (OSError, sqlite3.Error) as error:
        raise InputError(f"{path}: cannot be written: {error}", "give another --run") from error
    store = Store(connection, path)
    with connection:
        store._set_meta("suite", codec.encode(replace(suite, cases=())))
        connection.executemany("INSERT INTO cases VALUES (?, ?)", shelf.rows(suite.cases))
        store._set_meta("info", codec.encode(info))
        connection.execute(f"PRAGMA application_id={_APPLICATION}")
        connection.execute(f"PRAGMA user_version={codec.VERSION}")
    return store


def open_run(folder: Path) -> Store:
    """An existing run, by its folder or its file. Raises StoreError: not there, no run, of another version."""
    path = folder if folder.suffix == ".db" else folder / FILE
    if not path.is_file():
        raise StoreError(f"{path}: there is no such run; `evalkit list` shows those there are")
    try:
        connection = sqlite3.connect(path)
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: not a run: {error}") from error
    if application != _APPLICATION:
        connection.close()
        raise StoreError(f"{path}: a SQLite file, but not a run")
    if version != codec.VERSION:
        connection.close()
        raise StoreError(
            f"{path}: a run of format {version}, and this evalkit reads format {codec.VERSION}: "
            "use the version that wrote it"
        )
    return Store(connection, path)


def load(folder: Path) -> Run:
    """A whole run in memory. Raises StoreError."""
    with open_run(folder) as store:
        return store.load()


def remove(folder: Path) -> None:
    """Delete the run's file and its write-ahead log; other files of the folder stay. Raises InputError if it cannot."""
    try:
        for name in (FILE, f"{FILE}-wal", f"{FILE}-shm"):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be begun anew: {error}", "give another --run") from error


def runs(reports: Path) -> tuple[Path, ...]:
    """Folders below `reports` that hold a run, the latest first."""
    found = [path.parent for path in reports.glob(f"*/{FILE}")]
    return tuple(sorted(found, key=lambda folder: (-(folder / FILE).stat().st_mtime, folder.name)))


def counts(folder: Path) -> tuple[int, int]:
    """(records, of them faulted), without reading the records."""
    with open_run(folder) as store, closing(store._connection.cursor()) as cursor:
        total, faulted = cursor.execute("SELECT count(*), coalesce(sum(faulted), 0) FROM records").fetchone()
        return int(total), int(faulted)


def _asked(record: Record) -> str:
    return codec.encode(replace(record, answer=None, score=None))


def _judged(record: Record) -> str | None:
    if record.answer is None and record.score is None:
        return None
    return codec.encode(_Judged(answer=record.answer, score=record.score))


def _record(asked: str, judged: str | None) -> Record:
    record = codec.decode(Record, asked)
    if judged is None:
        return record
    worth = codec.decode(_Judged, judged)
    return replace(record, answer=worth.answer, score=worth.score)
