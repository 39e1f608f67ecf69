"""Text from outside, made safe to look at: a character that cannot be seen is shown as its code point."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Controls but for tab and line feed; soft hyphen, bidi marks, joiners and other format characters; line and paragraph
# separators; lone surrogates, which no file can hold; non-characters; tags, in which text can be smuggled.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """(text, False) for what can be seen, (`U+202E`, True) for each character that cannot."""
    start = 0
    for found in _HIDDEN.finditer(text):
        if found.start() > start:
            yield text[start : found.start()], False
        yield f"U+{ord(found[0]):04X}", True
        start = found.end()
    if start < len(text):
        yield text[start:], False


def plain(text: str) -> str:
    """For sinks without markup: hidden characters as `⟨U+202E⟩`."""
    return "".join(f"⟨{piece}⟩" if hidden else piece for piece, hidden in pieces(text))


def line(text: str) -> str:
    """As `plain`, on one line."""
    return " ".join(plain(text).split())


# A line begins behind everything that some reader takes for the end of one, as `str.splitlines` does.
_COMMAND = re.compile(r"(?:^|(?<=[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]))(\s*)::|##(?=\w*\[)")


def inert(text: str) -> str:
    """For a log that a CI runner reads along: no line begins a command (`::`), and none stands in it (`##[`)."""
    return _COMMAND.sub(lambda found: "♯♯" if found[1] is None else f"{found[1]}∷", text)


def no_formula(text: str) -> str:
    """For a cell of a spreadsheet, which computes what begins like a formula: that has an apostrophe before it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")) else text
