"""Declared against sent: what a route does to a tool's schema, foreseen by a table of rules and seen in what left.

A constraint that never reached the model is no fault of the model. Answers are judged against the declared schema all
the same; here stands what the model could not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from evalkit import values
from evalkit.arms import flags, strict
from evalkit.arms.strict import ANNOTATIONS, Departure
from evalkit.data import DIVERGENCES, Case, Divergence, Json, Pointer, Record, Response, Target, ToolSpec
from evalkit.errors import InputError, suggest
from evalkit.portability import together
from evalkit.portability.routes import ROUTES, Route
from evalkit.portability.walking import LISTS, MAPS, ONES, referred, subschemas
from evalkit.schema import features

_DEFINITIONS = ("$defs", "definitions")
_DEEPEST = 60
_WORST_FIRST = tuple(DIVERGENCES)


def route(name: str) -> Route:
    """The route of that name. Raises InputError with those there are."""
    if name not in ROUTES:
        raise InputError(f"no route is called {name!r}", suggest(name, ROUTES))
    return ROUTES[name]


# --------------------------------------------------------------------------- foreseen


def check(spec: ToolSpec, way: Route) -> tuple[Divergence, ...]:
    """What `way` will do to the tool, worst first."""
    found = [*_name(spec, way)]
    if way.strict is not None:
        found += strict.rewrite(spec.schema, way.strict).departures
    found += _root(spec.schema, way)
    for path, node in _touched(spec.schema, way):
        found += _node(path, node, way)
    found += _limits(spec.schema, way)
    return _told(spec, found)


def _told(spec: ToolSpec, found: Iterable[Departure]) -> tuple[Divergence, ...]:
    told = [
        Divergence(
            tool=spec.name,
            kind=departure.kind,
            path=departure.path,
            keyword=departure.keyword,
            message=departure.message,
            source=f"{spec.source}{departure.path}",
        )
        for departure in dict.fromkeys(found)
    ]
    return tuple(sorted(told, key=lambda each: _WORST_FIRST.index(each.kind)))


def _name(spec: ToolSpec, way: Route) -> Iterator[Departure]:
    if not re.fullmatch(way.name, spec.name):
        message = f"the name {values.quoted(spec.name, 80)} does not match {way.name}"
        yield Departure("refused", "", "name", message)


def _root(schema: Json, way: Route) -> Iterator[Departure]:
    if isinstance(schema, dict):
        for keyword in way.root:
            if keyword in schema:
                yield Departure("refused", f"/{keyword}", keyword, f"{keyword} is refused at the root of a schema")


def _touched(schema: Json, way: Route) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    """The subschemas but for those that the route leaves as they are."""
    found = list(subschemas(schema))
    left = tuple(f"{path}/{keyword}/" for path, node in found for keyword in way.verbatim if keyword in node)
    yield from ((path, node) for path, node in found if not f"{path}/".startswith(left))


def _node(path: Pointer, node: Mapping[str, Any], way: Route) -> Iterator[Departure]:
    for rule in way.rules:
        if rule.keyword in node and rule.where(node):
            yield Departure(rule.kind, path + values.pointer(rule.keyword), rule.keyword, rule.why)
    form = node.get("format")
    if way.formats is not None and isinstance(form, str) and form not in way.formats:
        yield Departure("lost", f"{path}/format", "format", f"the format {form!r} is not among those that it knows")
    if way.member is not None and isinstance(node.get("properties"), dict):
        for name in node["properties"]:
            if not re.fullmatch(way.member, name):
                message = f"the name {values.quoted(name, 80)} does not match {way.member}"
                yield Departure("refused", f"{path}/properties{values.pointer(name)}", "properties", message)


def _limits(schema: Json, way: Route) -> Iterator[Departure]:
    nodes = [node for _, node in subschemas(schema)]
    names = [name for node in nodes if isinstance(node.get("properties"), dict) for name in node["properties"]]
    options = [value for node in nodes if isinstance(node.get("enum"), list) for value in node["enum"]]
    measured = (
        ("levels of nesting", features.of_schema(schema).depth + 1, way.depth),
        ("properties", len(names), way.properties),
        ("enumerated values", len(options), way.enum_values),
        ("characters of names and values", sum(len(str(text)) for text in (*names, *options)), way.characters),
    )
    for what, size, limit in measured:
        if limit is not None and size > limit:
            yield Departure("limit", "", "", f"{size:,} {what}; the limit is {limit:,}")


# --------------------------------------------------------------------------- seen


def sent(specs: Sequence[ToolSpec], tools: Json) -> tuple[Divergence, ...]:
    """How the tools that left differ from those declared. `tools`: `Response.sent`, in any provider's shape."""
    left = {name: (described, schema) for name, described, schema in _declarations(tools)}
    plain = {values.normal_name(name): name for name in left}
    found: list[Divergence] = []
    for spec in specs:
        name = spec.name if spec.name in left else plain.get(values.normal_name(spec.name))
        if name is None:
            found += _told(spec, [Departure("refused", "", "", "the tool was not sent")])
            continue
        departures = [*difference(spec.schema, left[name][1])]
        if name != spec.name:
            departures.append(Departure("renamed", "", "name", f"sent as {values.quoted(name, 80)}"))
        if spec.description and left[name][0] != spec.description:
            departures.append(Departure("unsaid", "", "description", "the description was not sent as declared"))
        found += _told(spec, departures)
    return tuple(found)


