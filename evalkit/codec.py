"""Nouns to JSON and back: the only place, and the format version of what is stored."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from evalkit.errors import StoreError

VERSION = 2
"""Of stored runs. One current format: another version is refused, with what to do."""

Noun = TypeVar("Noun")


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def encode(noun: Any) -> str:
    """A noun of `data` as JSON text; `decode` gives it back as it was.

    NaN and Infinity, which no answer holds once it is read strictly, would become null.
    """
    return _adapter(type(noun)).dump_json(noun).decode("utf-8")


def decode(kind: type[Noun], text: str) -> Noun:
    """The reverse of `encode`. Raises StoreError if `text` is no `kind`."""
    try:
        noun: Noun = _adapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"a stored {kind.__name__} is damaged at {where or 'its root'}: {first['msg']}") from error
    return noun


def plain(noun: Any) -> Any:
    """A noun as JSON values (dicts, lists, scalars), for what is printed or exported."""
    return _adapter(type(noun)).dump_python(noun, mode="json")


def lean(noun: Any) -> Any:
    """As `plain`, without what is at its default; `decode` fills that in again."""
    return _adapter(type(noun)).dump_python(noun, mode="json", exclude_defaults=True)
