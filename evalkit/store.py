"""A run on disk: one SQLite file that is appended to, resumed, judged again and loaded.

Each append is one transaction: a process killed at any moment loses only what was not yet appended. What came
back and what it is worth are separate columns, so that judging again rewrites the second and never the first.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from msgspec.structs import replace

from evalkit import codec, rows, shelf
from evalkit.data import Attempt, Fault, Record, RecordKey, Run, RunInfo, Suite
from evalkit.errors import InputError, StoreError

FILE = "run.db"
_UNFINISHED = "run.db.new"
"""What a run is called until it has its cases: a process killed while it makes one leaves none, and not half of one."""
_LEFT_BY_SQLITE = ("-wal", "-shm", "-journal")
_APPLICATION = 0x45564B54  # "EVKT", so that another SQLite file is refused by name and not by accident
_TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
{shelf.TABLE};
{rows.TABLES}"""


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
        added = list(records)
        made = [rows.row(record) for record in added]
        tools = dict(filter(None, map(rows.declaration, added)))
        with self._connection:
            self._connection.executemany("INSERT OR IGNORE INTO declarations VALUES (?, ?)", tools.items())
            self._connection.executemany(rows.INSERT, made)

    def adopt(self, folder: Path) -> RecordKey | None:
        """Take the records of another run as they stand there; if one is here and is another, none: its key.

        Raises StoreError, with the other's name, if it cannot be.
        """
        try:
            self._connection.execute("ATTACH ? AS other", (str(folder / FILE),))
            for key in self._connection.execute(rows.CLASH).fetchall():
                return tuple(key)
            with self._connection:
                self._connection.execute("INSERT OR IGNORE INTO declarations SELECT * FROM other.declarations")
                self._connection.execute(rows.ADOPT)
            return None
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{folder / FILE}: cannot be taken over: {error}") from error
        finally:
            with suppress(sqlite3.Error):
                self._connection.execute("DETACH other")

    def complete(self, suite: Suite) -> None:
        """Take the suite as it is now: with the cases that parts of it lacked, or grown around the part it has."""
        if codec.decode(Suite, self._meta("suite")).part != suite.part:
            with self._connection:
                self._set_suite(suite)

    def answers(self, trials: int) -> Mapping[str, int]:
        """Target identity -> how often it answered in the first `trials` trials. A Fault is no answer."""
        query = "SELECT target, count(*) FROM records WHERE trial < ? AND NOT faulted GROUP BY target"
        return dict(self._connection.execute(query, (trials,)))

    def answered(self, key: RecordKey) -> bool:
        """Whether that need not be asked again."""
        query = "SELECT 1 FROM records WHERE target = ? AND trial = ? AND case_id = ? AND NOT faulted"
        return self._connection.execute(query, key).fetchone() is not None

    def spent(self, key: RecordKey) -> tuple[Attempt, ...]:
        """The attempts already spent on what is still unanswered."""
        told = "SELECT attempts, coalesce(unread, reply) FROM records"
        query = f"{told} WHERE target = ? AND trial = ? AND case_id = ? AND faulted"
        for attempts, fault in self._connection.execute(query, key):
            return (*codec.decode(rows.Attempts, attempts), Attempt(fault=codec.decode(Fault, fault), wait=0.0))
        return ()

    def records(self) -> Iterator[Record]:
        """Every record, in the order of asking; read as they are taken."""
        return map(rows.record, self._connection.execute(f"SELECT {rows.RECORD} FROM records ORDER BY rowid"))

    def of_case(self, name: str) -> tuple[Record, ...]:
        """Every target's every trial of one case, in the order of the run's targets."""
        info = self.info
        query = f"SELECT {rows.RECORD} FROM records WHERE target = ? AND trial = ? AND case_id = ?"
        keys = ((target.identity, trial, name) for target in info.targets for trial in range(info.trials))
        return tuple(rows.record(row) for key in keys for row in self._connection.execute(query, key))

    def load(self) -> Run:
        """All of it in memory, the records by target, trial and the order of asking."""
        suite = self.suite
        whole = replace(suite, cases=tuple(suite.cases))
        records = sorted(self.records(), key=lambda each: (each.target, each.trial))
        return Run(info=self.info, suite=whole, records=tuple(records))

    def rejudge(self, judge: Callable[[Record], Record], info: RunInfo) -> None:
        """Judge every record as it came, and replace what is known of the run, all in one transaction.

        What is worth what it was is not written again: that takes as long as to judge it.
        """
        query = f"""
            UPDATE records SET unread = ?1, answer = ?2, score = ?3, faulted = ({rows.NO_ANSWER_CAME}) OR ?1 IS NOT NULL
            WHERE rowid = ?4"""
        with self._connection:
            self._connection.executemany(query, self._changes(judge))
            self._set_meta("info", codec.encode(info))

    def _changes(self, judge: Callable[[Record], Record]) -> Iterator[tuple[str | None, str | None, str | None, int]]:
        """(unread, answer, score, rowid) of the records that are not worth what they were."""
        query = f"SELECT rowid, unread, answer, score, {rows.CAME} FROM records ORDER BY rowid"
        for place, unread, answer, score, *came in self._connection.execute(query):
            asked = rows.record(came)
            judged = judge(asked)
            worth = (None if isinstance(asked.reply, Fault) else rows.unread(judged), *rows.worth(judged))
            if worth != (unread, answer, score):
                yield (*worth, place)

    def _meta(self, key: str) -> str:
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise StoreError(f"{self.path}: damaged: it has no {key}")
        return str(row[0])

    def _set_suite(self, suite: Suite) -> None:
        self._set_meta("suite", codec.encode(replace(suite, cases=())))
        self._connection.execute("DELETE FROM cases")
        self._connection.executemany("INSERT INTO cases VALUES (?, ?)", shelf.rows(suite.cases))

    def _set_meta(self, key: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def holds_run(folder: Path) -> bool:
    """Whether there is a run in `folder`; False also where nobody may look, or a name is longer than names may be."""
    return os.path.isfile(folder / FILE)


def create(folder: Path, info: RunInfo, suite: Suite, fill: Callable[[Store], None] = lambda store: None) -> Store:
    """A new run in `folder`, there once `fill` is done. Raises InputError if one is there or it cannot be written."""
    path = folder / FILE
    if holds_run(folder):
        raise InputError(f"{path}: there is a run already", "give another --run, or --fresh to begin anew")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove(folder)  # what a killed process left of one
        _begin(folder / _UNFINISHED, info, suite, fill)
        (folder / _UNFINISHED).replace(path)
    except (OSError, sqlite3.Error) as error:
        raise InputError(f"{path}: cannot be written: {error}", "give another --run") from error
    finally:
        with suppress(InputError):
            remove(folder, [_UNFINISHED])
    return open_run(folder)


def _begin(path: Path, info: RunInfo, suite: Suite, fill: Callable[[Store], None]) -> None:
    """A run that nothing is asked in yet, in a file of its own."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA application_id={_APPLICATION}")
        store = Store(connection, path)
        with connection:
            store._set_suite(suite)
            store._set_meta("info", codec.encode(info))
            connection.execute(f"PRAGMA user_version={codec.VERSION}")
        fill(store)
        connection.execute("PRAGMA journal_mode=WAL")


def open_run(folder: Path) -> Store:
    """An existing run, by its folder or its file. Raises StoreError: not there, no run, of another version."""
    path = folder if folder.suffix == ".db" else folder / FILE
    if not path.is_file():
        raise StoreError(f"{path}: there is no such run; `evalkit list` shows those there are")
    with ExitStack() as failing:
        try:
            connection = failing.enter_context(closing(sqlite3.connect(path)))
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            connection.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{path}: not a run: {error}") from error
        if application != _APPLICATION:
            raise StoreError(f"{path}: a SQLite file, but not a run")
        if version != codec.VERSION:
            raise StoreError(
                f"{path}: a run of format {version}, and this evalkit reads format {codec.VERSION}: "
                "use the version that wrote it"
            )
        failing.pop_all()
    return Store(connection, path)


def load(folder: Path) -> Run:
    """A whole run in memory. Raises StoreError."""
    with open_run(folder) as store:
        return store.load()


def remove(folder: Path, names: Sequence[str] = (FILE, _UNFINISHED)) -> None:
    """Delete the run's file and its write-ahead log; other files of the folder stay. Raises InputError if it cannot."""
    try:
        for name in names:
            for end in ("", *_LEFT_BY_SQLITE):
                (folder / f"{name}{end}").unlink(missing_ok=True)
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
