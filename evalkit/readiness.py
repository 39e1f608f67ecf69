"""Tool by tool, whether its calls may move to the candidate: the migration checklist. Pure.

Each tool is judged on its own cases, by `correct` and by `compliance`, whichever fares worse. A fall of less than the
margin (the tool's own `max_drop` in the policy, else TOOL_MARGIN) can be lived with.

blocked           surely worse: q <= ALARM over all tools, LEAST_BROKEN more cases broke than were fixed, and the fall
                  is the margin or more. Or a rule of the policy for this tool fails.
safe              a fall by the margin is ruled out (one-sided 95 % bound), there is no sure fall, and every rule of the
                  policy for this tool passes. Without a single break that takes 11 cases at a margin of 20 points.
watch             neither, though there are cases enough to be safe and some broke; or, with fewer, LEAST_TO_WATCH more
                  broke than were fixed; or a rule of the policy for this tool is open.
not enough data   everything else: what was seen was good, and not much was seen.
safe only strict  blocked or to be watched as it was asked, but safe as it was asked on the arm `strict`.

Benjamini-Hochberg keeps the share of false alarms among the tools called surely worse at ALARM; the two least counts
keep a word from resting on a case or two.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from evalkit import stats
from evalkit.data import Cell, Check, Comparison, Policy, Readiness, ReadinessWord
from evalkit.numerals import chance, counted, points
from evalkit.slicing import wanted

TOOL_MARGIN = 0.20
"""The few cases of one tool rule out no less, most of the time; what they add up to is held to the policy's margin."""
ALARM = 0.10
LEAST_BROKEN = 3
LEAST_TO_WATCH = 2

ORDER: tuple[ReadinessWord, ...] = ("blocked", "watch", "safe only strict", "not enough data", "safe")

_SCORES = ("correct", "compliance")


class _State(NamedTuple):
    word: ReadinessWord
    why: str


def assess(comparison: Comparison, policy: Policy, checks: Sequence[Check]) -> tuple[Readiness, ...]:
    """A line for each tool that a case wants, worst first."""
    cells, strict = _by_tool(comparison.cells), _by_tool(comparison.strict)
    causes = _causes(comparison)
    margins = {(rule.slice, rule.score): rule.limit for rule in policy.rules if rule.kind == "max_drop"}
    found: list[Readiness] = []
    for tool, own in cells.items():
        ruled = [_ruled(check) for check in checks if check.rule.slice == f"tool:{tool}"]
        seen = _worst([*ruled, *(_state(cell, margins, causes[tool]) for cell in own)])
        if tool in strict and seen.word in ("blocked", "watch"):
            seen = _strictly(seen, _worst([_state(cell, margins, "") for cell in strict[tool]]))
        found.append(Readiness(tool=tool, word=seen.word, why=seen.why, cases=max(cell.pairs for cell in own)))
    return tuple(sorted(found, key=lambda line: (ORDER.index(line.word), line.tool)))


def _by_tool(cells: Sequence[Cell]) -> Mapping[str, list[Cell]]:
    found: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.slice.startswith("tool:") and cell.score in _SCORES:
            found[cell.slice.removeprefix("tool:")].append(cell)
    return found


def _worst(states: Sequence[_State]) -> _State:
    return min(states, key=lambda state: ORDER.index(state.word))


def _ruled(check: Check) -> _State:
    words: Mapping[str, ReadinessWord] = {"fail": "blocked", "inconclusive": "watch"}
    return _State(words.get(check.outcome, "safe"), check.sentence)


def _strictly(seen: _State, strict: _State) -> _State:
    return _State("safe only strict", f"strict: {strict.why}; else: {seen.why}") if strict.word == "safe" else seen


def _state(cell: Cell, margins: Mapping[tuple[str, str | None], float], cause: str) -> _State:
    """Of one score of one tool."""
    if cell.difference is None or cell.lower_bound is None:
        return _State("not enough data", "no case was answered on both sides")
    margin = margins.get((cell.slice, cell.score), TOOL_MARGIN)
    net = cell.broken - cell.fixed
    surely = cell.q is not None and cell.q <= ALARM and net > 0
    told = f"{cell.broken} of {counted(cell.pairs, 'case')} broke, {cell.fixed} fixed ({cell.score})"
    told += f", most by {cause}" if cause and cell.broken > 1 else ""
    if surely and net >= LEAST_BROKEN and cell.difference <= -margin:
        return _State("blocked", f"{told}; q {chance(cell.q)} over all tools")
    ruled_out = f"a fall of {100 * margin:.0f} points is"
    if cell.lower_bound > -margin and not surely:
        return _State(
            "safe", f"{points(cell.difference)} points over {counted(cell.pairs, 'case')}; {ruled_out} ruled out"
        )
    if surely:
        return _State("watch", f"{told}: a sure fall, though less than {100 * margin:.0f} points are")
    enough = _enough(margin)
    if (
        net >= LEAST_TO_WATCH
        or (cell.pairs >= enough and cell.difference < 0)
        or (cell.pairs >= enough and cell.broken)
    ):
        return _State("watch", f"{told}; {ruled_out} not ruled out")
    broke = f"{cell.broken} broke" if cell.broken else "none broke"
    return _State(
        "not enough data",
        f"{counted(cell.pairs, 'case')}, {broke}; {ruled_out} not ruled out by fewer than {enough:,.0f}",
    )


def _enough(margin: float) -> float:
    """The fewest pairs that can rule out a fall by `margin`, if none of them changes.

    Tango's bound at no discordant pair is -z^2 / (n + z^2).
    """
    z2 = stats.normal_quantile(0.95) ** 2
    return math.floor(z2 * (1 - margin) / margin) + 1 if margin > 0 else math.inf


def _causes(comparison: Comparison) -> Mapping[str, str]:
    """Tool -> what most of its broken cases have in common; "" where nothing broke."""
    causes = {change.case: change.cause for change in comparison.changes if change.kind == "broken"}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for case in comparison.suite.cases:
        if cause := causes.get(case.id):
            for tool in set(wanted(case)):
                found[tool][cause] += 1
    return defaultdict(str, {tool: counts.most_common(1)[0][0] for tool, counts in found.items()})
