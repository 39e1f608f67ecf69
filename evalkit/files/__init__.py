"""Suite, model and policy files: from a document to nouns, every problem of the file at once."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Literal, TypeAlias, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import asdict, replace

from evalkit.data import ARMS, Case, Json, Pointer, Policy, Quarantine, Rule, Serve, Target, ToolSpec
from evalkit.documents import Document
from evalkit.errors import InputError, Place, Problem, suggest
from evalkit.files.fitting import fit
from evalkit.files.shapes import (
    CaseShape,
    DocumentShape,
    HeaderShape,
    ModelShape,
    ModelsShape,
    PolicyShape,
    QuarantineShape,
    ServeShape,
    Shape,
    SliceShape,
    ToolShape,
)
from evalkit.patterns import compile_expect
from evalkit.values import excerpt, pointer, tokens

Part: TypeAlias = tuple[str | int, ...]
"""A part of a case: ("id",), ("messages",), ("offer", n), ("forbid", n), or ("expect", expectation, call, rule),
where the last two may be wanting; () is the case as a whole."""


class Declared(Struct, frozen=True, kw_only=True):
    """Tools, as a suite file names them: the path of a file, or one tool in place."""

    tools: str | ToolSpec
    key: str | None
    place: Place
    path: Pointer


class SuiteFile(Struct, frozen=True, kw_only=True):
    """A suite as far as its file alone says."""

    name: str
    tools: tuple[Declared, ...]
    formats: Literal["assert", "annotate"]
    cases: Iterator[tuple[Case, Origin]]
    """Read as they are taken. `Case.tools` is () where the case offers all of the suite's tools."""
    place: Place
    problems: Sequence[Problem]
    """What is wrong with the file as far as it was read. A case that is not whole is told here, and left out."""
    head: Document
    """What stands around the cases."""

    def located(self, problem: Problem) -> Problem:
        """`problem` with its line, if it is of a tool that the file declares itself."""
        ours = problem.place == Place(file=self.head.file) and problem.path.startswith("/")
        return replace(problem, place=self.head.place(problem.path)) if ours else problem


class Origin(Struct, frozen=True, kw_only=True):
    """Where a case was written, and what became of its parts."""

    document: Document
    at: Pointer
    offered_by: tuple[Document, Pointer]
    expect: Mapping[tuple[int, ...], Pointer]

    def locate(self, part: Part) -> tuple[Place, Pointer]:
        """Where a part of the case was written."""
        document, path = self.document, self.at + pointer(*part)
        if part[:1] == ("offer",):
            document, at = self.offered_by
            path = at + pointer(*part[1:])
        elif part[:1] == ("expect",):
            path = f"{self.at}/expect{self.expect.get(tuple(map(int, part[1:])), '')}"
        return document.place(path), path


S = TypeVar("S", bound=Shape)

_UNDER: Mapping[type[Shape], str] = {ModelsShape: "models", DocumentShape: "cases"}
"""The key below which stands what is easily taken for the whole file."""


def _whole(shape: type[S], document: Document, problems: list[Problem]) -> S | None:
    if document.value is None:
        problems.append(Problem(what="the file is empty", place=Place(file=document.file)))
        return None
    if isinstance(document.value, list) and shape in _UNDER:
        hint = f"put it under `{_UNDER[shape]}:`"
        problems.append(Problem(what="must be an object, not a list", hint=hint, place=document.place()))
        return None
    return fit(shape, document.value, document, problems)


# --------------------------------------------------------------------------- suites


def read_suite(document: Document) -> SuiteFile:
    """A suite in one document. Raises InputError if nothing can be made of it but for its cases."""
    cases = document.value.get("cases") if isinstance(document.value, dict) else None
    at = enumerate(cases if isinstance(cases, list) else ())
    return _suite(DocumentShape, document, ((document, case, f"/cases/{index}") for index, case in at), [])


def read_suite_lines(documents: Iterator[Document], problems: list[Problem], file: str) -> SuiteFile:
    """A suite in JSON Lines, its header first; `problems` are those of lines that are not JSON."""
    header = next(documents, None)
    if header is None:
        problems = problems or [Problem(what="the file is empty", place=Place(file=file))]
        raise InputError(problems)
    return _suite(HeaderShape, header, ((document, document.value, "") for document in documents), problems)