def _declarations(tools: Json) -> Iterator[tuple[str, Json, Json]]:
    """(name, description, schema) of each tool in a list of OpenAI's, Anthropic's, Gemini's or Bedrock's."""
    for tool in tools if isinstance(tools, list) else []:
        if not isinstance(tool, dict):
            continue
        inner = tool.get("functionDeclarations", tool.get("function_declarations"))
        if isinstance(inner, list):
            yield from _declarations(inner)
            continue
        declared = tool.get("function") or tool.get("toolSpec") or tool
        keys = ("parameters", "input_schema", "parametersJsonSchema", "parameters_json_schema", "inputSchema")
        schema: Json = next((declared[key] for key in keys if key in declared), {})
        if "inputSchema" in declared and isinstance(schema, dict):
            schema = schema.get("json", schema)
        yield str(declared.get("name", "")), declared.get("description"), schema


def difference(declared: Json, left: Json) -> Iterator[Departure]:
    """Keywords of the declared schema that are missing or changed in the one that left, and those that were added.

    A reference that was written out is followed; types count as the same in upper and in lower case.
    """
    yield from _difference(declared, left, declared, "", 0)


def _difference(declared: Json, left: Json, root: Json, path: Pointer, level: int) -> Iterator[Departure]:
    if level > _DEEPEST or declared == left:
        return
    if not isinstance(declared, dict) or not isinstance(left, dict):
        yield Departure("changed", path, "", f"{values.quoted(declared, 60)} was sent as {values.quoted(left, 60)}")
        return
    if "$ref" in declared and "$ref" not in left:
        yield Departure("changed", f"{path}/$ref", "$ref", "the reference was written out, or left out")
        yield from _difference(referred(declared["$ref"], root), left, root, path, level + 1)
        return
    for keyword, value in declared.items():
        here = path + values.pointer(keyword)
        if keyword not in left:
            yield from _missing(keyword, value, here)
        else:
            yield from _kept(keyword, value, left[keyword], root, here, level)
    for keyword in sorted(left.keys() - declared.keys() - ANNOTATIONS):
        message = f"{keyword}: {values.quoted(left[keyword], 60)} was added"
        yield Departure("changed", path, keyword, message)


def _kept(keyword: str, was: Json, now: Json, root: Json, here: Pointer, level: int) -> Iterator[Departure]:
    """A keyword that both have."""
    if keyword in MAPS and isinstance(was, dict) and isinstance(now, dict):
        yield from _named(was, now, root, here, level)
    elif keyword in LISTS and isinstance(was, list) and isinstance(now, list):
        if len(was) != len(now):
            yield Departure("changed", here, keyword, f"{len(was)} schemas were sent as {len(now)}")
        for index, (old, new) in enumerate(zip(was, now, strict=False)):
            yield from _difference(old, new, root, f"{here}/{index}", level + 1)
    elif keyword in ONES and isinstance(was, dict) and isinstance(now, dict):
        yield from _difference(was, now, root, here, level + 1)
    elif not _same(keyword, was, now):
        message = f"{values.quoted(was, 60)} was sent as {values.quoted(now, 60)}"
        yield Departure("unsaid" if keyword in ANNOTATIONS else "changed", here, keyword, message)


def _missing(keyword: str, value: Json, here: Pointer) -> Iterator[Departure]:
    if keyword in _DEFINITIONS or (keyword == "additionalProperties" and value in (True, {})):
        return  # nothing is lost with it: what refers to a definition is told where it stands
    if keyword in ANNOTATIONS:
        yield Departure("unsaid", here, keyword, f"{keyword} was not sent, so the model did not see it")
    else:
        yield Departure("lost", here, keyword, f"{keyword} was not sent, so nothing held the model to it")


def _named(
    declared: Mapping[str, Json], left: Mapping[str, Json], root: Json, path: Pointer, level: int
) -> Iterator[Departure]:
    for name, part in declared.items():
        here = path + values.pointer(name)
        if name not in left:
            yield Departure("lost", here, "", f"{values.quoted(name, 60)} was not sent")
        else:
            yield from _difference(part, left[name], root, here, level + 1)


