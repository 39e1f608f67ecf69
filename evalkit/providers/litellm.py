"""Every provider litellm reaches (`litellm/anthropic/claude-x`), guarded, tried once, recorded below the library."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from json import loads
from types import ModuleType
from weakref import WeakSet

import httpx

from evalkit import plugins
from evalkit.data import FaultKind, Json, Request, Response, Target, Wire
from evalkit.errors import InputError, ProviderError
from evalkit.plugins import World
from evalkit.providers._body import Serialiser
from evalkit.providers._faults import nearest, own_words, refusal, tells_of_a_call
from evalkit.providers._keys import found, missed, names, secrets
from evalkit.providers._posted import posted
from evalkit.providers._shapes import dialect_of, fields, tools_of
from evalkit.providers._tap import FAULTS as HTTPX_FAULTS
from evalkit.providers._tap import Exchange, recording, tap
from evalkit.providers._tape import timing

_GUARDS: Mapping[str, Json] = {
    "drop_params": False,
    "modify_params": False,
    "add_function_to_prompt": False,
    "route_all_chat_openai_to_responses": False,
    "model_alias_map": {},
    "default_fallbacks": None,
    "cache": None,
    "network_mock": False,
    "disable_hf_tokenizer_download": True,
    "num_retries": 0,
    "telemetry": False,
    "suppress_debug_info": True,
    "callbacks": [],
    "input_callback": [],
    "success_callback": [],
    "failure_callback": [],
    "service_callback": [],
    "_async_input_callback": [],
    "_async_success_callback": [],
    "_async_failure_callback": [],
}
"""Settings of the module, all of which change what is asked, what comes back, or who else hears of it."""

_ENVIRONMENT = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
"""Without it the import downloads a price list."""

_PER_CALL: Mapping[str, Json] = {"max_retries": 0, "num_retries": 0}

OPTIONS = frozenset(
    {
        "api_version",
        "aws_profile_name",
        "aws_region_name",
        "aws_role_name",
        "aws_session_name",
        "organization",
        "project_id",
        "space_id",
        "vertex_location",
        "vertex_project",
    }
)
"""What a target may set beyond parameters: where the model lives. Never a secret, for targets are stored."""

_BLOCKING = frozenset({"ollama", "ollama_chat"})
"""After every answer litellm asks these endpoints about the model, past every recording, with a client that holds up
all else that goes on in the process."""

_GOOGLE = frozenset({"vertex_ai", "vertex_ai_beta"})
"""Where a key is an account's credentials, as JSON or a file of it, and a token is fetched for them."""

FAULTS: Mapping[str, tuple[FaultKind, bool]] = {
    "APIConnectionError": ("network", True),
    "APIError": ("server", True),
    "APIResponseValidationError": ("server", False),
    "AuthenticationError": ("auth", False),
    "BadGatewayError": ("server", True),
    "BadRequestError": ("bad_request", False),
    "BlockedPiiEntityError": ("blocked", False),
    "BudgetExceededError": ("budget", False),
    "ContentPolicyViolationError": ("blocked", False),
    "ContextWindowExceededError": ("bad_request", False),
    "GuardrailRaisedException": ("blocked", False),
    "ImageFetchError": ("bad_request", False),
    "InternalServerError": ("server", True),
    "InvalidRequestError": ("bad_request", False),
    "JSONSchemaValidationError": ("server", False),
    "LiteLLMUnknownProvider": ("unsupported", False),
    "MidStreamFallbackError": ("server", True),
    "MockException": ("server", False),
    "ModelNotMappedError": ("unsupported", False),
    "ModifyResponseException": ("blocked", False),
    "NotFoundError": ("unsupported", False),
    "OpenAIError": ("server", False),
    "PermissionDeniedError": ("auth", False),
    "RateLimitError": ("rate_limit", True),
    "RejectedRequestError": ("blocked", False),
    "SensitiveDataRouteException": ("blocked", False),
    "ServiceUnavailableError": ("server", True),
    "Timeout": ("timeout", True),
    "UnprocessableEntityError": ("bad_request", False),
    "UnsupportedParamsError": ("unsupported", False),
    "VectorStoreSearchError": ("bad_request", False),
}
"""Class in `litellm.exceptions` to kind of fault and whether another attempt may succeed. Counts only where the
wire says nothing: litellm calls its own bugs APIConnectionError."""

_SIGN_IN: Mapping[str, FaultKind] = {"DefaultCredentialsError": "auth", "RefreshError": "auth"}
"""Classes of Google's, which litellm calls APIConnectionError too: no token, so nothing was sent."""


