"""Every noun of evalkit: what the steps take and what they give.

All are frozen and hold tuples; none has behaviour beyond a one-line property. `None` means unknown or "does
not apply", never zero. Imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
"""None, bool, int, float, str, list of Json, or dict of str to Json."""

Pointer: TypeAlias = str
"""A JSON Pointer (RFC 6901): "" is the whole value, "/a/0" the first item of a."""

Rung: TypeAlias = Literal["called", "tool", "parsed", "valid", "correct"]
RUNGS: tuple[Rung, ...] = ("called", "tool", "parsed", "valid", "correct")

# --------------------------------------------------------------------------- what is asked


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolSpec:
    """A tool as its owner declared it. `schema` is the JSON Schema of its arguments, untouched."""

    name: str
    description: str
    schema: Json
    source: str
    """Where it was declared, as `file#pointer`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArgRule:
    """What one argument must be. `path` points into the arguments; `matcher` names a plug-in of `matchers/`."""

    path: Pointer
    matcher: str = "exact"
    value: Json = None
    options: Mapping[str, Json] = field(default_factory=dict)
    optional: bool = False
    """True: the argument may be left out. Rules below an optional argument that was left out do not apply."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedCall:
    """One call the case wants, by the tool's name.

    `closed`: an argument no rule names is a mismatch, unless it spells out its default.
    """

    tool: str
    args: tuple[ArgRule, ...] = ()
    closed: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """One acceptable answer. `calls == ()`: call nothing."""

    calls: tuple[ExpectedCall, ...] = ()
    ordered: bool = False
    extra_calls: bool = False
    """True: calls beyond the expected ones are no mismatch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """Cases with the tools they offer. `digest` changes when anything that is asked or judged changes."""

    name: str
    specs: Mapping[str, ToolSpec]
    """Key -> spec. The key is the tool's name, with `~2`, `~3` ... behind it where a suite has several of one name."""
    cases: tuple[Case, ...]
    formats: Literal["assert", "annotate"] = "assert"
    digest: str = ""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Serve:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Divergence:
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


# --------------------------------------------------------------------------- what came back


@dataclass(frozen=True, kw_only=True, slots=True)
class Wire:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Seconds, of the attempt that answered. All but `queued` count from the moment the request was sent."""

    queued: float | None = None
    first_byte: float | None = None
    first_token: float | None = None
    first_call_byte: float | None = None
    arguments_done: float | None = None
    total: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    """Those of `input_tokens` that were read from a cache."""
    reasoning_tokens: int | None = None
    """Those of `output_tokens` that nobody is shown."""
    cost: float | None = None
    """USD."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """An answer as the endpoint sent it."""

    wire: Wire
    dialect: str
    """The plug-in of `dialects/` that reads `wire`."""
    timing: Timing = field(default_factory=Timing)
    client: Json = None
    """What a client library made of the wire: {"calls": [{"tool", "text"}], "finish", "text"}, or None without one."""
    sent: Json = None
    """The tool declarations as they left, if they differ from what was handed to the provider; else None."""
    arm: str = "native"
    """The arm it answers to: on `prompted` and `constrained` its calls stand in the text."""


FaultKind: TypeAlias = Literal[
    "timeout", "rate_limit", "auth", "bad_request", "blocked", "unsupported", "server", "network", "budget", "plugin"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """The world failed; the model was not heard. Counted beside the rates, never in them."""

    kind: FaultKind
    message: str
    status: int | None = None
    retryable: bool = False
    seconds: float = 0.0
    """How long the attempt took."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A failed attempt and the wait (seconds) before the next."""

    fault: Fault
    wait: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """One tool call as produced. Its arguments parsed iff `error` is None."""

    index: int
    tool: str
    text: str | None
    """The argument text character for character; None where the wire carried an object and no text."""
    value: Json = None
    error: str | None = None
    """A `json.*` code."""
    id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
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
    """Of the response. On `prompted` and `constrained`, `text` holds the calls too; on `strict`, a null may stand for
    an argument that was left out."""


