"""How an answer is judged, and what is kept of it: violations, scores, records, runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct, field

from evalkit.data.answered import Answer, Attempt, Fault, Response, Violation
from evalkit.data.asked import Suite, Target
from evalkit.data.words import RUNGS, Json, Pointer, Rung

CODES: Mapping[str, str] = {
    "envelope.finish_conflict": "the finish reason says something other than what the answer holds",
    "envelope.arguments_not_text": "the arguments came as an object, null or a number where the protocol says text",
    "envelope.missing_id": "a call came without an id, by which the next turn tells its result",
    "envelope.same_id": "two calls came under one id",
    "envelope.missing_index": "a call was streamed without an index, which tells the pieces of calls apart",
    "envelope.same_index": "two calls were streamed under one index",
    "call.missing": "the case wants a call and none was made",
    "call.unexpected": "the case wants no call and one was made",
    "call.leaked_in_text": "a call was left in the text and not made",
    "call.unreadable": "the endpoint could not read the call that the model made, and gave an error",
    "call.truncated": "the answer was cut off at the token limit inside a call",
    "call.duplicate": "the same call was made twice",
    "tool.unknown": "the call names a tool that was not offered",
    "tool.near_miss": "the call names a tool that was not offered, but for case or punctuation",
    "json.syntax": "the arguments are not JSON",
    "json.trailing_data": "something follows the JSON value",
    "json.duplicate_key": "an object has the same key twice",
    "json.concatenated": "several JSON values stand one after another",
    "json.fenced": "the arguments stand in a Markdown code fence",
    "json.nan": "NaN, Infinity, or a number so large that it reads as infinite",
    "json.too_deep": "nested deeper than 200 levels",
    "json.too_large": "longer than 1,000,000 characters",
    "schema.type": "a value of the wrong type",
    "schema.required": "a required argument is missing",
    "schema.additional": "an argument the schema does not allow",
    "schema.enum": "a value outside the enumeration",
    "schema.enum_case": "a value outside the enumeration, but for upper and lower case",
    "schema.const": "a value other than the constant",
    "schema.format": "a string that is not of the declared format",
    "schema.pattern": "a string that does not match the pattern",
    "schema.range": "a number outside the range, or not a multiple",
    "schema.length": "too short, too long, too few or too many",
    "schema.union": "none, or more than one, of the alternatives fits",
    "schema.null": "null where the schema does not allow it",
    "schema.stringified_container": "an object or array sent as a string of JSON",
    "schema.stringified_scalar": "a number or boolean sent as a string",
    "schema.double_encoded": "the whole arguments are a JSON string that holds JSON",
    "schema.other": "another keyword of the schema is violated",
    "client.normalised": "a client library showed something other than what was on the wire",
}
"""Every violation code and its meaning. Part of the API: codes are added, never renamed."""


MismatchKind: TypeAlias = Literal[
    "missing_call", "extra_call", "forbidden_call", "order", "missing_arg", "extra_arg", "arg"
]
MISMATCHES: Mapping[str, str] = {
    "missing_call": "a call the case wants was not made",
    "extra_call": "a call was made that the case does not want",
    "forbidden_call": "a tool was called that the case forbids",
    "order": "the calls came in another order",
    "missing_arg": "an argument the case wants was left out",
    "extra_arg": "an argument was given that the case does not want",
    "arg": "an argument has another value than the case wants",
}
"""Every kind of mismatch and its meaning."""


class Mismatch(Struct, frozen=True, kw_only=True):
    """One way in which the answer is not what the case wanted."""

    kind: MismatchKind
    tool: str
    payload: int | None = None
    path: Pointer = ""
    expected: Json = None
    actual: Json = None
    why: str = ""


class Counts(Struct, frozen=True, kw_only=True):
    """For precision (matched / actual), recall (matched / expected) and F1 (2 matched / (actual + expected))."""

    matched: int = 0
    expected: int = 0
    actual: int = 0


class Score(Struct, frozen=True, kw_only=True):
    """One answer on the ladder. A rung is None only because of the case, never because of the answer.

    The rungs are cumulative: one that is True implies all before it that are not None. On a case that wants
    nothing only `abstained` and `correct` apply, on one that accepts both a call and nothing only `correct`. With
    `accept == ()`, `correct` applies only if the case forbids a tool.
    """

    called: bool | None
    """A call was made, on a case that wants one."""
    tool: bool | None
    """... and every call names an offered tool."""
    parsed: bool | None
    """... and all arguments are JSON."""
    valid: bool | None
    """... and all arguments fit their declared schemas. This is compliance."""
    correct: bool | None
    """... and the calls are what the case wanted (or nothing was called, where nothing is wanted)."""
    abstained: bool | None
    """Nothing was called, on a case that wants nothing."""
    valid_lenient: bool | None
    """`valid`, had code fences and surrounding white space been removed first."""
    valid_repaired: bool | None
    """`valid`, had every repair of `values.repair` been applied first."""
    calls: Counts
    """Calls by tool name, after the best assignment."""
    arguments: Counts
    """Arguments of the case's rules, after the best assignment."""
    violations: tuple[Violation, ...] = ()
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def failed_at(self) -> Rung | None:
        """The first rung that is False; None if all that apply hold."""
        return next((r for r in RUNGS if getattr(self, r) is False), None)