def guards() -> Mapping[str, Json]:
    """What is pinned for a run, to be recorded with it."""
    return {"litellm": version("litellm"), **_ENVIRONMENT, **_GUARDS, **_PER_CALL}


def connect(target: Target, world: World) -> Bridge:
    """A connection to litellm's model `target.model`. Imports litellm, which takes seconds, once a key is there."""
    unknown = sorted(target.options.keys() - OPTIONS)
    if unknown:
        raise InputError(
            f"litellm has no option {unknown[0]!r} here",
            "what the model is to be sent belongs under `params` in a models file; "
            f"the options are {', '.join(sorted(OPTIONS))}",
        )
    route, _, bare = target.model.partition("/")
    if route in _BLOCKING:
        raise InputError(
            f"litellm/{route} is not asked: after each answer litellm holds up the whole run to look the model up",
            f"ask Ollama at its own address: openai_http/{bare}?base_url=http://localhost:11434/v1",
        )
    if route in _GOOGLE:
        _sign_in_installed(target.model)
    key = found(target, world.environ)
    library = _library()
    try:
        name, provider, *_ = library.get_llm_provider(model=target.model, api_base=target.base_url)
    except library.exceptions.BadRequestError as error:
        raise InputError(
            f"litellm knows no provider for the model {target.model!r}",
            "write it as litellm/PROVIDER/MODEL, for example litellm/anthropic/claude-sonnet-4-5",
        ) from error
    if key is None:
        key = missed(target, world.environ, library.validate_environment(model=target.model)["missing_keys"])
    if target.stream:
        _let_stream(library, provider, name)
    return Bridge(library, target, key, secrets(world.environ), names(target, world.environ))


def _sign_in_installed(model: str) -> None:
    try:
        importlib.import_module("google.auth")
    except ImportError:
        raise InputError(
            f"{model} is reached with Google's sign-in, which is not installed", "pip install 'evalkit-tools[vertex]'"
        ) from None


def _let_stream(library: ModuleType, provider: str, name: str) -> None:
    """Of a model that is not in its price list, litellm asks Responses for no stream, and plays one from the answer."""
    bare = name.removeprefix("responses/")
    if bare != name and not library.model_cost.keys() & {bare, f"{provider}/{bare}"}:
        library.register_model({f"{provider}/{bare}": {"litellm_provider": provider}})


def _library() -> ModuleType:
    """litellm, guarded, with its transports tapped."""
    os.environ.update(_ENVIRONMENT)
    library = importlib.import_module("litellm")
    transports = importlib.import_module("litellm.llms.custom_httpx.aiohttp_transport")
    tap(transports.LiteLLMAiohttpTransport)
    tap(httpx.AsyncHTTPTransport)
    _guard(library)
    return library


def _guard(library: ModuleType) -> None:
    """Again before each call: some of litellm's own providers change these for the whole process."""
    for name, value in _GUARDS.items():
        setattr(library, name, value.copy() if isinstance(value, list | dict) else value)


_LIVE: WeakSet[Bridge] = WeakSet()
"""Bridges that asked something and were not closed."""


