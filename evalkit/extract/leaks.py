"""Calls that a model wrote into its text instead of making them, told by the notation they stand in.

Every pattern takes linear time: repetitions are possessive, and JSON is tried at a bounded number of places.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from evalkit.data import Json


class Leak(NamedTuple):
    """A call in the text."""

    notation: str
    tool: str
    """"" where the notation hides it."""
    start: int


def find(text: str) -> Leak | None:
    """The first call in `text`, in the first notation of which there is one; None if there is none.

    Special tokens and tags need a call behind them; JSON must have exactly the shape of a call (a name that could be
    a tool's, and arguments), so prose about calls, answers in JSON and declared tools are left alone.
    """
    return _marked(text) or _json(text) or _pythonic(text)


# --------------------------------------------------------------------------- notations with tokens of their own

_NAME = r"([A-Za-z_][\w.-]*+)"
_OPEN = r"\s*+(?:\[\s*+)?+\{\s*+\""  # an object with a key, perhaps in a list
_MARKED: tuple[tuple[str, str, str], ...] = (
    ("Hermes", "<tool_call>", rf"<tool_call>{_OPEN}"),
    ("GLM", "<tool_call>", rf"<tool_call>\s*+{_NAME}\s*+<arg_key>"),
    ("Qwen", "<function=", rf"<function={_NAME}>\s*+(?:<parameter=|\{{|</function>)"),
    ("Llama", "<|python_tag|>", rf"<\|python_tag\|>\s*+(?:\{{|{_NAME}\()"),
    ("Mistral", "[TOOL_CALLS]", rf"\[TOOL_CALLS\](?:{_OPEN}|\s*+{_NAME}\s*+(?:\[CALL_ID\]|\[ARGS\]|\{{))"),
    (
        "DeepSeek",
        "tool\u2581call\u2581begin",
        rf"<\uff5ctool\u2581call\u2581begin\uff5c>(?:function<\uff5ctool\u2581sep\uff5c>)?+{_NAME}",
    ),
    ("Kimi", "<|tool_call_begin|>", rf"<\|tool_call_begin\|>\s*+(?:functions\.)?+{_NAME}"),
    ("Harmony", "<|channel|>", rf"<\|channel\|>\s*+\w++\s++to=(?:functions\.)?+{_NAME}"),
    ("XML", 'invoke name="', rf"<(?:\w++:|\uff5cDSML\uff5c)?+invoke name=\"{_NAME}\">"),
    ("Granite", "<|tool_call|>", rf"<\|tool_call\|>{_OPEN}"),
    ("Nemotron", "<TOOLCALL>", rf"<TOOLCALL>{_OPEN}"),
    ("Hunyuan", "<tool_calls>", rf"<tool_calls>{_OPEN}"),
    ("Command", "<|START_ACTION|>", rf"<\|START_ACTION\|>{_OPEN}"),
    ("Phi", "functools[", rf"functools(?=\[){_OPEN}"),
    ("Apertus", "<|tools_prefix|>", rf"<\|tools_prefix\|>\s*+\[\s*+\{{\s*+\"{_NAME}\""),
    ("Llama 4", "<|python_start|>", rf"<\|python_start\|>\s*+\[\s*+{_NAME}\("),
    ("LFM", "<|tool_call_start|>", rf"<\|tool_call_start\|>\s*+\[\s*+{_NAME}\("),
    ("OLMo", "<function_calls>", rf"<function_calls>\s*+{_NAME}\("),
    ("Gemma", "```tool_code", rf"```tool_code\s*+(?:print\()?+{_NAME}\("),
    ("Gemma", "<start_function_call>", rf"<start_function_call>call:{_NAME}\{{"),
    ("Functionary", ">>>", rf"(?m:^)>>>{_NAME}\n\s*+\{{"),
    ("ReAct", "Action Input:", rf"(?m:^)Action:[ \t]*+{_NAME}[ \t]*+\n\s*+Action Input:\s*+\{{"),
)
"""Notation, what stands in every call of it, and its pattern, which is compiled for the first text that holds that."""
_NAMED = re.compile(r'"(?:name|tool_name)"\s*+:\s*+"([^"\\]{1,100})"')
_NAME_WITHIN = 500


def _marked(text: str) -> Leak | None:
    for notation, sign, pattern in _MARKED:
        if sign in text and (found := re.search(pattern, text)):
            tool = found.group(found.lastindex) if found.lastindex else _named(text, found)
            return Leak(notation, tool, found.start())
    return None


def _named(text: str, found: re.Match[str]) -> str:
    name = _NAMED.search(text, found.start(), found.end() + _NAME_WITHIN)
    return name[1] if name else ""


# --------------------------------------------------------------------------- JSON in the shape of a call

_NAME_KEYS = ("name", "tool_name", "function")
_KEYS = frozenset({*_NAME_KEYS, "arguments", "parameters", "id", "call_id", "type", "index"})
_FIRST_KEY = "|".join(sorted(_KEYS | {"tool_calls", "calls"}))
_START = re.compile(
    rf"(?:^[ \t]*+|(?P<fence>```)\w*+\s*+)(?P<json>(?:\[\s*+)?+\{{\s*+\"(?:{_FIRST_KEY})\"\s*+:)", re.MULTILINE
)
_TOOL_NAME = re.compile(r"[A-Za-z_][\w.:/-]{0,127}")
_INSIDE = re.compile(r"\s*+[],})]")  # what follows a part of something larger, such as a list in a program
_PLACES = 50
_DECODER = json.JSONDecoder()


def _json(text: str) -> Leak | None:
    """JSON at the start of a line or a code fence."""
    if "{" not in text:
        return None
    for found in islice(_START.finditer(text), _PLACES):
        try:
            value, end = _DECODER.raw_decode(text, found.start("json"))
        except (ValueError, RecursionError):
            continue
        if _INSIDE.match(text, end):
            continue
        tool = next(_tools(value), None)
        if tool is not None:
            return Leak("JSON in a code fence" if found["fence"] else "bare JSON", tool, found.start("json"))
    return None


def _tools(value: Json) -> Iterator[str]:
    """The name of the tool that `value` calls; of each, if it is a list or an envelope of calls."""
    if isinstance(value, list):
        for item in value:
            yield from _tools(item)
    elif isinstance(value, dict):
        inner = value.get("tool_calls", value.get("calls", value.get("function")))
        if isinstance(inner, list | dict):
            yield from _tools(inner)
        elif value.keys() <= _KEYS:
            name = next((value[key] for key in _NAME_KEYS if key in value), None)
            if isinstance(name, str) and _TOOL_NAME.fullmatch(name) and _are_arguments(value):
                yield name


def _are_arguments(call: dict[str, Json]) -> bool:
    arguments = call.get("arguments", call.get("parameters"))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return False
    # With `properties` it is a tool being declared, not called.
    return isinstance(arguments, dict) and not ("properties" in arguments and "type" in arguments)


# --------------------------------------------------------------------------- a list of Python calls

_PYTHONIC = re.compile(rf"\s*+\[\s*+{_NAME}\((?:\s*+[A-Za-z_]\w*+\s*+=[^=]|\s*+\))")


def _pythonic(text: str) -> Leak | None:
    """The whole text is `[f(x=1), g()]`."""
    found = _PYTHONIC.match(text)
    return Leak("pythonic", found[1], found.start(1) - 1) if found and text.rstrip().endswith(")]") else None
