"""The supervisor by itself: a command runs under it, and ends with it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evalkit.serving import supervise
from tests.test_serving import eventually, running_of

SCRIPT = str(Path(supervise.__file__))


def supervised(*command: str, grace: float = 5) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", SCRIPT, str(grace), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)])
def test_the_exit_code_is_the_commands(script: str, code: int) -> None:
    with supervised("sh", "-c", script) as process:
        assert process.wait(10) == code


def test_what_the_command_leaves_behind_ends_with_it() -> None:
    with supervised("sh", "-c", "setsid sleep 600 >/dev/null & echo $!") as process:
        assert process.stdout is not None
        left = int(process.stdout.readline())
        assert process.wait(10) == 0 and running_of([left]) == []


def test_the_command_is_asked_to_end_before_it_is_ended() -> None:
    script = "trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with supervised("sh", "-c", script) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.close()
        assert process.stdout.readline() == "saved\n" and process.wait(10) == 0


def test_a_signal_meant_for_the_command_does_not_end_its_supervisor() -> None:
    with supervised("sh", "-c", "echo $$; exec sleep 600", grace=0.1) as process:
        assert process.stdin is not None and process.stdout is not None
        command = int(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        assert process.poll() is None and running_of([command]) == [command]
        process.stdin.close()
        assert process.wait(10) == 143
        assert eventually(lambda: not running_of([command]))
