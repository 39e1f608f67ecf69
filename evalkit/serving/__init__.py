"""Local servers of a run: started, waited for, watched, and stopped with all they started, whatever happens to us."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from evalkit import plugins
from evalkit.apis import APIS
from evalkit.data import EngineStart, Record, Serve, Target
from evalkit.errors import InputError
from evalkit.serving.prometheus import Watch

_LOOPBACK = "127.0.0.1"
_GRACE = 10.0
"""Seconds a server has to end by itself."""
_BETWEEN_LOOKS = 1.0
_SUPERVISOR = Path(__file__).with_name("supervise.py")
_LAST_LINES = 12
_LAST_ERRORS = 3
_ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL)\b|\w(Error|Exception): ")
"""A line that names an error. Engines go on talking after one: vLLM takes sixty lines to shut down."""


class Server(Struct, kw_only=True):
    """A server that was started. `targets` are asked through it."""

    serve: Serve
    targets: tuple[str, ...]
    command: tuple[str, ...]
    port: int
    log: Path
    _process: subprocess.Popen[bytes]
    _watch: Watch = field(default_factory=Watch)
    _watcher: threading.Thread | None = None
    _watched: threading.Event = field(default_factory=threading.Event)
    """Set once the watcher has seen enough."""
    _ready_seconds: float | None = None

    @property
    def name(self) -> str:
        return f"{self.serve.engine} {self.serve.model}".strip()

    @property
    def url(self) -> str:
        return f"http://{_LOOPBACK}:{self.port}/v1"

    def ended(self) -> str | None:
        """None while it runs; else a sentence that says how it ended, and the last lines of its log."""
        code = self._process.poll()
        return None if code is None else f"the server {self.name} ended {_exit(code)}{self._last_lines()}"

    def wait(self) -> None:
        """Until it is ready. Raises InputError if it ends before, or takes too long."""
        path = self.serve.health or plugins.engine(self.serve.engine).HEALTH
        began = time.monotonic()
        while _get(self.port, path) is None:
            ended = self.ended()
            if ended:
                raise InputError(ended.replace(" ended ", " ended before it was ready, ", 1))
            if time.monotonic() - began > self.serve.startup_timeout:
                raise InputError(
                    f"the server {self.name} was not ready within {self.serve.startup_timeout:g} s "
                    f"(startup_timeout): GET {path} did not answer 200{self._last_lines()}"
                )
            time.sleep(0.1)
        self._ready_seconds = time.monotonic() - began
        if plugins.engine(self.serve.engine).METRICS:
            self._look()  # what it counted before the first question is not the run's
            self._watcher = threading.Thread(target=self._look_on, name=f"metrics of {self.name}", daemon=True)
            self._watcher.start()

    def stop(self) -> None:
        """End it and all it started."""
        self._watched.set()
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE + 5)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # had the supervisor itself been killed
        self._process.wait()

    def told(self) -> EngineStart:
        """What a run keeps of it. Its metrics are looked at once more, for the last time."""
        engine = plugins.engine(self.serve.engine)
        if self._watcher is not None:
            self._watched.set()
            self._watcher.join()
        return EngineStart(
            engine=self.serve.engine,
            model=self.serve.model,
            targets=tuple(self.targets),
            command=tuple(self.command),
            log=self.log.name,
            ready_seconds=self._ready_seconds,
            exit=self._process.poll(),
            metrics=self._watch.summary(engine.SERIES) if engine.METRICS else None,
        )

    def _look_on(self) -> None:
        last = False
        while not last:
            last = self._watched.wait(_BETWEEN_LOOKS)
            self._look()

    def _look(self) -> None:
        text = _get(self.port, plugins.engine(self.serve.engine).METRICS or "")
        if text:
            self._watch.add(text)

    def _last_lines(self) -> str:
        lines = [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        if not lines:
            return f"; it wrote nothing to {self.log}"
        errors = [line for line in lines[:-_LAST_LINES] if _ERROR.search(line)][-_LAST_ERRORS:]
        told = [*errors, "...", *lines[-_LAST_LINES:]] if errors else lines[-_LAST_LINES:]
        return "".join([f"; the end of {self.log}:", *(f"\n    {line}" for line in told)])


class Fleet(Struct, frozen=True):
    """The servers of a run. As a brake of `running.carry_out` it ends the asking when one of them has ended."""

    servers: tuple[Server, ...] = ()

    def reach(self, targets: Sequence[Target]) -> tuple[Target, ...]:
        """The targets, with the addresses of those that are served here."""
        return tuple(
            replace(target, base_url=server.url) if (server := self._server(target)) else target for target in targets
        )

    def told(self) -> tuple[EngineStart, ...]:
        return tuple(server.told() for server in self.servers)

    @property
    def deadline(self) -> None:
        """None: as long as they live."""

    def admit(self) -> str | None:
        return next((ended for server in self.servers if (ended := server.ended())), None)

    def add(self, record: Record) -> None:
        """Nothing that was answered ends it."""

    def _server(self, target: Target) -> Server | None:
        return next((server for server in self.servers if target.identity in server.targets), None)


@contextmanager
def started(
    targets: Sequence[Target], folder: Path, waiting: Callable[[Server], None] = lambda server: None
) -> Iterator[Fleet]:
    """The servers that `targets` name, ready, one for each `serve` however many targets share it; logs go to `folder`.

    They are started one after another, as engines measure what memory is free; `waiting` is told of each as it starts.
    On leaving they are stopped. Raises InputError: see `check`; and if a server ends or is not ready in time, with the
    last lines of its log.
    """
    check(targets)
    servers: list[Server] = []
    with ExitStack() as stack:
        for serve in dict.fromkeys(target.serve for target in targets):
            if serve is None:
                continue
            sharing = tuple(target.identity for target in targets if target.serve == serve)
            server = _start(serve, sharing, folder)
            stack.callback(server.stop)
            waiting(server)
            server.wait()
            servers.append(server)
        yield Fleet(tuple(servers))


def check(targets: Sequence[Target]) -> tuple[Target, ...]:
    """The targets as they will be asked, but for the port of those that are served here.

    Raises InputError for a server that cannot be started: no such engine, not installed, its port taken.
    """
    return tuple(_checked(target, target.serve) if target.serve else target for target in targets)


def _checked(target: Target, serve: Serve) -> Target:
    if target.provider not in APIS:
        known = " or ".join(APIS)
        raise InputError(f"{target.identity}: what is served here is asked with {known}, not {target.provider}")
    if target.base_url is not None:
        raise InputError(f"{target.identity} has both base_url and serve", "the address follows from serve")
    engine = plugins.engine(serve.engine)
    program = engine.PROGRAM or engine.command(serve, serve.port)[0]
    if shutil.which(program, path=_path()) is None:
        hint = f"install it with: {engine.INSTALL}" if engine.INSTALL else "give its path, or mend PATH"
        raise InputError(f"{target.identity}: there is no program {program!r}", hint)
    return replace(target, base_url=f"http://{_LOOPBACK}:{_free_port(serve.port)}/v1")


def _path() -> str:
    """PATH, and before it where our own Python is: a virtual environment need not be activated."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def _start(serve: Serve, targets: tuple[str, ...], folder: Path) -> Server:
    port = _free_port(serve.port)
    command = plugins.engine(serve.engine).command(serve, port)
    log = _log(folder, serve.engine)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SUPERVISOR), str(_GRACE), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us: what is in flight is still answered
            env={**os.environ, "PATH": _path(), "PYTHONUNBUFFERED": "1"},
        )
    return Server(serve=serve, targets=targets, command=command, port=port, log=log, _process=process)


def _log(folder: Path, engine: str) -> Path:
    """A file that is not there yet: a run that goes on another day keeps the logs of both."""
    folder.mkdir(parents=True, exist_ok=True)
    return next(path for number in count(1) if not (path := folder / f"server-{engine}-{number}.log").exists())


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, wanted))
        except OSError as error:
            raise InputError(f"port {wanted} cannot be used: {error.strerror}", "choose another, or 0") from error
        return int(probe.getsockname()[1])


def _get(port: int, path: str) -> str | None:
    """The text at `path`; None unless it answers 200. Never through a proxy."""
    connection = HTTPConnection(_LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
    return text if answer.status == 200 else None


def _exit(code: int) -> str:
    """128 + n is what the supervisor says of a signal; -n that it was itself ended by one."""
    number = code - 128 if code > 128 else -code
    names = {each.value: each.name for each in signal.Signals}
    return f"by {names[number]}" if number in names else f"with exit code {code}"
