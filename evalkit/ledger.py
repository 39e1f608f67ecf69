"""Records on their way to disk: written together, each soon after it came."""

from __future__ import annotations

import asyncio
import sqlite3
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
        self._due: asyncio.TimerHandle | None = None
        self._failed = False

    def add(self, record: Record) -> None:
        """It is on disk within WINDOW, whether or not another comes. Raises what `append` raised since the last."""
        self._waiting.append(record)
        if self._failed:
            self.write()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(WINDOW, self._write_in_time)

    def write(self) -> None:
        """Everything that waits, at once."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if not self._waiting:
            return
        self._append(self._waiting)
        batch, self._waiting = self._waiting, []
        for record in batch:
            self._written(record)

    def _write_in_time(self) -> None:
        try:
            self.write()
        except sqlite3.Error:  # nobody is there to be told: it fails again when the next is added, or at the end
            self._failed = True
