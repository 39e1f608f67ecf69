"""Local servers: real processes that start, answer, misbehave and are gone afterwards, whoever dies first."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from msgspec.structs import replace

from evalkit import running, serving, store, workspace
from evalkit.data import Fault, Serve, Suite, Target
from evalkit.errors import InputError
from evalkit.pacing.pace import Pace
from tests.asked import SUITE
from tests.test_running import WORLD

PROGRAM = str(Path(__file__).with_name("little_server.py"))
ROOT = Path(__file__).parents[1]


def target(*words: str, name: str = "m", **fields: object) -> Target:
    serve = Serve(engine="command", args=("python", PROGRAM, "{port}", *words), startup_timeout=20)
    return Target(name=name, provider="openai_http", model="m", serve=replace(serve, **fields))


def processes(log: Path) -> list[int]:
    """The processes whose ids are in the log."""
    return [int(pid) for pid in re.findall(r"pid (\d+)", log.read_text(encoding="utf-8"))]


def running_of(pids: list[int]) -> list[int]:
    def is_running(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] != "Z"
        except OSError:
            return False

    return [pid for pid in pids if is_running(pid)]


def eventually(what: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.02)
    return False


def ask(url: str) -> bytes:
    with urlopen(f"{url}/chat/completions", data=b"{}", timeout=5) as answer:
        return bytes(answer.read())


# --------------------------------------------------------------------------- started and stopped


def test_a_server_is_reached_at_a_free_port_and_gone_with_all_it_started(tmp_path: Path) -> None:
    log = tmp_path / "server-command-1.log"
    with serving.started([target("forks")], tmp_path) as fleet:
        (placed,) = fleet.reach([target("forks")])
        assert placed.base_url is not None and b"Hello." in ask(placed.base_url)
        assert len(pids := processes(log)) == 2 and running_of(pids) == pids
        assert fleet.admit() is None
    assert running_of(pids) == []
    with serving.started([target()], tmp_path):
        assert (tmp_path / "server-command-2.log").exists(), "the log of the first is kept"


def test_targets_with_the_same_serve_share_one_server(tmp_path: Path) -> None:
    one, two, other = target(name="one"), target(name="two"), target("forks", name="other")
    waited: list[tuple[str, ...]] = []
    with serving.started([one, two, other], tmp_path, lambda server: waited.append(server.targets)) as fleet:
        urls = [placed.base_url for placed in fleet.reach([one, two, other])]
        assert urls[0] == urls[1] != urls[2]
        assert [server.targets for server in fleet.servers] == [("one", "two"), ("other",)]
        assert waited == [("one", "two"), ("other",)]
        assert fleet.reach([Target(name="x", provider="reference", model="oracle")])[0].base_url is None


def test_a_server_that_ignores_being_asked_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_GRACE", 0.2)
    with serving.started([target("stubborn", "forks")], tmp_path):
        pids = processes(tmp_path / "server-command-1.log")
    assert len(pids) == 2 and running_of(pids) == []


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds a server and waits."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from evalkit import serving; from tests.test_serving import target\n"
        "with serving.started([target('forks')], Path(sys.argv[1])): print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_nothing_outlives_whoever_held_it(
    tmp_path: Path, holder: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    pids = processes(tmp_path / "server-command-1.log")
    assert len(pids) == 2 and running_of(pids) == pids
    holder.send_signal(number)
    holder.wait()
    assert eventually(lambda: not running_of(pids))


def test_a_server_whose_supervisor_was_killed_is_stopped_all_the_same(tmp_path: Path) -> None:
    with serving.started([target()], tmp_path) as fleet:
        pids = processes(tmp_path / "server-command-1.log")
        os.kill(fleet.servers[0]._process.pid, signal.SIGKILL)
        assert eventually(lambda: fleet.admit() is not None)
        assert "ended by SIGKILL" in str(fleet.admit())
    assert eventually(lambda: not running_of(pids))


# --------------------------------------------------------------------------- refused before anything is asked


def test_a_server_that_dies_is_refused_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught, serving.started([target("dies")], tmp_path):
        raise AssertionError("started")
    said = str(caught.value)
    assert "the server command ended before it was ready, with exit code 1" in said
    assert f"the end of {tmp_path / 'server-command-1.log'}" in said and said.endswith("no such model")


def test_an_error_that_was_said_before_much_else_is_told_too(tmp_path: Path) -> None:
    talk = "echo ok; echo 'ERROR [core] EngineDeadError: out of memory'; for n in $(seq 40); do echo leaked $n; done"
    serve = Serve(engine="command", args=("sh", "-c", f"{talk}; echo 500 Internal Server Error", "{port}"))
    with pytest.raises(InputError) as caught, serving.started([replace(target(), serve=serve)], tmp_path):
        raise AssertionError("started")
    head, *lines = str(caught.value).splitlines()
    assert head.endswith("server-command-1.log:")
    assert [line.strip() for line in lines[:3]] == ["ERROR [core] EngineDeadError: out of memory", "...", "leaked 30"]
    assert len(lines) == 2 + serving._LAST_LINES


def test_a_server_that_is_not_ready_in_time_is_refused_and_stopped(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"not ready within 1 s .*GET /v1/models did not answer 200"),
        serving.started([target("deaf", startup_timeout=1.0)], tmp_path),
    ):
        raise AssertionError("started")
    assert running_of(processes(tmp_path / "server-command-1.log")) == []


@pytest.mark.parametrize(
    ("serve", "message"),
    [
        (Serve(engine="vllm", model="q"), "there is no program 'vllm'; install it with: pip install vllm"),
        (Serve(engine="sglang", model="q"), "no program 'sglang'; install it with: pip install sglang"),
        (Serve(engine="llama_server", model="q"), "no program 'llama-server'; install it with: brew install llama.cpp"),
        (Serve(engine="ollama", model="q"), "no program 'ollama'; install it with: curl"),
        (Serve(engine="transformers", model="q"), "no program 'transformers'; install it with: pip install"),
        (Serve(engine="command", args=("no-such-program", "{port}")), "no program 'no-such-program'; give its path"),
        (Serve(engine="command"), "has no args; give the command"),
        (Serve(engine="command", args=("python",)), "would not know its port; write {port}"),
        (Serve(engine="vlm"), "no server is called 'vlm'; did you mean 'vllm'?"),
    ],
    ids=lambda part: part.engine if isinstance(part, Serve) else "",
)
def test_what_cannot_be_started_is_refused_at_once(
    serve: Serve, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))  # nothing else is beside it, nor on PATH
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError) as caught:
        serving.check([replace(target(), serve=serve)])
    assert message in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_only_what_follows_from_serve_is_its_address(tmp_path: Path) -> None:
    for wrong, message in (
        (replace(target(), provider="litellm"), "asked with openai_http"),
        (replace(target(), base_url="http://127.0.0.1:1"), "both base_url and serve"),
    ):
        with pytest.raises(InputError, match=message):
            serving.check([wrong])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="cannot be used"):
            serving.check([target(port=taken.getsockname()[1])])


# --------------------------------------------------------------------------- through a whole run


@pytest.fixture(scope="module")
def travel() -> Suite:
    return workspace.load_suite("travel")


def carried_out(folder: Path, suite: Suite, *targets: Target) -> str | None:
    order = running.Order(suite=suite, targets=targets)
    return running.carry_out(folder, order, WORLD, fresh=False, seen=lambda record: None)


def test_a_run_starts_asks_and_stops_its_server_and_needs_none_when_all_is_answered(
    tmp_path: Path, travel: Suite
) -> None:
    command = ("python", "-m", "evalkit", "serve-reference", "travel", "--port", "{port}")
    served = Target(name="m", provider="openai_http", model="oracle", serve=Serve(engine="command", args=command))
    for _ in range(2):
        assert carried_out(tmp_path, travel, served) is None
    run = store.load(tmp_path)
    assert len(run.records) == len(travel.cases) and not any(isinstance(each.reply, Fault) for each in run.records)
    assert all(record.score.correct is not False for record in run.records if record.score)
    (told,) = run.info.engines
    assert (told.engine, told.targets, told.exit, told.metrics) == ("command", ("m",), None, None)
    assert "serving oracle" in (tmp_path / told.log).read_text(encoding="utf-8")
    assert run.info.targets == (served,), "the port of the day is no part of what was asked"


def test_a_server_that_ends_in_the_middle_ends_the_asking_and_the_run_goes_on_later(tmp_path: Path) -> None:
    mortal = target("mortal")
    order = running.Order(suite=SUITE, targets=(mortal,), pace=Pace(width=1, retries=1, first_wait=0.3))
    stopped = running.carry_out(tmp_path / "r", order, WORLD, fresh=False, seen=lambda record: None)
    assert stopped is not None and "ended with exit code 3" in stopped and "out of memory" in stopped
    run = store.load(tmp_path / "r")
    assert len(run.records) == 3 and isinstance(run.records[2].reply, Fault)
    assert run.info.engines[0].exit == 3 and run.info.stopped == stopped
    assert running.missing(tmp_path / "r", order) == len(SUITE.cases) - 2


def test_what_the_engine_counted_is_kept_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program called vllm that takes its arguments and counts as it does."""
    program = tmp_path / "vllm"
    program.write_text(
        f'#!/bin/sh\n[ "$1 $2 $3 $5 $7" = "serve q --host --port --x" ] && exec "{sys.executable}" {PROGRAM} $6\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    vllm = replace(target(), serve=Serve(engine="vllm", model="q", args=("--x",), startup_timeout=20))
    assert carried_out(tmp_path / "r", SUITE, vllm) is None
    (told,) = store.load(tmp_path / "r").info.engines
    assert told.metrics == {
        "kv_cache_use": {"mean": 0.25, "peak": 0.25},
        "prompt_tokens": 120,
        "queue_time": {
            "count": 12,
            "mean": pytest.approx(0.02),
            "p50": pytest.approx(0.02),
            "p95": pytest.approx(0.095),
        },
    }
