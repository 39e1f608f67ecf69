"""Nouns to JSON and back: the only place, and the format version of what is stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

import msgspec

from evalkit.data import Json
from evalkit.errors import StoreError

VERSION = 4
"""Of stored runs. One current format: another version is refused, with what to do."""

Noun = TypeVar("Noun")


_decoder: Callable[[Any], msgspec.json.Decoder[Any]] = cache(msgspec.json.Decoder)


def encode(noun: Any) -> str:
    """A noun of `data` as JSON text; `decode` gives it back as it was.

    NaN and Infinity, which no answer holds once it is read strictly, would become null.
    """
    try:
        return msgspec.json.encode(noun).decode()
    except (
        UnicodeEncodeError
    ):  # half of a surrogate pair, which has no UTF-8: as its escape, like all that is not ASCII
        return json.dumps(msgspec.to_builtins(noun))


def decode(kind: type[Noun], text: str) -> Noun:
    """The reverse of `encode`, for a noun no part of which may be either of two. Raises StoreError if it is none."""
    try:
        noun: Noun = _decoder(kind).decode(text)
    except msgspec.ValidationError as error:
        raise _damaged(kind, error) from error
    except msgspec.DecodeError:
        noun = _decode_slowly(kind, text)
    return noun


def _decode_slowly(kind: type[Noun], text: str) -> Noun:
    """Of JSON that holds the escape of half a surrogate pair."""
    try:
        return msgspec.convert(json.loads(text), kind)
    except (ValueError, msgspec.ValidationError) as error:
        raise _damaged(kind, error) from error


def _damaged(kind: type[Noun], error: Exception) -> StoreError:
    what, _, path = str(error).partition(" - at `$")
    where = path.strip(".`") or "its root"
    return StoreError(f"a stored {kind.__name__} is damaged at {where}: {what}")


def plain(noun: Any) -> Any:
    """A noun as JSON values (dicts, lists, scalars), for what is printed or exported."""
    return json.loads(encode(noun))


def lean(noun: Any) -> Any:
    """As `plain`, without what is at its default; `decode` fills that in again."""
    return plain(_without_defaults(noun))


def _without_defaults(value: Any) -> Json:
    if is_dataclass(value):
        told = ((each, getattr(value, each.name)) for each in fields(value))
        return {each.name: _without_defaults(held) for each, held in told if held != _default(each)}
    if isinstance(value, Mapping):
        return {key: _without_defaults(held) for key, held in value.items()}
    return [_without_defaults(held) for held in value] if isinstance(value, tuple | list) else value


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