def _suite(
    shape: type[HeaderShape],
    document: Document,
    cases: Iterable[tuple[Document, Json, Pointer]],
    problems: list[Problem],
) -> SuiteFile:
    """What is wrong with the cases is told as well where the header has problems of its own."""
    header = _whole(shape, document, problems) or _sound_part(document, problems)
    context = header or HeaderShape(suite="", tools=[])
    read = (both for case in cases if (both := _case(context, document, *case, problems)))
    if header is None:
        deque(read, maxlen=0)
        raise InputError(problems)
    return SuiteFile(
        name=header.suite,
        tools=tuple(_declared(header, document)),
        formats=header.formats,
        cases=read,
        place=document.place(),
        problems=problems,
        head=document,
    )


def _sound_part(document: Document, problems: Sequence[Problem]) -> HeaderShape | None:
    """The header without the keys that `problems` are about; None if nothing then tells which tools there are."""
    if not isinstance(document.value, dict) or not {"suite", "cases"} & document.value.keys():
        return None  # what has neither is no suite at all
    wrong = {tokens(problem.path)[0] for problem in problems if problem.path}
    sound = {key: value for key, value in document.value.items() if key not in wrong | {"cases"}}
    return fit(HeaderShape, {"suite": "unnamed", **sound}, document, [])


def _declared(header: HeaderShape, document: Document) -> Iterator[Declared]:
    for index, tool in enumerate(header.tools):
        path = pointer("tools", index)
        place = document.place(path)
        if isinstance(tool, ToolShape):
            source = f"{document.file}#{path}/parameters"
            spec = ToolSpec(name=tool.name, description=tool.description, schema=tool.parameters, source=source)
            yield Declared(tools=spec, key=tool.key or None, place=place, path=path)
        else:
            yield Declared(tools=tool, key=None, place=place, path=path)


def _case(
    header: HeaderShape, head: Document, document: Document, value: Json, at: Pointer, problems: list[Problem]
) -> tuple[Case, Origin] | None:
    shape = fit(CaseShape, value, document, problems, at)
    if shape is None:
        return None
    try:
        wanted = compile_expect(value["expect"])
    except InputError as error:
        problems += (_placed(problem, document, f"{at}/expect") for problem in error.problems)
        return None
    system = [{"role": "system", "content": header.system}] if header.system else []
    asked = [{"role": "user", "content": shape.user}] if shape.user else value["messages"]
    case = Case(
        id=shape.id,
        messages=(*system, *asked),
        tools=tuple(shape.offer or header.offer or ()),
        accept=wanted.accept,
        forbid=tuple(shape.forbid),
        tags=tuple(shape.tags),
        source=str(replace(document.place(at), column=None)),
        flaws=tuple(shape.flaws),
    )
    offered_by = (document, f"{at}/offer") if shape.offer else (head, "/offer") if header.offer else (document, at)
    return case, Origin(document=document, at=at, offered_by=offered_by, expect=wanted.origins)


def _placed(problem: Problem, document: Document, at: Pointer) -> Problem:
    path = at + problem.path
    return replace(problem, path=path, place=document.place(path))


# --------------------------------------------------------------------------- models


def read_models(document: Document) -> tuple[Target, ...]:
    """A list of models. Raises InputError."""
    problems: list[Problem] = []
    listed = _whole(ModelsShape, document, problems)
    models = listed.models if listed else []
    found = [_target(model, document, f"/models/{index}", problems) for index, model in enumerate(models)]
    if problems:
        raise InputError(problems)
    return tuple(target for target in found if target)


def read_model(document: Document) -> Target:
    """One model, in the shape that an item of a list has. Raises InputError."""
    problems: list[Problem] = []
    model = _whole(ModelShape, document, problems)
    target = _target(model, document, "", problems) if model else None
    if target is None or problems:
        raise InputError(problems)
    return target


_MODEL = re.compile(r"(?P<provider>[^/@?]+)/(?P<model>[^?]+?)(@(?P<arm>[A-Za-z_]+))?")
_LOGIN = re.compile(r"[^/?#]*//[^/?#]*@")
"""The beginning of an address that holds a user's name, and perhaps a password."""


