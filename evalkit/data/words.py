"""The words that every other noun is told in: JSON values, pointers, the rungs of the ladder, the scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
"""None, bool, int, float, str, list of Json, or dict of str to Json."""

Pointer: TypeAlias = str
"""A JSON Pointer (RFC 6901): "" is the whole value, "/a/0" the first item of a."""

Rung: TypeAlias = Literal["called", "tool", "parsed", "valid", "correct"]
RUNGS: tuple[Rung, ...] = ("called", "tool", "parsed", "valid", "correct")

ScoreName: TypeAlias = Literal[
    "called", "tool", "parsed", "compliance", "compliance_lenient", "compliance_repaired", "correct", "abstained"
]
SCORES: Mapping[ScoreName, str] = {
    "called": "a call was made where one is wanted",
    "tool": "every call names an offered tool",
    "parsed": "all arguments are JSON",
    "compliance": "all arguments fit their declared schemas",
    "compliance_lenient": "compliance, had code fences and white space been removed first",
    "compliance_repaired": "compliance, had every documented repair been applied first",
    "correct": "the calls are what the case wanted",
    "abstained": "nothing was called where nothing is wanted",
}
"""The rates of a comparison. `compliance` is the rung `valid`; its variants are `valid_lenient`, `valid_repaired`."""
