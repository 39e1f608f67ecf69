"""Nouns to JSON and back: the only place, and the format version of what is stored."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

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


def schema(kind: type) -> dict[str, Json]:
    """JSON Schema of a noun as `plain` writes it, with every key there; one `$defs` for each noun in it.

    Where a part may be any of several nouns, its key `block` says which, by its name in lower case.
    """
    (_, parts) = msgspec.json.schema_components([_struct(kind)], ref_template="#/$defs/{name}")
    for part in parts.values():
        part.pop("title")
        if "description" in part:
            part["description"] = inspect.cleandoc(part["description"])
    whole = parts.pop(kind.__name__)
    return {**whole, "$defs": parts}


@cache
def _struct(noun: type, tagged: bool = False) -> type:
    """The same noun in a form that may be one of several, and that has no defaults."""
    name, said = noun.__name__, noun.__doc__ or ""
    return msgspec.defstruct(
        name,
        [(field, _typed(hint)) for field, hint in get_type_hints(noun).items()],
        namespace={} if said.startswith(f"{name}(") else {"__doc__": said},  # what Python itself makes up says nothing
        tag_field="block" if tagged else None,
        tag=name.lower() if tagged else None,
    )


def _typed(hint: Any) -> Any:
    """A type with the form of `_struct` in place of each noun."""
    if _is_noun(hint):
        return _struct(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (None, Literal):
        return hint
    if origin in (Union, UnionType):
        several = sum(map(_is_noun, inner)) > 1
        each = (_struct(one, several) if _is_noun(one) else _typed(one) for one in inner)
        return reduce(or_, each)
    return origin[tuple(one if one is Ellipsis else _typed(one) for one in inner)]


def _is_noun(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Struct)


def plain(noun: Any) -> Any:
    """A noun as JSON values (dicts, lists or tuples, scalars), for what is printed or exported."""
    return msgspec.to_builtins(noun)


def lean(noun: Any) -> Any:
    """As `plain`, without what is at its default; `decode` fills that in again."""
    return plain(_without_defaults(noun))


def _without_defaults(value: Any) -> Json:
    if isinstance(value, Struct):
        told = ((each, getattr(value, each.name)) for each in fields(value))
        return {each.name: _without_defaults(held) for each, held in told if held != _default(each)}
    if isinstance(value, Mapping):
        return {key: _without_defaults(held) for key, held in value.items()}
    return [_without_defaults(held) for held in value] if isinstance(value, tuple | list) else value


def _default(field: FieldInfo) -> Any:
    return field.default if field.default_factory is NODEFAULT else field.default_factory()
