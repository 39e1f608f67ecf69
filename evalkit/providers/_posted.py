"""What left in other words, told by how it differs from what was handed over, with no key in it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from evalkit import values
from evalkit.data import Json, Posted

LIMIT = 100_000
"""Characters of a member of the body up to which it is kept."""
_CREDENTIALS = frozenset(("authorization", "api-key", "x-api-key", "x-goog-api-key", "x-amz-security-token"))
_GONE_BY = frozenset(
    (
        *("accept", "anthropic-beta", "anthropic-version", "api-version", "http-referer", "openai-beta"),
        *("openai-organization", "openai-project", "x-goog-user-project", "x-title"),
    )
)
"""Headers beside the credentials that change how an endpoint answers."""
_SECRET_PARAMETERS = frozenset(("access_token", "api_key", "api-key", "key", "sig", "token"))
_NO_KEY = "none"
"""What is handed to a library that wants a key where the endpoint wants none."""
_SIGNED = "AWS4-HMAC-SHA256"
_UNKNOWN = "ACCESS_TOKEN"
"""Names a credential that stands in no variable of the environment: it was fetched, or made of one that does."""


def posted(
    url: str,
    headers: Mapping[str, str],
    body: Mapping[str, Json],
    handed: Mapping[str, Json],
    named: Mapping[str, str],
) -> Posted:
    """`named`: credential -> the environment variable that holds it."""
    told = [(name.lower(), value) for name, value in headers.items()]
    kept = {name: value for name, value in told if name in _GONE_BY}
    credentials = {name: _redacted(value, named) for name, value in told if name in _CREDENTIALS}
    address, names = _without_keys(url, named)
    changed = {
        key: _without_tools(key, value)
        for key, value in body.items()
        if key not in handed or not values.same(value, handed[key])
    }
    omitted = tuple(key for key, value in changed.items() if len(values.canonical(value)) > LIMIT)
    return Posted(
        url=address,
        headers={**kept, **{name: value for name, (value, _) in credentials.items()}},
        keys=tuple(dict.fromkeys((*names, *(key for _, key in credentials.values() if key)))),
        members={key: value for key, value in changed.items() if key not in omitted},
        dropped=tuple(key for key in handed if key not in body),
        omitted=omitted,
    )


def _redacted(value: str, named: Mapping[str, str]) -> tuple[str, str]:
    """A credential with its name in its place, behind the scheme if it has one; and the name, "" if it is no secret."""
    scheme, _, credential = value.rpartition(" ")
    if value.startswith(_SIGNED):  # a signature: what it was made for is all that can be told
        scope = value.partition("Credential=")[2].partition(",")[0].split("/")
        return f"{_SIGNED} {'/'.join(scope[2:4])}", ""
    if credential == _NO_KEY:
        return value, ""
    name = named.get(credential, _UNKNOWN)
    return f"{scheme} ${name}".lstrip(), name


def _without_keys(url: str, named: Mapping[str, str]) -> tuple[str, list[str]]:
    """The address with the names of keys in their places, and without a user's password."""
    parts = urlsplit(url)
    names: list[str] = []
    told = []
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key.lower() in _SECRET_PARAMETERS and value != _NO_KEY:
            names.append(named.get(value, _UNKNOWN))
            told.append(f"{key}=${names[-1]}")
        else:
            told.append(urlencode({key: value}))
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "&".join(told), "")), names


def _without_tools(key: str, value: Json) -> Json:
    """A member of the body, with null where the list of tools stands: that is told apart."""
    if key == "tools":
        return None
    if key == "toolConfig" and isinstance(value, dict) and "tools" in value:
        return {**value, "tools": None}
    return value
