"""The shapes of suite, model and policy files: pydantic models, and the JSON Schemas for editors made from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticCustomError

from evalkit.data import Constraint, OnInconclusive, ScoreName

Kind: TypeAlias = Literal["suite", "models", "policy"]
Word: TypeAlias = Annotated[str, Field(min_length=1)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
Price: TypeAlias = Annotated[float, Field(ge=0)]


ID = r"^[A-Za-z0-9_.-]+$"
DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


class Shape(BaseModel):
    """An empty default says that the key is not there: a key that is there may not be empty, nor null.

    Empty lists and objects are made, and not given as defaults, of which pydantic makes a deep copy each time. A shape
    is built when it is first used: a run reads no policy.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


def _kinds(by: Callable[[Any], str | None], otherwise: str) -> Any:
    """Tells alternatives apart. A tag names a key that only its shape has, in brackets to be told from the key."""
    context: dict[str, str | int | float] = {"what": otherwise, "hint": ""}
    return Discriminator(by, custom_error_type="said", custom_error_message="{what}", custom_error_context=context)


# --------------------------------------------------------------------------- suites

Pattern: TypeAlias = Annotated[
    Any,
    WithJsonSchema(
        {
            "description": "A value that is meant exactly, or a matcher: {$one_of: [a, b]}, {$number: 3.1, rel: 0.1}, "
            '{$text: "Oslo"}, {$date: 2026-03-01}, {$regex: "^a.c$"}, {$unordered: [...]}, {$length: 3}, '
            "{$present: true}, {$absent: true}, {$ignore: true}. {$optional: ...} may be left out; {$exact: {...}} "
            "quotes an object that has such keys."
        }
    ),
]


class CallShape(Shape):
    """One call."""

    call: Word = Field(description="The tool's name.")
    args: dict[str, Pattern] = Field(default_factory=dict, description="What each argument must be.")
    closed: bool = Field(
        True, description="An argument not named here is a mismatch, unless it spells out its default."
    )


class CallsShape(Shape):
    """Several calls."""

    calls: list[CallShape] = Field(min_length=1)
    ordered: bool = Field(False, description="The calls must come in this order.")
    extra_calls: bool = Field(False, description="Calls beyond these are no mismatch.")


_EXPECT = "expect is none, any_call, {call: TOOL, args: {...}}, {calls: [...]} or {any_of: [...]}"
_FORM = "one of any_of is none, {call: TOOL, args: {...}} or {calls: [...]}"


def _form(value: Any) -> str | None:
    if isinstance(value, str):
        return "<word>"
    keys = value if isinstance(value, dict) else ()
    return next((f"<{key}>" for key in ("any_of", "calls", "call") if key in keys), None)


_Call: TypeAlias = Annotated[CallShape, Tag("<call>")]
_Calls: TypeAlias = Annotated[CallsShape, Tag("<calls>")]
Form: TypeAlias = Annotated[Annotated[Literal["none"], Tag("<word>")] | _Call | _Calls, _kinds(_form, _FORM)]


class AnyOfShape(Shape):
    """Alternatives: any of them will do."""

    any_of: list[Form] = Field(min_length=1)


Expect: TypeAlias = Annotated[
    Annotated[Literal["none", "any_call"], Tag("<word>")] | _Call | _Calls | Annotated[AnyOfShape, Tag("<any_of>")],
    _kinds(_form, _EXPECT),
]


class MessageShape(BaseModel):
    """A chat message in OpenAI's shape, sent as it stands."""

    model_config = ConfigDict(extra="allow", strict=True)
    role: Literal["system", "developer", "user", "assistant", "tool"]


