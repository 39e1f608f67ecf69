"""A folder has one writer at a time, and none that is dead."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit import locking
from evalkit.errors import InputError

HOLDER = """
import sys, time
from pathlib import Path
from evalkit import locking
with locking.writing(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_writer_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    with locking.writing(folder):
        with pytest.raises(InputError, match="another process is writing this run; wait until it is done"):
            locking.writing(folder).__enter__()
        with locking.writing(tmp_path / "deep" / "other"):
            pass
    with locking.writing(folder):
        assert not list(folder.iterdir())


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(InputError), locking.writing(tmp_path):
            pass
        holder.kill()
    with locking.writing(tmp_path):
        pass


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"), locking.writing(tmp_path / "file" / "run"):
        pass


def test_a_file_system_without_locks_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with locking.writing(tmp_path):
        pass