def _target(shape: ModelShape, document: Document, at: Pointer, problems: list[Problem]) -> Target | None:
    """An `@` and letters at the end are an arm; `@20240620` is part of the model's name."""
    path = f"{at}/model"
    spelled = _MODEL.fullmatch(shape.model)
    if spelled is None:
        what = f"{shape.model!r} is not of the form provider/model or provider/model@arm"
        hint = "write what follows the ? under options" if "?" in shape.model else "as in openai_http/gpt-4o@forced"
        problems.append(Problem(what=what, hint=hint, place=document.place(path), path=path))
        return None
    problems += _secrets(shape, document, at)
    problems += _address(shape.base_url, document, f"{at}/base_url")
    arm = spelled["arm"] or "native"
    if arm not in ARMS:
        what = f"no arm is called {arm!r}"
        problems.append(Problem(what=what, hint=suggest(arm, ARMS), place=document.place(path), path=path))
        return None
    provider, model = spelled["provider"], spelled["model"]
    fields = {name: value for name, value in asdict(shape).items() if name not in ("model", "name", "serve")}
    name = shape.name or f"{provider}/{model}"
    return Target(name=name, provider=provider, model=model, arm=arm, serve=_serve(shape.serve, model), **fields)


def _secrets(shape: ModelShape, document: Document, at: Pointer) -> Iterator[Problem]:
    """Targets are stored with their runs and shown in reports: what lets one in must not be part of them."""
    hint = "name the environment variable that holds it in api_key_env"
    if shape.base_url and _LOGIN.match(shape.base_url):
        path = f"{at}/base_url"
        what = "an address with a user's name or password would be stored with every run"
        yield Problem(what=what, hint=hint, place=document.place(path), path=path)
    for name, given in (("params", shape.params), ("options", shape.options)):
        if "api_key" in given:
            path = f"{at}/{name}/api_key"
            what = "a key written here would be stored with every run"
            yield Problem(what=what, hint=hint, place=document.place(path), path=path)


def _address(base_url: str | None, document: Document, path: Pointer) -> Iterator[Problem]:
    if base_url is None:
        return
    try:
        parts = urlsplit(base_url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if not sound:
        hint = "write it like http://localhost:8000/v1"
        yield Problem(what=f"{excerpt(base_url)!r} is no address", hint=hint, place=document.place(path), path=path)


def _serve(shape: ServeShape | None, model: str) -> Serve | None:
    if shape is None:
        return None
    fields = asdict(shape) | {"model": shape.model or model, "args": tuple(shape.args)}
    return Serve(**fields)


# --------------------------------------------------------------------------- policies


def read_policy(document: Document) -> Policy:
    """The rules of a gate. Raises InputError, also for a policy without rules: it would pass everything."""
    problems: list[Problem] = []
    shape = _whole(PolicyShape, document, problems)
    if shape is None:
        raise InputError(problems)
    rules = list(_rates(shape, "all"))
    if shape.latency:
        rules.append(Rule(kind="latency_ratio", limit=shape.latency.max_ratio))
    if shape.cost:
        rules.append(Rule(kind="cost_ratio", limit=shape.cost.max_ratio))
    if shape.faults:
        rules.append(Rule(kind="fault_share", limit=shape.faults.max_share))
    rules += chain.from_iterable(_rates(slice_, f"tool:{tool}") for tool, slice_ in shape.tools.items())
    if not rules:
        hint = "set floors, max_drop, latency, cost or faults, as in max_drop: {correct: 0.05}"
        problems.append(Problem(what="a policy without rules passes everything", hint=hint, place=document.place()))
    quarantine = tuple(_quarantined(shape.quarantine, document, problems))
    if problems:
        raise InputError(problems)
    return Policy(rules=tuple(rules), source=document.file, quarantine=quarantine, inconclusive=shape.inconclusive)


def _quarantined(
    shapes: Sequence[QuarantineShape], document: Document, problems: list[Problem]
) -> Iterator[Quarantine]:
    seen: set[str] = set()
    for index, shape in enumerate(shapes):
        at = pointer("quarantine", index)
        if shape.case in seen:
            what = f"{shape.case!r} is in quarantine twice"
            problems.append(Problem(what=what, hint="keep one", place=document.place(f"{at}/case"), path=f"{at}/case"))
        seen.add(shape.case)
        try:
            date.fromisoformat(shape.until)
        except ValueError:
            what, path = f"there is no day {shape.until}", f"{at}/until"
            problems.append(Problem(what=what, place=document.place(path), path=path))
        yield Quarantine(case=shape.case, until=shape.until, owner=shape.owner, why=shape.why)


def _rates(shape: SliceShape, slice_: str) -> Iterator[Rule]:
    for score, limit in shape.floors.items():
        yield Rule(kind="floor", limit=limit, score=score, slice=slice_)
    for score, limit in shape.max_drop.items():
        yield Rule(kind="max_drop", limit=limit, score=score, slice=slice_)
