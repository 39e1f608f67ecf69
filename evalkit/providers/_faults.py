"""What an endpoint sends instead of an answer, as a ProviderError: the status decides, then the endpoint's own code."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from evalkit import plugins, values
from evalkit.data import FaultKind, Json, Wire
from evalkit.errors import ProviderError, UnreadCall
from evalkit.pacing import allowance

MAX_MESSAGE = 300

_BY_STATUS: Mapping[int, tuple[FaultKind, bool]] = {
    401: ("auth", False),
    402: ("budget", False),
    403: ("auth", False),
    404: ("unsupported", False),
    405: ("unsupported", False),
    408: ("timeout", True),
    409: ("server", True),
    425: ("server", True),
    429: ("rate_limit", True),
    451: ("blocked", False),
    501: ("unsupported", False),
    504: ("timeout", True),
    524: ("timeout", True),  # Cloudflare's own: the origin did not answer in time
}
"""Kind, and whether another attempt may succeed. Other 5xx are `server` and retryable, the rest `bad_request`."""

_SHARPER: Mapping[str, FaultKind] = {
    "insufficient_quota": "budget",
    "billing_error": "budget",
    "billing_hard_limit_reached": "budget",
    "billing_not_active": "budget",
    "content_filter": "blocked",
    "content_policy_violation": "blocked",
    "ResponsibleAIPolicyViolation": "blocked",
    "API_KEY_INVALID": "auth",
    "invalid_api_key": "auth",
    "model_not_found": "unsupported",
}
"""Codes that say more than a 4xx status does: 429 is also sent when the money has run out, which no waiting mends."""
_NO_CREDIT = "credit balance is too low"
"""Anthropic's words for it, under a 400 whose code says no more than that the request is wrong."""

_TLS = re.compile(r"(?<=\S) ssl:(?:default|None|True|False|<[^>]*>)(?= \[)")
"""What aiohttp says of its own settings between an address and why it was not reached."""
_RETRY_DELAY = re.compile(r'"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"')


def refusal(status: int, headers: Mapping[str, str], body: str, secrets: Collection[str] = ()) -> ProviderError:
    """The fault behind a status other than 200. `headers` by lower-case name; `secrets` stay out of the message."""
    kind, retryable = _BY_STATUS.get(status) or (("server", True) if status >= 500 else ("bad_request", False))
    if 400 <= status < 500:
        named = (found for code, found in _SHARPER.items() if f'"{code}"' in body)
        sharper = "budget" if _NO_CREDIT in body else next(named, None)
        kind, retryable = (sharper, False) if sharper else (kind, retryable)
    message = own_words(body, secrets) or f"the endpoint answered with status {status} and not a word"
    if 300 <= status < 400:
        where = own_words(headers.get("location", "nowhere"), secrets)
        message = f"the endpoint redirects to {where}; give that address as base_url"
    return ProviderError(
        kind,
        message,
        status=status,
        retryable=retryable,
        retry_after=_retry_after(headers, body) if retryable else None,
    )


def tells_of_a_call(wire: Wire, dialect: str) -> bool:
    """Whether an error holds what the model said: a call that the endpoint could not read."""
    try:
        plugins.dialect(dialect).read(wire)
    except UnreadCall:
        return True
    except ProviderError:
        pass
    return False


def nearest(table: Mapping[type[BaseException], tuple[FaultKind, bool]], error: type[Any]) -> tuple[FaultKind, bool]:
    """The entry of the nearest class in the ancestry of `error`."""
    return next(table[ancestor] for ancestor in error.__mro__ if ancestor in table)


def own_words(body: str, secrets: Collection[str] = ()) -> str:
    """What the endpoint says, on one line, at most MAX_MESSAGE characters, with keys struck out."""
    words = _message(values.read(body).value) or body
    for secret in secrets:
        words = words.replace(secret, "***")
    words = _TLS.sub("", " ".join(words.split()))
    return words if len(words) <= MAX_MESSAGE else words[: MAX_MESSAGE - 1] + "…"


def _message(value: Json) -> str | None:
    """The human part of an error body: OpenAI, Anthropic and Gemini nest it, others do not."""
    if isinstance(value, list) and value:
        return _message(value[0])
    if isinstance(value, dict):
        found = (_message(value.get(key)) for key in ("error", "message", "detail", "msg"))
        return next((words for words in found if words), None)
    return value if isinstance(value, str) else None


def _retry_after(headers: Mapping[str, str], body: str) -> float | None:
    """Seconds the endpoint asks us to wait, wherever it says so plainly; None if it does not."""
    asked = allowance.named(headers)
    if asked is not None:
        return asked
    delay = _RETRY_DELAY.search(body)  # Gemini says it in the body
    return float(delay[1]) if delay else allowance.spent(headers)
