"""BFCL's function documents: JSON Schema in a dialect of its own.

dict, float, tuple and any are types; `optional` decides nothing, for `required` does; and `.` in a name becomes `_`, as
it did on the wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evalkit import documents
from evalkit.data import Json, Pointer, ToolSpec
from evalkit.documents import Document
from evalkit.errors import InputError, Place, Problem
from evalkit.formats import _declared
from evalkit.formats._declared import Entry, Reader, Unreadable
from evalkit.values import pointer, quoted

TYPES: Mapping[str, str | None] = {
    "dict": "object",
    "float": "number",
    "tuple": "array",
    "any": None,
    **{name: name for name in ("string", "integer", "number", "boolean", "array", "object", "null")},
}
_LISTS = ("functions", "function")


def sniff(text: str) -> bool:
    """Function documents are known by the type `dict`, which nobody else has."""
    first = text.lstrip().partition("\n")[0]
    value = _declared.sniffed(text) if _declared.sniffed(text) is not None else _declared.sniffed(first)
    return _declared.all_look(_documents(value), _is_document)


def tools(text: str, source: str) -> tuple[ToolSpec, ...]:
    """Function documents: one, a list, or questions (also as JSON Lines) that hold them.

    A function that several questions declare alike is one tool.
    """
    found: dict[str, ToolSpec] = {}
    problems: list[Problem] = []
    for document, prefix in _read(text, source, problems):
        reader = Reader(document, prefix)
        for path, declared in _documents(document.value):
            read_document(reader, path, declared)
        problems += reader.problems
        for spec in reader.specs:
            known = found.setdefault(spec.name, spec)
            if (known.description, known.schema) != (spec.description, spec.schema):
                hint = "read them as cases, which keep both"
                what = f"the tool {spec.name!r} is declared in two ways"
                problems.append(Problem(what=what, hint=hint, place=document.place(), path=prefix))
    if not found and not problems:
        problems.append(Problem(what="declares no tools", place=Place(file=source)))
    if problems:
        raise InputError(problems)
    return tuple(found.values())


def read_document(reader: Reader, path: Pointer, declared: Json) -> None:
    reader.tool(path, declared, "parameters", rename=wire_name, convert=json_schema)


def wire_name(name: str) -> str:
    return name.replace(".", "_")


def json_schema(parameters: Json) -> Json:
    """A function document's `parameters` as JSON Schema. Raises Unreadable for a type of another language."""
    return _declared.rewrite(parameters, _step)


def _step(schema: dict[str, Json], path: Pointer) -> Json:
    kind = schema.get("type")
    if isinstance(kind, str):
        if kind not in TYPES:
            hint = "only the Python categories are JSON; there are: " + ", ".join(TYPES)
            raise Unreadable(path + "/type", f"{quoted(kind)} is no type of BFCL's function documents", hint)
        known = TYPES[kind]
        if known is None:
            del schema["type"]
        else:
            schema["type"] = known
    return {keyword: value for keyword, value in schema.items() if keyword != "optional"}


def _read(text: str, source: str, problems: list[Problem]) -> Iterator[tuple[Document, Pointer]]:
    """Each document in the file, and its pointer if the file is taken for a list of them."""
    try:
        yield _declared.document(text, source), ""
    except InputError:
        if "\n" not in text.strip():
            raise
        for index, document in enumerate(documents.parse_lines(text.split("\n"), source, problems)):
            yield document, pointer(index)


def _documents(value: Json) -> list[Entry]:
    """The function documents of a file: its own, or those of the questions it holds."""
    found: list[Entry] = []
    for path, item in _declared.entries(value, *_LISTS):
        inner = next((item[key] for key in _LISTS if isinstance(item, dict) and isinstance(item.get(key), list)), None)
        found += [(path, item)] if inner is None else [(path + p, each) for p, each in _declared.entries(item, *_LISTS)]
    return found


def _is_document(declared: Mapping[str, Json]) -> bool:
    parameters = declared.get("parameters")
    return isinstance(declared.get("name"), str) and isinstance(parameters, dict) and parameters.get("type") == "dict"
