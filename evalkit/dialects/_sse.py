"""Server-sent events: the stream's text to JSON objects with their places in it, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Literal

from msgspec import Struct

from evalkit.data import Json
from evalkit.dialects._body import Fields, cut_off, dump, no_answer, refuse_error, too_deep
from evalkit.errors import UnreadCall
from evalkit.values import excerpt, loads

_LINE_END = re.compile(r"\r\n|\n|\r")
_FIELD = re.compile(r"\ufeff?\s*(?::|(?:data|event|id|retry):)")


class Event(Struct, frozen=True):
    data: str
    end: int
    """Offset in the body after the event: it can be acted on once this much has arrived."""
    whole: bool = True
    """False: the body ended inside the event, without the empty line that closes it."""


def is_stream(body: str) -> bool:
    """Whether `body` is an event stream, whatever was asked for: some endpoints ignore `stream`."""
    return _FIELD.match(body) is not None


def events(body: str) -> Iterator[Event]:
    """Every event that carries data. Comments, names, ids and retry times are passed over."""
    data: list[str] = []
    start = 0
    for line_end in _LINE_END.finditer(body):
        line = body[start : line_end.start()].removeprefix("\ufeff")
        start = line_end.end()
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield Event("\n".join(data), start)
            data = []
    last = body[start:]
    if last.startswith("data:"):
        data.append(last[5:].removeprefix(" "))
    if data:
        yield Event("\n".join(data), len(body), whole=False)


def objects(body: str) -> Iterator[tuple[int, Fields]]:
    """(offset after it, JSON object) of each event, up to `[DONE]`.

    Raises ProviderError: `network` where the body breaks off inside an event, `server` for an event that is no
    object, and the endpoint's own error where it sent one.
    """
    for event in events(body):
        if event.data.strip() == "[DONE]":
            return
        try:
            value = loads(event.data)
        except RecursionError:
            raise too_deep() from None
        except ValueError:
            raise (no_answer(f"an event holds {excerpt(event.data)!r}") if event.whole else cut_off()) from None
        if not isinstance(value, dict):
            raise no_answer(f"an event holds {excerpt(event.data)!r}")
        refuse_error(value)
        yield event.end, value


def done(body: str) -> bool:
    """Whether the stream says that it is over, as OpenAI's does."""
    return body.rstrip().endswith("[DONE]")


Marks = tuple[int | None, int | None, int | None]
Carries = Callable[[Fields], Literal["call", "text"] | None]


def marks(body: str, carries: Carries) -> Marks:
    """Offsets after the first token, after the first piece of a call, and after the last piece of one.

    `carries` says what an event adds to the answer. All None for a body that is no stream.
    """
    return offsets(objects(body) if is_stream(body) else (), carries)


def offsets(found: Iterable[tuple[int, Fields]], carries: Carries) -> Marks:
    """The same for the objects of any stream, each with the offset after it."""
    first = first_call = last_call = None
    with suppress(UnreadCall):  # the last event of an answer, where there is one
        for end, event in found:
            what = carries(event)
            if what is None:
                continue
            first = first or end
            if what == "call":
                first_call = first_call or end
                last_call = end
    return first, first_call, last_call


def write(events: list[Json], *, named: bool = False, end: str = "", line_end: str = "\n") -> str:
    """The stream's text. `named`: each event has the name that its `type` says, as Anthropic's have."""
    heads = [f"event: {event['type']}{line_end}" if named else "" for event in events]
    return "".join(f"{head}data: {dump(event)}{2 * line_end}" for head, event in zip(heads, events, strict=True)) + end
