"""Everything on disk but runs: suites, tool specs, model lists and policies, and files written whole or not at all."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from urllib.parse import unquote

from msgspec.structs import replace

from evalkit import files, plugins
from evalkit import suite as suites
from evalkit.data import Json, Policy, Rule, Suite, Target, ToolSpec
from evalkit.documents import Document, parse, parse_lines, scalar
from evalkit.errors import InputError, Place, Problem, suggest
from evalkit.files import writing
from evalkit.textfiles import read_folder as read_folder
from evalkit.textfiles import read_lines as read_lines
from evalkit.textfiles import read_text as read_text
from evalkit.textfiles import write_atomic as write_atomic
from evalkit.values import pointer

# --------------------------------------------------------------------------- suites

_SUFFIXES = (".yaml", ".yml", ".jsonl", ".json")
_PACKAGE = Path(__file__).parent


def load_suite(name: str | Path) -> Suite:
    """The suite in a file, or the bundled one of that name. Raises InputError with all that is wrong with it."""
    path = find_suite(name)
    file = _read_suite(path)
    try:
        specs = _declared(file.tools, path.parent)
        head = Suite(name=file.name, specs=specs, cases=(), formats=file.formats)
        written = ((replace(case, tools=case.tools or tuple(specs)), origin.locate) for case, origin in file.cases)
        return suites.build(head, written, place=file.place, beside=file.problems)
    except InputError as error:
        deque(file.cases, maxlen=0)  # what is wrong with cases that are not read yet is told as well
        found = dict.fromkeys(map(file.located, (*file.problems, *error.problems)))
        raise InputError(sorted(found, key=_where)) from None


def _where(problem: Problem) -> tuple[str, int, int]:
    place = problem.place or Place(file="")
    return place.file, place.line or 0, place.column or 0


def find_suite(name: str | Path) -> Path:
    """The file of a suite: a path is one itself, a bare name is looked up among the suites at hand."""
    path = Path(name)
    if path.suffix in _SUFFIXES or len(path.parts) > 1 or path.is_file():
        return path
    found = bundled_suites()
    if str(name) not in found:
        beside = next((each for suffix in _SUFFIXES if (each := Path(f"{name}{suffix}")).is_file()), None)
        if beside:
            raise InputError(f"no suite is called {str(name)!r}", f"did you mean the file {beside}?")
        raise InputError(f"no suite is called {str(name)!r}", suggest(str(name), found))
    return found[str(name)]


def bundled_suites() -> Mapping[str, Path]:
    """Name -> file of the suites in ./suites, then of those that came with evalkit."""
    found: dict[str, Path] = {}
    for folder in (Path("suites"), _PACKAGE / "bundled/suites", _PACKAGE.parent / "suites"):
        for path in sorted(folder.glob("*")):
            if path.suffix in _SUFFIXES:
                found.setdefault(path.stem, path)
    return found


def _read_suite(path: Path) -> files.SuiteFile:
    if path.suffix != ".jsonl":
        return _read_one(path)
    problems: list[Problem] = []
    return files.read_suite_lines(parse_lines(read_lines(path), str(path), problems), problems, str(path))


def _read_one(path: Path) -> files.SuiteFile:
    """A suite in one document; a file of tools, which is easily taken for one, is named as what it is."""
    text = read_text(path)
    document = parse(text, str(path))
    try:
        return files.read_suite(document)
    except InputError:
        whole = document.value
        if (isinstance(whole, dict) and "cases" in whole) or not _sniffed(text):
            raise
        what = "declares tools and has no cases: it is no suite"
        hint = "name it under `tools:` in one; `evalkit import tools` shows what it declares"
        raise InputError(Problem(what=what, hint=hint, place=Place(file=str(path)))) from None


def _declared(declared: Sequence[files.Declared], folder: Path) -> dict[str, ToolSpec]:
    """Key -> spec of a suite's tools. Raises InputError if any cannot be had."""
    specs: dict[str, ToolSpec] = {}
    problems: list[Problem] = []
    for entry in declared:
        try:
            found = _tools_of(entry, folder)
        except InputError as error:
            problems += error.problems
            continue
        for spec in found:
            key = entry.key or _free_key(spec.name, specs)
            if key in specs:
                what = f"two tools have the key {key!r}"
                problems.append(Problem(what=what, hint="give one another key", place=entry.place, path=entry.path))
            specs[key] = spec
    if problems:
        raise InputError(problems)
    return specs


def _tools_of(entry: files.Declared, folder: Path) -> tuple[ToolSpec, ...]:
    if isinstance(entry.tools, ToolSpec):
        return (entry.tools,)
    path = Path(os.path.normpath(folder / entry.tools))
    if not path.exists():
        hint = "the paths of tools are relative to the suite's file"
        raise InputError(Problem(what=f"there is no file {path}", hint=hint, place=entry.place, path=entry.path))
    return read_tools(path)


def _free_key(name: str, taken: Mapping[str, object]) -> str:
    keys = (name if number == 1 else f"{name}~{number}" for number in count(1))
    return next(key for key in keys if key not in taken)


def write_suite(suite: Suite, path: str | Path) -> None:
    """Write a suite as JSON Lines, its tools in place. `load_suite` reads it as the same suite, from another place."""
    write_atomic(path, writing.suite_lines(suite))


# --------------------------------------------------------------------------- tools


