"""What asking costs, beside a bare loop that sends the same bodies to the same endpoint and keeps nothing.

    python tests/benchmarks/bench_asking.py [--cases N] [--in-flight N] [--rounds N] [--without-litellm]

Bodies of about 10 kB, five tools each, to an endpoint on loopback in a process of its own, which answers a fixed tool
call from bytes rendered beforehand, at once or after 50 ms. `evalkit run` is measured whole: start, suite, asking,
judging, store. CPU time is user and system of the whole process; "a further case" is the slope between N and 4 N
cases, with the start of the process out of it.

Only ratios mean something, and on a machine with other work not each of them: so the sides take turns, a ratio is taken
in each round, and the median is told with the least and the most. All sides have their byte code from one folder, which
a first round that is not counted has filled, whatever PYTHONDONTWRITEBYTECODE says.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
GOAL_HTTP, GOAL_LITELLM, GOAL_WALL = 3.0, 1.15, 1.6
LATENCY = 0.05
ARGUMENTS = {"place": "Tromsø", "day": "2026-03-14", "guests": 2, "options": {"breakfast": True}}


# --------------------------------------------------------------------------- the endpoint


@dataclass(kw_only=True)
class Seen:
    """What the endpoint saw since it was last asked. Seconds of the clock that all processes share."""

    count: int = 0
    first: float = 0.0
    last: float = 0.0

    def request(self) -> None:
        self.count += 1
        self.first = self.first or time.monotonic()

    def answer(self) -> None:
        self.last = time.monotonic()


@dataclass
class Answering(asyncio.Protocol):
    """HTTP/1.1 with Content-Length, and nothing else: it must not be what is measured."""

    seen: Seen
    latency: float
    answer: bytes
    buffer: bytearray = field(default_factory=bytearray)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.buffer[:end]).lower()
            if head.startswith(b"get "):
                self.tell()
                del self.buffer[: end + 4]
                continue
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(self.buffer) < end + 4 + length:
                return
            del self.buffer[: end + 4 + length]
            self.seen.request()
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.reply)
            else:
                self.reply()

    def reply(self) -> None:
        self.seen.answer()
        self.transport.write(self.answer)

    def tell(self) -> None:
        """What was seen, and forget it."""
        self.transport.write(http(json.dumps(vars(self.seen)).encode()))
        vars(self.seen).update(vars(Seen()))


def http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def serve(latency: float) -> None:
    call = {"name": "book_0", "arguments": json.dumps(ARGUMENTS)}
    message = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": call}]}
    usage = {"prompt_tokens": 900, "completion_tokens": 30, "total_tokens": 930}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": None}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    answer, seen = http(json.dumps(body).encode()), Seen()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(seen, latency, answer), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def endpoint(latency: float) -> Iterator[str]:
    process = subprocess.Popen(mode("serve", str(latency)), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def mode(*words: str) -> list[str]:
    return [sys.executable, __file__, *words]


# --------------------------------------------------------------------------- what is asked


def tool(number: int) -> dict[str, Any]:
    fields = {
        "place": {"type": "string", "description": "The town or the part of it, as the guest wrote it. " * 4},
        "day": {"type": "string", "format": "date", "description": "The day of arrival, as YYYY-MM-DD. " * 4},
        "guests": {"type": "integer", "minimum": 1, "maximum": 12, "description": "How many will come. " * 8},
        "options": {
            "type": "object",
            "description": "What is wanted beside the room. " * 8,
            "properties": {
                "breakfast": {"type": "boolean", "description": "Breakfast on every morning. " * 8},
                "view": {"type": "string", "enum": ["sea", "mountain", "street"], "description": "The view. " * 20},
            },
            "additionalProperties": False,
        },
    }
    schema = {"type": "object", "properties": fields, "required": ["place", "day"], "additionalProperties": False}
    return {"name": f"book_{number}", "description": f"Books a room of kind {number}. " * 12, "parameters": schema}


def write_suite(path: Path, cases: int) -> None:
    head = {"suite": "asking", "tools": [tool(number) for number in range(5)]}
    expect = {"call": "book_0", "args": ARGUMENTS}
    lines = [
        head,
        *(
            {"id": f"c{n}", "user": f"A room in Tromsø for two, please. Number {n}.", "expect": expect}
            for n in range(cases)
        ),
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def write_bodies(path: Path, cases: int) -> None:
    """The bodies that `evalkit run` sends, one on each line."""
    tools = [{"type": "function", "function": tool(number)} for number in range(5)]
    with path.open("w", encoding="utf-8") as file:
        for n in range(cases):
            messages = [{"role": "user", "content": f"A room in Tromsø for two, please. Number {n}."}]
            file.write(json.dumps({"model": "m", "messages": messages, "tools": tools}, separators=(",", ":")) + "\n")


# --------------------------------------------------------------------------- the bare loops


async def in_flight(width: int, bodies: Sequence[str], send: Callable[[str], Awaitable[None]]) -> None:
    waiting = iter(bodies)

    async def worker() -> None:
        for body in waiting:
            await send(body)

    await asyncio.gather(*(worker() for _ in range(width)))


async def bare_aiohttp(url: str, path: Path, width: int) -> None:
    import aiohttp

    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:

        async def send(body: str) -> None:
            async with session.post(f"{url}/chat/completions", data=body.encode()) as response:
                await response.read()

        await in_flight(width, path.read_text(encoding="utf-8").splitlines(), send)


async def bare_litellm(url: str, path: Path, width: int) -> None:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    async def send(body: str) -> None:
        call = {**json.loads(body), "model": "openai/m"}
        await litellm.acompletion(**call, api_base=url, api_key="none", max_retries=0, num_retries=0)

    await in_flight(width, path.read_text(encoding="utf-8").splitlines(), send)


# --------------------------------------------------------------------------- measuring


@dataclass(frozen=True, kw_only=True)
class Cost:
    cpu: float
    """Seconds of the whole process."""
    first: float
    """Seconds from its start to the first request."""
    asking: float
    """Seconds from the first request to the last answer."""
    wall: float
    """Seconds from the start of the process to its end."""
    peak: float
    """MB."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A process to measure, and how many requests it must send to which endpoint."""

    command: Sequence[str]
    url: str
    cases: int


