"""The drafts of JSON Schema, and what jsonschema-rs, the fast engine, makes of schemas, formats and patterns.

`reasons` has the other engine: nothing here needs it, so that what is valid never waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache, partial
from typing import Any, Literal

import jsonschema_rs
from msgspec import Struct

from evalkit.data import Json

Formats = Literal["assert", "annotate"]

# All that the latest draft names. Older drafts know fewer; who writes `date` under draft 4 means it all the same.
FORMATS = (
    "date-time",
    "date",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uuid",
    "uri-template",
    "json-pointer",
    "relative-json-pointer",
    "regex",
)

# Look-around and back-references are no job for a linear-time engine; they back-track, at most this many steps.
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)


class Draft(Struct, frozen=True):
    """One draft: its name, the `$schema` that means it, and what reads it."""

    name: str
    uri: str
    reader: Any
    """The class of jsonschema-rs."""

    @property
    def old(self) -> bool:
        """Up to draft 7: whatever stands beside `$ref` is ignored, and fewer formats are known."""
        return self.name in ("4", "6", "7")

    def fast_engine(self, schema: Json, formats: Formats) -> Any:
        """A validator that never fetches anything. Raises ValueError if it cannot read `schema`.

        A string is the JSON text of a schema, and no slower than the schema itself.
        """
        return self.reader(
            schema,
            formats=_FORMATS if self.old else None,
            validate_formats=formats == "assert",
            pattern_options=_PATTERNS,
            offline=True,
        )


DRAFTS: tuple[Draft, ...] = (
    Draft("2020-12", "https://json-schema.org/draft/2020-12/schema", jsonschema_rs.Draft202012Validator),
    Draft("2019-09", "https://json-schema.org/draft/2019-09/schema", jsonschema_rs.Draft201909Validator),
    Draft("7", "http://json-schema.org/draft-07/schema", jsonschema_rs.Draft7Validator),
    Draft("6", "http://json-schema.org/draft-06/schema", jsonschema_rs.Draft6Validator),
    Draft("4", "http://json-schema.org/draft-04/schema", jsonschema_rs.Draft4Validator),
)
LATEST = DRAFTS[0]
_BY_URI: Mapping[str, Draft] = {draft.uri.partition("://")[2]: draft for draft in DRAFTS}


def draft_of(schema: Json) -> Draft | None:
    """The draft that `$schema` names, the latest without one, None for one we do not know."""
    declared = schema.get("$schema") if isinstance(schema, dict) else None
    if declared is None:
        return LATEST
    if not isinstance(declared, str):
        return None
    return _BY_URI.get(declared.strip().partition("://")[2].rstrip("#").rstrip("/"))


def of_format(name: str, text: str) -> bool:
    """Whether `text` is of the format `name`; True for a format that no draft names."""
    return bool(_format(name).is_valid(_encodable(text)))


def pattern_error(pattern: str) -> str | None:
    """Why `pattern` is no regular expression that we can run, or None."""
    try:
        _pattern(pattern)
    except ValueError as error:
        return str(error).partition("\n")[0]
    return None


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`; False where that takes more steps than are allowed."""
    return bool(_pattern(pattern).is_valid(_encodable(text)))


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> Any:
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_PATTERNS, offline=True)


@cache
def _format(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True, offline=True)


def _encodable(text: str) -> str:
    """`text` with U+FFFD for lone surrogates, which cannot cross into Rust."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_FORMATS = {name: partial(of_format, name) for name in FORMATS}
"""For the drafts in which jsonschema-rs itself knows fewer."""
