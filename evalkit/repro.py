"""A request as one `curl` command, to ask the same again by hand. The key is named, never written. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from evalkit.data import Json, Request, Target

OPENAI = "https://api.openai.com/v1"
"""Where `openai_http` asks without a `base_url`."""
BASE_URL = "$BASE_URL"
"""Stands where the target does not say which address is asked: the shell fills it in."""
_SHARED = ("tools", "functions")


class Command(NamedTuple):
    """The command in three parts. Requests that offer the same tools share the one in the middle, the longest."""

    head: str
    tools: str
    """JSON as it stands within the shell's quotes; "" where the body declares no tools."""
    tail: str

    @property
    def text(self) -> str:
        return self.head + self.tools + self.tail


def curl(request: Request) -> Command:
    """The body is exactly what the provider is handed, cut after its member `tools`."""
    target = request.target
    before: list[str] = []
    after: list[str] = []
    tools = ""
    for name, value in request.body.items():
        if name in _SHARED and not tools:
            before.append(f"{_json(name)}: ")
            tools = _json(value)
        else:
            (after if tools else before).append(f"{_json(name)}: {_json(value)}")
    opening = "\n".join([*_remarks(target), _call(target)])
    head = f"{opening}{_quoted('{' + ', '.join(before))}"
    closing = "".join(f", {member}" for member in after) + "}"
    return Command(head=head, tools=_quoted(tools), tail=f"{_quoted(closing)}'")


def _remarks(target: Target) -> Iterator[str]:
    """What the reader must know before the command says the same as the run did."""
    if target.provider not in ("openai_http", "litellm"):
        yield f"# {_one_line(target.identity)} was not asked over HTTP; this asks any OpenAI-compatible address."
    elif target.provider == "litellm":
        yield "# litellm translates this body where the model's own provider wants another."
    if address(target).startswith(BASE_URL):
        yield "# BASE_URL=http://localhost:8000/v1"


def _call(target: Target) -> str:
    """All up to the body, whose opening quote it ends with."""
    where = address(target)
    told = f'"{where}"' if where.startswith(BASE_URL) else shlex.quote(where)
    lines = [f"curl -sS {told}", "-H 'Content-Type: application/json'"]
    if key := key_name(target):
        lines.append(f'-H "Authorization: Bearer ${key}"')
    return " \\\n  ".join([*lines, "-d '"])


def address(target: Target) -> str:
    """The URL that is asked, with a user's password left out; it begins with BASE_URL where that is not known."""
    base = target.base_url or (OPENAI if target.provider == "openai_http" and target.serve is None else "")
    if not base:
        return f"{BASE_URL}/chat/completions"
    parts = urlsplit(base)
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        path = f"{path or '/v1'}/chat/completions"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, path, parts.query, ""))


def key_name(target: Target) -> str | None:
    """The environment variable that holds the key; None where none is sent."""
    if target.api_key_env:
        return target.api_key_env
    return None if target.base_url or target.serve else "OPENAI_API_KEY"


def _json(value: Json) -> str:
    """In ASCII: what a terminal cannot show, and half of a surrogate pair, arrives whole all the same."""
    return json.dumps(value)


def _quoted(text: str) -> str:
    """As it stands between single quotes of a shell."""
    return text.replace("'", "'\\''")


def _one_line(text: str) -> str:
    return json.dumps(text)[1:-1]
