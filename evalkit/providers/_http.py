"""One URL asked over aiohttp: its address, the key it wants, the proxy before it, and its answer byte for byte."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed knows it only by platform

import aiohttp
from yarl import URL

from evalkit.apis import Api
from evalkit.data import FaultKind, Response, Target
from evalkit.errors import InputError, ProviderError
from evalkit.plugins import World
from evalkit.providers._faults import nearest, own_words, refusal, tells_of_a_call
from evalkit.providers._tape import Tape, timing
from evalkit.version import VERSION

FAULTS: Mapping[type[BaseException], tuple[FaultKind, bool]] = {
    TimeoutError: ("timeout", True),
    aiohttp.ClientError: ("network", False),
    aiohttp.ClientConnectionError: ("network", True),
    aiohttp.ClientPayloadError: ("network", True),
    aiohttp.ServerTimeoutError: ("timeout", True),
    aiohttp.ClientSSLError: ("network", False),
    aiohttp.ClientConnectorCertificateError: ("network", False),
    aiohttp.ServerFingerprintMismatch: ("network", False),
    aiohttp.ClientResponseError: ("server", True),
    aiohttp.ClientHttpProxyError: ("network", False),
    aiohttp.InvalidURL: ("bad_request", False),
}
"""Kind of fault, and whether another attempt may succeed. The nearest class in the exception's ancestry counts."""


def line(api: Api, target: Target, world: World) -> Line:
    """A line to `target.base_url`, or to the API itself. Raises InputError without the key that is needed."""
    if target.options:
        raise InputError(
            f"{target.provider} has no option {next(iter(target.options))!r}",
            "what the endpoint is to be sent belongs under `params` in a models file",
        )
    url = address(target.base_url or api.url, api.path)
    name = api.key_name(target)
    key = _key(name, target, world.environ)
    return Line(
        url=url,
        headers=api.headers(key, str(url)),
        named={key: name} if key and name else {},
        dialect=api.dialect,
        timeout=target.timeout,
        proxy=_proxy(url, world.environ),
    )


class Line:
    """One URL, asked over one session, which opens with the first question."""

    def __init__(
        self,
        *,
        url: URL,
        headers: Mapping[str, str],
        named: Mapping[str, str],
        dialect: str,
        timeout: float,
        proxy: str | None,
    ) -> None:
        self.url = url
        self.headers = headers
        self.named = named
        """The key, if there is one -> the environment variable that holds it."""
        self._secrets = tuple(named)
        self._dialect = dialect
        self._timeout = timeout
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes) -> Response:
        """The answer to `body`. Raises ProviderError, which holds what there is of one."""
        session = self._open()
        tape = Tape()
        try:
            await self._post(session, body, tape)
            return self._answer(tape)
        except ProviderError as error:
            error.wire = tape.left(self._secrets)
            raise

    async def _post(self, session: aiohttp.ClientSession, body: bytes, tape: Tape) -> None:
        """Record what comes. Raises ProviderError where nothing does, or not all of an answer."""
        try:
            async with session.post(self.url, data=body, proxy=self._proxy, allow_redirects=False) as response:
                tape.begin(response.status, response.headers)
                async for chunk in response.content.iter_any():
                    tape.add(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            if tape.status in (None, 200):
                raise self._fault(error, tape) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # the pipeline bounds how many are in flight
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                headers={
                    "Content-Type": "application/json",
                    "Accept": "application/json, text/event-stream",
                    "Accept-Encoding": "identity",  # a compressor between us would blur the arrivals
                    "User-Agent": f"evalkit/{VERSION}",
                    **self.headers,
                },
            )
        return self._session

    def _answer(self, tape: Tape) -> Response:
        wire = tape.wire()
        if wire.status != 200 and not tells_of_a_call(wire, self._dialect):
            raise refusal(wire.status, tape.headers, wire.body, self._secrets)
        if tape.content_type not in ("application/json", "text/event-stream"):
            sort = tape.content_type or "of no stated type"
            words = own_words(wire.body, self._secrets)
            raise ProviderError("server", f"the answer is {sort}, not JSON: {words}", status=wire.status)
        return Response(wire=wire, dialect=self._dialect, timing=timing(wire, self._dialect))

    def _fault(self, error: aiohttp.ClientError | TimeoutError, tape: Tape) -> ProviderError:
        kind, retryable = nearest(FAULTS, type(error))
        words = own_words(_said(error), self._secrets) or type(error).__name__
        if kind == "timeout":
            heard = "no answer" if tape.status is None else "the answer was not complete"
            words = f"{heard} after {self._timeout:g} s"
        elif tape.status is not None:
            words = f"the answer was cut off: {words}"
        return ProviderError(kind, words, status=tape.status, retryable=retryable)


def _said(error: aiohttp.ClientError | TimeoutError) -> str:
    """Its own words; of a connection that was not made, where to and why, without the library's settings for TLS."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = str(error.certificate_error)
    elif isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        plain = not isinstance(error, aiohttp.ClientSSLError) and cause.errno is not None and cause.errno > 0
        why = os.strerror(cause.errno or 0) if plain else cause.strerror or str(cause)
    else:
        return str(error)
    return f"cannot connect to {error.host}:{error.port}: {why}"


def address(base_url: str, path: Callable[[str], str]) -> URL:
    """The URL that is asked where people write `base_url`. Raises InputError if it is none."""
    try:
        url = URL(base_url)
    except ValueError as error:
        raise InputError(f"{base_url!r} is no address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError(f"{base_url!r} is no address", "write it like http://localhost:8000/v1")
    return url.with_path(path(url.path.rstrip("/")), keep_query=True)


def _key(name: str | None, target: Target, environ: Mapping[str, str]) -> str | None:
    if name is None:
        return None
    key = environ.get(name, "").strip()
    if not key:
        hint = f"set {name}, or name another in api_key_env"
        raise InputError(
            f"{target.identity}: no key: the environment variable {name} is not set",
            hint if target.base_url else f"{hint}; a server of your own needs its base_url",
        )
    if not key.isascii() or not key.isprintable():
        raise InputError(f"the key in {name} has characters that no HTTP header can carry")
    return key


def _proxy(url: URL, environ: Mapping[str, str]) -> str | None:
    """The proxy that the environment names for `url`; never one for this machine itself.

    Looked up once: aiohttp would do so for every request.
    """
    named = {name.lower(): value for name, value in environ.items() if name.lower().endswith("_proxy") and value}
    local = url.host in ("localhost", "127.0.0.1", "::1")
    if local or proxy_bypass_environment(f"{url.host}:{url.port}", {"no": named.get("no_proxy", "")}):
        return None
    return named.get(f"{url.scheme}_proxy")