Rounds = Mapping[str, Sequence[Cost]]


def measure(sides: Mapping[str, Side], rounds: int) -> Rounds:
    """The costs of each side, round by round. The sides take turns, in another order each time."""
    with tempfile.TemporaryDirectory() as folder:
        bytecode = Path(folder)
        for side in sides.values():
            one_cost(side.command, side.url, side.cases, bytecode)
        found: dict[str, list[Cost]] = {name: [] for name in sides}
        for number in range(rounds):
            for name in list(sides)[:: -1 if number % 2 else 1]:
                side = sides[name]
                found[name].append(one_cost(side.command, side.url, side.cases, bytecode))
    return found


def cost(command: Sequence[str], url: str, cases: int, rounds: int) -> Cost:
    """The median of each figure."""
    (costs,) = measure({"": Side(command=command, url=url, cases=cases)}, rounds).values()
    return typical(costs)


def typical(costs: Sequence[Cost]) -> Cost:
    return Cost(**{each.name: median(getattr(cost, each.name) for cost in costs) for each in fields(Cost)})


def one_cost(command: Sequence[str], url: str, cases: int, bytecode: Path) -> Cost:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = str(bytecode)
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT, env=environ)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{said.read().decode()}")
    with urlopen(url) as stats:
        seen = Seen(**json.load(stats))
    if seen.count != cases:
        sys.exit(f"{' '.join(command)} sent {seen.count} requests, not {cases}")
    return Cost(
        cpu=usage.ru_utime + usage.ru_stime,
        first=max(seen.first - began, 0.0),
        asking=seen.last - seen.first,
        wall=wall,
        peak=usage.ru_maxrss / 1024,
    )


