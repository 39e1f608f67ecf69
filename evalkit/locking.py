"""One writer a folder: a lock of the operating system's, which ends with the process that holds it, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evalkit.errors import InputError


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Alone to write in `folder`, which is made if it is not there; anybody may read. Leaves no file behind.

    Raises InputError if another process is at it, or the folder cannot be had.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY)  # of the folder itself: a file in it might be deleted under the lock
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error}", "give another --run") from error
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder}: another process is writing this run", "wait until it is done, or give another --run"
            ) from None
        except OSError:
            pass  # a file system without locks, as some networks have: nobody can be kept out there
        yield
    finally:
        os.close(held)
