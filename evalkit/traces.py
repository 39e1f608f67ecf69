"""Logs of production as suites: what was asked becomes cases, and what was answered becomes records of a run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from evalkit import documents, extract, plugins, schema, shelf, suite, textfiles, values
from evalkit.data import (
    LEFT,
    Answer,
    ArgRule,
    Case,
    Exchange,
    Expectation,
    ExpectedCall,
    Half,
    Json,
    Left,
    LeftKind,
    Record,
    Suite,
    Target,
    ToolSpec,
)
from evalkit.errors import InputError, Place, Problem, ProviderError

Found: TypeAlias = tuple[Place, Exchange | Left]
"""Something in a log, and where it stands."""

_SNIFFED = 20
"""Lines of a file that are looked at to know its format: the first may be torn, or of another kind."""
_TOLD = 3
"""How many of each kind in _HINTS are told with their places; of the others, their number says all."""
_HINTS: Mapping[LeftKind, str] = {
    "torn": "the other lines are read all the same",
    "foreign": "is it another format? --from names one",
    "unsound": "only functions with a sound schema can be measured",
    "unheld": "a suite holds texts and calls of tools",
    "unread": "look whether the log keeps answers whole",
}
UNREVIEWED = "unreviewed"
"""The tag of a case that expects what was answered, which nobody has looked at."""


# --------------------------------------------------------------------------- what is in a log


def formats() -> list[str]:
    """Those in which a log can be read."""
    return [name for name in plugins.names("formats") if hasattr(plugins.find("formats", name), "exchanges")]


def sniff(path: Path) -> str:
    """The format of a log. Raises InputError unless there is one that knows it, and only one."""
    for file in textfiles.files_of(path):
        for _, line in islice(textfiles.each_line(file), _SNIFFED):
            knowing = [name for name in formats() if isinstance(line, str) and _knows(name, line)]
            if len(knowing) > 1:
                raise InputError(Problem(what=f"could be any of {', '.join(knowing)}", place=Place(file=str(file))))
            if knowing:
                return knowing[0]
    hint = f"one exchange a line, in one of {', '.join(formats())} (--from); of an array, `jq -c '.[]'` makes lines"
    raise InputError(Problem(what="is no log in a format that is known", hint=hint, place=Place(file=str(path))))


def refuse_pipe(path: Path) -> None:
    """Raises InputError for what is gone once it is read: to be sniffed, or read for its answers, a log is read again.

    What a pipe gave the first time would be missing without a word.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        hint = "give a file or a folder; or give --from and no --run, and it is read once"
        raise InputError(Problem(what="can be read but once", hint=hint, place=Place(file=str(path))))


def _knows(name: str, line: str) -> bool:
    return bool(plugins.find("formats", name).sniff(line))


def read(path: Path, form: str) -> Iterator[Found]:
    """Everything in a log, line by line, read as it is taken; halves that found each other as one."""
    reader = plugins.find("formats", form)
    if not hasattr(reader, "exchanges"):
        raise InputError(f"--from {form}: reads no logs", f"these do: {', '.join(formats())}")
    waiting = shelf.Waiting()
    for place, value in _lines(path):
        if isinstance(value, Left):
            yield place, value
            continue
        for found in _whole(reader, value, waiting):
            yield place, found
    for _ in range(len(waiting)):
        yield Place(file=str(path)), Left(kind="single")


def _lines(path: Path) -> Iterator[tuple[Place, Json]]:
    """The value of each line that is not blank; what is torn is told in its place."""
    for file in textfiles.files_of(path):
        for number, line in textfiles.each_line(file):
            place = Place(file=str(file), line=number)
            if isinstance(line, Problem):
                yield place, Left(kind="torn", what=line.what)
            elif line.strip():
                try:
                    yield place, documents.parse_json(line, str(file)).value
                except InputError as error:
                    (problem,) = error.problems
                    column = problem.place.column if problem.place else None
                    yield Place(file=str(file), line=number, column=column), Left(kind="torn", what=problem.what)


def _whole(reader: Any, value: Json, waiting: shelf.Waiting) -> Iterator[Exchange | Left]:
    for found in reader.exchanges(value):
        if not isinstance(found, Half):
            yield found
            continue
        other = waiting.meet(found.key, found.side, json.dumps(found.line))  # in the order in which it was logged
        if other is not None:
            yield from reader.exchanges({**found.line, **values.loads(other)})


# --------------------------------------------------------------------------- what becomes of it


class Tally(Struct):
    """What was found in a log, and what became of it."""

    exchanges: int = 0
    """Everything that was looked at, with what is no exchange."""
    repeated: int = 0
    """Those whose question had been asked before."""
    left: Counter[LeftKind] = field(default_factory=Counter)
    told: list[Problem] = field(default_factory=list)
    """The first of those that may be mended, with their places."""

    def leave(self, place: Place, left: Left) -> None:
        self.left[left.kind] += 1
        if left.kind in _HINTS and self.left[left.kind] <= _TOLD:
            self.told.append(Problem(what=left.what or LEFT[left.kind], hint=_HINTS[left.kind], place=place))


class Log(Struct, frozen=True, kw_only=True):
    """A log, and how it is taken."""

    path: Path
    form: str
    """The plug-in of `formats/` that reads it."""
    gold: bool = False
    """What was answered is what is expected; else any call that fits its schema is."""
    tools: tuple[ToolSpec, ...] = ()
    """Offered wherever the log itself does not tell."""


