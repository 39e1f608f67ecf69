"""Cases and lines that are too many to hold: in an SQLite file, each read when it is taken.

A case takes 2 to 5 kB in memory, and a run takes each only a few times: of a large suite the memory holds those that
were taken last. Of a small one it holds all, in a tuple, which is faster.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

from evalkit import codec
from evalkit.data import Case
from evalkit.errors import InputError

HELD = 4096
"""Cases of a suite that is held in memory, at the most."""
_RECENT = 512
"""Cases taken last that are kept: one that is asked is soon judged, and so are its other models."""

TABLE = "CREATE TABLE cases (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT"
"""In the order of their rowids, from 1 and without a gap."""


class Shelf(Sequence[Case]):
    """The cases of the table `cases` in a file that is open for as long as they are. Threads may share it in turn."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._count = int(connection.execute("SELECT count(*) FROM cases").fetchone()[0])
        self._recent: dict[str, Case] = {}
        weakref.finalize(self, connection.close)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Case]:
        return self._read("SELECT id, body FROM cases ORDER BY rowid")

    @overload
    def __getitem__(self, place: int) -> Case: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Case]: ...
    def __getitem__(self, place: int | slice) -> Case | Sequence[Case]:
        rows = range(1, self._count + 1)[place]
        if isinstance(rows, range):
            return tuple(self._at(row) for row in rows)
        return self._at(rows)

    def find(self, id: str) -> Case:
        """Raises KeyError."""
        if id in self._recent:
            return self._recent[id]
        for case in self._read("SELECT id, body FROM cases WHERE id = ?", id):
            return case
        raise KeyError(id)

    def alphabetical(self) -> Iterator[Case]:
        """By id, as Python sorts."""
        return self._read("SELECT id, body FROM cases ORDER BY id")

    def rows(self) -> Iterator[tuple[str, str]]:
        """(id, body), as they stand in the table."""
        return self._connection.execute("SELECT id, body FROM cases ORDER BY rowid")

    def add(self, case: Case) -> bool:
        """Put a case behind the last; False if there is one of its id. Raises InputError if there is no room."""
        try:
            added = self._connection.execute("INSERT OR IGNORE INTO cases VALUES (?, ?)", row(case)).rowcount == 1
        except sqlite3.OperationalError as error:
            what = f"{self._count:,} cases are put away in a temporary file, and no more: {error}"
            raise InputError(what, "set TMPDIR to a folder with more room") from error
        self._count += added
        return added

    def _at(self, row: int) -> Case:
        return next(self._read("SELECT id, body FROM cases WHERE rowid = ?", row))

    def _read(self, query: str, *wanted: str | int) -> Iterator[Case]:
        for id, body in self._connection.execute(query, wanted):
            case = self._recent.get(id)
            if case is None:
                if len(self._recent) >= _RECENT:
                    del self._recent[next(iter(self._recent))]
                case = self._recent[id] = codec.decode(Case, body)
            yield case


class Gathering:
    """Takes cases one by one, few into memory and many onto a shelf in a temporary file."""

    def __init__(self) -> None:
        self._held: dict[str, Case] = {}
        self._shelf: Shelf | None = None

    def add(self, case: Case) -> Case | None:
        """Keep a case; or give the one back that has its id already."""
        if self._shelf is not None:
            return None if self._shelf.add(case) else self._shelf.find(case.id)
        if case.id in self._held:
            return self._held[case.id]
        self._held[case.id] = case
        if len(self._held) > HELD:
            self._shelf = _temporary()
            for each in self._held.values():
                self._shelf.add(each)
            self._held.clear()
        return None

    def cases(self) -> Sequence[Case]:
        """All that were kept, in the order in which they came."""
        return tuple(self._held.values()) if self._shelf is None else self._shelf


def gather(cases: Iterable[Case]) -> Sequence[Case]:
    """Cases, held or on a shelf. Raises InputError if two have one id."""
    gathering = Gathering()
    for case in cases:
        if gathering.add(case) is not None:
            raise InputError(f"two cases would be called {case.id!r}", "rename one of them, or its suite")
    return gathering.cases()


def stored(path: Path) -> Sequence[Case]:
    """The cases of the table `cases` in the file at `path`, held or on a shelf."""
    shelf = Shelf(sqlite3.connect(path, check_same_thread=False))
    return tuple(shelf) if len(shelf) <= HELD else shelf


def finder(cases: Sequence[Case]) -> Callable[[str], Case]:
    """Id -> case; KeyError for an id that none has."""
    return cases.find if isinstance(cases, Shelf) else {case.id: case for case in cases}.__getitem__


def alphabetical(cases: Sequence[Case]) -> Iterable[Case]:
    """By id."""
    return cases.alphabetical() if isinstance(cases, Shelf) else sorted(cases, key=lambda case: case.id)


def rows(cases: Sequence[Case]) -> Iterable[tuple[str, str]]:
    """What the table `cases` holds of them."""
    return cases.rows() if isinstance(cases, Shelf) else map(row, cases)


def row(case: Case) -> tuple[str, str]:
    return case.id, codec.encode(case)


class Waiting:
    """Texts that wait for one another in a temporary file, two of one key: those on the one side and on the other."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("")
        self._connection.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE halves (key TEXT PRIMARY KEY, side TEXT NOT NULL, body TEXT, count INTEGER DEFAULT 1) STRICT"
        )
        weakref.finalize(self, self._connection.close)

    def meet(self, key: str, side: str, body: str) -> str | None:
        """The text of this key that waits on the other side, which goes; None if there is none, and this one waits.

        Of several on one side none is the one that was meant: they stay.
        """
        found = self._connection.execute("SELECT side, body FROM halves WHERE key = ?", (key,)).fetchone()
        if found and found[0] != side and found[1] is not None:
            self._connection.execute("DELETE FROM halves WHERE key = ?", (key,))
            return str(found[1])
        alike = "ON CONFLICT (key) DO UPDATE SET body = NULL, count = count + 1"
        self._connection.execute(f"INSERT INTO halves (key, side, body) VALUES (?, ?, ?) {alike}", (key, side, body))
        return None

    def __len__(self) -> int:
        """How many wait."""
        return int(self._connection.execute("SELECT coalesce(sum(count), 0) FROM halves").fetchone()[0])


def _temporary() -> Shelf:
    """In a file without a name, which goes with its connection."""
    connection = sqlite3.connect("", check_same_thread=False)
    connection.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {TABLE}")
    return Shelf(connection)
