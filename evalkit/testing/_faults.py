"""Which faults a server has, and which request meets one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from msgspec import Struct

from evalkit.errors import InputError, suggest

HEADER = "x-evalkit-fault"
"""Request header that asks for a fault by its kind, for this one request."""

FAULTS: Mapping[str, str] = {
    "rate_limit": "429 with Retry-After",
    "server_error": "500, in the format's own words",
    "slow_stream": "the answer comes in pieces, with a pause after each",
    "cut_stream": "the connection is closed in the middle of the answer",
    "truncated_body": "the body ends in the middle, and HTTP says that this is all of it",
    "wrong_content_type": "the right body, said to be text/plain",
    "hang": "no answer, ever",
    "missing_ids": "calls without ids",
    "malformed_arguments": "arguments that are no JSON",
    "call_in_content": "the call is left in the text",
}


class Fault(Struct, frozen=True, kw_only=True):
    """One kind of fault, and when it comes."""

    kind: str
    """A name of FAULTS."""
    rate: float = 1.0
    """The share of requests that meet it: which ones follows from the seed and the request, not from the order."""
    first: int | None = None
    """Only the first so many requests; None: any."""
    retry_after: int = 1
    """Seconds a `rate_limit` asks to wait."""
    pause: float = 0.02
    """Seconds between the pieces of a `slow_stream`."""

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise InputError(f"no fault is called {self.kind!r}", suggest(self.kind, FAULTS))
        if not 0 <= self.rate <= 1:
            raise InputError(f"{self.kind}: the rate is {self.rate}", "a rate is between 0 and 1")


def parse(text: str) -> Fault:
    """`rate_limit`, `rate_limit=0.3` (a share) or `rate_limit=first:2` (the first two requests)."""
    kind, equals, amount = text.strip().partition("=")
    if not equals:
        return Fault(kind=kind)
    try:
        if amount.startswith("first:"):
            return Fault(kind=kind, first=int(amount.removeprefix("first:")))
        return Fault(kind=kind, rate=float(amount))
    except ValueError:
        hint = "write it like rate_limit, rate_limit=0.3 or rate_limit=first:2"
        raise InputError(f"{text!r} is no fault", hint) from None


class Plan(Struct, frozen=True):
    """Decides which fault a request meets: the first that applies."""

    faults: Sequence[Fault]
    seed: int

    def meets(self, question: str, again: int, number: int, header: str | None) -> Fault | None:
        """`question` was asked `again` times before; the server had `number` requests before."""
        if header:
            return parse(header)
        for fault in self.faults:
            if fault.first is not None and number >= fault.first:
                continue
            if fault.rate == 1 or Random(f"{self.seed} {fault.kind} {again} {question}").random() < fault.rate:
                return fault
        return None


def plan(faults: Sequence[Fault | str], seed: int) -> Plan:
    """Raises InputError for a fault that does not exist."""
    return Plan([parse(fault) if isinstance(fault, str) else fault for fault in faults], seed)