def _same(keyword: str, declared: Json, left: Json) -> bool:
    if keyword == "type":
        return values.same(_lower(declared), _lower(left))
    if keyword == "required" and isinstance(declared, list) and isinstance(left, list):
        return set(map(str, declared)) == set(map(str, left))
    return values.same(declared, left)


def _lower(kind: Json) -> Json:
    return [_lower(each) for each in kind] if isinstance(kind, list) else str(kind).lower()


# --------------------------------------------------------------------------- of a run


def of_target(
    target: Target, cases: Sequence[Case], specs: Mapping[str, ToolSpec], records: Iterable[Record]
) -> tuple[Divergence, ...]:
    """How the tools that `target` was asked with differ from those declared, worst first.

    What the arm rewrites, and which limits that exceeds, follows from the declarations; what a client or provider
    changed is in the records. `specs` and `cases` are those of the suite.
    """
    demands = flags.demands(target)
    altered = [each for each in records if isinstance(each.reply, Response) and each.reply.sent is not None]
    asked = {record.case for record in altered}
    offered = {case.id: case.tools for case in cases if case.id in asked} if asked else {}
    seen: dict[tuple[str, ...], tuple[Divergence, ...]] = {}
    for record in altered:
        keys = offered.get(record.case, ())
        if keys not in seen and isinstance(record.reply, Response):
            offers = [specs[key] for key in keys]
            flags_lost = _unflagged(offers, record.reply.sent, demands) if target.arm == "strict" else ()
            seen[keys] = (*sent(handed(offers, target), record.reply.sent), *flags_lost)
    found = [divergence for each in seen.values() for divergence in each]
    if demands is not None:
        used = {key for case in cases for key in case.tools}
        found += [each for key in specs if key in used for each in _strictly(specs[key], demands)]
    if (way := _limiting(target)) is not None:
        found += _exceeded(way, cases, specs)
    return tuple(sorted(dict.fromkeys(found), key=lambda each: _WORST_FIRST.index(each.kind)))


def _limiting(target: Target) -> Route | None:
    """The route to whose limits `target` is surely held: those of strict tools, at the address of who made them."""
    demands = flags.demands(target) if target.arm == "strict" else None
    if demands is None or target.base_url is not None or target.serve is not None:
        return None
    if demands == strict.CLAUDE:
        return ROUTES["anthropic-strict"]
    own = target.provider == "openai_http" or target.model.startswith(("openai/", "azure/"))
    return ROUTES["openai-strict"] if own else None


def _exceeded(way: Route, cases: Sequence[Case], specs: Mapping[str, ToolSpec]) -> Iterator[Divergence]:
    """The limits of `way` that tools exceed, alone and as they are offered together."""
    offered = tuple(dict.fromkeys(case.tools for case in cases))
    for key in dict.fromkeys(key for keys in offered for key in keys):
        yield from _told(specs[key], _limits(specs[key].schema, way))
    yield from together.exceeded([[specs[key] for key in keys] for keys in offered], way)


def handed(specs: Sequence[ToolSpec], target: Target) -> list[ToolSpec]:
    """Tools as the arm of `target` has them before a client or provider says them in its own words."""
    demands = flags.demands(target) if target.arm == "strict" else None
    if demands is None:
        return list(specs)
    forms = [strict.rewrite(spec.schema, demands).schema for spec in specs]
    return [spec if form is None else replace(spec, schema=form) for spec, form in zip(specs, forms, strict=True)]


def _unflagged(specs: Sequence[ToolSpec], tools: Json, demands: strict.Demands | None) -> Iterator[Divergence]:
    """Tools that were to be strict, and left without the flag that makes them so; none where no flag is asked."""
    if demands is None:
        return
    flagged = set()
    for tool in tools if isinstance(tools, list) else []:
        declared = tool.get("function") or tool.get("toolSpec") or tool
        if tool.get("strict") is True or declared.get("strict") is True:
            flagged.add(values.normal_name(str(declared.get("name"))))
    for spec in specs:
        if values.normal_name(spec.name) not in flagged and strict.rewrite(spec.schema, demands).schema is not None:
            yield from _told(
                spec, [Departure("lost", "", "strict", "the strict flag was not sent: nothing is enforced")]
            )


def _strictly(spec: ToolSpec, demands: strict.Demands) -> Iterator[Divergence]:
    rewritten = strict.rewrite(spec.schema, demands)
    if rewritten.schema is not None:
        yield from _told(spec, rewritten.departures)
        return
    (why,) = rewritten.departures
    message = f"sent as declared, and not strict: {why.message}"
    yield from _told(spec, [Departure("changed", why.path, why.keyword, message)])
