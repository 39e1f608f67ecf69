"""What in a sound schema was surely meant otherwise: words that no validator reads, and so nobody is held to.

A schema may hold any keyword and any format; what a draft does not know means nothing. Other people's extensions are
left in peace: only a word that looks like one that means something is doubted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from evalkit.data import Json, Pointer
from evalkit.errors import suggest
from evalkit.schema.drafts import FORMATS, LATEST, draft_of
from evalkit.schema.reasons import KEYWORDS
from evalkit.schema.references import survey
from evalkit.values import pointer, quoted, tokens

_SILENT = (
    *("$schema", "$id", "id", "$anchor", "$comment", "$defs", "definitions", "$vocabulary", "$dynamicAnchor"),
    *("$recursiveAnchor", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
    *("contentEncoding", "contentMediaType", "contentSchema", "then", "else", "minContains", "maxContains"),
)
"""Keywords of the drafts that judge nothing by themselves."""
_KEYWORDS = KEYWORDS.union(_SILENT)
_EXTENSIONS = frozenset(("example", "nullable", "enumNames", "externalDocs", "discriminator", "xml"))
"""Of OpenAPI and of form builders: common, and near to keywords."""
_OTHER_FORMATS = frozenset(("int32", "int64", "float", "double", "byte", "binary", "password"))
"""Of OpenAPI, which says itself that they are hints."""
_NEAR = 0.82
"""How alike an unknown keyword must be to a known one; 1 is the same."""
_DECLARE_ELSEWHERE = frozenset(
    ("patternProperties", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "$ref", "$dynamicRef", "$recursiveRef")
)
_BRANCHES = frozenset(("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"))
"""Keywords whose subschemas judge a value beside others, which may declare what they require."""


def doubts(schema: Json) -> Iterator[tuple[Pointer, str, str]]:
    """(place, what, hint) of each, for a schema that `schema.check` finds sound."""
    draft = draft_of(schema) or LATEST
    subschemas = survey(schema, draft).subschemas
    declared = {name for _, each in subschemas for name in each.get("properties", ())}
    for place, subschema in subschemas:
        yield from _keywords(place, subschema)
        yield from _format(place, subschema)
        yield from _required(place, subschema, declared)


def _keywords(place: Pointer, subschema: Mapping[str, Json]) -> Iterator[tuple[Pointer, str, str]]:
    for keyword in subschema:
        if keyword in _KEYWORDS or keyword in _EXTENSIONS or keyword.startswith(("x-", "_")):
            continue
        if near := get_close_matches(keyword, _KEYWORDS, n=1, cutoff=_NEAR):
            what = f"JSON Schema knows no keyword {keyword!r}: nothing is held to it"
            yield place + pointer(keyword), what, f"did you mean {near[0]!r}?"


def _format(place: Pointer, subschema: Mapping[str, Json]) -> Iterator[tuple[Pointer, str, str]]:
    """Where a format is all that holds a text: of numbers, and of values that are enumerated, it is a remark."""
    name = subschema.get("format")
    if name is None or "string" not in subschema.get("type", "string") or {"enum", "const"} & subschema.keys():
        return
    if name not in FORMATS and name not in _OTHER_FORMATS and not name.startswith("x-"):
        what = f"JSON Schema knows no format {quoted(name, 40)}: any string passes"
        near = get_close_matches(name, FORMATS, n=1)
        yield f"{place}/format", what, f"did you mean {near[0]!r}?" if near else ""


def _required(place: Pointer, subschema: Mapping[str, Json], anywhere: set[str]) -> Iterator[tuple[Pointer, str, str]]:
    """Where the names that a value may have are all declared beside `required`."""
    steps = tokens(place)
    beside = set(steps[-2:]) & _BRANCHES
    others = subschema.get("additionalProperties", True)
    if beside or isinstance(others, dict) or _DECLARE_ELSEWHERE & subschema.keys():
        return
    own = subschema.get("properties", {})
    elsewhere = anywhere if steps[:1] in (("$defs",), ("definitions",)) else set()  # which others may refer to
    for index, name in enumerate(subschema.get("required", ())):
        if name not in own and name not in elsewhere:
            effect = "any value passes" if others else "and none that is not may be given: no value fits"
            what = f"{name!r} is required and not declared in properties: {effect}"
            yield f"{place}/required/{index}", what, suggest(name, own)
