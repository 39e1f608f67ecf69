"""Runs one command, and ends it with everything it started as soon as whoever holds our standard input is gone.

A process that is killed outright cannot stop its children; but its end of a pipe is closed whatever befalls it. So
the command runs under this small program, which waits for either. It is run as a script of its own and imports
nothing of ours: `python -I -S supervise.py GRACE COMMAND...`. The exit code is the command's, or 128 + the signal
that ended it, as shells say it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36


def main(grace: float, command: list[str]) -> int:
    """`grace`: seconds between asking the command to end and ending it."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):  # meant for the command, or only to wake us up;
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the command would inherit
    _adopt_orphans()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while child.poll() is None and not _abandoned(woken):
        continue
    code = child.poll()
    _end_all(child, grace if code is None else 0.0)
    code = child.wait() if code is None else code
    return code if code >= 0 else 128 - code


def _abandoned(woken: int) -> bool:
    """Waits until something happens; whether it is that our standard input is closed."""
    stdin = sys.stdin.fileno()
    ready, _, _ = select.select([stdin, woken], [], [])
    if woken in ready:
        os.read(woken, 4096)
    return stdin in ready and not os.read(stdin, 1)


def _adopt_orphans() -> None:
    """On Linux, what our command starts and leaves behind becomes our child, so that it is found."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_all(child: subprocess.Popen[bytes], grace: float) -> None:
    _tell(signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and _living(child):
        time.sleep(0.02)
    while _living(child):
        _tell(signal.SIGKILL)
        time.sleep(0.01)


def _living(child: subprocess.Popen[bytes]) -> bool:
    """Whether anything of ours still runs. The dead among the adopted are buried."""
    child.poll()
    if not _PROC.is_dir():
        return child.returncode is None
    for pid, parent, state in _processes():
        if parent == os.getpid() and state == "Z" and pid != child.pid:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
    return any(_descendants())


def _tell(number: signal.Signals) -> None:
    """Send a signal to everything that descends from us; where that cannot be seen, to our process group."""
    if not _PROC.is_dir():
        os.killpg(0, number)
    for pid in _descendants():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _descendants() -> Iterator[int]:
    living = [(pid, parent) for pid, parent, state in _processes() if state != "Z"]
    family, grown = {os.getpid()}, True
    while grown:
        found = {pid for pid, parent in living if parent in family} - family
        family |= found
        grown = bool(found)
    yield from family - {os.getpid()}


def _processes() -> Iterator[tuple[int, int, str]]:
    """(process, its parent, its state) of all there are."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                _, _, rest = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")
                state, parent, *_ = rest.split()
                yield int(entry.name), int(parent), state


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
