"""What a request asks, in any of six formats, and which case that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from evalkit.arms import prompted
from evalkit.data import Case, Json, Suite, ToolSpec
from evalkit.values import normal_name, read

Fields = Mapping[str, Any]


class Question(Struct, frozen=True, kw_only=True):
    """What a request asks, whatever its format."""

    dialect: str
    model: str
    said: tuple[str, ...]
    """What the user said, message by message."""
    last: str
    """The last piece of the user's last message: some clients put the system's words before it in the same message."""
    tools: tuple[str, ...]
    """Names, as sent."""
    stream: bool
    events: bool
    """A stream of events or lines; else, of Gemini, one JSON array."""
    seed: int
    arm: str = "native"
    nulls: bool = False
    """Its answer is held to schemas in strict form, which leave nothing out."""


def question(path: str, query: Mapping[str, str], body: Json) -> Question | None:
    """None if `path` belongs to none of the formats, or the body is no object."""
    if not isinstance(body, Mapping):
        return None
    if path.endswith("/chat/completions"):
        asked = _spoken("openai_chat", body, *_asked(body, _functions(body), _system(body.get("messages"))))
        return replace(
            asked, nulls=_fields(_fields(body.get("response_format")).get("json_schema")).get("strict") is True
        )
    if path.endswith("/messages"):
        return _anthropic(body)
    if path.endswith("/responses"):
        return _responses(body)
    if path.endswith("/api/chat"):
        return _ollama(body)
    if path.endswith(("/converse", "/converse-stream")):
        return _bedrock(path, body)
    model, _, action = path.rpartition("/")[2].rpartition(":")
    if action in ("generateContent", "streamGenerateContent"):
        return _gemini(unquote(model), action, query, body)
    return None


_CONSTRAINTS = ("response_format", "structured_outputs", "json_schema", "format")


def _asked(body: Fields, tools: list[Fields], told: Iterable[Fields]) -> tuple[tuple[str, ...], str]:
    """Names of the tools that a request declares, in their own member or in the system's words; and its arm."""
    if tools:
        strict = any(tool.get("strict") is True for tool in tools)
        return tuple(str(tool.get("name", "")) for tool in tools), "strict" if strict else "native"
    names = tuple(name for message in told for text in _texts(message) for name in prompted.declared(text))
    if not names:
        return (), "native"
    return names, "constrained" if any(member in body for member in _CONSTRAINTS) else "prompted"


def _spoken(dialect: str, body: Fields, tools: tuple[str, ...], arm: str) -> Question:
    stream = body.get("stream") is True
    seed = body.get("seed")
    return Question(
        dialect=dialect,
        model=str(body.get("model", "")),
        said=_said(body.get("messages")),
        last=_last(body.get("messages")),
        tools=tools,
        stream=stream,
        events=stream,
        seed=seed if isinstance(seed, int) else 0,
        arm=arm,
    )


def _functions(body: Fields) -> list[Fields]:
    return [_fields(tool.get("function")) for tool in _items(body.get("tools"))]


def _system(messages: Json) -> list[Fields]:
    return [message for message in _items(messages) if message.get("role") in ("system", "developer")]


def _responses(body: Fields) -> Question:
    sent = body.get("input")
    messages = [{"role": "user", "content": sent}] if isinstance(sent, str) else sent
    told = [{"content": body.get("instructions")}, *_system(messages)]
    return _spoken("openai_responses", {**body, "messages": messages}, *_asked(body, _items(body.get("tools")), told))


def _ollama(body: Fields) -> Question:
    seed = _fields(body.get("options")).get("seed")
    asked = _asked(body, _functions(body), _system(body.get("messages")))
    return _spoken("ollama", {**body, "stream": body.get("stream", True), "seed": seed}, *asked)


def _anthropic(body: Fields) -> Question:
    held = {**body, **_fields(body.get("output_config"))}
    names, arm = _asked(held, _items(body.get("tools")), [{"content": body.get("system")}])
    return _spoken("anthropic", body, names, _lean(arm))


def _lean(arm: str) -> str:
    """Strict tools of Claude may leave arguments out, so that their answers are those of the arm native."""
    return "native" if arm == "strict" else arm


