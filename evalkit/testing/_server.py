"""The HTTP server itself: one asyncio application, started in this loop or in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web
from msgspec import Struct, field

from evalkit import reference
from evalkit.data import Json, Suite
from evalkit.errors import InputError
from evalkit.testing._answers import Answer, Answers, refusal
from evalkit.testing._faults import HEADER, Fault, Plan, plan
from evalkit.testing._questions import Cases, Question, options, question

_LARGEST_REQUEST = 64 * 2**20
_KEPT = 2_000
_LOOPBACK = "127.0.0.1"


class Seen(Struct, frozen=True):
    """A request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body)


class Server(Struct):
    """A running server. Use `serve` or `running` to have one."""

    _answers: Answers
    _plan: Plan
    url: str = ""
    """`http://127.0.0.1:PORT`, without a slash at its end."""
    requests: deque[Seen] = field(default_factory=lambda: deque(maxlen=_KEPT))
    """What was asked, oldest first; of very many the last ones."""
    count: int = 0
    """How many requests there were."""
    _asked: Counter[str] = field(default_factory=Counter)

    @property
    def openai_url(self) -> str:
        """The base URL for clients of OpenAI's API."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        return self.url

    @property
    def gemini_url(self) -> str:
        return f"{self.url}/v1beta"

    # ----------------------------------------------------------------------- one request

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Answer a POST to any of the formats' paths."""
        body = await request.read()
        number, self.count = self.count, self.count + 1
        self.requests.append(Seen(request.path, dict(request.headers), body))
        try:
            asked = question(request.rel_url.raw_path, request.query, json.loads(body))
        except ValueError:
            return _whole(refusal("openai_chat", 400, "the body is no JSON"))
        if asked is None:
            return _whole(refusal("openai_chat", 404, f"nothing is served at {request.path}"))
        try:
            fault = self._fault(asked, number, request.headers.get(HEADER))
            answer = self._answers.answer(asked, fault.kind if fault else "")
        except InputError as error:
            unknown = options(asked.model)[0] not in reference.MODELS
            return _whole(refusal(asked.dialect, 404 if unknown else 400, str(error)))
        if fault and answer.status == 200:
            return await _spoilt(request, asked, answer, fault)
        return await _sent(request, answer)

    def _fault(self, asked: Question, number: int, header: str | None) -> Fault | None:
        if not header and not self._plan.faults:
            return None
        key = f"{asked.dialect} {asked.model} {asked.said} {asked.tools} {asked.seed}"
        again = self._asked[key]
        self._asked[key] += 1
        return self._plan.meets(key, again, number, header)

    async def list_models(self, request: web.Request) -> web.Response:
        """The reference models, as OpenAI's `GET /v1/models` lists models."""
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "evalkit"} for name in reference.MODELS]
        return web.json_response({"object": "list", "data": models})


def _whole(answer: Answer, **headers: str) -> web.Response:
    sent = {"Content-Type": answer.content_type, **headers}
    return web.Response(status=answer.status, body=answer.encoded(), headers=sent)


async def _sent(request: web.Request, answer: Answer) -> web.StreamResponse:
    if not answer.is_stream:
        if answer.seconds:
            await asyncio.sleep(answer.seconds)
        return _whole(answer)
    if not answer.seconds:
        return await _in_pieces(request, answer, [answer.encoded()])
    pieces = answer.pieces()
    pause = (answer.seconds - answer.first_token) / len(pieces)
    await asyncio.sleep(answer.first_token)
    return await _in_pieces(request, answer, pieces, pause)


async def _in_pieces(
    request: web.Request, answer: Answer, pieces: Sequence[bytes], pause: float = 0.0, *, close: bool = False
) -> web.StreamResponse:
    """Send the pieces one by one; `close`: and then close the connection, as if there were more to come."""
    response = web.StreamResponse(headers={"Content-Type": answer.content_type, "Cache-Control": "no-cache"})
    if not answer.is_stream:
        response.content_length = len(answer.encoded())
    try:
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            if pause:
                await asyncio.sleep(pause)
        if close and request.transport is not None:
            request.transport.close()
        else:
            await response.write_eof()
    except ConnectionResetError:
        pass  # the client has hung up, as clients that time out do
    return response


