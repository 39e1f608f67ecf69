"""JSON values: strict reading, sameness, pointers, digests. No schema, no IO."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct

from evalkit.data import Json, Pointer
from evalkit.values.mending import mend, unfence

MAX_DEPTH = 200
MAX_CHARS = 1_000_000
EXCERPT = 200


class Reading(Struct, frozen=True):
    """What `read` made of a text. `value` means something only if `error` is None."""

    value: Json
    error: str | None = None
    """A `json.*` code."""
    message: str = ""
    offset: int | None = None
    """Index in the text of the first character that is wrong."""


class _Finding(Exception):
    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Finding("json.duplicate_key", f"the key {twice!r} stands twice in one object")
    return found


def _constant(name: str) -> None:
    raise _Finding("json.nan", f"{name} is not JSON")


def unbounded(token: str) -> bool:
    """Whether it is NaN, Infinity, or a numeral that reads as infinite, since no double is as large."""
    try:
        return not math.isfinite(float(token))
    except ValueError:
        return False


def _real(numeral: str) -> float:
    number = float(numeral)
    if math.isinf(number):
        raise _Finding("json.nan", f"{_clip(numeral, 40)} is larger than any number that can be held")
    return number


def _integer(digits: str) -> int | float:
    # Python refuses to convert longer digit strings, and no double is as large.
    return int(digits) if len(digits) <= 4300 else _real(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_real)
_SPACE = " \t\n\r"
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read(text: str, max_chars: int = MAX_CHARS) -> Reading:
    """Read `text` as one JSON value (RFC 8259), nothing repaired. Never raises.

    Refused, with a code of its own each: duplicate keys, NaN, data after the value, code fences, lone surrogates
    (as syntax: no UTF-8 text can hold them), more than MAX_DEPTH levels, more than `max_chars` characters. As NaN
    counts what would be read as infinite, and so stored as nothing: 1e400, a whole number of more than 4,300 digits.
    """
    if len(text) > max_chars:
        return Reading(None, "json.too_large", f"{len(text):,} characters; the limit is {max_chars:,}", max_chars)
    try:
        value = _decode(text)
    except _UNDECODED:
        return _read_slowly(text)
    objects = text.count("{")
    if objects + text.count("[") > MAX_DEPTH:
        return _read_slowly(text)
    members = len(value) if objects == 1 and isinstance(value, dict) else _members(value)
    # A key that stands twice is lost, its colon is not; a colon in a string only means that it takes a second look.
    return Reading(value) if members == text.count(":") else _read_slowly(text)


def _read_slowly(text: str) -> Reading:
    """With what is wrong, and where, if it is."""
    if not text.isascii() and (lone := _SURROGATE.search(text)):
        return Reading(None, "json.syntax", "a lone surrogate", lone.start())
    start = len(text) - len(text.lstrip(_SPACE))
    if text.startswith("```", start):
        return Reading(None, "json.fenced", "the value stands in a Markdown code fence", start)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except _Finding as finding:
        return Reading(None, finding.code, finding.message)
    except json.JSONDecodeError as error:
        return Reading(None, "json.syntax", error.msg, error.pos)
    except RecursionError:
        return Reading(None, "json.too_deep", f"nested deeper than {MAX_DEPTH} levels")
    rest = text[end:].lstrip(_SPACE)
    if rest:
        offset = len(text) - len(rest)
        if _starts_with_value(rest):
            return Reading(None, "json.concatenated", "a second JSON value follows the first", offset)
        return Reading(None, "json.trailing_data", f"{_clip(rest, 40)!r} follows the value", offset)
    if (text.count("[") + text.count("{")) > MAX_DEPTH and depth(value) > MAX_DEPTH:
        return Reading(None, "json.too_deep", f"nested deeper than {MAX_DEPTH} levels")
    if _ESCAPED_SURROGATE.search(text) and any(_SURROGATE.search(string) for string in _strings(value)):
        return Reading(None, "json.syntax", "a lone surrogate in a string")
    return Reading(value)


def loads(text: str) -> Json:
    """What `json.loads` makes of a text, in a third of its time. Raises ValueError or RecursionError, as that does."""
    try:
        return _decode(text)
    except _UNDECODED:  # among them NaN, infinite numbers, and halves of surrogate pairs, which are read all the same
        return json.loads(text)


_decode = msgspec.json.Decoder().decode
_UNDECODED = (msgspec.MsgspecError, UnicodeEncodeError, RecursionError)


def _members(value: Json) -> int:
    """Of all objects in it."""
    if isinstance(value, dict):
        return len(value) + sum(map(_members, value.values()))
    return sum(map(_members, value)) if isinstance(value, list) else 0


def _starts_with_value(text: str) -> bool:
    """Only containers and strings count: `} 5` is stray data, not a second answer."""
    if text[0] not in '{["':
        return False
    try:
        json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _strings(value: Json) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def depth(value: Json) -> int:
    """Levels of nesting: 0 for a scalar, 1 for an empty object."""
    deepest, stack = 0, [(value, 0)]
    while stack:
        item, level = stack.pop()
        if isinstance(item, dict | list):
            level += 1
            deepest = max(deepest, level)
            stack.extend((child, level) for child in (item.values() if isinstance(item, dict) else item))
    return deepest


# --------------------------------------------------------------------------- leniency


def lenient(text: str) -> str:
    """`text` without outer white space and a Markdown code fence around all of it."""
    return unfence(text)


def repair(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with every repair of `mending.REPAIRS` that it needs, and their names. Never raises.

    What reads already comes back untouched, unless it is a string that holds an object or array; so does what the
    repairs do not make readable.
    """
    reading = read(text)
    if reading.error is None:
        held = read(reading.value) if isinstance(reading.value, str) else reading
        double = held is not reading and held.error is None and isinstance(held.value, dict | list)
        return (reading.value, ("double_encoded",)) if double else (text, ())
    mended = mend(text) if len(text) <= MAX_CHARS else None
    return (text, ()) if mended is None or read(mended[0]).error else mended


