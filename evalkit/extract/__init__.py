"""Response to Answer: what the dialect reads on the wire, and what is odd about it. Nothing is repaired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest

from msgspec.structs import replace

from evalkit import arms, plugins, values
from evalkit.data import Answer, Json, Payload, Response, Violation
from evalkit.errors import UnreadCall
from evalkit.extract import leaks

_MEANING: Mapping[str, str] = {
    **dict.fromkeys(("stop", "end_turn", "STOP", "completed"), "the model stopped by itself"),
    **dict.fromkeys(("tool_calls", "function_call", "tool_use"), "the model called tools"),
    **dict.fromkeys(
        ("length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_context_window_exceeded"),
        "the token limit was reached",
    ),
}
"""What finish reasons mean, in the words of every dialect. Others conflict with nothing."""
_CALLED, _STOPPED, _CUT = _MEANING["tool_calls"], _MEANING["stop"], _MEANING["length"]
_MISCALLED = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"})
"""Gemini's words for a call that came out as none, on its own and behind gateways."""
_SAYS_STOP_ANYWAY = frozenset({("gemini", "STOP"), ("ollama", "stop"), ("openai_responses", "completed")})
"""(dialect, its word for every answer that is complete, with calls or without)."""


def read(response: Response) -> Answer:
    """The answer as it was on the wire. Raises ProviderError if the body is no answer of the dialect.

    Adds to what the dialect found: `envelope.same_id`, `call.unreadable`, `call.leaked_in_text`, `call.truncated`,
    `envelope.finish_conflict` and `client.normalised`. On the arms that write calls into the text, they are read from
    there and from nowhere else.
    """
    try:
        on_wire = plugins.dialect(response.dialect).read(response.wire)
    except UnreadCall as error:
        return _unread(error, response)
    answer = _of_arm(on_wire, response.arm)
    if response.nulls or response.arm == "strict":
        answer = replace(answer, nulls=True)
    found = (
        *_same_id(answer),
        *_miscalled(answer),
        *_leaked(answer),
        *_truncated(answer),
        *_finish_conflict(answer, response.dialect),
        *_normalised(on_wire, response.client, response.dialect),
    )
    return replace(answer, violations=(*answer.violations, *found)) if found else answer


def _unread(error: UnreadCall, response: Response) -> Answer:
    """What the model said is for people to see: an application got an error, and neither a call nor a text."""
    answer = Answer(payloads=(), text=error.said, finish=None, arm=response.arm)
    unread = Violation(
        payload=None,
        code="call.unreadable",
        message=f"the endpoint could not read the call: {values.excerpt(error.message)}",
        excerpt=values.excerpt(error.said) if error.said else "",
    )
    return replace(answer, violations=(unread, *_normalised(answer, response.client, response.dialect)))


def _of_arm(answer: Answer, arm: str) -> Answer:
    """The answer as an application reads it that asks in this way."""
    if arm not in arms.IN_TEXT:
        return answer if answer.arm == arm else replace(answer, arm=arm)
    envelope = tuple(violation for violation in answer.violations if violation.payload is None)
    return replace(answer, payloads=arms.read(answer.text, arm), violations=envelope, arm=arm)


def _same_id(answer: Answer) -> Iterator[Violation]:
    """It makes no call wrong by itself."""
    if len(answer.payloads) < 2:
        return
    taken: set[str | None] = set()
    for payload in answer.payloads:
        if payload.id is not None and payload.id in taken:
            yield Violation(
                payload=payload.index,
                code="envelope.same_id",
                message=f"the call of {payload.tool!r} came under the id of another: no result can be told apart",
                excerpt=values.excerpt(payload.id),
            )
        taken.add(payload.id)


def _miscalled(answer: Answer) -> Iterator[Violation]:
    if answer.finish in _MISCALLED:
        yield Violation(
            payload=None,
            code="call.unreadable",
            message=f"the endpoint could not read the call: the finish reason is {answer.finish!r}",
        )