async def _spoilt(request: web.Request, asked: Question, answer: Answer, fault: Fault) -> web.StreamResponse:
    """The answer with a fault of transport. Faults of what is said are in the answer already."""
    pieces = answer.pieces()
    match fault.kind:
        case "rate_limit":
            return _whole(refusal(asked.dialect, 429, "too many requests"), **{"Retry-After": str(fault.retry_after)})
        case "server_error":
            return _whole(refusal(asked.dialect, 500, "the server had an error"))
        case "slow_stream":
            return await _in_pieces(request, answer, pieces, fault.pause)
        case "cut_stream":
            return await _in_pieces(request, answer, pieces[: len(pieces) // 2], close=True)
        case "truncated_body":
            whole = answer.encoded()
            return web.Response(body=whole[: len(whole) // 2], headers={"Content-Type": answer.content_type})
        case "wrong_content_type":
            return _whole(Answer(answer.body, "text/plain"))
        case "hang":
            await asyncio.Event().wait()
    return await _sent(request, answer)


# --------------------------------------------------------------------------- starting and stopping


@asynccontextmanager
async def serve(
    suites: Suite | Sequence[Suite], *, faults: Sequence[Fault | str] = (), seed: int = 0, port: int = 0
) -> AsyncIterator[Server]:
    """A server in the running event loop, for as long as the context lasts. `port` 0: any that is free.

    `faults` are Faults, or `kind`, `kind=rate`, `kind=first:n`; `seed` decides which requests meet them. Raises
    InputError for a fault that does not exist, or a port that is taken.
    """
    known = [suites] if isinstance(suites, Suite) else list(suites)
    server = Server(Answers(Cases(known)), plan(faults, seed))
    app = web.Application(client_max_size=_LARGEST_REQUEST)
    app.router.add_get("/v1/models", server.list_models)
    app.router.add_post("/{path:.*}", server.respond)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, _LOOPBACK, port).start()
        except OSError as error:
            raise InputError(f"port {port} cannot be used: {error.strerror}", "choose another, or 0 for any") from error
        server.url = f"http://{_LOOPBACK}:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


@contextmanager
def running(
    suites: Suite | Sequence[Suite], *, faults: Sequence[Fault | str] = (), seed: int = 0, port: int = 0
) -> Iterator[Server]:
    """The same server in a thread of its own, for tests that are not asynchronous."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="evalkit reference server", daemon=True)
    thread.start()
    context = serve(suites, faults=faults, seed=seed, port=port)
    try:
        server = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result()
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def run_forever(
    suites: Suite | Sequence[Suite],
    *,
    port: int = 0,
    faults: Sequence[Fault | str] = (),
    seed: int = 0,
    announce: Callable[[str], object] | None = None,
) -> None:
    """Serve until interrupted. `announce` is given a few lines that say where and what."""
    asyncio.run(_forever(suites, port, faults, seed, announce or (lambda line: None)))


async def _forever(
    suites: Suite | Sequence[Suite],
    port: int,
    faults: Sequence[Fault | str],
    seed: int,
    announce: Callable[[str], object],
) -> None:
    async with serve(suites, faults=faults, seed=seed, port=port) as server:
        announce(f"serving {', '.join(reference.MODELS)} at {server.url} (stop with Ctrl-C)")
        announce(f"  OpenAI     base URL {server.openai_url}")
        announce(f"  Anthropic  base URL {server.anthropic_url}")
        announce(f"  Gemini     base URL {server.gemini_url}")
        announce(f"  Ollama     base URL {server.url}")
        announce(f"  Bedrock    base URL {server.url}")
        await asyncio.Event().wait()
