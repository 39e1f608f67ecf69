"""Which cases belong together: slices of a suite by tool, tag and feature of the schema, and clusters. Pure.

A case that wants no call is in no tool's slice. A feature that every case with a call shares tells nothing apart and
makes no slice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from evalkit.data import Case, ScoreName, Suite
from evalkit.schema import features

Slices = Mapping[str, Sequence[int]]
"""Name -> indices of its cases."""


def named(suite: Suite) -> Slices:
    """Every slice that a rule of a policy may name, by that name; but for the arms, which are no part of a suite."""
    return {**slices(suite), **of_features(by_feature(suite))}


def slices(suite: Suite) -> Slices:
    """All, then tools, then tags, by name."""
    cases = suite.cases
    tools: dict[str, list[int]] = defaultdict(list)
    tags: dict[str, list[int]] = defaultdict(list)
    for i, case in enumerate(cases):
        for tool in dict.fromkeys(wanted(case)):
            tools[f"tool:{tool}"].append(i)
        for tag in dict.fromkeys(case.tags):
            tags[f"tag:{tag}"].append(i)
    return {"all": range(len(cases)), **dict(sorted(tools.items())), **dict(sorted(tags.items()))}


def by_feature(suite: Suite) -> Slices:
    """Name of a feature -> its cases, by name."""
    known: dict[str, features.Traits] = {}
    found: dict[str, list[int]] = defaultdict(list)
    calling = 0
    for i, case in enumerate(suite.cases):
        calling += not case.wants_nothing
        for feature in features.of_case(case, suite.specs, known):
            found[feature].append(i)
    return {name: members for name, members in sorted(found.items()) if len(members) < calling}


def of_features(features: Slices) -> Slices:
    """Slices by the name of a feature, by the name that they have among all others."""
    return {f"feature:{name}": members for name, members in features.items()}


def wanted(case: Case) -> Sequence[str]:
    """Tools that some acceptable answer calls, the best answer's first."""
    return [call.tool for expectation in case.accept for call in expectation.calls]


def cluster(case: Case, suite: Suite) -> tuple[str, ...]:
    """What cases that stand or fall together share: the tool wanted first or, where any will do, those offered.

    A case that wants no call shares nothing with another.
    """
    if case.wants_nothing:
        return "nothing", case.id
    tools = wanted(case)
    return (tools[0],) if tools else tuple(sorted(suite.specs[key].name for key in case.tools))


def applies(case: Case, score: ScoreName) -> bool:
    """Whether a case judges a score, from the case alone: an answer that was never heard tells nothing of it."""
    if score == "correct":
        return judges_correct(case)
    return case.wants_nothing if score == "abstained" else case.wants_call


def judges_correct(case: Case) -> bool:
    return bool(case.accept or case.forbid)
