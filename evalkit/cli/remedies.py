"""What helps against the faults that a run met, by their kind."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import FaultKind

_ASK_AGAIN = "the same command asks again"
_REFUSED = "`evalkit doctor` says what the endpoint refuses"
_BY_KIND: Mapping[FaultKind, str] = {
    "timeout": "--timeout waits longer, a lower -j asks fewer at a time",
    "rate_limit": "the same command asks again; a lower -j or requests_per_minute asks more slowly",
    "auth": "the key is refused, or none was sent: `api_key_env` names its variable, at a base_url too",
    "bad_request": _REFUSED,
    "blocked": "`evalkit show RUN CASE` tells what was said",
    "unsupported": _REFUSED,
    "server": _ASK_AGAIN,
    "network": _ASK_AGAIN,
    "budget": "the account behind the key has nothing left to spend",
    "plugin": "`evalkit show RUN CASE` tells what went wrong here",
}


def against(kind: FaultKind) -> str:
    return _BY_KIND[kind]