# --------------------------------------------------------------------------- how it is judged

CODES: Mapping[str, str] = {
    "envelope.finish_conflict": "the finish reason says something other than what the answer holds",
    "envelope.arguments_not_text": "the arguments came as an object, null or a number where the protocol says text",
    "call.missing": "the case wants a call and none was made",
    "call.unexpected": "the case wants no call and one was made",
    "call.leaked_in_text": "a call was left in the text and not made",
    "call.truncated": "the answer was cut off at the token limit inside a call",
    "call.duplicate": "the same call was made twice",
    "tool.unknown": "the call names a tool that was not offered",
    "tool.near_miss": "the call names a tool that was not offered, but for case or punctuation",
    "json.syntax": "the arguments are not JSON",
    "json.trailing_data": "something follows the JSON value",
    "json.duplicate_key": "an object has the same key twice",
    "json.concatenated": "several JSON values stand one after another",
    "json.fenced": "the arguments stand in a Markdown code fence",
    "json.nan": "NaN or Infinity, which JSON does not have",
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Mismatch:
    """One way in which the answer is not what the case wanted."""

    kind: MismatchKind
    tool: str
    payload: int | None = None
    path: Pointer = ""
    expected: Json = None
    actual: Json = None
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """For precision (matched / actual), recall (matched / expected) and F1 (2 matched / (actual + expected))."""

    matched: int = 0
    expected: int = 0
    actual: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Judging:
    """How answers are judged, beyond what the suite says."""

    strings: Literal["exact", "bfcl"] = "exact"
    """How the matchers `exact` and `one_of` compare strings: see `values.same`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInfo:
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
    engines: tuple[Json, ...] = ()
    """Each start of a local server, oldest first: {"engine", "model", "targets", "command", "log", "ready_seconds",
    "exit", "metrics"}. `exit` is None if it was running to the end; `metrics` is None where the engine has none."""
    flights: tuple[Json, ...] = ()
    """How many requests were in flight to each target, oldest first: {"target", "started", "widths", "refusals"}, an
    entry each time it was asked. `widths`: [[seconds since `started`, width from then on], ...]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    info: RunInfo
    suite: Suite
    records: tuple[Record, ...]


# --------------------------------------------------------------------------- what follows from it

ScoreName: TypeAlias = Literal[
    "called", "tool", "parsed", "compliance", "compliance_lenient", "compliance_repaired", "correct", "abstained"
]
SCORES: Mapping[ScoreName, str] = {
    "called": "a call was made where one is wanted",
    "tool": "every call names an offered tool",
    "parsed": "all arguments are JSON",
    "compliance": "all arguments fit their declared schemas",
    "compliance_lenient": "compliance, had code fences and white space been removed first",
    "compliance_repaired": "compliance, had every documented repair been applied first",
    "correct": "the calls are what the case wanted",
    "abstained": "nothing was called where nothing is wanted",
}
"""The rates of a comparison. `compliance` is the rung `valid`; its variants are `valid_lenient`, `valid_repaired`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """`passed` of `judged` cases (means over trials, so not always whole numbers), with a 95 % interval."""

    passed: float
    judged: int
    faulted: int
    low: float | None
    high: float | None
    """None where nothing was judged."""

    @property
    def value(self) -> float | None:
        return self.passed / self.judged if self.judged else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One score on one slice, candidate against baseline, over the cases that both answered."""

    slice: str
    """`all`, `tool:NAME`, `tag:NAME`, `feature:NAME` (of the schemas of the tools wanted), or `arm:NAME` (both sides
    asked that way)."""
    score: str
    baseline: Rate
    candidate: Rate
    pairs: int
    """Cases judged on both sides: the unit of `difference`."""
    difference: float | None
    """candidate - baseline, over pairs; None without pairs. -1..1"""
    low: float | None
    high: float | None
    """95 % interval of the difference."""
    lower_bound: float | None
    upper_bound: float | None
    """One-sided 95 % bounds of the difference: what non-inferiority is decided on."""
    fixed: int
    broken: int
    """Pairs that went from failing to passing, and the reverse."""
    p: float | None
    """McNemar mid-p of fixed against broken."""
    q: float | None = None
    """`p` after Benjamini-Hochberg over the tools; None for slices that are no tool, and for tools of too few cases."""
    method: str = ""
    """How the interval was computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What became of one case. `kind` is of `correct` where the case judges it, else of `compliance`."""

    case: str
    kind: Literal["same", "fixed", "broken", "both_fail", "unjudged", "unpaired"]
    """same: passes on both; unjudged: a Fault on a side; unpaired: never asked on a side."""
    why: str = ""
    """One line: what the candidate (or, for `fixed`, the baseline) did wrong."""
    cause: str = ""
    """The kind of it: one of CODES, or the kind of a Mismatch; "" for `same` and where there is no answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """Candidate over baseline, over the cases known on both sides; 1.09 [1.03, 1.15] means 9 % more."""

    ratio: float | None
    low: float | None
    high: float | None
    """95 % interval; None with too few pairs for one."""
    pairs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """On how many cases that offer a tool each side calls it (in most of its trials), right or not."""

    tool: str | None
    """None: any tool."""
    both: int
    candidate_only: int
    baseline_only: int
    neither: int

    @property
    def precision(self) -> float | None:
        """Of the cases where the candidate calls it, the share where the baseline does."""
        called = self.both + self.candidate_only
        return self.both / called if called else None

    @property
    def recall(self) -> float | None:
        """Of the cases where the baseline calls it, the share where the candidate does."""
        called = self.both + self.baseline_only
        return self.both / called if called else None

    @property
    def f1(self) -> float | None:
        called = 2 * self.both + self.candidate_only + self.baseline_only
        return 2 * self.both / called if called else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise:
    """The baseline against itself, A/A: over the cases of which it has two judged trials or more."""

    score: str
    cases: int
    flips: float
    """Chance, 0..1, that two of its own trials of a case differ."""
    flips_low: float
    flips_high: float
    difference: float
    """Its second trial - its first."""
    low: float
    high: float
    candidate_flips: float | None
    """Two trials of the candidate; None where it has one."""
    between: float | None
    """A trial of the baseline and one of the candidate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribution:
    """Whether cases with a feature of the schema fared worse than those without it."""

    feature: str
    score: str
    cases: int
    others: int
    """Pairs with the feature, and without it."""
    with_feature: float
    without: float
    """The difference of the score, candidate - baseline, on either. -1..1"""
    difference: float
    """`with_feature` - `without`."""
    low: float
    high: float
    """95 % over all features of the score together: what lies beyond 0 is no coincidence of looking at many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two targets over the same cases."""

    suite: Suite
    baseline: Target
    candidate: Target
    baseline_info: RunInfo
    candidate_info: RunInfo
    baseline_records: Mapping[str, tuple[Record, ...]]
    """Case id -> its trials."""
    candidate_records: Mapping[str, tuple[Record, ...]]
    cells: tuple[Cell, ...]
    changes: tuple[Change, ...]
    """One for each case of the suite, in its order."""
    latency: Ratio
    """Median of the per-case ratios."""
    differs: tuple[str, ...] = ()
    """What makes the two runs unlike, in words; () if they are comparable."""
    left_out: tuple[Change, ...] = ()
    """Cases of the candidate's run that are not in `suite`: what the baseline knows of them holds no longer."""
    output_tokens: Ratio | None = None
    cost: Ratio | None = None
    """Of the totals; None where they are not known on both sides."""
    agreement: tuple[Agreement, ...] = ()
    """Any tool, then each tool that a case offers, by name."""
    noise: Noise | None = None
    """None unless the baseline was asked twice or more."""
    attributions: tuple[Attribution, ...] = ()
    strict: tuple[Cell, ...] = ()
    """Cells of the tools, the candidate as it was asked on the arm `strict` against the baseline as it stands; () where
    the candidate's run has no such answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One requirement of a policy."""

    kind: Literal["floor", "max_drop", "latency_ratio", "cost_ratio", "fault_share"]
    limit: float
    """floor: least rate; max_drop: margin; both 0..1. Ratios: candidate / baseline. fault_share: 0..1."""
    score: str | None = None
    """For floor and max_drop: one of SCORES."""
    slice: str = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarantine:
    """A case that no check counts for a while: known to be broken, and somebody's to mend."""

    case: str
    until: str
    """The last day, ISO 8601. After it the case counts again."""
    owner: str
    why: str


OnInconclusive: TypeAlias = Literal["fail", "warn", "pass"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    rules: tuple[Rule, ...]
    source: str = "default"
    quarantine: tuple[Quarantine, ...] = ()
    inconclusive: OnInconclusive = "warn"
    """What an inconclusive gate returns: as if it failed (exit 1), its own code (exit 3), as if it passed (exit 0)."""


Outcome: TypeAlias = Literal["pass", "fail", "inconclusive"]
CheckOutcome: TypeAlias = Literal["pass", "fail", "inconclusive", "not_applicable"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One rule, held against a comparison."""

    rule: Rule
    outcome: CheckOutcome
    """not_applicable: no case of the suite is of the kind that the rule speaks of."""
    required: str
    measured: str
    sentence: str
    """One sentence a person can act on."""
    settle: str | None = None
    """What would settle it, when inconclusive."""


VerdictWord: TypeAlias = Literal[
    "improved",
    "not_worse",
    "regressed",
    "possibly_regressed",
    "inconclusive",
    "unreliable_baseline",
    "not_comparable",
]


ReadinessWord: TypeAlias = Literal["blocked", "watch", "safe only strict", "not enough data", "safe"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """Whether the calls of one tool may move to the candidate: a line of the migration checklist."""

    tool: str
    word: ReadinessWord
    why: str
    cases: int
    """Judged on both sides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """`outcome` is the worst of the checks (fail, then inconclusive); not comparable is `comparable=False`."""

    outcome: Outcome
    word: VerdictWord
    headline: str
    checks: tuple[Check, ...]
    comparable: bool = True
    inconclusive: OnInconclusive = "warn"
    """The policy's: see there."""
    readiness: tuple[Readiness, ...] = ()
    """One for each tool that a case wants, worst first; () where the runs cannot be compared."""
    quarantined: tuple[Quarantine, ...] = ()
    """Left out of the checks and of `readiness`."""
    expired: tuple[Quarantine, ...] = ()
    """Past their day: these cases count again."""


# --------------------------------------------------------------------------- what people read


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """`kind` says how a renderer draws a value: percent and points take fractions (0..1), seconds and usd floats.

    A number may also be {"value", "low", "high"}: itself with its interval, None where that is unknown; or a text
    that says why there is none.
    """

    key: str
    label: str
    kind: Literal[
        "text", "code", "int", "change", "number", "percent", "points", "seconds", "usd", "outcome", "ratio", "p"
    ] = "text"
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Json], ...]
    """Keyed by Column.key; a value may be None ("-")."""
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """Data for a drawing; every renderer decides how, or prints `alt`.

    forest: {"rows": [{"label", "value", "low", "high", "margin"}]}, fractions; `margin` is the drop allowed, or None.
    ecdf: {"unit", "series": [{"label", "points": [[x, share], ...]}]}.
    shares: {"parts": [{"label", "tone", "count"}]}, a whole in its parts; tone: same, fixed, broken, both_fail, none.
    tiles: {"tiles": [{"label", "kind", "value", "was", "change", "low", "high"}]}, a headline number each, `kind` as
    in Column; `change` with its interval is in points for percent, else a ratio.
    heat: {"groups": [label], "models": [label], "rows": [{"label", "values": [[share, ...], ...]}], "note"}, a list
    for each group with a share (or None) for each model.
    """

    kind: Literal["forest", "ecdf", "shares", "tiles", "heat"]
    title: str
    data: Json
    alt: str
    """The finding in words, for readers without the picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prose:
    text: str
    tone: Literal["better", "worse", "neutral"] = "neutral"
    """For whom the sentence speaks: the candidate is better, or worse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drilldown:
    """One case in full, for a reader who asks why."""

    case: str
    kind: str
    tags: tuple[str, ...]
    why: str
    messages: tuple[Mapping[str, Json], ...]
    expected: Json
    """The acceptable answers, in the spelling of suite files."""
    sides: tuple[Json, ...]
    """Baseline, then candidate: {"target", "trials", "passed", "curl", "others"} and an answer, the first that failed.
    `others` are the answers of the other trials.

    An answer: {"trial", "outcome", "calls": [{"tool", "tool_flaw", "text", "as_object", "omitted", "marks": [[start,
    end, code]]}], "text", "finish", "violations": [{"payload", "tool", "code", "path", "schema_path", "message",
    "excerpt", "declared"}], "mismatches": [{"payload", "kind", "tool", "path", "why"}], "fault", "seconds", "timing":
    {"first_token", "first_call_byte"}, "tokens": {"input", "output"}, "wire": {"status", "body", "omitted"}}.

    `outcome` is True, False or None (not judged). `marks` count code points of `text`; `as_object`: the wire carried
    no text; `omitted`: how many characters of an overlong text are not shown ([before, after] it, of a call);
    `tool_flaw`: the code or kind of what is wrong with the call as such. `declared` is the part of the schema that is
    violated, `fault` a sentence; each None otherwise, as are times, tokens and wire that are not known. `curl` is
    {"head", "tools", "tail"}: a command that asks the same again; `tools` names a text of `Ledger.offers`."""
    schemas: Mapping[str, Json]
    """Tool name -> declared schema, for the tools named in the case's answers."""
    tools: tuple[str, ...] = ()
    """Tools that the case wants or a side called."""
    arguments: tuple[Json, ...] = ()
    """The calls of both sides, aligned: {"tool", "rows": [{"path", "state", "wanted", "baseline", "candidate"}],
    "absent": [side], "unread": [side]}. `state`: same, differs, only_baseline, only_candidate, neither; texts are JSON,
    None where there is nothing. Sides (0, 1) that do not make the call are `absent`, those whose arguments cannot be
    read are `unread`."""
    notes: tuple[str, ...] = ()
    """What a reader must know of the case itself: flaws of its gold, tools it forbids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """Every case of the comparison in one line, column by column; the lines that have a Drilldown stand first."""

    cases: tuple[str, ...]
    kinds: tuple[str, ...]
    """As in Change."""
    causes: tuple[str, ...]
    whys: tuple[str, ...]
    asked: tuple[str, ...]
    """What the user said last, cut."""
    tools: tuple[tuple[str, ...], ...]
    tags: tuple[tuple[str, ...], ...]
    seconds: tuple[tuple[float | None, ...], tuple[float | None, ...]]
    """Baseline, then candidate: the mean of the trials that were timed."""
    tokens: tuple[tuple[int | None, ...], tuple[int | None, ...]]
    """Output tokens of all trials."""
    offers: Mapping[str, str] = field(default_factory=dict)
    """The lists of tools that the `curl` of drill-downs names: JSON as it stands within the quotes of a shell."""


Block: TypeAlias = Table | Figure | Prose | Drilldown | Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    id: str
    title: str
    blocks: tuple[Block, ...]
    lead: str = ""
    """The section's finding in one sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    title: str
    verdict: Verdict
    baseline: str
    candidate: str
    suite: str
    created: str
    """UTC, ISO 8601: of the candidate's run, so that the same run gives the same report."""
    sections: tuple[Section, ...]
    changes: tuple[Change, ...] = ()
    """One for each case, those left out at the end."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Case id -> `file:line`, where that is known."""
    run: str = ""
    """The candidate's run, where whatever is not told here can be looked up."""