@dataclass(frozen=True, kw_only=True)
class Bench:
    folder: Path
    width: int
    rounds: int

    def ours(self, provider: str, url: str, cases: int) -> Side:
        """`evalkit run`, whole."""
        suite = self.folder / f"{cases}.jsonl"
        write_suite(suite, cases)
        model = f"{provider}?base_url={url}"
        words = ["run", str(suite), "-m", model, "-j", str(self.width), "--reports", str(self.folder / "reports")]
        return Side(command=[sys.executable, "-m", "evalkit", *words, "--fresh", "-q"], url=url, cases=cases)

    def bare(self, library: str, url: str, cases: int) -> Side:
        bodies = self.folder / f"{cases}.bodies"
        write_bodies(bodies, cases)
        return Side(command=mode(library, url, str(bodies), str(self.width)), url=url, cases=cases)

    def compare(self, provider: str, library: str, cases: int, goal: float) -> None:
        bare = f"bare {library}"
        with endpoint(0.0) as url:
            sides = {
                "evalkit run": self.ours(provider, url, cases),
                bare: self.bare(library, url, cases),
                "evalkit run, more": self.ours(provider, url, 4 * cases),
                f"{bare}, more": self.bare(library, url, 4 * cases),
                "evalkit run, one": self.ours(provider, url, 1),
                # Without the variable litellm's import asks the network for a price list.
                "import": Side(
                    command=["env", "LITELLM_LOCAL_MODEL_COST_MAP=True", sys.executable, "-c", f"import {library}"],
                    url=url,
                    cases=0,
                ),
            }
            found = measure(sides, self.rounds)
        told = {name: typical(costs) for name, costs in found.items()}
        print(f"\n{provider}: {cases} cases, {self.width} in flight, no latency, {self.rounds} rounds")
        for name in ("evalkit run", bare):
            few, many = told[name], told[f"{name}, more"]
            print(
                f"  {name:14} {1000 * few.cpu / cases:6.2f} ms CPU a case, "
                f"{1000 * (many.cpu - few.cpu) / (3 * cases):5.2f} a further case; "
                f"peak {few.peak:4.0f} MB, {many.peak:4.0f} at {4 * cases} cases"
            )
        whole = [ours.cpu / other.cpu for ours, other in zip(found["evalkit run"], found[bare], strict=True)]
        steps = [
            [more.cpu - few.cpu for few, more in zip(found[name], found[f"{name}, more"], strict=True)]
            for name in ("evalkit run", bare)
        ]
        further = [ours / max(other, 1e-9) for ours, other in zip(*steps, strict=True)]
        print(f"  ratio          {spread(whole)} whole, {spread(further)} a further case; goal at most {goal:g}")
        one, alone = told["evalkit run, one"], told["import"]
        print(f"  first request  after {one.first:.2f} s; a whole run of one case takes {one.cpu:.2f} CPU s")
        print(f"                 importing {library} alone takes {alone.wall:.2f} s, {alone.cpu:.2f} CPU s", end="")
        print(f"; the bare loop's first comes after {told[bare].first:.2f} s")

    def wall(self, provider: str, cases: int) -> None:
        with endpoint(LATENCY) as url:
            found = measure({"": self.ours(provider, url, cases)}, self.rounds)[""]
        ideal = cases * LATENCY / self.width
        times = spread([cost.asking / ideal for cost in found])
        print(f"  at 50 ms       {times} times the ideal {ideal:.2f} s, from first request to last answer", end="")
        print(f"; goal at most {GOAL_WALL:g}")


def spread(figures: Sequence[float]) -> str:
    return f"{median(figures):.2f} [{min(figures):.2f}, {max(figures):.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-litellm", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder=Path(folder), width=asked.in_flight, rounds=asked.rounds)
        bench.compare("openai_http/m", "aiohttp", asked.cases, GOAL_HTTP)
        bench.wall("openai_http/m", asked.cases)  # over litellm it is the library that is waited for
        if not asked.without_litellm:
            bench.compare("litellm/openai/m", "litellm", asked.cases, GOAL_LITELLM)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", latency]:
            asyncio.run(serve(float(latency)))
        case ["aiohttp", url, bodies, width]:
            asyncio.run(bare_aiohttp(url, Path(bodies), int(width)))
        case ["litellm", url, bodies, width]:
            asyncio.run(bare_litellm(url, Path(bodies), int(width)))
        case _:
            main()
