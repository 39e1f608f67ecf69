"""What can go wrong, and whose fault it is. The type says whose; `ExitCode` says what the process returns."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum

from msgspec import Struct

from evalkit.data import FaultKind, Wire


class ExitCode(IntEnum):
    """Part of the API, frozen by a test."""

    OK = 0
    GATE_FAILED = 1
    INPUT = 2
    INCONCLUSIVE = 3
    NOT_COMPARABLE = 4
    BUG = 70
    INTERRUPTED = 130


class Place(Struct, frozen=True, kw_only=True):
    """Where in a file. `line` and `column` count from 1; None where the file as a whole is meant."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


class Problem(Struct, frozen=True, kw_only=True):
    """One thing wrong with what the user gave: where, what, and what to do."""

    what: str
    hint: str = ""
    place: Place | None = None
    path: str = ""
    """Where in the document, as a JSON Pointer; "" where `place` says enough."""

    def __str__(self) -> str:
        parts = [str(part) for part in (self.place, self.path) if part]
        text = ": ".join([*parts, self.what])
        return f"{text}; {self.hint}" if self.hint else text


_ALL = 20
"""Names that are told one by one; more are a wall."""


def suggest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not among `known`: the nearest one, else all of them, or of many the three nearest."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if len(names) > _ALL:
        nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.0)
        return f"the nearest of {len(names):,} are {', '.join(nearest)}"
    return f"there are: {', '.join(names)}" if names else "there are none"


class EvalkitError(Exception):
    """Everything evalkit raises on purpose."""


class InputError(EvalkitError):
    """The user gave something that cannot be used. Raised before any model is asked; exit 2, no traceback.

    Holds every problem found, not only the first; `str()` is one line for each of the first TOLD.
    """

    TOLD = 100

    def __init__(self, problems: str | Problem | Iterable[Problem], hint: str = "") -> None:
        if isinstance(problems, str):
            problems = Problem(what=problems, hint=hint)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        lines = [str(problem) for problem in self.problems[: self.TOLD]]
        if (untold := len(self.problems) - len(lines)) > 0:
            lines.append(f"and {untold:,} more")
        super().__init__("\n".join(lines))


class StoreError(EvalkitError):
    """A stored run cannot be read: not there, of another version, or damaged. Exit 2."""


class PluginError(EvalkitError):
    """A plug-in does not keep its contract. Raised at load, by name; exit 2."""


class NotComparable(EvalkitError):
    """Two runs that do not measure the same thing. Exit 4."""

    def __init__(self, differs: tuple[str, ...]) -> None:
        self.differs = differs
        super().__init__("not comparable: " + "; ".join(differs))


class ProviderError(EvalkitError):
    """The world failed during one attempt. `asking` turns it into a Fault, or tries again.

    `retry_after`: seconds the endpoint asked us to wait, or None. `wire`: what came all the same, or None.
    """

    def __init__(
        self,
        kind: FaultKind,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        wire: Wire | None = None,
    ) -> None:
        self.kind: FaultKind = kind
        self.message = message
        self.status = status
        self.retryable = retryable
        self.retry_after = retry_after
        self.wire = wire
        super().__init__(f"{kind}: {message}")


class UnreadCall(ProviderError):
    """The endpoint heard the model, and gave an error for a call that it could not read itself. `extract` makes an
    answer of it: whoever counted an outage there would find the model the better, the worse it calls.

    `said`: what the model wrote, "" where the endpoint does not tell.
    """

    def __init__(self, said: str, message: str) -> None:
        self.said = said
        super().__init__("server", message)