class Bridge:
    """One target, asked through litellm, whose HTTP clients are its own and shared by all bridges."""

    def __init__(
        self,
        library: ModuleType,
        target: Target,
        key: str | None,
        secrets: tuple[str, ...],
        names: Mapping[str, str],
    ) -> None:
        self._library = library
        self._names = names
        self._target = target
        self._secrets = secrets if key is None else (*secrets, key)
        self._serialiser = Serialiser()
        self._settings: dict[str, Json] = {**_PER_CALL, "timeout": target.timeout, **target.options}
        if target.base_url is not None:
            self._settings["api_base"] = target.base_url
        if key is not None:
            google = target.model.partition("/")[0] in _GOOGLE
            self._settings["vertex_credentials" if google else "api_key"] = key
        self._transports: set[httpx.AsyncBaseTransport] = set()

    async def ready(self, request: Request) -> None:
        """The first question takes the library seconds, in which all else stands still: this one goes nowhere."""
        with recording(rehearsal=True):
            await self._client_view(loads(self._serialiser.text(request)))

    async def ask(self, request: Request) -> Response:
        # A copy of its own for every call: litellm rewrites the schemas it is handed, in place.
        call = loads(self._serialiser.text(request))
        _guard(self._library)
        _LIVE.add(self)
        with recording() as exchange:
            try:
                async with asyncio.timeout(self._target.timeout):
                    client = await self._heard(call, exchange)
                return self._answer(exchange, client, request)
            except TimeoutError as error:
                message, tape = f"no answer after {self._target.timeout:g} s", exchange.tape
                left = tape.left(self._secrets)
                raise ProviderError("timeout", message, status=tape.status, retryable=True, wire=left) from error
            except ProviderError as error:
                error.wire = exchange.tape.left(self._secrets)
                raise
            finally:
                self._transports |= exchange.transports

    async def close(self) -> None:
        """Closes the transports that no other open bridge uses. litellm's clients open them again when they must."""
        _LIVE.discard(self)
        for transport in self._transports.difference(*(other._transports for other in _LIVE)):
            await transport.aclose()
        self._transports.clear()

    async def _heard(self, call: dict[str, Json], exchange: Exchange) -> Json:
        """The client's view. Raises ProviderError where the wire holds no answer."""
        try:
            client, error = await self._client_view(call), None
        except Exception as failure:  # noqa: BLE001 - whatever the library trips over, the wire is what counts
            words = own_words(f"{type(failure).__name__}: {failure}", self._secrets)
            client, error = {"calls": [], "finish": None, "text": "", "error": words}, failure
        await exchange.hear_out()
        fault = self._fault(error, exchange)
        if fault is not None:
            raise fault from error
        return client

    async def _client_view(self, call: dict[str, Json]) -> Json:
        """What the library shows its users. A stream is assembled by the library too."""
        response = await self._library.acompletion(**call, **self._settings)
        if call.get("stream"):
            response = self._library.stream_chunk_builder([chunk async for chunk in response])
        choices = getattr(response, "choices", None)
        if not choices:
            return {"calls": [], "finish": None, "text": ""}
        message = choices[0].message
        return {
            "calls": [
                {"tool": call.function.name, "text": call.function.arguments} for call in message.tool_calls or ()
            ],
            "finish": choices[0].finish_reason,
            "text": message.content or "",
        }

    def _fault(self, error: Exception | None, exchange: Exchange) -> ProviderError | None:
        """What went wrong, by what was on the wire; None if it holds an answer, whatever the library made of it."""
        tape, failure = exchange.tape, exchange.failure
        if tape.status not in (None, 200) and not tells_of_a_call(tape.wire(), "openai_chat"):
            return refusal(tape.status, tape.headers, tape.wire().body, self._secrets)
        if isinstance(failure, ProviderError):
            return failure
        if failure is not None:
            kind, retryable = nearest(HTTPX_FAULTS, type(failure))
            words = own_words(str(failure), self._secrets) or type(failure).__name__
            message = words if tape.status is None else f"the answer was cut off: {words}"
            return ProviderError(kind, message, status=tape.status, retryable=retryable)
        if tape.status is None and error is not None:
            return self._never_sent(error)
        return None

    def _never_sent(self, error: Exception) -> ProviderError:
        for cause in _causes(error):
            if type(cause).__name__ in _SIGN_IN:
                words = own_words(f"no token from Google: {cause}", self._secrets)
                return ProviderError(_SIGN_IN[type(cause).__name__], words)
        names = (ancestor.__name__ for ancestor in type(error).__mro__)
        kind, _ = next((FAULTS[name] for name in names if name in FAULTS), ("plugin", False))
        words = own_words(f"{type(error).__name__}: {error}", self._secrets)
        of_the_world = kind in ("network", "server", "timeout", "rate_limit")  # which was never asked
        return ProviderError("plugin" if of_the_world else kind, f"litellm sent nothing: {words}")

    def _answer(self, exchange: Exchange, client: Json, request: Request) -> Response:
        if exchange.url is None:
            raise ProviderError(
                "unsupported", f"litellm reaches {self._target.model} past every transport we can record"
            )
        wire = exchange.tape.wire()
        dialect = dialect_of(wire)
        if dialect is None:
            raise self._unreadable(wire, httpx.URL(exchange.url).path)
        left = fields(exchange.sent)
        tools = tools_of(left)
        return Response(
            wire=wire,
            dialect=dialect,
            timing=timing(wire, dialect),
            client=client,
            sent=None if tools == (request.body.get("tools") or []) else tools,
            posted=posted(exchange.url, exchange.headers, left, request.body, self._names),
        )

    def _unreadable(self, wire: Wire, path: str) -> ProviderError:
        words = own_words(wire.body, self._secrets)
        body, sort = wire.body.strip(), wire.headers.get("content-type", "no stated type")
        if body.startswith("{") and not body.endswith("}"):
            return ProviderError("network", f"the answer was cut off: {words}", status=wire.status, retryable=True)
        if sort.startswith("text/") and not wire.stream:
            return ProviderError("server", f"the answer is {sort}, not JSON: {words}", status=wire.status)
        known = ", ".join(plugins.names("dialects"))
        message = f"the answer of {path} ({sort}) is in no format with a dialect here ({known}): {words}"
        return ProviderError("unsupported", message, status=wire.status)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those it arose from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
