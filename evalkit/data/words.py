"""The words that every other noun is told in: JSON values, pointers, the rungs of the ladder."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
"""None, bool, int, float, str, list of Json, or dict of str to Json."""

Pointer: TypeAlias = str
"""A JSON Pointer (RFC 6901): "" is the whole value, "/a/0" the first item of a."""

Rung: TypeAlias = Literal["called", "tool", "parsed", "valid", "correct"]
RUNGS: tuple[Rung, ...] = ("called", "tool", "parsed", "valid", "correct")
