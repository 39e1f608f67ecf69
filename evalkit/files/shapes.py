"""The shapes of suite, model and policy files: what stands under which key, and what editors say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta, Struct

from evalkit.data import Constraint, Json, OnInconclusive, ScoreName

Kind: TypeAlias = Literal["suite", "models", "policy"]
Word: TypeAlias = Annotated[str, Meta(min_length=1)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Positive: TypeAlias = Annotated[float, Meta(gt=0)]
Price: TypeAlias = Annotated[float, Meta(ge=0)]


ID = r"^[A-Za-z0-9_.-]+$"
DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


class Shape(Struct, frozen=True, kw_only=True):
    """An object with these keys and no others.

    An empty default says that the key is not there: a key that is there may not be empty, nor null.
    """

    OPEN: ClassVar[bool] = False
    """Whether there may be other keys all the same."""
    EDITORS: ClassVar[Mapping[str, Json]] = {}
    """What editors are told beside that."""

    def wrong(self) -> tuple[str, str] | None:
        """What is wrong with the whole though each part is right, and a hint."""
        return None


class Kinds(Struct, frozen=True):
    """How alternatives are told apart: by a key that only its shape has, the first of it; "" for a string."""

    by: Callable[[Json], str | None]
    otherwise: str
    """What is said of a value that is none of them."""


class Spelled(Struct, frozen=True):
    """A number is taken for the string that spells it."""


# --------------------------------------------------------------------------- suites

Pattern: TypeAlias = Annotated[
    Any,
    Meta(
        description="A value that is meant exactly, or a matcher: {$one_of: [a, b]}, {$number: 3.1, rel: 0.1}, "
        '{$text: "Oslo"}, {$date: 2026-03-01}, {$regex: "^a.c$"}, {$unordered: [...]}, {$length: 3}, '
        "{$present: true}, {$absent: true}, {$ignore: true}. {$optional: ...} may be left out; {$exact: {...}} "
        "quotes an object that has such keys."
    ),
]


class CallShape(Shape, frozen=True, kw_only=True):
    """One call."""

    call: Annotated[Word, Meta(description="The tool's name.")]
    args: Annotated[dict[str, Pattern], Meta(description="What each argument must be.")] = {}
    closed: Annotated[
        bool, Meta(description="An argument not named here is a mismatch, unless it spells out its default.")
    ] = True


class CallsShape(Shape, frozen=True, kw_only=True):
    """Several calls."""

    calls: Annotated[list[CallShape], Meta(min_length=1)]
    ordered: Annotated[bool, Meta(description="The calls must come in this order.")] = False
    extra_calls: Annotated[bool, Meta(description="Calls beyond these are no mismatch.")] = False


_EXPECT = "expect is none, any_call, {call: TOOL, args: {...}}, {calls: [...]} or {any_of: [...]}"
_FORM = "one of any_of is none, {call: TOOL, args: {...}} or {calls: [...]}"


def _form(value: Json) -> str | None:
    if isinstance(value, str):
        return ""
    keys = value if isinstance(value, dict) else ()
    return next((key for key in ("any_of", "calls", "call") if key in keys), None)


Form: TypeAlias = Annotated[Literal["none"] | CallShape | CallsShape, Kinds(_form, _FORM)]


class AnyOfShape(Shape, frozen=True, kw_only=True):
    """Alternatives: any of them will do."""

    any_of: Annotated[list[Form], Meta(min_length=1)]


Expect: TypeAlias = Annotated[Literal["none", "any_call"] | CallShape | CallsShape | AnyOfShape, Kinds(_form, _EXPECT)]


class MessageShape(Shape, frozen=True, kw_only=True):
    """A chat message in OpenAI's shape, sent as it stands."""

    OPEN = True

    role: Literal["system", "developer", "user", "assistant", "tool"]


class CaseShape(Shape, frozen=True, kw_only=True):
    """One question, and what its answer must be."""

    EDITORS = {"oneOf": [{"required": ["user"]}, {"required": ["messages"]}]}

    id: Annotated[str, Meta(pattern=ID, description="Unique in the suite.")]
    user: Annotated[Word, Meta(description="What the user says; short for one message.")] = ""
    messages: Annotated[list[MessageShape], Meta(min_length=1, description="The conversation so far.")] = []
    offer: Annotated[list[Word], Meta(min_length=1, description="Tools offered; default: the suite's.")] = []
    tags: list[Word] = []
    expect: Annotated[Expect, Meta(description="none: call nothing. any_call: any schema-compliant call.")]
    forbid: Annotated[list[Word], Meta(description="Tools whose call makes the answer wrong.")] = []
    flaws: Annotated[list[Word], Meta(description="What is wrong with imported gold that is kept all the same.")] = []

    def wrong(self) -> tuple[str, str] | None:
        if bool(self.user) != bool(self.messages):
            return None
        what = "has both 'user' and 'messages'" if self.user else "has neither 'user' nor 'messages'"
        return f"the case {what}", "give one of them"


class ToolShape(Shape, frozen=True, kw_only=True):
    """A tool, declared in place."""

    name: Word
    description: str = ""
    parameters: Annotated[dict[str, Any], Meta(description="JSON Schema of the arguments.")]
    key: Annotated[Word, Meta(description="What `offer` calls it, where several tools have one name.")] = ""


def _declaration(value: Json) -> str | None:
    return "" if isinstance(value, str) else "name" if isinstance(value, dict) else None


_DECLARED = "a tool is the path of a file, or {name: ..., description: ..., parameters: {...}}"
Declared: TypeAlias = Annotated[Word | ToolShape, Kinds(_declaration, _DECLARED)]


