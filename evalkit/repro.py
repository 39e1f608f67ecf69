"""A request as one `curl` command, to ask the same again by hand. The key is named, never written. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from evalkit import messages_api
from evalkit.apis import ANTHROPIC, APIS, OPENAI, Api
from evalkit.data import Json, Posted, Request, Response, Target
from evalkit.errors import ProviderError

BASE_URL = "$BASE_URL"
"""Stands where the target does not say which address is asked: the shell fills it in."""
_SHARED = ("tools", "functions")
_FETCHED = "ACCESS_TOKEN"
"""Names a credential that a client library had from elsewhere than the environment."""
_SIGNED = "AWS4-HMAC-SHA256"
"""The scheme of a request that is signed anew each time, behind which `Posted` tells for which region and service."""


class Command(NamedTuple):
    """The command in three parts. Requests that offer the same tools share the one in the middle, the longest."""

    head: str
    tools: str
    """JSON as it stands within the shell's quotes; "" where the body declares no tools."""
    tail: str

    @property
    def text(self) -> str:
        return self.head + self.tools + self.tail


def curl(request: Request, reply: Response | None = None, *, indent: int | None = None) -> Command:
    """What `reply` answered to, else what is sent as far as that is known without one.

    The body is cut after its member `tools`. With `indent`, the body stands on many lines, to be read.
    """
    posted = None if reply is None else reply.posted
    if reply is None or posted is None:
        body, lines = _built(request)
    else:
        body, lines = left(request.body, reply), [*_reservations(posted), _posted(posted)]
    before: list[str] = []
    after: list[str] = []
    tools = ""
    for name, value in body.items():
        if name in _SHARED and not tools:
            before.append(f"{_json(name)}: ")
            tools = _json(value, indent)
        else:
            (after if tools else before).append(f"{_json(name)}: {_json(value, indent)}")
    opening = "\n".join(lines)
    broken = "" if indent is None else "\n" + " " * indent
    comma = f",{broken}" if broken else ", "
    head = f"{opening}{_quoted('{' + broken + comma.join(before))}"
    closing = "".join(f"{comma}{member}" for member in after) + ("\n}" if broken else "}")
    return Command(head=head, tools=_quoted(tools), tail=f"{_quoted(closing)}'")


def left(handed: Mapping[str, Json], reply: Response) -> Mapping[str, Json]:
    """The body that crossed the network, by what a provider was handed and what was changed on the way."""
    posted = reply.posted
    if posted is None:
        return handed
    tools = handed.get("tools", []) if reply.sent is None else reply.sent
    kept = {key: value for key, value in handed.items() if key not in posted.dropped}
    return {**kept, **{key: _with_tools(key, value, tools) for key, value in posted.members.items()}}


def _with_tools(key: str, value: Json, tools: Json) -> Json:
    if key == "tools" and value is None:
        return tools
    if isinstance(value, dict) and "tools" in value and value["tools"] is None:
        return {**value, "tools": tools}
    return value


# --------------------------------------------------------------------------- as it was sent


def _reservations(posted: Posted) -> Iterator[str]:
    if posted.omitted:
        yield f"# Not as it left, for it was too large to be kept: {_one_line(', '.join(posted.omitted))}"
    if _FETCHED in posted.keys:
        yield f"# {_FETCHED}: a token that was fetched for the call"


def _posted(posted: Posted) -> str:
    words = []
    for name, value in posted.headers.items():
        if value.startswith(_SIGNED):
            region, _, service = value.removeprefix(f"{_SIGNED} ").partition("/")
            words.append(f"--aws-sigv4 {shlex.quote(f'aws:amz:{region}:{service}')}")
            words.append('--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"')
        else:
            words.append(f"-H {_worded(f'{name}: {value}', posted.keys)}")
    return _opening(_worded(posted.url, posted.keys), words)


def _worded(text: str, keys: Sequence[str]) -> str:
    """One word of a shell, which fills in the keys that are named in it."""
    if not any(f"${key}" in text for key in keys):
        return shlex.quote(text)
    quoted = re.sub(r'([\\"`$])', r"\\\1", text)
    for key in sorted(keys, key=len, reverse=True):
        quoted = quoted.replace(f"\\${key}", f"${key}")
    return f'"{quoted}"'


# --------------------------------------------------------------------------- as a provider is handed it


def _built(request: Request) -> tuple[Mapping[str, Json], list[str]]:
    """The body as far as it follows from the question, and all before it."""
    lines = [*_remarks(request.target), _handed(request.target)]
    if _api(request.target) is not ANTHROPIC:
        return request.body, lines
    try:
        return messages_api.body(request.body), lines
    except ProviderError as error:
        why = f"# Nothing was sent, for Anthropic's Messages cannot say it: {_one_line(error.message)}"
        return request.body, [why, *lines]


def _remarks(target: Target) -> Iterator[str]:
    """What the reader must know before the command says the same as the run did."""
    if target.provider == "litellm":
        yield "# No answer is stored. This is what litellm is handed, which it translates for the model's provider."
    elif target.provider not in APIS:
        yield f"# {_one_line(target.identity)} was not asked over HTTP; this asks any OpenAI-compatible address."
    if address(target).startswith(BASE_URL):
        yield "# BASE_URL=http://localhost:8000/v1"


def _handed(target: Target) -> str:
    api, where = _api(target), address(target)
    key = api.key_name(target)
    told = api.headers(f"${key}" if key else None, where)
    words = [f'-H "{name}: {value}"' for name, value in told.items()]
    return _opening(f'"{where}"' if where.startswith(BASE_URL) else shlex.quote(where), words)


def _opening(where: str, words: Sequence[str]) -> str:
    """All up to the body, whose opening quote it ends with. `where` and `words` are as the shell reads them."""
    return " \\\n  ".join([f"curl -sS {where}", "-H 'Content-Type: application/json'", *words, "-d '"])


def address(target: Target) -> str:
    """The URL that is asked, with a user's password left out; it begins with BASE_URL where that is not known."""
    api = _api(target)
    if target.base_url is None and (target.serve or target.provider not in APIS):
        return BASE_URL + api.path("/v1").removeprefix("/v1")
    parts = urlsplit(target.base_url or api.url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, api.path(parts.path.rstrip("/")), parts.query, ""))


def _api(target: Target) -> Api:
    """The API in whose words the command is. What a client library is handed is in OpenAI's."""
    return APIS.get(target.provider, OPENAI)


def _json(value: Json, indent: int | None = None) -> str:
    """In ASCII: what a terminal cannot show, and half of a surrogate pair, arrives whole all the same."""
    text = json.dumps(value, indent=indent)
    return text if indent is None else text.replace("\n", "\n" + " " * indent)


def _quoted(text: str) -> str:
    """As it stands between single quotes of a shell."""
    return text.replace("'", "'\\''")


def _one_line(text: str) -> str:
    return json.dumps(text)[1:-1]