class Judging(Struct, frozen=True, kw_only=True):
    """How answers are judged, beyond what the suite says."""

    strings: Literal["exact", "bfcl"] = "exact"
    """How the matchers `exact` and `one_of` compare strings: see `values.same`."""


class Record(Struct, frozen=True, kw_only=True):
    """One case, one trial, one target: what came back and what it is worth."""

    case: str
    trial: int
    target: str
    """`Target.identity`."""
    started: str
    """UTC, ISO 8601."""
    sent: str
    """Digest of the request body; the body itself follows from the suite and the target."""
    reply: Response | Fault
    attempts: tuple[Attempt, ...] = ()
    """The failed attempts before `reply`."""
    answer: Answer | None = None
    """None on a Fault."""
    score: Score | None = None
    """None on a Fault."""
    cached: str = ""
    """When `reply` was first had, in another run: UTC, ISO 8601, and its times are of then; "": it was had in this."""


RecordKey: TypeAlias = tuple[str, int, str]
"""Which record of a run it is: (`Target.identity`, trial, case id)."""


class EngineStart(Struct, frozen=True, kw_only=True):
    """A server that was started for a run, and what it told of itself."""

    engine: str
    """The plug-in of `servers/`."""
    model: str
    targets: tuple[str, ...]
    """`Target.identity` of those that it served."""
    command: tuple[str, ...]
    log: str
    """File, from the folder of the run."""
    ready_seconds: float | None
    exit: int | None
    """None if it was running to the end."""
    metrics: Mapping[str, Json] | None
    """What it counted while it was asked; None where the engine counts nothing."""


class Flight(Struct, frozen=True, kw_only=True):
    """How many requests were in flight to a target while a command asked it."""

    target: str
    """`Target.identity`."""
    started: str
    """UTC, ISO 8601."""
    widths: tuple[tuple[float, int], ...]
    """Seconds since `started`, and how many at a time were allowed from then on."""
    refusals: int
    """Attempts that met a limit of the endpoint."""


class RunInfo(Struct, frozen=True, kw_only=True):
    """What a run is, without its records."""

    id: str
    created: str
    """UTC, ISO 8601."""
    suite_name: str
    suite_digest: str
    cases: int
    targets: tuple[Target, ...]
    trials: int
    judging: Judging
    versions: Mapping[str, str]
    """Of evalkit, Python, and the libraries that judge or ask."""
    guards: Mapping[str, Json] = field(default_factory=dict)
    """Settings of client libraries that were pinned for the run, and concurrency."""
    sequential: bool = False
    """Answers were looked at as they came, to stop early: what is decided on them must hold at any stopping time."""
    stopped: str | None = None
    """Why asking ended before all was asked, and what that left; None if it did not."""
    engines: tuple[EngineStart, ...] = ()
    """Oldest first."""
    flights: tuple[Flight, ...] = ()
    """Oldest first: one for each target each time it was asked."""


class Run(Struct, frozen=True, kw_only=True):
    info: RunInfo
    suite: Suite
    records: tuple[Record, ...]
