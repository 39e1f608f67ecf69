"""The same text, whatever its case, spaces, punctuation and Unicode normal form.

Options `case`, `space`, `punctuation`, `unicode`: true makes that difference count. Punctuation inside a number always
counts, so that 1.5 is not 15 and -5 is not 5.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from evalkit.data import Json
from evalkit.matchers._rules import bad_choice, differs, unknown_option
from evalkit.values import quoted

ABSENT = False

EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]] = (
    ("Oslo Airport", {}, "oslo-airport", True),
    ("St. John's", {}, "St Johns", True),
    ("Oslo Airport", {"case": True}, "oslo airport", False),
    ("Oslo Airport", {"space": True}, "OsloAirport", False),
    ("Oslo Airport", {"punctuation": True}, "Oslo, Airport", False),
    ("caf\u00e9", {}, "cafe\u0301", True),
    ("caf\u00e9", {"unicode": True}, "cafe\u0301", False),
    ("caf\u00e9", {}, "cafe", False),
    ("1.5 km", {}, "15 km", False),
    ("-5 degrees", {}, "5 degrees", False),
    ("5 km", {}, "(5 km)", True),
    ("5", {}, 5, False),
)

_OPTIONS = ("case", "space", "punctuation", "unicode")


def check(expected: Json, options: Mapping[str, Json]) -> str | None:
    if not isinstance(expected, str):
        return f"wants a text, not {quoted(expected)}"
    for name in _OPTIONS:
        if wrong := bad_choice(options, name, False, True):
            return wrong
    if expected and not _normal(expected, options):
        return f"nothing is left of {quoted(expected)} to compare; use exact"
    return unknown_option(options, *_OPTIONS)


def match(expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
    if not isinstance(actual, str):
        return f"got {quoted(actual)}, wanted the text {quoted(expected)}"
    return None if _normal(expected, options) == _normal(actual, options) else differs(actual, expected)


def values(expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
    yield expected


def _normal(text: str, options: Mapping[str, Json]) -> str:
    if not options.get("unicode"):
        text = unicodedata.normalize("NFKC", text)
    if not options.get("punctuation"):
        text = "".join(
            char
            for index, char in enumerate(text)
            if not unicodedata.category(char).startswith("P") or _inside_number(text, index)
        )
    if not options.get("space"):
        text = "".join(text.split())
    if options.get("case"):
        return text
    # Folding can undo the normal form (and the other way round), so the form is made again.
    return text.casefold() if options.get("unicode") else unicodedata.normalize("NFKC", text.casefold())


def _inside_number(text: str, index: int) -> bool:
    """Between two digits, or a sign or point in front of a number."""
    if not text[index + 1 : index + 2].isdigit():
        return False
    before = text[index - 1] if index else " "
    return before.isdigit() or (before.isspace() and text[index] in "-.")
