"""BFCL's questions and possible answers as cases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from evalkit import documents, gold, patterns
from evalkit.data import Case, Expectation, Json, Pointer, Suite, ToolSpec
from evalkit.documents import Document
from evalkit.errors import InputError, Problem
from evalkit.formats import _bfcl_tools
from evalkit.formats._declared import Reader
from evalkit.values import canonical, pointer, quoted

# A function that is called twice has its name numbered in the possible answers.
_NUMBER = re.compile(r"[_ ][0-9]+\Z")


def cases(files: Mapping[str, str], name: str) -> Suite:
    """The suite of a folder, path -> text; files of other folders in it are ignored. The digest is left open.

    Gold that breaks its own schema, or names what the question does not offer, is kept and marked with `flaws`.
    """
    problems: list[Problem] = []
    answers = {
        PurePath(path).stem: _answers(text, path, problems)
        for path, text in files.items()
        if PurePath(path).parent.name == "possible_answers" and path.endswith(".jsonl")
    }
    gathered = _Gathered(problems)
    for path in sorted(files):
        if PurePath(path).parent.name == "questions" and path.endswith(".jsonl"):
            category = PurePath(path).stem
            for index, document in enumerate(documents.parse_lines(files[path].split("\n"), path, problems)):
                gathered.question(document, pointer(index), category, answers.get(category))
    if not gathered.cases and not problems:
        hint = "give the folder that holds questions/ and possible_answers/"
        problems.append(Problem(what="there are no questions/*.jsonl", hint=hint))
    if problems:
        raise InputError(problems)
    return Suite(name=name, specs=gathered.specs, cases=tuple(gathered.cases))


def _answers(text: str, path: str, problems: list[Problem]) -> dict[str, tuple[Document, Json]]:
    """Id of a question -> the line that holds its possible answers, and those."""
    found: dict[str, tuple[Document, Json]] = {}
    for document in documents.parse_lines(text.split("\n"), path, problems):
        line = document.value
        if isinstance(line, dict) and isinstance(line.get("id"), str) and isinstance(line.get("ground_truth"), dict):
            found[line["id"]] = document, line["ground_truth"]
        else:
            what = "not a line of possible answers: it needs an id and an object `ground_truth`"
            problems.append(Problem(what=what, place=document.place()))
    return found


class _Gathered:
    """Cases, and the specs they share."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.cases: list[Case] = []
        self.specs: dict[str, ToolSpec] = {}
        self._keys: dict[str, str] = {}

    def question(
        self, document: Document, place: Pointer, category: str, answers: Mapping[str, tuple[Document, Json]] | None
    ) -> None:
        line = document.value
        shapes = {"id": str, "messages": list, "functions": list}
        wrong = [
            key for key, shape in shapes.items() if not isinstance(line, dict) or not isinstance(line.get(key), shape)
        ]
        if wrong:
            what = f"not a question: {', '.join(wrong)} missing or of another shape"
            self.problems.append(Problem(what=what, place=document.place()))
            return
        reader = Reader(document, place)
        for index, declared in enumerate(line["functions"]):
            _bfcl_tools.read_document(reader, pointer("functions", index), declared)
        self.problems += reader.problems
        if answers is not None and line["id"] not in answers:
            what = f"no possible answer for {line['id']!r}"
            self.problems.append(Problem(what=what, hint="add it to possible_answers/", place=document.place()))
            return
        if reader.problems:
            return
        accept: tuple[Expectation, ...] = (Expectation(),)
        flaws: list[str] = []
        if answers is not None:
            where, truth = answers[line["id"]]
            accept, flaws = self._accept(truth, reader.specs, where)
        self.cases.append(
            Case(
                id=line["id"],
                messages=tuple(line["messages"]),
                tools=tuple(self._key(spec) for spec in reader.specs),
                accept=accept,
                tags=(category,),
                source=str(document.place()),
                flaws=tuple(flaws),
            )
        )

    def _accept(
        self, truth: dict[str, Json], specs: list[ToolSpec], where: Document
    ) -> tuple[tuple[Expectation, ...], list[str]]:
        calls, flaws = _calls(truth, specs)
        try:
            accept = patterns.compile_expect({"calls": calls}).accept
        except InputError as error:
            self.problems += [
                Problem(what=problem.what, hint=problem.hint, place=where.place(), path=problem.path)
                for problem in error.problems
            ]
            return (), []
        return accept, [*flaws, *dict.fromkeys(_breaches(accept, {spec.name: spec for spec in specs}))]

    def _key(self, spec: ToolSpec) -> str:
        """The key of a spec: its name, numbered where the suite has another one of that name."""
        told = canonical([spec.name, spec.description, spec.schema])
        if told not in self._keys:
            number = 1 + sum(known.name == spec.name for known in self.specs.values())
            key = spec.name if number == 1 else f"{spec.name}~{number}"
            self._keys[told] = key
            self.specs[key] = spec
        return self._keys[told]


