"""What came back: the wire, faults, and an answer as its dialect reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct, field

from evalkit.data.words import Json, Pointer


class Wire(Struct, frozen=True, kw_only=True):
    """What crossed the network. `body` is the text as received: JSON, or the text of a stream.

    A binary stream, which Bedrock's is, stands there as `eventstream` writes it: a line of JSON for each event.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """An allow-list: content-type, request ids, rate limits. Never a credential."""
    body: str
    stream: bool = False
    arrivals: tuple[tuple[int, float], ...] = ()
    """(offset in `body` after the chunk, seconds since the request was sent), one for each chunk received."""


class Timing(Struct, frozen=True, kw_only=True):
    """Seconds, of the attempt that answered. All but `queued` count from the moment the request was sent."""

    queued: float | None = None
    """Waiting for leave to send, before each attempt. The waits after those that failed are `Attempt.wait`."""
    first_byte: float | None = None
    first_token: float | None = None
    first_call_byte: float | None = None
    arguments_done: float | None = None
    total: float | None = None


class Usage(Struct, frozen=True, kw_only=True):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    """Those of `input_tokens` that were read from a cache."""
    reasoning_tokens: int | None = None
    """Those of `output_tokens` that nobody is shown."""
    cost: float | None = None
    """USD."""


class Posted(Struct, frozen=True, kw_only=True):
    """A question as it was put on the wire in other words. Its body is told by how it differs from `Request.body`."""

    url: str
    """A key in it is named, as in `?key=$GEMINI_API_KEY`."""
    headers: Mapping[str, str]
    """Those that an endpoint goes by. A key in them is named, too."""
    keys: tuple[str, ...] = ()
    """The environment variables named."""
    members: Mapping[str, Json]
    """Of the body, what was added or changed. Where `tools` in it, or in a member, is null, the tools stand as they
    left: `Response.sent`, and if that is None as they were handed over."""
    dropped: tuple[str, ...] = ()
    """Members that were handed over and did not leave."""
    omitted: tuple[str, ...] = ()
    """Members that left and are too large to be kept."""

    @property
    def settings(self) -> dict[str, Json]:
        """Of the members those that are settings, in the words of the endpoint; declarations left out of them."""
        told = ((key, _undeclared(value)) for key, value in self.members.items() if key not in _QUESTION)
        return {key: value for key, value in told if value != {}}


_QUESTION = frozenset(
    {"model", "messages", "contents", "input", "tools", "stream", "stream_options"}
    | {"system", "instructions", "systemInstruction", "system_instruction"}
)
"""Members of a body that hold what is asked, of whom, and whether as a stream. The rest are settings."""


_DECLARING = frozenset({"tools", "format"})
"""Members of settings that hold schemas, as Bedrock's `toolConfig` and Anthropic's `output_config` do."""


def _undeclared(value: Json) -> Json:
    return {key: each for key, each in value.items() if key not in _DECLARING} if isinstance(value, dict) else value


class Response(Struct, frozen=True, kw_only=True):
    """An answer as the endpoint sent it."""

    wire: Wire
    dialect: str
    """The plug-in of `dialects/` that reads `wire`."""
    timing: Timing = field(default_factory=Timing)
    client: Json = None
    """What a client library made of the wire: {"calls": [{"tool", "text"}], "finish", "text"}, or None without one."""
    sent: Json = None
    """The tool declarations as they left, if they differ from what was handed to the provider; else None."""
    posted: Posted | None = None
    """What left in other words; None: the body left as it was handed to the provider, or never did."""
    arm: str = "native"
    """The arm it answers to: on `prompted` and `constrained` its calls stand in the text."""
    nulls: bool = False
    """Its schemas were sent in strict form: a null may stand for an argument that was left out, as on `strict`."""


FaultKind: TypeAlias = Literal[
    "timeout", "rate_limit", "auth", "bad_request", "blocked", "unsupported", "server", "network", "budget", "plugin"
]


class Fault(Struct, frozen=True, kw_only=True):
    """The world failed; the model was not heard. Counted beside the rates, never in them."""

    kind: FaultKind
    message: str
    status: int | None = None
    retryable: bool = False
    seconds: float = 0.0
    """How long the attempt took."""
    wire: Wire | None = None
    """What came all the same, cut or not to be read: the beginning of its body, without arrivals. None: nothing did."""


class Attempt(Struct, frozen=True, kw_only=True):
    """A failed attempt and the wait (seconds) before the next."""

    fault: Fault
    wait: float


class Payload(Struct, frozen=True, kw_only=True):
    """One tool call as produced. Its arguments parsed iff `error` is None."""

    index: int
    tool: str
    text: str | None
    """The argument text character for character; None where the wire carried an object and no text."""
    value: Json = None
    error: str | None = None
    """A `json.*` code."""
    id: str | None = None


class Violation(Struct, frozen=True, kw_only=True):
    """One thing wrong with an answer. `code` is one of `CODES`."""

    payload: int | None
    """Index of the payload; None: the answer as a whole."""
    code: str
    path: Pointer = ""
    """Where in the arguments."""
    schema_path: Pointer = ""
    """Where in the declared schema."""
    message: str
    excerpt: str = ""
    """The offending value or text, at most 200 characters."""


class Answer(Struct, frozen=True, kw_only=True):
    """A response as its dialect reads it. Nothing is repaired."""

    payloads: tuple[Payload, ...] = ()
    text: str = ""
    """What the model said outside of calls."""
    finish: str | None = None
    """The finish reason as sent."""
    usage: Usage = field(default_factory=Usage)
    served_by: str | None = None
    """The model name the endpoint reported."""
    violations: tuple[Violation, ...] = ()
    """What is wrong with the envelope, and calls left in the text."""
    arm: str = "native"
    """Of the response. On `prompted` and `constrained`, `text` holds the calls too."""
    nulls: bool = False
    """A null in the arguments may stand for one that was left out."""