class HeaderShape(Shape, frozen=True, kw_only=True):
    """A suite but for its cases: the first line of a JSON Lines file."""

    suite: Annotated[Word, Meta(description="The suite's name.")]
    description: str = ""
    tools: Annotated[
        list[Declared], Meta(min_length=1, description="Files of tool specs, relative to this one; or tools.")
    ]
    offer: Annotated[list[Word], Meta(min_length=1, description="Tools offered; default: all of them.")] = []
    formats: Annotated[Literal["assert", "annotate"], Meta(description="Whether `format` in schemas is judged.")] = (
        "assert"
    )
    system: Annotated[Word, Meta(description="A system message put before the messages of every case.")] = ""


class DocumentShape(HeaderShape, frozen=True, kw_only=True):
    """A suite in one document, whose cases are looked at one by one."""

    cases: list[Any] = []


class SuiteShape(HeaderShape, frozen=True, kw_only=True):
    """Cases, and the tools they offer."""

    cases: Annotated[list[CaseShape], Meta(min_length=1)]


# --------------------------------------------------------------------------- models and policies

Argument: TypeAlias = Annotated[
    str, Spelled(), Meta(extra_json_schema={"anyOf": [{"type": "string"}, {"type": "number"}]})
]


class ServeShape(Shape, frozen=True, kw_only=True):
    """A server on this machine, started for the run and stopped after it. Models with the same one share it."""

    engine: Annotated[
        Word, Meta(description="vllm, sglang, llama_server, ollama, transformers, or command: any command.")
    ]
    model: Annotated[
        Word, Meta(description="What it serves, as the engine names it; default: the model's own name.")
    ] = ""
    args: Annotated[
        list[Argument], Meta(description="Further arguments of its command; {port} is filled in for command.")
    ] = []
    port: Annotated[int, Meta(ge=0, le=65535, description="0: any that is free.")] = 0
    health: Annotated[
        Word, Meta(description="The path that answers 200 once it is ready; default: the engine's own.")
    ] = ""
    startup_timeout: Annotated[Positive, Meta(description="Seconds within which it must be ready.")] = 600.0


class ModelShape(Shape, frozen=True, kw_only=True):
    """A model, and how it is asked."""

    model: Annotated[Word, Meta(description="provider/model or provider/model@arm.")]
    name: Annotated[Word, Meta(description="What reports call it; default: provider/model.")] = ""
    base_url: Word | None = None
    api_key_env: Annotated[Word | None, Meta(description="Name of the environment variable that holds the key.")] = None
    params: Annotated[dict[str, Any], Meta(description="Sampling parameters, sent as they stand.")] = {}
    input_price: Annotated[Price | None, Meta(description="USD per million input tokens.")] = None
    output_price: Annotated[Price | None, Meta(description="USD per million output tokens.")] = None
    timeout: Annotated[Positive, Meta(description="Seconds one attempt may take.")] = 120.0
    stream: bool = False
    options: Annotated[dict[str, Any], Meta(description="What only this provider understands.")] = {}
    constraint: Annotated[Constraint, Meta(description="How the arm constrained asks for guided decoding.")] = (
        "response_format"
    )
    serve: Annotated[
        ServeShape | None, Meta(description="A server to start for it, whose address is its base_url.")
    ] = None
    requests_per_minute: Annotated[
        Positive | None, Meta(description="Not asked more often, evenly over the minute.")
    ] = None
    tokens_per_minute: Annotated[Positive | None, Meta(description="Input and output; estimated, then counted.")] = None


class ModelsShape(Shape, frozen=True, kw_only=True):
    """Models to ask."""

    models: Annotated[list[ModelShape], Meta(min_length=1)]


class SliceShape(Shape, frozen=True, kw_only=True):
    """Requirements on the rates of some cases."""

    floors: Annotated[dict[ScoreName, Share], Meta(description="Score -> the least rate that passes.")] = {}
    max_drop: Annotated[dict[ScoreName, Share], Meta(description="Score -> how far below the baseline it may be.")] = {}


class LatencyShape(Shape, frozen=True, kw_only=True):
    max_ratio: Annotated[Positive, Meta(description="Candidate over baseline: 1.5 allows 50 % slower.")]


class CostShape(Shape, frozen=True, kw_only=True):
    max_ratio: Annotated[Positive, Meta(description="Candidate over baseline: 1.2 allows a bill 20 % higher.")]


class FaultsShape(Shape, frozen=True, kw_only=True):
    max_share: Annotated[Share, Meta(description="Share of answers that may be faults before nothing can be said.")]


class QuarantineShape(Shape, frozen=True, kw_only=True):
    """A case that no check counts for a while."""

    case: Annotated[Word, Meta(description="Its id.")]
    until: Annotated[str, Meta(pattern=DATE, description="The last day. After it the case counts again.")]
    owner: Annotated[Word, Meta(description="Who mends it.")]
    why: Word


class PolicyShape(SliceShape, frozen=True, kw_only=True):
    """What a candidate must keep to pass the gate."""

    latency: LatencyShape | None = None
    cost: CostShape | None = None
    faults: FaultsShape | None = None
    tools: Annotated[
        dict[str, SliceShape],
        Meta(
            description="Tool -> requirements on the cases that expect it. "
            "Its max_drop is also the margin of the tool's readiness."
        ),
    ] = {}
    quarantine: Annotated[list[QuarantineShape], Meta(min_length=1)] = []
    inconclusive: Annotated[
        OnInconclusive, Meta(description="What an open gate returns: fail: exit 1; warn: exit 3; pass: exit 0.")
    ] = "warn"


SHAPES: Mapping[Kind, type[Shape]] = {"suite": SuiteShape, "models": ModelsShape, "policy": PolicyShape}
