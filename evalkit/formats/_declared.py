"""What the formats of tool declarations share: finding the declarations in a file, and reading one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

from evalkit import documents
from evalkit.data import Json, Pointer, ToolSpec
from evalkit.documents import Document
from evalkit.errors import InputError, Problem
from evalkit.schema import check
from evalkit.values import pointer, quoted

Entry: TypeAlias = tuple[Pointer, Json]
"""Where in the file a declaration stands, and what stands there."""

NO_ARGUMENTS: Mapping[str, Json] = {"type": "object", "properties": {}}
"""The schema of a tool that declares none."""


def document(text: str, source: str) -> Document:
    """The file as a value with places. JSON is tried first, whatever the file is called."""
    parse = documents.parse_json if text.lstrip()[:1] in ("{", "[") else documents.parse_yaml
    try:
        return parse(text, source)
    except InputError:
        if source.endswith(".json") or parse is documents.parse_yaml:
            raise
        return documents.parse_yaml(text, source)  # a flow mapping of YAML looks like JSON until it does not


@lru_cache(maxsize=8)
def sniffed(text: str) -> Json:
    """The value of a file, for guessing at its format; None if it cannot be read."""
    try:
        return document(text, "").value
    except InputError:
        return None


def entries(value: Json, *wrappers: str) -> list[Entry]:
    """The items of a list, of the list under one of `wrappers`, or the one declaration that the file is."""
    if isinstance(value, dict):
        for wrapper in wrappers:
            if isinstance(value.get(wrapper), list):
                return [(pointer(wrapper, index), item) for index, item in enumerate(value[wrapper])]
        return [("", value)]
    return [(pointer(index), item) for index, item in enumerate(value)] if isinstance(value, list) else []


def all_look(found: Iterable[Entry], shape: Callable[[Mapping[str, Json]], bool]) -> bool:
    """Whether there are declarations and each is an object of that shape."""
    items = [item for _, item in found]
    return bool(items) and all(isinstance(item, dict) and shape(item) for item in items)


class Reader:
    """Gathers specs and problems, so that all that is wrong with a file is said at once."""

    def __init__(self, found: Document, prefix: Pointer = "") -> None:
        """`prefix`: where `found` stands in its file, if it is one of several."""
        self.document, self.prefix = found, prefix
        self.specs: list[ToolSpec] = []
        self.problems: list[Problem] = []

    def wrong(self, path: Pointer, what: str, hint: str = "") -> None:
        self.problems.append(Problem(what=what, hint=hint, place=self.document.place(path), path=path))

    def tool(
        self,
        path: Pointer,
        declared: Json,
        key: str,
        *,
        rename: Callable[[str], str] = str,
        convert: Callable[[Json], Json] | None = None,
    ) -> None:
        """Read the declaration at `path`, whose schema stands under `key`."""
        if not isinstance(declared, dict):
            self.wrong(path, f"a tool is declared by an object, not by {quoted(declared, 40)}")
            return
        name, description = declared.get("name"), declared.get("description")
        if not isinstance(name, str) or not name:
            self.wrong(path, "a tool needs a name", 'add "name": "..."')
            return
        if description is not None and not isinstance(description, str):
            self.wrong(path + "/description", f"a description is text, not {quoted(description, 40)}")
        schema, place = declared.get(key), path + pointer(key)
        if schema is None:
            schema, place, convert = dict(NO_ARGUMENTS), path, None
        if not isinstance(schema, dict):
            hint = 'a JSON Schema, as in {"type": "object", "properties": {...}}'
            self.wrong(place, f"{key} is an object, not {quoted(schema, 40)}", hint)
            return
        try:
            schema = convert(schema) if convert else schema
        except Unreadable as error:
            self.wrong(place + error.path, error.what, error.hint)
            return
        self.add(path, rename(name), description, schema, place)

    def add(self, path: Pointer, name: str, description: Json, schema: Json, place: Pointer) -> None:
        """Take in the tool declared at `path`, whose schema stands at `place`, if it can be used."""
        if any(spec.name == name for spec in self.specs):
            self.wrong(path + "/name", f"the tool {name!r} is declared twice", "rename or drop one of them")
            return
        for unsound in check(schema, ""):
            self.wrong(place + unsound.path, unsound.what, unsound.hint)
        text = description if isinstance(description, str) else ""
        source = f"{self.document.file}#{self.prefix}{place}"
        self.specs.append(ToolSpec(name=name, description=text, schema=schema, source=source))

    def result(self) -> tuple[ToolSpec, ...]:
        if not self.specs and not self.problems:
            self.wrong("", "declares no tools")
        if self.problems:
            raise InputError(self.problems)
        return tuple(self.specs)


class Unreadable(Exception):
    """A part of a schema that its own dialect does not know. `path` points into the schema."""

    def __init__(self, path: Pointer, what: str, hint: str = "") -> None:
        self.path, self.what, self.hint = path, what, hint
        super().__init__(what)


_SCHEMA_MAPS = ("properties", "patternProperties", "$defs", "definitions")
_SCHEMA_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
_SCHEMAS = ("items", "additionalProperties", "not", "contains")


def rewrite(schema: Json, step: Callable[[dict[str, Json], Pointer], Json], path: Pointer = "") -> Json:
    """`schema` with `step` applied to a copy of each subschema, the innermost first. Data in it is left alone."""
    if not isinstance(schema, dict):
        return schema
    changed = dict(schema)
    for keyword in _SCHEMA_MAPS:
        parts = changed.get(keyword)
        if isinstance(parts, dict):
            here = path + pointer(keyword)
            changed[keyword] = {name: rewrite(part, step, here + pointer(name)) for name, part in parts.items()}
    for keyword in _SCHEMA_LISTS:
        items = changed.get(keyword)
        if isinstance(items, list):
            here = path + pointer(keyword)
            changed[keyword] = [rewrite(part, step, here + pointer(index)) for index, part in enumerate(items)]
    for keyword in _SCHEMAS:
        if isinstance(changed.get(keyword), dict):
            changed[keyword] = rewrite(changed[keyword], step, path + pointer(keyword))
    return step(changed, path)