def read_tools(path: str | Path, form: str | None = None) -> tuple[ToolSpec, ...]:
    """The tools that a file declares, in the format named or the only one that recognises it. Raises InputError."""
    text = read_text(path)
    place = Place(file=str(path))
    if form is None:
        knowing = _sniffed(text)
        if len(knowing) != 1:
            if not knowing and (misspelt := list(_misspelt(text, str(path)))):
                raise InputError(misspelt)
            what = f"could be any of {', '.join(knowing)}" if knowing else "declares tools in no format that is known"
            hint = "`evalkit import tools FILE --from FORMAT` reads it as one of: " + ", ".join(
                plugins.names("formats")
            )
            raise InputError(Problem(what=what, hint=hint, place=place))
        (form,) = knowing
    reader = plugins.find("formats", form)
    if not hasattr(reader, "tools"):
        raise InputError(f"the format {form!r} declares no tools", "see `evalkit plugins formats`")
    specs: tuple[ToolSpec, ...] = reader.tools(text, str(path))
    if not specs:
        raise InputError(Problem(what="declares no tools", place=place))
    return specs


_KEYS = ("input_schema", "inputSchema", "parameters", "parametersJsonSchema", "toolSpec", "function")
"""Below which tools stand in the formats there are, or their schemas."""


def _misspelt(text: str, file: str) -> Iterator[Problem]:
    """Keys of tools that look like one without which no format knows its own."""
    try:
        document = parse(text, file)
    except InputError as error:
        yield from error.problems
        return
    whole = document.value
    at = "/tools" if isinstance(whole, dict) and isinstance(whole.get("tools"), list) else ""
    listed = whole["tools"] if isinstance(whole, dict) and at else whole
    for number, tool in enumerate(listed if isinstance(listed, list) else ()):
        for key in tool if isinstance(tool, dict) else ():
            if key not in _KEYS and (near := get_close_matches(key, _KEYS, n=1, cutoff=0.8)):
                path = f"{at}/{number}{pointer(key)}"
                what = f"the tool {tool.get('name', number)!r} has the unknown key {key!r}"
                where = document.place(path, key=True)
                yield Problem(what=what, hint=f"did you mean {near[0]!r}?", place=where, path=path)


def _sniffed(text: str) -> list[str]:
    """The formats in which it declares tools, as far as can be told at a glance."""
    formats = {name: plugins.find("formats", name) for name in plugins.names("formats")}
    return [name for name, reader in formats.items() if hasattr(reader, "tools") and reader.sniff(text)]


# --------------------------------------------------------------------------- models


def load_models(path: str | Path) -> tuple[Target, ...]:
    """The models of a list. Raises InputError."""
    document = parse(read_text(path), str(path))
    targets = files.read_models(document)
    places = [document.place(f"/models/{index}/model") for index in range(len(targets))]
    problems = [problem for target, place in zip(targets, places, strict=True) for problem in _provider(target, place)]
    if problems:
        raise InputError(problems)
    return unique(targets, places)


_FIELDS: Mapping[str, Callable[[str], Json]] = {
    "name": str,
    "base_url": str,
    "api_key_env": str,
    "constraint": str,
    "stream": scalar,
    "timeout": scalar,
}
"""What of a query belongs to the model itself, and how it is read; all else are the provider's options."""


def parse_target(text: str) -> Target:
    """`provider/model[@arm][?key=value&...]`. Values are YAML scalars, %XX stands for a byte. Raises InputError."""
    place = Place(file=text or "''")
    model, _, query = text.partition("?")
    fields: dict[str, Json] = {"model": model, "options": {}}
    for item in query.split("&") if query else ():
        key, equals, value = item.partition("=")
        into, read = (fields, _FIELDS[key]) if key in _FIELDS else (fields["options"], scalar)
        if not key or not equals or key in into:
            what = f"{item!r} stands twice" if key in into else f"{item!r} is not of the form key=value"
            raise InputError(Problem(what=what, hint='as in "reference/faulty?kind=json.syntax&rate=0.1"', place=place))
        try:
            into[key] = read(unquote(value))
        except ValueError as error:
            raise InputError(Problem(what=str(error), place=place)) from None
    target = files.read_model(Document(value=fields, file=place.file, marks=dict))
    problems = list(_provider(target, place))
    if problems:
        raise InputError(problems)
    return target


def _provider(target: Target, place: Place) -> Iterator[Problem]:
    try:
        plugins.provider(target.provider)
        if target.serve is not None:
            plugins.engine(target.serve.engine)
    except InputError as error:
        yield from (replace(problem, place=place) for problem in error.problems)


def unique(targets: Iterable[Target], places: Sequence[Place] = ()) -> tuple[Target, ...]:
    """The targets, if no two have one identity. Raises InputError."""
    targets = tuple(targets)
    identities = [target.identity for target in targets]
    problems = [
        Problem(
            what=f"two models are called {identity!r}",
            hint="give one another name, with name: in the list or ?name= behind the model",
            place=places[index] if places else None,
        )
        for index, identity in enumerate(identities)
        if identity in identities[:index]
    ]
    if problems:
        raise InputError(problems)
    return targets


# --------------------------------------------------------------------------- policies


def load_policy(path: str | Path) -> Policy:
    """The rules of a gate. Raises InputError."""
    return files.read_policy(parse(read_text(path), str(path)))


def default_policy() -> Policy:
    """For a gate without a policy: not much worse than the baseline, and hardly any faults."""
    return Policy(
        rules=(
            Rule(kind="max_drop", limit=0.03, score="compliance"),
            Rule(kind="max_drop", limit=0.05, score="correct"),
            Rule(kind="fault_share", limit=0.02),
        )
    )
