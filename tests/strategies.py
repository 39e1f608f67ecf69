"""Hypothesis strategies that several tests share."""

from __future__ import annotations

import json
from typing import get_args

from hypothesis import strategies as st

from evalkit.data import (
    CODES,
    Answer,
    Attempt,
    Counts,
    Fault,
    FaultKind,
    Json,
    Mismatch,
    Payload,
    Posted,
    Record,
    Response,
    Score,
    Timing,
    Violation,
    Wire,
)

#: Text that survives every encoding a file may be written in: no controls, no lone surrogates, no line separators.
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp")), max_size=12)

scalars: st.SearchStrategy[Json] = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
)


def containers(leaves: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
    )


#: Any JSON value.
values = containers(scalars)


# --------------------------------------------------------------------------- records, as a store must keep them

seconds = st.floats(min_value=0, max_value=1e4, allow_nan=False)
maybe_seconds = st.none() | seconds
codes = st.sampled_from(sorted(CODES))

faults = st.builds(
    Fault,
    kind=st.sampled_from(get_args(FaultKind)),
    message=st.text(max_size=20),
    status=st.none() | st.integers(100, 599),
    retryable=st.booleans(),
    seconds=seconds,
)
wires = st.builds(
    Wire,
    status=st.integers(100, 599),
    headers=st.dictionaries(texts, texts, max_size=2),
    body=st.text(max_size=40),
    stream=st.booleans(),
    arrivals=st.lists(st.tuples(st.integers(0, 99), seconds), max_size=3).map(tuple),
)
timings = st.builds(Timing, queued=maybe_seconds, first_byte=maybe_seconds, total=maybe_seconds)
members = st.dictionaries(texts, values, max_size=3)
posts = st.builds(
    Posted,
    url=texts,
    headers=st.dictionaries(texts, texts, max_size=2),
    keys=st.lists(texts, max_size=2).map(tuple),
    members=members,
    dropped=st.lists(texts, max_size=2).map(tuple),
)
responses = st.builds(
    Response,
    wire=wires,
    dialect=texts,
    timing=timings,
    client=values,
    sent=values,
    posted=st.none() | posts,
)
payloads = st.builds(
    Payload,
    index=st.integers(0, 9),
    tool=texts,
    text=st.none() | st.text(max_size=20),
    value=values,
    error=st.none() | codes,
)
violations = st.builds(Violation, payload=st.none() | st.integers(0, 9), code=codes, message=texts, excerpt=texts)
mismatches = st.builds(
    Mismatch, kind=st.sampled_from(["arg", "missing_call"]), tool=texts, expected=values, actual=values, why=texts
)
answers = st.builds(
    Answer,
    payloads=st.lists(payloads, max_size=2).map(tuple),
    text=st.text(max_size=20),
    violations=st.lists(violations, max_size=2).map(tuple),
)
rungs = st.none() | st.booleans()
scores = st.builds(
    Score,
    **dict.fromkeys(
        ("called", "tool", "parsed", "valid", "correct", "abstained", "valid_lenient", "valid_repaired"), rungs
    ),
    calls=st.builds(Counts, matched=st.integers(0, 9)),
    arguments=st.builds(Counts, actual=st.integers(0, 9)),
    violations=st.lists(violations, max_size=2).map(tuple),
    mismatches=st.lists(mismatches, max_size=2).map(tuple),
)
#: A record as a run holds it: judged, or faulted.
records = st.builds(
    Record,
    case=st.sampled_from(["a", "b", "ø"]),
    trial=st.integers(0, 2),
    target=st.sampled_from(["old", "new@forced"]),
    started=st.just("2026-01-01T00:00:00+00:00"),
    sent=texts,
    reply=responses,
    attempts=st.lists(st.builds(Attempt, fault=faults, wait=seconds), max_size=2).map(tuple),
    answer=st.none() | answers,
    score=st.none() | scores,
) | st.builds(
    Record,
    case=st.sampled_from(["a", "b", "ø"]),
    trial=st.integers(0, 2),
    target=st.sampled_from(["old", "new@forced"]),
    started=st.just("2026-01-01T00:00:00+00:00"),
    sent=texts,
    reply=faults,
)


# --------------------------------------------------------------------------- what a suite file expects

names = st.text("abcxyz_$/~0", min_size=1, max_size=4)


def quoted(value: Json) -> Json:
    """`value` as a suite file writes it: an object with `$` keys is quoted, or it would name a matcher."""
    if isinstance(value, dict):
        written = {key: item if key.startswith("$") else quoted(item) for key, item in value.items()}
        return {"$exact": value} if any(key.startswith("$") for key in value) else written
    return [quoted(item) for item in value] if isinstance(value, list) else value


plain = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=5
).map(quoted)

