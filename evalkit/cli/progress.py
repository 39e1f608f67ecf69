"""How far a run has come, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from evalkit.data import Fault, Record
from evalkit.numerals import counted

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from evalkit.serving import Server

_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class Progress:
    """Counts records as they come. Use as a context manager; `quiet` shows nothing."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self.total = total
        self.done = self.faults = self.cached = 0
        self.cost: float | None = None
        """USD spent now: an answer from the cache was paid for before."""
        self._began = self._spoke = time.monotonic()
        """When the first question was put, as soon as that is known: servers may have to be started before."""
        self._quiet = quiet or total == 0
        self._bar: Bar | None = None
        if not self._quiet and sys.stderr.isatty() and not os.environ.get("CI"):
            self._bar = _bar()
            self._task = self._bar.add_task("asking", total=total, note="")

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif not self._quiet and (kind is None or self.done):
            self._say()

    def add(self, record: Record) -> None:
        """Count one record and show it."""
        if not self.done:
            took = record.reply.seconds if isinstance(record.reply, Fault) else record.reply.timing.total
            self._began = max(self._began, time.monotonic() - (took or 0.0))
        self.done += 1
        self.faults += isinstance(record.reply, Fault)
        self.cached += bool(record.cached)
        if record.answer is not None and record.answer.usage.cost is not None and not record.cached:
            self.cost = (self.cost or 0.0) + record.answer.usage.cost
        if self._bar is not None:
            self._bar.update(self._task, advance=1, note=self._note())
        elif not self._quiet and time.monotonic() - self._spoke >= _EVERY:
            self._say()

    def waiting(self, server: Server) -> None:
        """Say what is waited for: an engine may take minutes to be ready."""
        told = f"waiting for the server {server.name}, which writes to {server.log}"
        if self._bar is not None:
            self._bar.console.print(told, markup=False, highlight=False)
        elif not self._quiet:
            sys.stderr.write(f"{told}\n")

    def _note(self) -> str:
        parts = [counted(self.faults, "fault")] if self.faults else []
        if self.cached:
            parts.append(f"{self.cached} from the cache")
        if self.cost is not None:
            parts.append(f"${self.cost:.4f}")
        seconds = time.monotonic() - self._began
        if self.done and seconds:
            parts.append(f"{self.done / seconds:.0f}/s")
        return ", ".join(parts)

    def _say(self) -> None:
        self._spoke = time.monotonic()
        seconds = self._spoke - self._began
        note = f": {self._note()}" if self._note() else ""
        left = ""
        if 0 < self.done < self.total:
            left = f", about {seconds / self.done * (self.total - self.done):.0f} s left"
        sys.stderr.write(f"asked {self.done - self.cached} of {self.total} in {seconds:.1f} s{left}{note}\n")


def _bar() -> Bar:
    # rich is imported only where there is a terminal to draw on
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
