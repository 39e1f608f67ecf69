"""Strings that match a regular expression, drawn at random: the part of the language that schemas use.

Bounded: an open quantifier repeats at most three times more than it must. Anchors, look-around and word boundaries
are passed over and back-references are empty, so what is drawn is a proposal which the caller checks.
"""

from __future__ import annotations

import string
from random import Random

_CLASSES = {
    "d": string.digits,
    "w": string.ascii_letters + string.digits + "_",
    "s": " ",
    "D": string.ascii_letters,
    "W": " -.,",
    "S": string.ascii_letters + string.digits,
}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}
_ANY = string.ascii_letters + string.digits
_PRINTABLE = "".join(chr(code) for code in range(32, 127))
_MORE = 3
_LONGEST = 2_000


def draw(pattern: str, random: Random) -> str:
    """A string meant to match `pattern` somewhere, and in full if it is anchored."""
    return _Reader(pattern, random).alternatives()


class _Reader:
    """Reads a pattern from left to right and draws as it reads."""

    def __init__(self, pattern: str, random: Random) -> None:
        self._left = pattern
        self._random = random

    def alternatives(self) -> str:
        """Up to the end, or the parenthesis that closes the group. Every branch is read, one is taken."""
        drawn = [self._sequence()]
        while self._left.startswith("|"):
            self._take(1)
            drawn.append(self._sequence())
        return self._random.choice(drawn)

    def _take(self, count: int) -> str:
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def _through(self, end: str) -> str:
        """The text before `end`, which is taken too."""
        taken, _, self._left = self._left.partition(end)
        return taken

    def _sequence(self) -> str:
        drawn: list[str] = []
        while self._left and self._left[0] not in "|)":
            start = self._left
            once = self._atom()
            atom = start[: len(start) - len(self._left)]
            low, high = self._quantifier()
            times = self._random.randint(low, high)
            if times:
                drawn.append(once)
            # An atom is read anew for each repetition, so that each draws its own characters.
            drawn += [_Reader(atom, self._random)._atom() for _ in range(min(times - 1, _LONGEST))]
        return "".join(drawn)

    def _quantifier(self) -> tuple[int, int]:
        head = self._left[:1]
        if head and head in "*+?":
            self._take(1)
            low, high = {"*": (0, _MORE), "+": (1, 1 + _MORE), "?": (0, 1)}[head]
        elif head == "{" and (bounds := self._bounds(self._left[1 : self._left.find("}")])):
            self._through("}")
            low, high = bounds
        else:
            return 1, 1
        if self._left[:1] in ("?", "+"):  # lazy, possessive
            self._take(1)
        return low, high

    @staticmethod
    def _bounds(text: str) -> tuple[int, int] | None:
        least, comma, most = text.partition(",")
        if not least.isdecimal() or (most and not most.isdecimal()):
            return None
        low = int(least)
        return low, (int(most) if most else low + _MORE) if comma else low

    def _atom(self) -> str:
        char = self._take(1)
        if char == "(":
            return self._group()
        if char == "[":
            return self._random.choice(self._class() or _ANY)
        if char == ".":
            return self._random.choice(_ANY)
        if char == "\\":
            chars = self._escape()
            return self._random.choice(chars) if chars else ""
        return "" if char in "^$" else char

    def _group(self) -> str:
        silent = False
        if self._left.startswith("?"):
            head = self._left[1:3]
            silent = head[:1] in ("=", "!") or head in ("<=", "<!")
            if self._left.startswith(("?P<", "?<")) and not silent:
                self._through(">")
            else:  # (?:  (?i:  (?=  and (?i) alone, which ends before the parenthesis
                while self._left and self._left[0] not in ":=!)":
                    self._take(1)
                if self._left[:1] != ")":
                    self._take(1)
        drawn = self.alternatives()
        self._take(1)
        return "" if silent else drawn

    def _class(self) -> str:
        negated = self._left.startswith("^")
        if negated:
            self._take(1)
        chars: list[str] = []
        first = True
        while self._left and (first or self._left[0] != "]"):
            first = False
            low = self._member()
            if len(low) == 1 and self._left.startswith("-") and self._left[1:2] not in ("]", ""):
                self._take(1)
                high = self._member()
                chars += [chr(code) for code in range(ord(low), min(ord(high[-1:] or low), ord(low) + 200) + 1)]
            else:
                chars += low
        self._take(1)
        if negated:
            return "".join(char for char in _PRINTABLE if char not in set(chars))
        return "".join(chars)

    def _member(self) -> str:
        if self._left.startswith("[:"):
            self._take(2)
            named = self._through(":]")
            return {"digit": string.digits, "alpha": string.ascii_letters, "space": " "}.get(named, _ANY)
        char = self._take(1)
        return self._escape(inside=True) if char == "\\" else char

    def _escape(self, *, inside: bool = False) -> str:
        """The characters that an escape stands for; "" for an assertion or a back-reference."""
        char = self._take(1)
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char in "xu" and (code := self._code_point(char)) is not None:
            return code
        if char in "pP" and self._left.startswith("{"):
            self._take(1)
            named = self._through("}")
            if char == "P":
                return " -"
            kinds = {
                "Lu": string.ascii_uppercase,
                "Ll": string.ascii_lowercase,
                "N": string.digits,
                "Nd": string.digits,
            }
            return kinds.get(named, string.ascii_letters)
        if not inside and (char in "bBAzZ" or char.isdecimal()):
            return ""
        return char

    def _code_point(self, kind: str) -> str | None:
        if self._left.startswith("{"):
            self._take(1)
            digits = self._through("}")
        else:
            digits = self._take(2 if kind == "x" else 4)
        return chr(int(digits, 16)) if digits and all(d in string.hexdigits for d in digits) else None
