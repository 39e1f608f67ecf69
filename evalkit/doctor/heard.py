"""The answers to the canaries, found by question."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from evalkit.arms import IN_TEXT
from evalkit.data import Answer, Fault, Record, Response, Violation

LOST: Mapping[str, str] = {
    "call.leaked_in_text": "the call stands in the text",
    "call.unreadable": "the endpoint could not read the call",
}
"""What became of a call that the model made and no application got, by code."""


class Heard(Struct, frozen=True):
    """The judged records, by (case, way), of a target on its arm."""

    records: Mapping[tuple[str, str], Record]
    arm: str

    @property
    def in_text(self) -> bool:
        """Whether calls are read from the text, and no tools are sent."""
        return self.arm in IN_TEXT

    def fault(self, case: str, way: str = "plain") -> Fault | None:
        reply = self.records[case, way].reply
        return reply if isinstance(reply, Fault) else None

    def response(self, case: str, way: str = "plain") -> Response | None:
        reply = self.records[case, way].reply
        return reply if isinstance(reply, Response) else None

    def answer(self, case: str, way: str = "plain") -> Answer:
        """Of a question that was answered."""
        answer = self.records[case, way].answer
        assert answer is not None
        return answer

    def violations(self, case: str, way: str = "plain") -> tuple[Violation, ...]:
        score = self.records[case, way].score
        return score.violations if score else ()

    def lost(self, case: str, way: str = "plain") -> Violation | None:
        """A call that the model made and no application got."""
        return next((found for found in self.violations(case, way) if found.code in LOST), None)