class Gatherer:
    """Cases of a log, one for each question, and the tools that they share."""

    def __init__(self, log: Log) -> None:
        self.specs: dict[str, ToolSpec] = {}
        self.tally = Tally()
        self._log = log
        self._keys: dict[str, str] = {}
        self._of_name: Counter[str] = Counter()
        self._unsound: dict[str, str] = {}
        self._asked: set[str] = set()

    def gather(self) -> Iterator[tuple[Case, Record]]:
        """Each case with the answer that was given, of which only the target is open."""
        for place, found in read(self._log.path, self._log.form):
            self.tally.exchanges += 1
            made = found if isinstance(found, Left) else self._case(found, place)
            if isinstance(made, Left):
                self.tally.leave(place, made)
            elif made is not None:
                yield made

    def _case(self, exchange: Exchange, place: Place) -> tuple[Case, Record] | Left | None:
        """None for a question that is a case already."""
        if exchange.choice == "none":
            return Left(kind="barred")
        tools = self._log.tools if exchange.tools is None else exchange.tools
        if not tools:
            return Left(kind="untold")
        texts = [values.canonical([spec.name, spec.description, spec.schema]) for spec in tools]
        flaw = next(filter(None, map(self._flaw, tools, texts)), None)
        if flaw:
            return Left(kind="unsound", what=flaw)
        try:
            answer = extract.read(exchange.reply)
        except ProviderError as error:
            return Left(kind="unread", what=error.message)
        id = values.digest_of([values.canonical(exchange.messages), *texts])
        if id in self._asked:
            self.tally.repeated += 1
            return None
        if not (self._log.gold or answer.payloads or _in_vain(answer)):
            return Left(kind="silent")
        self._asked.add(id)
        accept = _expected(answer, {spec.name for spec in tools}) if self._log.gold else None
        case = Case(
            id=id,
            messages=exchange.messages,
            tools=tuple(map(self._key, tools, texts)),
            accept=accept or (),
            tags=tuple(_tags(exchange, answer, gold=accept is not None)),
            source=str(place),
        )
        started, reply = exchange.started, exchange.reply
        return case, Record(case=id, trial=0, target="", started=started, sent="", reply=reply, answer=answer)

    def _flaw(self, spec: ToolSpec, text: str) -> str:
        """Why nothing can be judged by the schema of a tool; "" if it can."""
        if text not in self._unsound:
            found = schema.check(spec.schema, "")
            self._unsound[text] = f"{spec.source}{found[0].path}: {found[0].what}" if found else ""
        return self._unsound[text]

    def _key(self, spec: ToolSpec, text: str) -> str:
        """The key of a tool: its name, numbered where the log has offered another one of that name."""
        if text not in self._keys:
            self._of_name[spec.name] += 1
            number = self._of_name[spec.name]
            key = spec.name if number == 1 else f"{spec.name}~{number}"
            self._keys[text] = key
            self.specs[key] = spec
        return self._keys[text]


def _expected(answer: Answer, offered: set[str]) -> tuple[Expectation, ...] | None:
    """The calls that were made, to the letter; None if one of them is no call that a case could want, or was lost."""
    if _in_vain(answer):
        return None
    calls: list[ExpectedCall] = []
    for payload in answer.payloads:
        if payload.error or payload.tool not in offered or not isinstance(payload.value, dict):
            return None
        rules = (ArgRule(path=values.pointer(name), value=value) for name, value in payload.value.items())
        calls.append(ExpectedCall(tool=payload.tool, args=tuple(rules)))
    return (Expectation(calls=tuple(calls)),)


def _in_vain(answer: Answer) -> bool:
    """Whether the model called, and no application got the call: it did not mean to call nothing."""
    return any(found.code in ("call.unreadable", "call.leaked_in_text") for found in answer.violations)


def _tags(exchange: Exchange, answer: Answer, *, gold: bool) -> Iterator[str]:
    if model := answer.served_by or exchange.model:
        yield f"model:{model}"
    if exchange.started:
        yield f"day:{exchange.started[:10]}"
    if exchange.choice not in (None, "auto"):
        yield "forced"
    if gold:
        yield UNREVIEWED


# --------------------------------------------------------------------------- a suite and its run


def suite_of(name: str, log: Log) -> tuple[Suite, Tally]:
    """The suite of a log. Raises InputError if nothing in it becomes a case."""
    gatherer = Gatherer(log)
    cases = shelf.gather(case for case, _ in gatherer.gather())
    if not cases:
        raise InputError(Problem(what=_nothing(gatherer.tally), place=Place(file=str(log.path))))
    return suite.build(Suite(name=name, specs=gatherer.specs, cases=cases), mark_flaws=True), gatherer.tally


def records(suite: Suite, log: Log, target: Target) -> Iterator[Record]:
    """What the log, read once more, answers to the cases that were made of it. Nothing is judged yet."""
    left = {case.id for case in suite.cases}
    for case, record in Gatherer(log).gather():
        if case.id in left:  # a log that is written on has more by now
            left.remove(case.id)
            yield replace(record, target=target.identity)


def _nothing(tally: Tally) -> str:
    if not tally.exchanges:
        return "the log is empty"
    return f"nothing of {tally.exchanges:,} becomes a case: " + "; ".join(reasons(tally).values())


def reasons(tally: Tally) -> Mapping[LeftKind, str]:
    """Why something became no case -> how much of it, in words; the most frequent first."""
    return {kind: f"{count:,}: {LEFT[kind]}" for kind, count in tally.left.most_common()}
