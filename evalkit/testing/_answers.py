"""Answers in wire format: what the reference models say, and what each format says when it has no answer."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from evalkit import eventstream, plugins, reference
from evalkit.data import Json, Usage
from evalkit.reference import Manner, Said, faulty
from evalkit.testing._questions import Asked, Cases, Question, options
from evalkit.values import normal_name

_CHARACTERS_PER_TOKEN = 4
_REMEMBERED = 20_000
_SAID_WRONG = {"malformed_arguments": "json.syntax", "call_in_content": "call.leaked_in_text"}


class Answer(Struct, frozen=True):
    """A body as it will be sent, and how long it takes."""

    body: str
    content_type: str
    status: int = 200
    first_token: float = 0.0
    seconds: float = 0.0

    @property
    def is_stream(self) -> bool:
        return self.content_type in _EVENT_ENDS

    def encoded(self) -> bytes:
        return self._encoded(self.body)

    def pieces(self) -> list[bytes]:
        """The events of a stream; of another body some pieces of one length."""
        if self.is_stream:
            return [self._encoded(event) for event in _EVENT_ENDS[self.content_type].split(self.body) if event]
        whole = self.encoded()
        length = len(whole) // 10 + 1
        return [whole[start : start + length] for start in range(0, len(whole), length)]

    def _encoded(self, text: str) -> bytes:
        return eventstream.encode(text) if self.content_type == eventstream.CONTENT_TYPE else text.encode()


_STREAM_TYPES = {"ollama": "application/x-ndjson", "bedrock": eventstream.CONTENT_TYPE}
_EVENT_ENDS = {
    "text/event-stream": re.compile(r"(?<=\n\n)|(?<=\r\n\r\n)"),
    **dict.fromkeys(_STREAM_TYPES.values(), re.compile(r"(?<=\n)")),
}
_EVENT_DATA = re.compile(r"^data: (.*?)\r?$", re.MULTILINE)


class Answers:
    """What is said to each question. The same question is answered alike, so answers are remembered."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._known: dict[tuple[Question, str], Answer] = {}

    def answer(self, asked: Question, fault: str) -> Answer:
        """Raises InputError if the model is none of the reference models, or its options are wrong."""
        key = (asked, fault)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._made(asked, fault)
        return self._known[key]

    def _made(self, asked: Question, fault: str) -> Answer:
        manner = _manner(asked.model)
        found = self._cases.find(asked)
        if found is None:
            tools = ", ".join(asked.tools) or "none"
            last = asked.said[-1] if asked.said else ""
            return refusal(asked.dialect, 404, f"no case asks {last[:120]!r} with the tools {tools}")
        said = reference.say(manner, found.case, found.specs, trial=asked.seed)
        if fault in _SAID_WRONG:
            wrong = faulty.FAULTS[_SAID_WRONG[fault]](said, found.case, found.specs, Random(found.case.id))
            said = replace(wrong or said, first_token=said.first_token, seconds=said.seconds)
        said = reference.on_arm(said, asked.arm, found.specs, nulls=asked.nulls)
        return _written(asked, found, said, ids=fault != "missing_ids")


@lru_cache(maxsize=256)
def _manner(model: str) -> Manner:
    return reference.manner(*options(model))


def _written(asked: Question, found: Asked, said: Said, *, ids: bool) -> Answer:
    calls = [(_sent_name(tool, found), arguments) for tool, arguments in said.calls]
    spoken = len(said.text) + sum(len(tool) + len(str(arguments)) for tool, arguments in calls)
    heard = sum(map(len, asked.said)) + sum(len(str(spec.schema)) for spec in found.specs)
    usage = Usage(
        input_tokens=heard // _CHARACTERS_PER_TOKEN, output_tokens=spoken // _CHARACTERS_PER_TOKEN + 1, cached_tokens=0
    )
    body = plugins.dialect(asked.dialect).write(
        calls, said.text, model=asked.model, usage=usage, stream=asked.stream, finish=said.finish, ids=ids and said.ids
    )
    if asked.stream and not asked.events:
        body = f"[{','.join(_EVENT_DATA.findall(body))}]"
    content_type = _STREAM_TYPES.get(asked.dialect, "text/event-stream") if asked.events else "application/json"
    return Answer(body, content_type, 200, said.first_token, said.seconds)


def _sent_name(tool: str, found: Asked) -> str:
    """The name by which an offered tool was sent; a name that was not offered stays as it is."""
    offered = any(spec.name == tool for spec in found.specs)
    return found.sent_names.get(normal_name(tool), tool) if offered else tool


_GEMINI_STATES = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
_ANTHROPIC_TYPES = {400: "invalid_request_error", 404: "not_found_error", 429: "rate_limit_error", 500: "api_error"}
_OPENAI_TYPES = {400: "invalid_request_error", 404: "invalid_request_error", 429: "requests", 500: "server_error"}


def refusal(dialect: str, status: int, message: str) -> Answer:
    """An error as each format words it."""
    body: Json
    if dialect == "gemini":
        body = {"error": {"code": status, "message": message, "status": _GEMINI_STATES[status]}}
    elif dialect == "anthropic":
        body = {"type": "error", "error": {"type": _ANTHROPIC_TYPES[status], "message": message}}
    elif dialect == "bedrock":
        body = {"message": message}
    elif dialect == "ollama":
        body = {"error": message}
    else:
        body = {"error": {"message": message, "type": _OPENAI_TYPES[status], "param": None, "code": None}}
    return Answer(json.dumps(body), "application/json", status)
