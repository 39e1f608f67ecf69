"""What is asked: tools, cases, suites, and the models as they are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct, field

from evalkit.data.words import Json, Pointer


class ToolSpec(Struct, frozen=True, kw_only=True):
    """A tool as its owner declared it. `schema` is the JSON Schema of its arguments, untouched."""

    name: str
    description: str
    schema: Json
    source: str
    """Where it was declared, as `file#pointer`."""


class ArgRule(Struct, frozen=True, kw_only=True):
    """What one argument must be. `path` points into the arguments; `matcher` names a plug-in of `matchers/`."""

    path: Pointer
    matcher: str = "exact"
    value: Json = None
    options: Mapping[str, Json] = field(default_factory=dict)
    optional: bool = False
    """True: the argument may be left out. Rules below an optional argument that was left out do not apply."""


class ExpectedCall(Struct, frozen=True, kw_only=True):
    """One call the case wants, by the tool's name.

    `closed`: an argument no rule names is a mismatch, unless it spells out its default.
    """

    tool: str
    args: tuple[ArgRule, ...] = ()
    closed: bool = True


class Expectation(Struct, frozen=True, kw_only=True):
    """One acceptable answer. `calls == ()`: call nothing."""

    calls: tuple[ExpectedCall, ...] = ()
    ordered: bool = False
    extra_calls: bool = False
    """True: calls beyond the expected ones are no mismatch."""


class Case(Struct, frozen=True, kw_only=True):
    """One question. Any of `accept` suffices; `accept == ()` wants a schema-compliant call and no more is judged."""

    id: str
    messages: tuple[Mapping[str, Json], ...]
    """Chat messages in OpenAI's shape (role, content, tool_calls, tool_call_id), sent verbatim."""
    tools: tuple[str, ...]
    """Keys in `Suite.specs` of the tools offered, in the order in which they are sent. No two have one name."""
    accept: tuple[Expectation, ...] = ()
    forbid: tuple[str, ...] = ()
    """Tools whose call makes the answer incorrect, whatever else it holds."""
    tags: tuple[str, ...] = ()
    source: str = ""
    """`file:line` of the case."""
    flaws: tuple[str, ...] = ()
    """What is wrong with imported gold that was kept all the same (it breaks its own schema, say)."""

    @property
    def wants_call(self) -> bool:
        """True unless calling nothing is acceptable."""
        return all(e.calls for e in self.accept)

    @property
    def wants_nothing(self) -> bool:
        """True for an irrelevance case: every acceptable answer calls nothing."""
        return bool(self.accept) and not any(e.calls for e in self.accept)


class Part(Struct, frozen=True, kw_only=True):
    """Of what suite some cases are a part, and which of its cases they are."""

    suite: str
    """The name of the whole."""
    digest: str
    """Of the whole."""
    cases: int
    """Of the whole."""
    places: tuple[int, ...]
    """Where its cases stand in the whole, from 0, ascending."""
    shard: tuple[int, int] | None = None
    """(K, N) of the K-th of N parts; None of what several came to that are not all."""

    @property
    def lacking(self) -> int:
        """Cases of the whole that should be here and are not. One part alone is meant to have its own and no others."""
        return self.cases - len(self.places) if self.shard is None else 0


class Suite(Struct, frozen=True, kw_only=True):
    """Cases with the tools they offer. `digest` changes when anything that is asked or judged changes."""

    name: str
    specs: Mapping[str, ToolSpec]
    """Key -> spec. The key is the tool's name, with `~2`, `~3` ... behind it where a suite has several of one name."""
    cases: Sequence[Case]
    """In memory where they are few; of many, each is read from a file when it is taken."""
    formats: Literal["assert", "annotate"] = "assert"
    digest: str = ""
    part: Part | None = None
    """None: it is whole."""


ARMS: Mapping[str, str] = {
    "native": "tools are offered and the model decides",
    "forced": "tools are offered and the endpoint is told that one must be called",
    "strict": "tools are offered as strict functions, their schemas rewritten as those demand",
    "prompted": "tools are declared in the system message, and calls are read from the text",
    "constrained": "as prompted, and the server's guided decoding allows nothing but calls of these tools",
}
"""How a model is asked, and what each way means."""

Constraint: TypeAlias = Literal["response_format", "structured_outputs", "grammar"]
CONSTRAINTS: Mapping[Constraint, str] = {
    "response_format": "OpenAI's json_schema, which most servers take",
    "structured_outputs": "vLLM's own field",
    "grammar": "llama.cpp's json_schema, of which it makes a grammar",
}
"""How the arm `constrained` asks for guided decoding."""


class Serve(Struct, frozen=True, kw_only=True):
    """A server to start on this machine before a model is asked, and to stop afterwards."""

    engine: str
    """The plug-in of `servers/` that knows how."""
    model: str = ""
    """What it serves, as the engine names it: a folder, a file, a name in a hub; "": it takes none."""
    args: tuple[str, ...] = ()
    """Further arguments of the engine's own command, as they stand."""
    port: int = 0
    """0: any that is free."""
    health: str = ""
    """The path that answers 200 once it is ready; "": the engine's own."""
    startup_timeout: float = 600.0
    """Seconds within which it must be ready."""


RECORDED = "recorded"
"""The provider of a target whose answers were imported: nobody can be asked for them again."""


class Target(Struct, frozen=True, kw_only=True):
    """A model as it is asked. Two targets of one run have different identities."""

    name: str
    provider: str
    model: str
    arm: str = "native"
    params: Mapping[str, Json] = field(default_factory=dict)
    """Sampling parameters, sent as they stand (temperature, max_tokens, seed ...)."""
    base_url: str | None = None
    api_key_env: str | None = None
    """Name of the environment variable that holds the key. The key itself is in no noun."""
    input_price: float | None = None
    """USD per million input tokens."""
    output_price: float | None = None
    timeout: float = 120.0
    """Seconds one attempt may take."""
    stream: bool = False
    options: Mapping[str, Json] = field(default_factory=dict)
    """What only this provider understands (a stored run for `replay`, a fault for `reference`)."""
    constraint: Constraint = "response_format"
    """On the arm `constrained`: how guided decoding is asked for."""
    serve: Serve | None = None
    """The server to start for it, whose address is then its `base_url`; None: it is there already."""
    requests_per_minute: float | None = None
    """What the endpoint allows; None: unlimited, or unknown."""
    tokens_per_minute: float | None = None
    """Input and output together."""

    @property
    def identity(self) -> str:
        return self.name if self.arm == "native" else f"{self.name}@{self.arm}"


class Request(Struct, frozen=True, kw_only=True):
    """One question as it will be sent: `body` is exactly what the provider is handed."""

    case: Case
    trial: int
    target: Target
    specs: tuple[ToolSpec, ...]
    """The tools offered, in the order of `case.tools`."""
    body: Mapping[str, Json]


DIVERGENCES: Mapping[str, str] = {
    "refused": "the route refuses the tool as it is declared",
    "limit": "beyond a limit of the route",
    "lost": "a constraint is not sent, so nothing holds the model to it",
    "changed": "said in another way",
    "renamed": "sent under another name",
    "unsaid": "an annotation is not sent, so the model does not see it",
}
"""Kinds of Divergence, worst first, and what they mean."""


class Divergence(Struct, frozen=True, kw_only=True):
    """One way in which a tool as a route takes it is not the tool as it was declared."""

    tool: str
    kind: str
    """One of DIVERGENCES."""
    path: Pointer = ""
    """Where in the declared schema; "" is the tool as such."""
    keyword: str = ""
    message: str
    source: str = ""
    """The place in the file that declares it, as `file#pointer`."""
