"""How the cases of a comparison were asked: each as a command, with the lists of tools that they share told once."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit import repro, request, values
from evalkit.data import Case, Comparison, Fault, Json, Record, Target

LIMIT = 20_000
"""Characters of a command, its tools not counted. `evalkit repro` prints one of any length."""


class Asking:
    """Commands for one comparison; `offers` grows with the cases that are asked for."""

    def __init__(self, comparison: Comparison) -> None:
        self._builder = request.Builder(comparison.suite)
        self.offers: dict[str, str] = {}

    def curl(self, case: Case, target: Target, trials: Sequence[Record]) -> Json:
        """The shape is that of `curl` in `Drilldown.sides`; None for what is too long to stand in a report."""
        replies = (trial.reply for trial in trials if not isinstance(trial.reply, Fault))
        command = repro.curl(self._builder.build(case, 0, target), next(replies, None))
        if len(command.head) + len(command.tail) > LIMIT:
            return None
        name = values.digest(command.tools)
        self.offers.setdefault(name, command.tools)
        return {"head": command.head, "tools": name, "tail": command.tail}
