"""Records on their way to disk: written together, each soon after it came."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence

from evalkit.data import Record

WINDOW = 0.05
"""Seconds for which a record may wait for others. So much of what came, and what is in flight, is what a process that
is killed may lose. A transaction for each would cost as much as a third of asking."""


class Ledger:
    """Gathers records. What is left when it is no longer needed is for `write`."""

    def __init__(self, append: Callable[[Sequence[Record]], None], written: Callable[[Record], None]) -> None:
        """`append` puts records on disk, all or none of them; `written` is then told of each."""
        self._append = append
        self._written = written
        self._waiting: list[Record] = []
        self._untold: deque[Record] = deque()
        self._due: asyncio.TimerHandle | None = None
        self._failed: Exception | None = None

    def add(self, record: Record) -> None:
        """It is on disk within WINDOW, whether or not another comes. Raises as `write` does if a timed write failed."""
        self._waiting.append(record)
        if self._failed is not None:
            self.write()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(WINDOW, self._write_in_time)

    def write(self) -> None:
        """Everything that waits, at once. Raises what it meets, and what a timed write met before; but what the disk
        refused then is tried again, and forgotten if it is taken now.
        """
        if self._due is not None:
            self._due.cancel()
            self._due = None
        failed, self._failed = self._failed, None
        try:
            self._put_away()
        finally:
            if failed is not None and not isinstance(failed, sqlite3.Error):
                raise failed

    def _put_away(self) -> None:
        if self._waiting:
            self._append(self._waiting)
            self._untold.extend(self._waiting)
            self._waiting = []
        while self._untold:
            self._written(self._untold.popleft())

    def _write_in_time(self) -> None:
        try:
            self.write()
        except Exception as error:  # noqa: BLE001 - nobody is there to be told: whoever adds or writes next is
            self._failed = error