def _calls(truth: dict[str, Json], specs: list[ToolSpec]) -> tuple[list[Json], list[str]]:
    """The calls that are wanted, in the language of suite files, and what is wrong with how they are written."""
    calls: list[Json] = []
    flaws: list[str] = []
    for named, arguments in truth.items():
        tool = _tool(named, specs)
        if tool is None or not isinstance(arguments, dict):
            flaws.append(f"the possible answers hold {named!r}, which is no call of an offered function: left out")
            continue
        if _bfcl_tools.wire_name(named) != tool and _bfcl_tools.wire_name(_NUMBER.sub("", named)) != tool:
            flaws.append(f"the possible answers call {named!r}, which is not offered: taken for the only function")
        args = {name: _pattern(accepted) for name, accepted in arguments.items()}
        calls.append({"call": tool, "args": args})
    return calls, flaws


def _tool(named: str, specs: list[ToolSpec]) -> str | None:
    """The function that a key of the possible answers means. Where only one is offered, nothing else can be meant."""
    offered = [spec.name for spec in specs]
    for spelling in (named, _NUMBER.sub("", named)):
        if _bfcl_tools.wire_name(spelling) in offered:
            return _bfcl_tools.wire_name(spelling)
    return offered[0] if len(offered) == 1 else None


def _pattern(accepted: Json) -> Json:
    """A list of accepted values as a pattern. "" among them means that the argument may be left out."""
    if not isinstance(accepted, list):
        return _literal(accepted)
    options = [_accepted(value) for value in accepted if value != ""]
    if not options:
        return {"$absent": True}
    pattern = options[0] if len(options) == 1 else {"$one_of": options}
    return {"$optional": pattern} if "" in accepted else pattern


def _accepted(value: Json) -> Json:
    """One accepted value. Objects hold a list of accepted values under each key, also inside of lists."""
    if isinstance(value, dict) and all(isinstance(part, list) for part in value.values()):
        return {key: _pattern(part) for key, part in value.items()}
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [_accepted(item) for item in value]
    return _literal(value)


def _literal(value: Json) -> Json:
    return {"$exact": value} if isinstance(value, dict) and any(key.startswith("$") for key in value) else value


def _breaches(accept: tuple[Expectation, ...], specs: Mapping[str, ToolSpec]) -> Iterator[str]:
    """Where what is wanted breaks the schema of the function it is wanted of."""
    for call in (call for expectation in accept for call in expectation.calls):
        spec = specs[call.tool]
        for breach in gold.breaches(call, spec, "assert"):
            yield f"{call.tool}{breach.path}: {breach.message}"
        for rule in call.args:
            unknown = gold.undeclared(spec.schema, rule.path)
            if unknown is not None:
                yield f"{call.tool}{rule.path}: the function declares no {quoted(unknown.name)}"
