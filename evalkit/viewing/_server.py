"""Who may ask, and what is asked: a token in the address, loopback only, GET only, nothing that runs."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from aiohttp import web
from msgspec import Struct
from msgspec.structs import fields

from evalkit.errors import EvalkitError, InputError, suggest
from evalkit.viewing._pages import STYLE, Room
from evalkit.viewing.paging import Filter

_LOOPBACK = "127.0.0.1"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""A report carries its own policy, with the hashes of its style and script."""

_FILTERS = tuple(each.name for each in fields(Filter))

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _View(Struct):
    room: Room
    token: str
    hosts: frozenset[str] = frozenset()
    """What a browser names in `Host`: another name that leads here belongs to another site (DNS rebinding)."""

    def application(self) -> web.Application:
        """Every page; whatever is no GET is refused by the router."""
        app = web.Application(middlewares=[self._guarded])
        for path, handler in {
            "": self._runs,
            "style.css": self._style,
            "run/{run}": self._run,
            "run/{run}/case": self._case,
            "compare": self._compare,
            "trends": self._trends,
        }.items():
            app.router.add_get(f"/{{token}}/{path}", handler)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Before anything else, also before it is said whether there is such a page."""
        try:
            self._admit(request)
            response = await handler(request)
        except web.HTTPException as refused:
            refused.headers.update({**_HEADERS, "Content-Security-Policy": _POLICY})
            raise
        except EvalkitError as error:
            response = _page(self.room.trouble(str(error), f"/{self.token}/"), status=404)
        response.headers.update(_HEADERS)
        return response

    def _admit(self, request: web.Request) -> None:
        given = request.path.split("/")[1].encode("utf-8", "replace")
        if request.host not in self.hosts or not hmac.compare_digest(given, self.token.encode("ascii")):
            raise web.HTTPForbidden(text="403: open the address that evalkit view printed\n")

    async def _runs(self, request: web.Request) -> web.Response:
        return _page(await asyncio.to_thread(self.room.runs))

    async def _trends(self, request: web.Request) -> web.Response:
        return _page(await asyncio.to_thread(self.room.trends))

    async def _run(self, request: web.Request) -> web.Response:
        asked = request.query
        unknown = asked.keys() - {*_FILTERS, "after"}
        if unknown:
            raise InputError(f"there is no filter {min(unknown)!r}", suggest(min(unknown), _FILTERS))
        wanted = Filter(**{name: asked.get(name, "") for name in _FILTERS})
        after = asked.get("after", "0")
        if not after.isdecimal() or len(after) > 18:
            _not_found()
        return _page(await asyncio.to_thread(self.room.run, request.match_info["run"], wanted, int(after)))

    async def _case(self, request: web.Request) -> web.Response:
        name, *pair = (request.query.get(key, "") for key in ("id", "baseline", "candidate"))
        return _page(await asyncio.to_thread(self.room.case, request.match_info["run"], name, *pair))

    async def _compare(self, request: web.Request) -> web.Response:
        baseline, candidate = request.query.get("baseline", ""), request.query.get("candidate", "")
        text = await asyncio.to_thread(self.room.compare, baseline, candidate)
        return web.Response(text=text, content_type="text/html")

    async def _style(self, request: web.Request) -> web.Response:
        return web.Response(text=STYLE, content_type="text/css")


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(
        text=text, status=status, content_type="text/html", headers={"Content-Security-Policy": _POLICY}
    )


def _not_found() -> NoReturn:
    raise web.HTTPNotFound(text="404: there is no such page\n")


@asynccontextmanager
async def serve(reports: Path, run: Path | None = None, port: int = 0) -> AsyncIterator[str]:
    """The runs below `reports`, and `run`, wherever it is. Gives the address, which holds the token."""
    view = _View(Room(reports, run), secrets.token_urlsafe(24))
    runner = web.AppRunner(view.application(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, _LOOPBACK, port)
        await site.start()
        bound = runner.addresses[0][1]
        view.hosts = frozenset({f"{_LOOPBACK}:{bound}", f"localhost:{bound}"})
        yield f"http://{_LOOPBACK}:{bound}/{view.token}/"
    finally:
        await runner.cleanup()
        view.room.close()


def look(reports: Path, run: Path | None, port: int, announce: Callable[[str], object]) -> None:
    """Serve until interrupted; `announce` is given the address of the first page."""
    asyncio.run(_forever(reports, run, port, announce))


async def _forever(reports: Path, run: Path | None, port: int, announce: Callable[[str], object]) -> None:
    async with serve(reports, run, port) as address:
        announce(f"{address}run/{run.name}" if run else address)
        await asyncio.Event().wait()