def _leaked(answer: Answer) -> Iterator[Violation]:
    if answer.arm in arms.IN_TEXT and answer.payloads:
        return
    leak = leaks.find(answer.text) if answer.text else None
    if leak is not None:
        tool = f" of {leak.tool!r}" if leak.tool else ""
        yield Violation(
            payload=None,
            code="call.leaked_in_text",
            message=f"a call{tool} stands in the text, in the notation {leak.notation}",
            excerpt=values.excerpt(answer.text[leak.start : leak.start + values.EXCERPT]),
        )


def _truncated(answer: Answer) -> Iterator[Violation]:
    if not answer.payloads or _MEANING.get(answer.finish or "") != _CUT:
        return
    last = answer.payloads[-1]
    if last.error is not None:
        yield Violation(
            payload=last.index,
            code="call.truncated",
            message=f"the token limit was reached inside the arguments of {last.tool}",
            excerpt=values.excerpt((last.text or "")[-values.EXCERPT :]),
        )


def _finish_conflict(answer: Answer, dialect: str) -> Iterator[Violation]:
    """Where an application that goes by the finish reason would miss a call, or look for one that is not there.

    Some endpoints say `stop` on purpose when a tool was forced; such an application misses that call all the same.
    """
    finish = answer.finish or ""
    meaning = _MEANING.get(finish)
    if answer.arm in arms.IN_TEXT:
        if meaning == _CALLED:
            yield _conflict(f"the finish reason is {finish!r}, and the endpoint was offered no tools")
        return
    if meaning == _CALLED and not answer.payloads:
        yield _conflict(f"the finish reason is {finish!r}, and no call was made")
    if meaning == _STOPPED and answer.payloads and (dialect, finish) not in _SAYS_STOP_ANYWAY:
        yield _conflict(f"the finish reason is {finish!r}, and {_counted(len(answer.payloads))} made")


def _conflict(message: str) -> Violation:
    return Violation(payload=None, code="envelope.finish_conflict", message=message)


# --------------------------------------------------------------------------- what a client library made of it


def _normalised(answer: Answer, client: Json, dialect: str) -> Iterator[Violation]:
    if not isinstance(client, dict):
        return
    calls = client.get("calls") or []
    if len(calls) != len(answer.payloads):
        yield _differs(None, f"{_counted(len(answer.payloads))} on the wire, and the client shows {len(calls)}")
    for payload, call in zip_longest(answer.payloads, calls):
        if payload is not None and call is not None:
            yield from _call_differs(payload, call.get("tool"), call.get("text"))
    wire, shown = answer.finish, client.get("finish")
    either_way = bool(answer.payloads) and (dialect, wire) in _SAYS_STOP_ANYWAY
    if not _same_finish(wire, shown, either_way=either_way):
        yield _differs(None, f"the finish reason is {wire!r} on the wire, the client shows {shown!r}")


def _call_differs(payload: Payload, tool: Json, text: Json) -> Iterator[Violation]:
    if tool != payload.tool:
        yield _differs(payload, f"the tool is {payload.tool!r} on the wire, the client shows {tool!r}")
    if payload.text is not None and text != payload.text:
        shown = values.excerpt(text)
        yield _differs(payload, f"the argument text is not the one on the wire, the client shows {shown}", payload.text)
    if payload.text is None and not _spells(text, payload.value):
        shown = values.excerpt(text)
        yield _differs(payload, f"the arguments are not those on the wire, the client shows {shown}", payload.value)


def _spells(text: Json, value: Json) -> bool:
    """Whether the client's text is the object that was on the wire. It had to spell it in some way."""
    reading = values.read(text) if isinstance(text, str) else values.Reading(text)
    return reading.error is None and values.same(reading.value, value)


def _same_finish(wire: str | None, client: Json, *, either_way: bool) -> bool:
    """Whether they mean the same. A client may translate a word, and must where it does not tell of calls."""
    if wire == client:
        return True
    if wire is None or not isinstance(client, str):
        return False
    meaning = _MEANING.get(client)
    if either_way and meaning == _CALLED:
        return True
    return meaning is not None and meaning == _MEANING.get(wire)


def _differs(payload: Payload | None, message: str, wire: Json = "") -> Violation:
    index = None if payload is None else payload.index
    return Violation(payload=index, code="client.normalised", message=message, excerpt=values.excerpt(wire))


def _counted(calls: int) -> str:
    return "1 call was" if calls == 1 else f"{calls} calls were"
