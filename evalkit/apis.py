"""The APIs asked over our own client, by provider: where each is, which key it wants, what it goes by. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from evalkit.data import Target


class Api(NamedTuple):
    """What one API has of its own."""

    url: str
    """Where it is asked unless a target says otherwise."""
    key: str
    """The variable that holds the key for that address."""
    path: Callable[[str], str]
    """The path that is asked, out of that of an address as people write it, without a slash at its end."""
    headers: Callable[[str | None, str], Mapping[str, str]]
    """What it goes by at an address, with the key if there is one."""
    dialect: str

    def key_name(self, target: Target) -> str | None:
        """The environment variable that holds the key; None where none is sent.

        What a target names, else the API's own; that is for the API's own address, and for no other.
        """
        if target.api_key_env:
            return target.api_key_env
        own = target.serve is None and _host(target.base_url or self.url) == _host(self.url)
        return self.key if own else None


def _chat_path(written: str) -> str:
    """`http://host:8000`, `.../v1` and `.../v1/chat/completions` all mean the last."""
    return written if written.endswith("/chat/completions") else f"{written or '/v1'}/chat/completions"


def _chat_headers(key: str | None, url: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _messages_path(written: str) -> str:
    """`https://host`, `.../v1` and `.../v1/messages` all mean the last, as do longer ones: SDKs have it so."""
    if written.endswith("/messages"):
        return written
    return f"{written}/messages" if written.endswith("/v1") else f"{written}/v1/messages"


def _messages_headers(key: str | None, url: str) -> Mapping[str, str]:
    """Of those who speak it elsewhere, some look for the key where OpenAI has it."""
    elsewhere = {} if _host(url) == _host(ANTHROPIC.url) else _chat_headers(key, url)
    return {**({"x-api-key": key} if key else {}), **elsewhere, "anthropic-version": "2023-06-01"}


OPENAI = Api("https://api.openai.com/v1", "OPENAI_API_KEY", _chat_path, _chat_headers, "openai_chat")
ANTHROPIC = Api("https://api.anthropic.com", "ANTHROPIC_API_KEY", _messages_path, _messages_headers, "anthropic")

APIS: Mapping[str, Api] = {"openai_http": OPENAI, "anthropic_http": ANTHROPIC}
"""By provider."""


def _host(url: str) -> str | None:
    return urlsplit(url).hostname