matchers: st.SearchStrategy[Json] = st.one_of(
    st.fixed_dictionaries({"$one_of": st.lists(plain, max_size=3)}),
    st.fixed_dictionaries({"$number": st.integers(), "rel": st.floats(0, 1)}),
    st.fixed_dictionaries({"$text": texts}),
    st.fixed_dictionaries({"$exact": values, "strings": st.just("bfcl")}),
    st.fixed_dictionaries({"$unordered": st.lists(plain, max_size=3)}),
    st.sampled_from([{"$ignore": True}, {"$present": True}, {"$absent": True}, {"$length": 2}]),
)


def _around(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    members = inner | inner.map(lambda pattern: {"$optional": pattern})
    objects = st.dictionaries(names.filter(lambda name: not name.startswith("$")), members, max_size=3)
    return objects | st.lists(inner, max_size=3) | st.fixed_dictionaries({"$one_of": st.lists(inner, max_size=2)})


#: What may stand for an argument; what the alternatives multiply to may be too much.
patterns = st.recursive(plain | matchers, _around, max_leaves=6)
calls = st.fixed_dictionaries(
    {"call": st.sampled_from(["find", "book"])},
    optional={
        "args": st.dictionaries(names, patterns | patterns.map(lambda p: {"$optional": p}), min_size=1, max_size=3),
        "closed": st.booleans(),
    },
)
forms: st.SearchStrategy[Json] = st.one_of(
    st.just("none"),
    calls,
    st.fixed_dictionaries(
        {"calls": st.lists(calls, min_size=1, max_size=2)},
        optional={"ordered": st.booleans(), "extra_calls": st.booleans()},
    ),
)
#: Every value `expect` may have.
expects = st.just("any_call") | forms | st.fixed_dictionaries({"any_of": st.lists(forms, min_size=1, max_size=2)})


# --------------------------------------------------------------------------- conversations, in OpenAI's shape

said = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
_TOOL_NAMES = ("book", "find-it", "go_2")
_IMAGES = ("data:image/png;base64,iVBORw0KGgo=", "data:image/jpeg;base64,/9j/4A==")
_parts = st.builds(lambda text: {"type": "text", "text": text}, said) | st.builds(
    lambda url: {"type": "image_url", "image_url": {"url": url}}, st.sampled_from(_IMAGES)
)
_contents = said | st.lists(_parts, min_size=1, max_size=3)
_arguments = st.dictionaries(texts, values, max_size=3).map(json.dumps)


@st.composite
def _rounds(draw: st.DrawFn) -> list[Json]:
    """What a user says, the calls that follow with their results, and the answer; each but the first may be missing."""
    asked = [{"role": "user", "content": content} for content in draw(st.lists(_contents, min_size=1, max_size=2))]
    made = draw(st.lists(st.tuples(st.sampled_from(_TOOL_NAMES), _arguments), max_size=3))
    ids = [f"call_{draw(st.integers(0, 10**9))}_{index}" for index in range(len(made))]
    calls = [
        {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id, (name, arguments) in zip(ids, made, strict=True)
    ]
    called = [{"role": "assistant", "content": draw(st.none() | said), "tool_calls": calls}] if calls else []
    results = [{"role": "tool", "tool_call_id": id, "content": draw(said)} for id in ids]
    answer = [{"role": "assistant", "content": text} for text in draw(st.lists(said, max_size=1))]
    return [*asked, *called, *results, *answer]


conversations = st.builds(
    lambda system, rounds, last: [
        *({"role": "system", "content": text} for text in system),
        *(message for messages in rounds for message in messages),
        {"role": "user", "content": last},
    ],
    st.lists(said, max_size=2),
    st.lists(_rounds(), max_size=3),
    _contents,
)


def _function(name: str, described: Json, properties: Json, strict: Json) -> Json:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, **described, **strict, "parameters": schema}}


_declared = st.lists(
    st.builds(
        _function,
        st.sampled_from(_TOOL_NAMES),
        st.fixed_dictionaries({}, optional={"description": said}),
        st.dictionaries(st.sampled_from("abc"), st.just({"type": "string", "minLength": 1}), max_size=2),
        st.fixed_dictionaries({}, optional={"strict": st.just(True)}),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda tool: tool["function"]["name"],
)
_chosen = st.sampled_from(
    ["auto", "required", "none", {"type": "function", "function": {"name": _TOOL_NAMES[0]}}],
)

#: Bodies of chat completions with tools, all of which Anthropic's Messages can say.
chats = st.fixed_dictionaries(
    {"model": st.just("claude-m"), "messages": conversations, "tools": _declared},
    optional={
        "max_tokens": st.integers(1, 9999),
        "stop": said | st.lists(said, min_size=1, max_size=2),
        "temperature": st.sampled_from([0, 0.5, 1]),
        "top_k": st.integers(1, 99),
        "tool_choice": _chosen,
        "parallel_tool_calls": st.booleans(),
    },
)
