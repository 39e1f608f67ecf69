"""Before spending: what a run would cost, and what its answers could tell. Pure; estimates, each with its source.

Power is that of the rule by which the gate decides, tried on random draws over the cases and tools of the suite.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from evalkit import stats, tally, values
from evalkit.data import Case, Policy, Record, Rule, Run, ScoreName, Suite, Target
from evalkit.pacing.limiting import CHARACTERS_PER_TOKEN as CHARACTERS_PER_TOKEN
from evalkit.pacing.limiting import OUTPUT_TOKENS as OUTPUT_TOKENS
from evalkit.pairing import discordance, slicing
from evalkit.pairing.discordance import Discordance, Source
from evalkit.request import Builder

SECONDS = 2.0
"""An answer's. On the cases of BFCL eight hosted models of 2024 took 1.1 to 4.1 s on average."""
DISCORDANT = 0.04
"""Share of cases that pass on one side only though the models are equally good: half of it each way."""
POWERS = (0.80, 0.95)
_MOST_TRIALS = 50
_FAR = 5_000
"""Cases after which a run that may stop early is no longer followed."""


class Figure(Struct, frozen=True, kw_only=True):
    """A number for each answer, and where it comes from."""

    value: float
    source: Source


class Spending(Struct, frozen=True, kw_only=True):
    """What one target would take."""

    target: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    """USD; None where neither prices are given nor bills were seen."""
    characters_per_token: Figure
    output: Figure
    """Tokens an answer."""
    seconds: Figure
    """An answer's."""


class Need(Struct, frozen=True, kw_only=True):
    """What it takes to tell a fall of `margin` from none with a chance of `power`. None: nothing affordable."""

    margin: float
    power: float
    cases: int | None
    """In all, as many trials of each as planned."""
    trials: int | None
    """Of the cases there are. Where `Discordance.chance` is unknown: at the least, if all of it is chance."""


class Sight(Struct, frozen=True, kw_only=True):
    """What the suite can tell of one drop that the policy limits."""

    rule: Rule
    cases: int
    """That judge it."""
    discordance: Discordance
    equal_pass: float
    """Chance, 0..1, that equally good models pass."""
    twice_fail: float
    """Chance that a candidate worse by twice the limit fails."""
    detectable: Mapping[float, float]
    """Power -> the least fall, 0..1, that is told from none."""
    needs: tuple[Need, ...]
    stops_after: int | None
    """Cases after which a run of equally good models that may stop early typically has; None: asked in full."""


class Plan(Struct, frozen=True, kw_only=True):
    suite: str
    suite_digest: str
    cases: int
    trials: int
    concurrency: int
    policy: str
    like: str | None
    """The run that was measured."""
    spending: tuple[Spending, ...]
    seconds: float
    sights: tuple[Sight, ...]

    @property
    def requests(self) -> int:
        return sum(each.requests for each in self.spending)

    @property
    def cost(self) -> float | None:
        """USD; None if that of any target is unknown."""
        costs = [each.cost for each in self.spending]
        return None if None in costs else sum(cost for cost in costs if cost is not None)


def estimate(
    suite: Suite,
    targets: Sequence[Target],
    policy: Policy,
    *,
    trials: int,
    concurrency: int,
    detect: float | None = None,
    like: Run | None = None,
) -> Plan:
    """`detect`: a fall, 0..1, that one wants to tell from none. `like`: an earlier run to measure instead of assuming.

    Chances are those of one comparison of two equally good models; a suite judges several, and a gate passes if each
    of its checks does.
    """
    spending = tuple(_spending(suite, target, trials, like) for target in targets)
    asked = sum(each.requests * each.seconds.value for each in spending)
    drops = [rule for rule in policy.rules if rule.kind == "max_drop"]
    return Plan(
        suite=suite.name,
        suite_digest=suite.digest,
        cases=len(suite.cases),
        trials=trials,
        concurrency=concurrency,
        policy=policy.source,
        like=like.info.id if like else None,
        spending=spending,
        seconds=asked / min(concurrency, max(1, sum(each.requests for each in spending))),
        sights=tuple(sight for rule in drops if (sight := _sight(suite, rule, trials, detect, like)) is not None),
    )


# --------------------------------------------------------------------------- tokens, money, time


def _spending(suite: Suite, target: Target, trials: int, like: Run | None) -> Spending:
    requests = len(suite.cases) * trials
    records, source = _heard(like, target) if like else ((), "assumed")
    known = [record for record in records if record.answer and record.answer.usage.input_tokens]
    density = Figure(value=CHARACTERS_PER_TOKEN, source="assumed")
    if like and known:
        sent = characters(like.suite, target)
        seen = sum(sent[record.case] for record in known) / sum(_input(record) for record in known)
        density = Figure(value=seen, source=source)
    output = _figure(
        [r.answer.usage.output_tokens for r in records if r.answer and r.answer.usage.output_tokens is not None],
        OUTPUT_TOKENS,
        source,
    )
    input_tokens = round(trials * sum(characters(suite, target).values()) / density.value)
    output_tokens = round(requests * output.value)
    return Spending(
        target=target.identity,
        requests=requests,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost=_cost(target, input_tokens, output_tokens, requests, records if source == "measured" else ()),
        characters_per_token=density,
        output=output,
        seconds=_figure(tally.seconds(records), SECONDS, source),
    )