# --------------------------------------------------------------------------- sameness

Strings = Literal["exact", "bfcl"]
_BFCL_DROPPED = str.maketrans({**dict.fromkeys(" ,./-_*^", ""), "'": '"'})


def same(a: Json, b: Json, strings: Strings = "exact") -> bool:
    """JSON sameness: 1 is 1.0, true is not 1, the order of keys does not count.

    `strings="bfcl"` compares string values (not keys) as the Berkeley Function Calling Leaderboard does: without
    spaces and , . / - _ * ^, in lower case, ' taken for ".
    """
    if isinstance(a, str):
        return isinstance(b, str) and (a == b or (strings == "bfcl" and bfcl_string(a) == bfcl_string(b)))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key], strings) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y, strings) for x, y in zip(a, b, strict=True))
    return a is None and b is None


def bfcl_string(text: str) -> str:
    return text.translate(_BFCL_DROPPED).lower()


@lru_cache(maxsize=4096)
def normal_name(name: str) -> str:
    """A tool name without case and punctuation: two names that agree here are near misses."""
    return "".join(char for char in unicodedata.normalize("NFKC", name).casefold() if char.isalnum())


# --------------------------------------------------------------------------- pointers and digests


def pointer(*tokens: str | int) -> Pointer:
    """("a/b", 0) -> "/a~1b/0" (RFC 6901)."""
    path = "/".join(["", *map(str, tokens)])
    if "~" not in path and path.count("/") == len(tokens):
        return path
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def tokens(path: Pointer) -> tuple[str, ...]:
    """The reverse of `pointer`; array indices stay strings."""
    plain = path.split("/")[1:]
    return tuple([token.replace("~1", "/").replace("~0", "~") for token in plain] if "~" in path else plain)


class Absent:
    """The type of ABSENT: there is nothing at a pointer, which is not the same as null."""

    def __bool__(self) -> bool:
        return False


ABSENT = Absent()


def at(value: Json, path: Pointer) -> Json | Absent:
    """What stands at `path`, or ABSENT."""
    return reach(value, tokens(path))


def reach(value: Json, steps: Sequence[str]) -> Json | Absent:
    """`at`, with the path already in `tokens`."""
    for token in steps:
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and token.isdecimal() and int(token) < len(value):
            value = value[int(token)]
        else:
            return ABSENT
    return value


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical(value: Json) -> str:
    """One text for one value: sorted keys, no white space. Two values that are `same` but for 1 / 1.0 agree."""
    return _CANONICAL(value)


def identity(value: Json) -> str:
    """One text for one value: two values have it in common iff they are `same`."""
    return canonical(_one_spelling(value))


def _one_spelling(value: Json) -> Json:
    """1.0 as 1, all the way down."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_one_spelling(item) for item in value]
    if isinstance(value, dict):
        return {key: _one_spelling(item) for key, item in value.items()}
    return value


def digest(value: Json) -> str:
    """The first 16 hex digits of SHA-256 over `canonical(value)`."""
    return digest_of([canonical(value)])


def digest_of(pieces: Iterable[str]) -> str:
    """`digest` of the value whose `canonical` text comes in pieces."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece.encode("utf-8", "surrogatepass"))
    return found.hexdigest()[:16]


def excerpt(value: Json) -> str:
    """At most EXCERPT characters of a value or text, for messages. Safe to encode."""
    return _clip(value if isinstance(value, str) else _spelled(value), EXCERPT)


def quoted(value: Json, limit: int = EXCERPT) -> str:
    """The JSON spelling of a value (a string in its quotes), clipped to `limit` characters. Safe to encode."""
    return _clip(_spelled(value), limit)


_SPELLING = json.JSONEncoder(ensure_ascii=False).encode


def _spelled(value: Json) -> str:
    try:
        return _SPELLING(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of levels
        return f"<{type(value).__name__} too large to print>"


def _clip(text: str, limit: int) -> str:
    clipped = text if len(text) <= limit else text[: limit - 1] + "…"
    return clipped if clipped.isascii() else clipped.encode("utf-8", "replace").decode("utf-8")
