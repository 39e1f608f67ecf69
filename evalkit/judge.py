"""What came back to what it is worth: a record read, priced and scored, now or any time later; nothing is asked."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from evalkit import extract, score, shelf
from evalkit.data import Answer, Fault, Judging, Record, RunInfo, Suite, Target
from evalkit.errors import ProviderError
from evalkit.pairing import likeness
from evalkit.version import VERSION

KEPT = 20_000
"""Characters that are kept of an answer that failed: all of most, and enough to see what the others were."""
_LIBRARIES = ("jsonschema", "jsonschema-rs", "aiohttp", "litellm")
"""Libraries whose version may change what is judged or sent."""


def records(suite: Suite, judging: Judging, targets: Sequence[Target] = ()) -> Callable[[Record], Record]:
    """How one record is judged: a pure function of the suite and what came back.

    Reads the reply anew where `answer` is None, so that a stored run can be judged again with nothing asked.
    """
    case = shelf.finder(suite.cases)
    rules = score.judge(suite, judging)
    of = {target.identity: target for target in targets}

    def judged(record: Record) -> Record:
        if isinstance(record.reply, Fault):
            return replace(record, answer=None, score=None)
        answer = record.answer
        if answer is None:
            try:
                answer = extract.read(record.reply)
            except ProviderError as error:
                return replace(record, reply=fault(error, 0.0), answer=None, score=None)
            if record.target in of:
                answer = priced(answer, of[record.target])
        return replace(record, answer=answer, score=rules(case(record.case), answer))

    return judged


def priced(answer: Answer, target: Target) -> Answer:
    """The answer with its cost, where the target's prices are known and the endpoint counted the tokens."""
    usage = answer.usage
    if usage.cost is not None or target.input_price is None or target.output_price is None:
        return answer
    if usage.input_tokens is None or usage.output_tokens is None:
        return answer
    cost = (usage.input_tokens * target.input_price + usage.output_tokens * target.output_price) / 1e6
    return replace(answer, usage=replace(usage, cost=cost))


def fault(error: ProviderError, seconds: float) -> Fault:
    """What is kept of an attempt that took so long and failed."""
    return Fault(
        kind=error.kind,
        message=error.message,
        status=error.status,
        retryable=error.retryable,
        seconds=seconds,
        wire=error.wire and replace(error.wire, body=error.wire.body[:KEPT], arrivals=()),
    )


def anew(info: RunInfo, judging: Judging) -> RunInfo:
    """What the run is once its answers are judged here and now; what asked for them stays as it was."""
    judges = {name: found for name, found in versions().items() if name in likeness.JUDGES}
    return replace(info, judging=judging, versions={**info.versions, **judges})


def versions() -> Mapping[str, str]:
    """Of everything that may change what a run comes to."""
    from importlib import metadata  # here alone: it takes as long to import as a hundred answers to judge

    found = {"evalkit": VERSION, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found