def _bedrock(path: str, body: Fields) -> Question:
    *_, model, action = path.split("/")
    tools = [_fields(tool.get("toolSpec")) for tool in _items(_fields(body.get("toolConfig")).get("tools"))]
    names, arm = _asked(body, tools, [{"content": body.get("system")}])
    # Some clients quote the name twice.
    said = {**body, "model": unquote(unquote(model)), "stream": action == "converse-stream"}
    return _spoken("bedrock", said, names, _lean(arm))


def _gemini(model: str, action: str, query: Mapping[str, str], body: Fields) -> Question:
    declared = [
        function
        for tool in _items(body.get("tools"))
        for function in _items(tool.get("functionDeclarations", tool.get("function_declarations")))
    ]
    told = _fields(body.get("systemInstruction", body.get("system_instruction")))
    tools, arm = _asked(body, declared, [told])
    stream = action == "streamGenerateContent"
    seed = _fields(body.get("generationConfig")).get("seed")
    return Question(
        dialect="gemini",
        model=model,
        said=_said(body.get("contents")),
        last=_last(body.get("contents")),
        tools=tools,
        arm=arm,
        stream=stream,
        events=stream and query.get("alt") == "sse",
        seed=seed if isinstance(seed, int) else 0,
    )


def _said(messages: Json) -> tuple[str, ...]:
    """The texts of the user's messages; results of tools, which some formats send as the user's, hold none."""
    return tuple(" ".join(pieces) for pieces in _users(messages))


def _last(messages: Json) -> str:
    users = list(_users(messages))
    return users[-1][-1] if users else ""


def _users(messages: Json) -> Iterator[list[str]]:
    """The pieces of each of the user's messages, white space folded."""
    for message in _items(messages):
        if message.get("role", "user") == "user":
            pieces = [" ".join(text.split()) for text in _texts(message) if text.strip()]
            if pieces:
                yield pieces


def _texts(message: Fields) -> Iterator[str]:
    content = message.get("content", message.get("parts"))
    if isinstance(content, str):
        yield content
    for part in _items(content):
        if isinstance(part.get("text"), str):
            yield part["text"]


def _items(value: Json) -> list[Fields]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _fields(value: Json) -> Fields:
    return value if isinstance(value, Mapping) else {}


def options(model: str) -> tuple[str, dict[str, Json]]:
    """`reference/faulty?kind=json.nan&rate=0.5` -> ("faulty", {"kind": "json.nan", "rate": 0.5})."""
    name, *pairs = model.removeprefix("reference/").replace("?", ";").replace("&", ";").split(";")
    found: dict[str, Json] = {}
    for pair in pairs:
        key, _, text = pair.partition("=")
        reading = read(text)
        found[key] = text if reading.error else reading.value
    return name, found


# --------------------------------------------------------------------------- which case


class Asked(Struct, frozen=True):
    """A case, with its tools under the names they were sent by: some clients rename what an endpoint refuses."""

    case: Case
    specs: tuple[ToolSpec, ...]
    sent_names: Mapping[str, str]


class Cases:
    """The cases of some suites, found by what a request asks."""

    def __init__(self, suites: Sequence[Suite]) -> None:
        self._known: dict[tuple[str, tuple[str, ...]], list[tuple[Case, tuple[ToolSpec, ...]]]] = {}
        for suite in suites:
            for case in suite.cases:
                specs = tuple(suite.specs[key] for key in case.tools)
                names = _names(spec.name for spec in specs)
                spellings = (list(case.messages), prompted.messages(case.messages, ""))
                for last in dict.fromkeys(map(_last, spellings)):
                    self._known.setdefault((last, names), []).append((case, specs))

    def find(self, asked: Question) -> Asked | None:
        """The case that ends in these words and offers these tools; of several the one with the same messages."""
        found = self._known.get((asked.last, _names(asked.tools)))
        if not found:
            return None
        same = (one for one in found if _said(list(one[0].messages)) == asked.said)
        case, specs = next(same, found[0])
        return Asked(case, specs, {normal_name(name): name for name in asked.tools})


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(map(normal_name, names)))
