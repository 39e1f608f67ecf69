"""Text that was meant to be a JSON object or array, made one by a documented list of repairs.

Says what an application that repairs would have seen. One pass, linear in the text; what the list does not cover is
left as it is. Nothing here is ever measured as what the model sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

REPAIRS: Mapping[str, str] = {
    "empty": "no text at all is read as {}",
    "fence": "a Markdown code fence around the value is removed",
    "surrounding_text": "words before and after the value are removed",
    "concatenated": "of several values one after another the first is kept",
    "double_encoded": "a JSON string that holds an object or array is replaced by what it holds",
    "quotes": "strings in single or curly quotes are put in double ones",
    "python_literals": "True, False and None become true, false and null",
    "unquoted_keys": "keys without quotes are put in quotes",
    "trailing_comma": "commas before a closing bracket, or one after another, are removed",
    "missing_comma": "a comma is put between two members",
    "comments": "// and /* */ comments are removed",
    "control_characters": "line breaks and tabs within strings are escaped",
    "escapes": "a backslash before a character that needs none is escaped, before ' removed",
    "unclosed": "what is open at the end is closed; a member without its value is dropped",
}
"""Name -> what it does. Part of the API: names are added, never renamed."""

_QUOTES: Mapping[str, str] = {'"': '"', "'": "'", "“": "”", "‘": "’"}
_CLOSING: Mapping[str, str] = {"{": "}", "[": "]"}
_LITERALS: Mapping[str, str] = {
    "true": "true",
    "false": "false",
    "null": "null",
    "True": "true",
    "False": "false",
    "None": "null",
}
_SPACE = " \t\n\r\ufeff"
_SKIP = re.compile(r"[ \t\n\r\ufeff\u00a0]+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z_.])")
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f\'”’]+')
_HEX = re.compile(r"u[0-9A-Fa-f]{4}")
_FENCE_BEFORE = re.compile(r"```[A-Za-z0-9_+-]*\s*\Z")


def unfence(text: str) -> str:
    """`text` without outer white space and the code fence around all of it, if there is one."""
    stripped = text.strip(_SPACE)
    language, newline, inner = stripped.partition("\n")
    fenced = newline and language.startswith("```") and "`" not in language[3:] and inner.endswith("```")
    return inner[:-3].strip(_SPACE) if fenced else stripped


def mend(text: str) -> tuple[str, tuple[str, ...]] | None:
    """A text that is probably JSON, and the names of the repairs that made it so; None if the list does not do."""
    if not text.strip():
        return "{}", ("empty",)
    at = 0
    for start in sorted(start for start in (text.find("{"), text.find("[")) if start >= 0):
        if start < at:
            break  # a part of what was meant is not what was meant
        mender = _Mender(text, start)
        mended = mender.run()
        if mended is not None:
            return mended
        at = mender.at
    return None


class _Stuck(Exception):
    """The list of repairs has no answer to what stands here."""


class _Mender:
    """One pass over a text from the bracket at `start`, writing JSON as it goes."""

    def __init__(self, text: str, start: int) -> None:
        self.text, self.start, self.at = text, start, start
        self.out: list[str] = []
        self.open: list[str] = []
        self.filled: list[int] = []
        """For each open bracket, the length of `out` after its last whole member."""
        self.repairs: dict[str, None] = {}

    def run(self) -> tuple[str, tuple[str, ...]] | None:
        self._before()
        try:
            self._value()
            while self.open:
                self._member()
        except _Stuck:
            return None
        self._after()
        return "".join(self.out), tuple(self.repairs)

    # ----------------------------------------------------------------- around the value

    def _before(self) -> None:
        before = self.text[: self.start].strip()
        if before:
            fence = _FENCE_BEFORE.search(before)
            if fence:
                self._did("fence")
            if not fence or before[: fence.start()].strip():
                self._did("surrounding_text")

    def _after(self) -> None:
        rest = self.text[self.at :].strip()
        if rest.startswith("```") and "fence" in self.repairs:
            rest = rest[3:].strip()
        if rest[:1] in ("{", "["):
            self._did("concatenated")
        elif rest:
            self._did("surrounding_text")

    # ----------------------------------------------------------------- inside of it

    def _member(self) -> None:
        """One member of the innermost bracket with what separates it from the last, or its closing."""
        bracket, commas = self.open[-1], 0
        self._skip()
        while self._peek() == ",":
            commas += 1
            self.at += 1
            self._skip()
        here, first = self._peek(), self.out[-1] == bracket
        if not here or here in "]}":
            if commas:
                self._did("trailing_comma")
            self._close(here)
            return
        if commas > 1 or (commas and first):
            self._did("trailing_comma")
        if not commas and not first:
            self._did("missing_comma")
        if not first:
            self.out.append(",")
        if bracket == "{":
            self._key()
            self._skip()
            if self._peek() != ":" and self._peek():
                raise _Stuck
            self.at += 1
            self.out.append(":")
            self._skip()
        if not self._peek():
            self._close("")
            return
        self._value()

    def _value(self) -> None:
        here = self._peek()
        if here in _CLOSING:
            self.out.append(here)
            self.open.append(here)
            self.filled.append(len(self.out))
            self.at += 1
            return
        if here in _QUOTES:
            self._string()
        elif number := _NUMBER.match(self.text, self.at):
            self._copy(number.group())
        else:
            word = _WORD.match(self.text, self.at)
            if word is None or word.group() not in _LITERALS:
                raise _Stuck
            if word.group() not in ("true", "false", "null"):
                self._did("python_literals")
            self.out.append(_LITERALS[word.group()])
            self.at = word.end()
        self.filled[-1] = len(self.out)

    def _key(self) -> None:
        if self._peek() in _QUOTES:
            self._string()
            return
        word = _WORD.match(self.text, self.at)
        if word is None:
            raise _Stuck
        self._did("unquoted_keys")
        self.out.append(f'"{word.group()}"')
        self.at = word.end()

    def _close(self, closing: str) -> None:
        """Close the bracket that `closing` means, and what is open inside of it; all that is open, at the end."""
        while self.open:
            bracket = self.open.pop()
            filled = self.filled.pop()
            if len(self.out) > filled:  # a key without its value, at the end of the text
                del self.out[filled:]
            self.out.append(_CLOSING[bracket])
            if self.filled:
                self.filled[-1] = len(self.out)
            if _CLOSING[bracket] == closing:
                self.at += 1
                return
            self._did("unclosed")
        if closing:
            raise _Stuck

    def _string(self) -> None:
        opening = self.text[self.at]
        closing = _QUOTES[opening]
        if opening != '"':
            self._did("quotes")
        self.at += 1
        self.out.append('"')
        pieces: list[str] = []
        while (here := self._peek()) != closing:
            if not here:
                self._did("unclosed")
                break
            pieces.append(self._piece(here))
        self.at += 1
        self.out[-1] = f'"{"".join(pieces)}"'

    def _piece(self, here: str) -> str:
        """The next piece of a string, as JSON spells it."""
        plain = _PLAIN.match(self.text, self.at)
        if plain:
            self.at = plain.end()
            return plain.group()
        self.at += 1
        if here == "\\":
            return self._escape()
        if here < " ":
            self._did("control_characters")
            return f"\\u{ord(here):04x}"
        return '\\"' if here == '"' else here

    def _escape(self) -> str:
        following = self._peek()
        if not following:
            return ""
        if following in '"\\/bfnrt' or _HEX.match(self.text, self.at):
            self.at += 1
            return "\\" + following
        self._did("escapes")
        if following == "'":
            self.at += 1
            return "'"
        return "\\\\"

    # ----------------------------------------------------------------- small steps

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _copy(self, token: str) -> None:
        self.out.append(token)
        self.at += len(token)

    def _did(self, repair: str) -> None:
        self.repairs[repair] = None

    def _skip(self) -> None:
        """Past white space and comments."""
        while True:
            space = _SKIP.match(self.text, self.at)
            if space:
                self.at = space.end()
            if self.text.startswith("//", self.at):
                end = self.text.find("\n", self.at)
            elif self.text.startswith("/*", self.at):
                end = self.text.find("*/", self.at) + 1 or -1
                end = end + 1 if end > 0 else -1
            else:
                return
            self._did("comments")
            self.at = end if end >= 0 else len(self.text)