class CaseShape(Shape):
    """One question, and what its answer must be."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["user"]}, {"required": ["messages"]}]})

    id: str = Field(pattern=ID, description="Unique in the suite.")
    user: Word = Field("", description="What the user says; short for one message.")
    messages: list[MessageShape] = Field(default_factory=list, min_length=1, description="The conversation so far.")
    offer: list[Word] = Field(default_factory=list, min_length=1, description="Tools offered; default: the suite's.")
    tags: list[Word] = Field(default_factory=list)
    expect: Expect = Field(description="none: call nothing. any_call: any schema-compliant call.")
    forbid: list[Word] = Field(default_factory=list, description="Tools whose call makes the answer wrong.")
    flaws: list[Word] = Field(
        default_factory=list, description="What is wrong with imported gold that is kept all the same."
    )

    @model_validator(mode="after")
    def _asks_once(self) -> CaseShape:
        if bool(self.user) == bool(self.messages):
            what = "has both 'user' and 'messages'" if self.user else "has neither 'user' nor 'messages'"
            raise PydanticCustomError("said", "{what}", {"what": f"the case {what}", "hint": "give one of them"})
        return self


class ToolShape(Shape):
    """A tool, declared in place."""

    name: Word
    description: str = ""
    parameters: dict[str, Any] = Field(description="JSON Schema of the arguments.")
    key: Word = Field("", description="What `offer` calls it, where several tools have one name.")


def _declaration(value: Any) -> str | None:
    return "<file>" if isinstance(value, str) else "<name>" if isinstance(value, dict) else None


_DECLARED = "a tool is the path of a file, or {name: ..., description: ..., parameters: {...}}"
Declared: TypeAlias = Annotated[
    Annotated[Word, Tag("<file>")] | Annotated[ToolShape, Tag("<name>")], _kinds(_declaration, _DECLARED)
]


class HeaderShape(Shape):
    """A suite but for its cases: the first line of a JSON Lines file."""

    suite: Word = Field(description="The suite's name.")
    description: str = ""
    tools: list[Declared] = Field(min_length=1, description="Files of tool specs, relative to this one; or tools.")
    offer: list[Word] = Field(default_factory=list, min_length=1, description="Tools offered; default: all of them.")
    formats: Literal["assert", "annotate"] = Field("assert", description="Whether `format` in schemas is judged.")
    system: Word = Field("", description="A system message put before the messages of every case.")


class DocumentShape(HeaderShape):
    """A suite in one document, whose cases are looked at one by one."""

    cases: list[Any] = Field(default_factory=list)


class SuiteShape(HeaderShape):
    """Cases, and the tools they offer."""

    cases: list[CaseShape] = Field(min_length=1)


# --------------------------------------------------------------------------- models and policies


def _as_argument(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Argument: TypeAlias = Annotated[
    str, BeforeValidator(_as_argument), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]})
]


class ServeShape(Shape):
    """A server on this machine, started for the run and stopped after it. Models with the same one share it."""

    engine: Word = Field(description="vllm, sglang, llama_server, ollama, transformers, or command: any command.")
    model: Word = Field("", description="What it serves, as the engine names it; default: the model's own name.")
    args: list[Argument] = Field(
        default_factory=list, description="Further arguments of its command; {port} is filled in for command."
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(0, description="0: any that is free.")
    health: Word = Field("", description="The path that answers 200 once it is ready; default: the engine's own.")
    startup_timeout: Positive = Field(600.0, description="Seconds within which it must be ready.")


class ModelShape(Shape):
    """A model, and how it is asked."""

    model: Word = Field(description="provider/model or provider/model@arm.")
    name: Word = Field("", description="What reports call it; default: provider/model.")
    base_url: Word | None = None
    api_key_env: Word | None = Field(None, description="Name of the environment variable that holds the key.")
    params: dict[str, Any] = Field(default_factory=dict, description="Sampling parameters, sent as they stand.")
    input_price: Price | None = Field(None, description="USD per million input tokens.")
    output_price: Price | None = Field(None, description="USD per million output tokens.")
    timeout: Positive = Field(120.0, description="Seconds one attempt may take.")
    stream: bool = False
    options: dict[str, Any] = Field(default_factory=dict, description="What only this provider understands.")
    constraint: Constraint = Field("response_format", description="How the arm constrained asks for guided decoding.")
    serve: ServeShape | None = Field(None, description="A server to start for it, whose address is its base_url.")
    requests_per_minute: Positive | None = Field(None, description="Not asked more often, evenly over the minute.")
    tokens_per_minute: Positive | None = Field(None, description="Input and output; estimated, then counted.")


class ModelsShape(Shape):
    """Models to ask."""

    models: list[ModelShape] = Field(min_length=1)


class SliceShape(Shape):
    """Requirements on the rates of some cases."""

    floors: dict[ScoreName, Share] = Field(default_factory=dict, description="Score -> the least rate that passes.")
    max_drop: dict[ScoreName, Share] = Field(
        default_factory=dict, description="Score -> how far below the baseline it may be."
    )


class LatencyShape(Shape):
    max_ratio: Positive = Field(description="Candidate over baseline: 1.5 allows 50 % slower.")


class CostShape(Shape):
    max_ratio: Positive = Field(description="Candidate over baseline: 1.2 allows a bill 20 % higher.")


class FaultsShape(Shape):
    max_share: Share = Field(description="Share of answers that may be faults before nothing can be said.")


class QuarantineShape(Shape):
    """A case that no check counts for a while."""

    case: Word = Field(description="Its id.")
    until: str = Field(pattern=DATE, description="The last day. After it the case counts again.")
    owner: Word = Field(description="Who mends it.")
    why: Word


class PolicyShape(SliceShape):
    """What a candidate must keep to pass the gate."""

    latency: LatencyShape | None = None
    cost: CostShape | None = None
    faults: FaultsShape | None = None
    tools: dict[str, SliceShape] = Field(
        {},
        description="Tool -> requirements on the cases that expect it. "
        "Its max_drop is also the margin of the tool's readiness.",
    )
    quarantine: list[QuarantineShape] = Field(default_factory=list, min_length=1)
    inconclusive: OnInconclusive = Field(
        "warn", description="What an open gate returns: fail: exit 1; warn: exit 3; pass: exit 0."
    )


_SHAPES: Mapping[Kind, type[Shape]] = {"suite": SuiteShape, "models": ModelsShape, "policy": PolicyShape}


class _Plain(GenerateJsonSchema):
    """Without titles, which repeat the names of properties, and without defaults that say nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        described = super().default_schema(schema)
        return described if described.get("default") else {k: v for k, v in described.items() if k != "default"}


def json_schema(kind: Kind) -> str:
    """JSON Schema of a kind of file, for editors: pretty, and the same every time."""
    schema = _SHAPES[kind].model_json_schema(schema_generator=_Plain)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": f"evalkit {kind} file"}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
