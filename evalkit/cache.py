"""Answers kept over runs: one SQLite file beside them, by what was asked, of whom, and for the how-manieth time.

For a suite that is worked at, where nobody wants to pay twice for an answer that is known. Not for measuring: a model
that changed behind its name answers from here as it was. So it is used where it is asked for, and each answer from
here says so. Only answers are kept, never a fault, and no key.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from evalkit import codec, values
from evalkit.data import Request, Response
from evalkit.errors import InputError, StoreError

FILE = Path(".cache") / "answers.db"
"""Beside the runs."""
_APPLICATION = 0x45564B43  # "EVKC"
_TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, since TEXT NOT NULL, reply TEXT NOT NULL) STRICT"


class Held(Struct, frozen=True, kw_only=True):
    """An answer as it came, with the time it took then."""

    reply: Response
    since: str
    """When it came: UTC, ISO 8601."""


class Facts(Struct, frozen=True, kw_only=True):
    """What a cache holds."""

    path: Path
    answers: int
    bytes: int
    oldest: str | None
    newest: str | None


def key(request: Request, digest: str) -> str:
    """What makes two questions one. `digest`: of the body as it is sent.

    The trial, so that no repeat is answered by another; the case, so that two of a suite that ask the same are asked
    twice; and whatever decides who answers.
    """
    target = request.target
    served = codec.plain(target.serve) if target.serve else None
    who = [target.identity, target.provider, target.model, target.options, served or target.base_url]
    return values.digest([digest, request.case.id, request.trial, who])


class Cache:
    """An open cache. Any number of runs may share it. What SQLite refuses leaves its `with` block as StoreError."""

    def __init__(self, connection: sqlite3.Connection, path: Path, *, reading: bool) -> None:
        self._connection = connection
        self._reading = reading
        self.path = path

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._connection.close()
        if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
            raise StoreError(f"{self.path}: {error}; leave out --cache, or `evalkit cache clear`") from error

    def get(self, key: str) -> Held | None:
        """What was answered to this question before."""
        if not self._reading:
            return None
        row = self._connection.execute("SELECT reply, since FROM answers WHERE key = ?", (key,)).fetchone()
        return Held(reply=codec.decode(Response, row[0]), since=row[1]) if row else None

    def put(self, key: str, reply: Response) -> None:
        """Keep an answer, in place of an older one to the same question."""
        since = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, since, codec.encode(reply))
            )

    def facts(self) -> Facts:
        """How much there is, and from when."""
        count, oldest, newest = self._connection.execute(
            "SELECT count(*), min(since), max(since) FROM answers"
        ).fetchone()
        return Facts(path=self.path, answers=count, bytes=self.path.stat().st_size, oldest=oldest, newest=newest)


def open_cache(reports: Path, *, reading: bool = True) -> Cache:
    """The cache beside the runs of `reports`, made if there is none. `reading` False: answers are kept, none is given.

    One of another format version is begun anew. Raises InputError if it cannot be written, StoreError if it is none.
    """
    path = reports / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=30)
    except (OSError, sqlite3.Error) as error:
        raise InputError(f"{path}: cannot be written: {error}", "leave out --cache") from error
    try:
        if connection.execute("PRAGMA application_id").fetchone()[0] not in (0, _APPLICATION):
            raise StoreError(f"{path}: a SQLite file, but no cache")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")  # what a power cut takes is asked again
        if connection.execute("PRAGMA user_version").fetchone()[0] != codec.VERSION:
            connection.execute("DROP TABLE IF EXISTS answers")
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA application_id={_APPLICATION}")
        connection.execute(f"PRAGMA user_version={codec.VERSION}")
        connection.commit()
    except (sqlite3.DatabaseError, StoreError) as error:
        connection.close()
        raise error if isinstance(error, StoreError) else StoreError(f"{path}: not a cache: {error}") from error
    return Cache(connection, path, reading=reading)


def facts(reports: Path) -> Facts | None:
    """What the cache holds; None if there is none, and none is made."""
    if not (reports / FILE).exists():
        return None
    with open_cache(reports) as cache:
        return cache.facts()


def clear(reports: Path) -> int:
    """Forget everything; how many answers that was."""
    there = facts(reports)
    if there is None:
        return 0
    for suffix in ("", "-wal", "-shm"):
        there.path.with_name(there.path.name + suffix).unlink(missing_ok=True)
    return there.answers