def characters(suite: Suite, target: Target) -> Mapping[str, int]:
    """Case -> length of its messages and tool declarations as they are sent, in compact JSON."""
    builder = Builder(suite)
    declared: dict[tuple[str, ...], int] = {}
    sent = {}
    for case in suite.cases:
        body = builder.build(case, 0, target).body
        if case.tools not in declared:
            declared[case.tools] = len(values.canonical(body.get("tools", [])))
        sent[case.id] = len(values.canonical(body["messages"])) + declared[case.tools]
    return sent


def _heard(like: Run, target: Target) -> tuple[Sequence[Record], Source]:
    """The target's own answers or, without any, those of the others."""
    own = [record for record in like.records if record.target == target.identity]
    return (own, "measured") if own else (like.records, "measured on other models")


def _input(record: Record) -> int:
    return (record.answer.usage.input_tokens or 0) if record.answer else 0


def _figure(seen: Sequence[float], otherwise: float, source: Source) -> Figure:
    if not seen:
        return Figure(value=otherwise, source="assumed")
    return Figure(value=sum(seen) / len(seen), source=source)


def _cost(target: Target, input_tokens: int, output_tokens: int, requests: int, own: Sequence[Record]) -> float | None:
    """From the target's prices, else from what its own answers cost."""
    if target.input_price is not None and target.output_price is not None:
        return (input_tokens * target.input_price + output_tokens * target.output_price) / 1e6
    billed = [r.answer.usage.cost for r in own if r.answer and r.answer.usage.cost is not None]
    return requests * sum(billed) / len(billed) if billed else None


# --------------------------------------------------------------------------- what can be told


def _sight(suite: Suite, rule: Rule, trials: int, detect: float | None, like: Run | None) -> Sight | None:
    """None if no case judges it."""
    members = _members(suite, rule)
    if not members:
        return None
    sizes = sorted(Counter(slicing.cluster(case, suite) for case in members).values())
    differing = _discordance(like, rule)
    seen = differing.over(trials)
    fallen = min(seen / 2 + 2 * rule.limit, 1 - seen / 2)
    margins = [rule.limit] if detect is None or math.isclose(detect, rule.limit) else [rule.limit, detect]
    return Sight(
        rule=rule,
        cases=len(members),
        discordance=differing,
        equal_pass=stats.decision_odds(sizes, seen / 2, seen / 2, rule.limit).passes,
        twice_fail=stats.decision_odds(sizes, seen / 2, fallen, rule.limit).fails,
        detectable={power: stats.margin_for_power(sizes, seen, power) for power in POWERS},
        needs=tuple(
            _need(sizes, differing, trials, margin, power) for margin in margins if margin > 0 for power in POWERS
        ),
        stops_after=stats.cases_until_won(seen / 2, seen / 2, rule.limit, min(len(members), _FAR)),
    )


def _members(suite: Suite, rule: Rule) -> Sequence[Case]:
    cases = (suite.cases[i] for i in slicing.named(suite).get(rule.slice, ()))
    return [case for case in cases if slicing.applies(case, _score(rule))]


def _need(sizes: Sequence[int], differing: Discordance, trials: int, margin: float, power: float) -> Need:
    all_chance = replace(differing, chance=differing.share)
    repeats = differing if differing.chance is not None else all_chance

    def enough(count: int) -> bool:
        seen = repeats.over(count)
        return stats.decision_odds(sizes, seen / 2, seen / 2, margin).passes >= power

    counts = range(1, _MOST_TRIALS + 1)
    least = bisect_left(counts, True, key=enough)
    return Need(
        margin=margin,
        power=power,
        cases=stats.cases_for_power(sizes, differing.over(trials), margin, power),
        trials=counts[least] if least < len(counts) else None,
    )


# --------------------------------------------------------------------------- how often equal models differ


def _discordance(like: Run | None, rule: Rule) -> Discordance:
    """Measured on the run, where it can be; else assumed."""
    assumed = Discordance(share=DISCORDANT, chance=None, source="assumed")
    if like is None:
        return assumed
    members = {case.id for case in _members(like.suite, rule)}
    heard = [record for record in like.records if record.case in members]
    sides = (
        discordance.passed((record for record in heard if record.target == target.identity), _score(rule))
        for target in like.info.targets
    )
    return discordance.measured(list(sides)) or assumed


def _score(rule: Rule) -> ScoreName:
    return cast(ScoreName, rule.score)
