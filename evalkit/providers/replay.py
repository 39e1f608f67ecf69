"""Answers from a stored run: the model is a target of that run, named by the option `run`. Nothing is asked."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from evalkit.data import Fault, Record, Request, Response, Target
from evalkit.errors import InputError, ProviderError, suggest
from evalkit.plugins import World

FREE = True
"""It is a kind of cache itself."""


def connect(target: Target, world: World) -> Recording:
    """`target.model`, on `target.arm`, is a target of the run `target.options["run"]`, a name or a path."""
    unknown = sorted(target.options.keys() - {"run"})
    if unknown:
        raise InputError(f"replay has no option {unknown[0]!r}", "its only option is run")
    name = target.options.get("run")
    if not isinstance(name, str) or not name:
        raise InputError("replay needs a run to answer from", f"name it: replay/{target.model}?run=NAME")
    run = world.load_run(name)
    asked = replace(target, name=target.model).identity
    stored = {record.target for record in run.records} | {known.identity for known in run.info.targets}
    if asked not in stored:
        raise InputError(f"the run {name} has no target {asked!r}", suggest(asked, stored))
    return Recording({(record.case, record.trial): record for record in run.records if record.target == asked})


class Recording:
    """The records of one target, by case and trial."""

    def __init__(self, records: Mapping[tuple[str, int], Record]) -> None:
        self._records = records

    async def ask(self, request: Request) -> Response:
        """The stored response, with its timing. What was a fault then is the same fault now, and is not tried again."""
        record = self._records.get((request.case.id, request.trial))
        if record is None:
            raise ProviderError("unsupported", f"the stored run has no answer to this case in trial {request.trial}")
        if isinstance(record.reply, Fault):
            raise ProviderError(record.reply.kind, record.reply.message, status=record.reply.status)
        return record.reply

    async def close(self) -> None:
        """Nothing is open."""
