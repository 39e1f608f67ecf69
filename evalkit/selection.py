"""Which cases are asked: several suites made one, and the part of a suite that was chosen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice

from msgspec.structs import replace

from evalkit import shelf
from evalkit import suite as suites
from evalkit.data import Case, Suite, ToolSpec
from evalkit.errors import InputError, suggest


def merge(parts: Sequence[Suite]) -> Suite:
    """One suite out of several: case ids become `suite/id`, and each case is tagged with its suite's name.

    A single suite is given back as it is. Raises InputError if two have one name or judge formats differently, or if
    what is in them would have one name ("a/b" has "c", and "a" has "b/c").
    """
    if len(parts) == 1:
        return parts[0]
    names = [part.name for part in parts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two suites are called {twice[0]!r}", "name each suite once, or rename one")
    if len({part.formats for part in parts}) > 1:
        raise InputError("some of the suites assert formats and some do not", "run them apart")
    specs: dict[str, ToolSpec] = {}
    for part in parts:
        for key, spec in part.specs.items():
            if specs.setdefault(f"{part.name}/{key}", spec) is not spec:
                raise InputError(f"two tools would be called '{part.name}/{key}'", "rename one of them, or its suite")
    cases = shelf.gather(
        replace(
            case,
            id=f"{part.name}/{case.id}",
            tools=tuple(f"{part.name}/{key}" for key in case.tools),
            tags=(part.name, *case.tags),
        )
        for part in parts
        for case in part.cases
    )
    whole = Suite(name="+".join(names), specs=specs, cases=cases, formats=parts[0].formats)
    return replace(whole, digest=suites.digest(whole))


def select(
    suite: Suite,
    *,
    ids: Collection[str] = (),
    tags: Collection[str] = (),
    tools: Collection[str] = (),
    text: str | None = None,
    limit: int | None = None,
) -> Suite:
    """The part of `suite` that meets every condition given; an empty condition holds for all.

    Raises InputError if nothing is left, or an id, tag or tool is nowhere in the suite.
    """
    if not (ids or tags or tools) and text is None and (limit is None or limit >= len(suite.cases)):
        return suite
    _known(suite, ids, tags, tools)
    meeting = (
        case
        for case in suite.cases
        if (not ids or case.id in ids)
        and (not tags or set(tags) & set(case.tags))
        and (not tools or set(tools) & wanted(case))
        and (text is None or text.casefold() in _said(case))
    )
    cases = shelf.gather(islice(meeting, limit))
    if not cases:
        raise InputError(f"no case of suite {suite.name} is selected", "loosen -k, --tag, --tool or --case")
    if len(cases) == len(suite.cases):
        return suite
    used = {key for case in cases for key in case.tools}
    specs = {key: spec for key, spec in suite.specs.items() if key in used}
    part = replace(suite, cases=cases, specs=specs, part=None)
    return replace(part, digest=suites.digest(part))


def wanted(case: Case) -> set[str]:
    """Names of the tools that some acceptable answer calls."""
    return {call.tool for expectation in case.accept for call in expectation.calls}


def _said(case: Case) -> str:
    return "\n".join([case.id, *(str(message.get("content", "")) for message in case.messages)]).casefold()


def _known(suite: Suite, ids: Collection[str], tags: Collection[str], tools: Collection[str]) -> None:
    for given, there, kind in (
        (ids, (case.id for case in suite.cases), "case"),
        (tags, (tag for case in suite.cases for tag in case.tags), "tag"),
        (tools, (spec.name for spec in suite.specs.values()), "tool"),
    ):
        known = set(there) if given else set()
        unknown = sorted(set(given) - known)
        if unknown:
            raise InputError(f"suite {suite.name} has no {kind} {unknown[0]!r}", suggest(unknown[0], known))
