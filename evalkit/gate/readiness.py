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
from evalkit.pairing.slicing import wanted

TOOL_MARGIN = 0.20
"""The few cases of one tool rule out no less, most of the time; what they add up to is held to the policy's margin."""
ALARM = 0.10
LEAST_BROKEN = 3
LEAST_TO_WATCH = 2

ORDER: tuple[ReadinessWord, ...] = ("blocked", "watch", "safe only strict", "not enough data", "safe")

_SCORES = ("correct", "compliance")


class _State(NamedTuple):
    """What one score, or one rule of the policy, says of a tool."""

    word: ReadinessWord
    why: str
    change: float = -1.0
    """Of the score: of two states of one word, that of the worse change speaks; a rule of the policy before both."""


def assess(comparison: Comparison, policy: Policy, checks: Sequence[Check]) -> tuple[Readiness, ...]:
    """A line for each tool that a case wants, worst first: by its word, then by how many and what share broke."""
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
    return tuple(sorted(found, key=lambda line: (ORDER.index(line.word), *_gain(cells[line.tool]), line.tool)))


def _by_tool(cells: Sequence[Cell]) -> Mapping[str, list[Cell]]:
    found: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.slice.startswith("tool:") and cell.score in _SCORES:
            found[cell.slice.removeprefix("tool:")].append(cell)
    return found


def _worst(states: Sequence[_State]) -> _State:
    return min(states, key=lambda state: (ORDER.index(state.word), state.change))


def _gain(cells: Sequence[Cell]) -> tuple[int, float]:
    """Cases fixed less those broken, in number and as a share, by the score that fares worse."""
    return min((cell.fixed - cell.broken, (cell.fixed - cell.broken) / max(1, cell.pairs)) for cell in cells)


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
    word = _word(cell, cell.lower_bound, cell.difference, margin)
    return _State(word, _why(cell, word, cell.difference, margin, cause), cell.difference)


def _word(cell: Cell, lower_bound: float, difference: float, margin: float) -> ReadinessWord:
    net = cell.broken - cell.fixed
    if _surely_worse(cell):
        return "blocked" if net >= LEAST_BROKEN and difference <= -margin else "watch"
    if lower_bound > -margin:
        return "safe"
    some_broke = bool(cell.broken) or difference < 0
    return "watch" if net >= LEAST_TO_WATCH or (some_broke and cell.pairs >= _enough(margin)) else "not enough data"


def _surely_worse(cell: Cell) -> bool:
    return cell.q is not None and cell.q <= ALARM and cell.broken > cell.fixed


def _why(cell: Cell, word: ReadinessWord, difference: float, margin: float, cause: str) -> str:
    cases, fall = counted(cell.pairs, "case"), f"a fall of {100 * margin:.0f} points"
    if word == "safe":
        return f"{points(difference)} points over {cases}; {fall} is ruled out"
    if word == "not enough data":
        broke = f"{cell.broken} broke" if cell.broken else "none broke"
        return f"{cases}, {broke}; {fall} is not ruled out by fewer than {_enough(margin):,.0f} cases"
    told = f"{cell.broken} of {cases} broke, {cell.fixed} fixed ({cell.score})"
    told += f", most by {cause}" if cause and cell.broken > 1 else ""
    if word == "blocked":
        return f"{told}; q {chance(cell.q)} over all tools"
    return f"{told}: sure, but less than {fall}" if _surely_worse(cell) else f"{told}; {fall} is not ruled out"


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
