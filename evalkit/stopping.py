"""When to stop asking: the answer is known, or the budget is spent. Told of records, it lets requests go or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from evalkit import plugins
from evalkit.data import Case, Fault, Policy, Record, Rule, Score, ScoreName, Suite, Target
from evalkit.errors import InputError
from evalkit.pairing import sequence, slicing
from evalkit.pairing.sides import mean

if TYPE_CHECKING:
    from evalkit.stats import Bets

# --------------------------------------------------------------------------- a budget


class Budget:
    """What one command may spend. What is in flight when it is spent still comes, so cost and time may be passed."""

    def __init__(self, *, calls: int | None = None, cost: float | None = None, seconds: float | None = None) -> None:
        """`calls`: requests sent, of which every attempt is one; `cost` in USD; `seconds` from the first request on."""
        self.calls = calls
        self.cost = cost
        self.seconds = seconds
        self._sent = 0
        self._spent = 0.0
        self._unpriced: str | None = None
        self._free: set[str] = set()
        """Targets that answer here, at no cost, and have no prices."""

    def check(self, targets: Iterable[Target]) -> None:
        """Raises InputError for a cost that cannot be counted, before any is caused."""
        if self.cost is None:
            return
        for target in targets:
            if target.input_price is not None and target.output_price is not None:
                continue
            if plugins.free(target):
                self._free.add(target.identity)
            else:
                raise InputError(
                    f"--max-cost cannot be kept: what {target.identity} costs is unknown",
                    "give it an input_price and an output_price in a models file, 0 where it costs nothing",
                )

    @property
    def deadline(self) -> tuple[float, str] | None:
        return None if self.seconds is None else (self.seconds, f"--max-seconds {self.seconds:g}: reached")

    def admit(self) -> str | None:
        """Counts one more request; or says why it may not go."""
        if self.calls is not None and self._sent >= self.calls:
            return f"--max-calls {self.calls}: reached"
        if self.cost is not None and self._unpriced:
            return f"--max-cost cannot be kept: what {self._unpriced} costs is unknown"
        if self.cost is not None and self._spent >= self.cost:
            return f"--max-cost {self.cost:g}: reached, with {self._spent:.4f} USD spent"
        self._sent += 1
        return None

    def add(self, record: Record) -> None:
        if record.answer is None or record.cached:
            return
        if record.answer.usage.cost is not None:
            self._spent += record.answer.usage.cost
        elif record.target not in self._free:
            self._unpriced = record.target


# --------------------------------------------------------------------------- a decision


class _Drop(Struct, kw_only=True):
    """One `max_drop` of the policy and the two bets on it."""

    rule: Rule
    cases: frozenset[str]
    """Ids of the cases of its slice."""
    within: Bets
    """That the fall is less than the margin."""
    beyond: Bets
    """That it is more."""

    @staticmethod
    def of(rule: Rule, cases: Iterable[str]) -> _Drop:
        margin = min(rule.limit, 1 - 1e-6)  # a mean at the very end of the scale cannot be bet against
        from evalkit.stats import Bets  # here alone: a budget needs no scipy, which is slow to import

        within, beyond = Bets((1 - margin) / 2), Bets((1 + margin) / 2)
        return _Drop(rule=rule, cases=frozenset(cases), within=within, beyond=beyond)

    def add(self, difference: float) -> None:
        self.within.add((1 + difference) / 2)
        self.beyond.add((1 - difference) / 2)


class Early:
    """Stops once every drop that a policy limits is known to be within its margin, or one to be beyond it.

    Cases count in `sequence.shuffled` order, each once all its trials are in on both sides, whatever came first:
    which answers come soon says something of what they are. So the decision follows from the answers alone and is the
    one that the gate comes to. A case that faulted on a side does not count, nor one in quarantine today.
    """

    def __init__(
        self,
        suite: Suite,
        policy: Policy,
        incumbent: str,
        candidate: str,
        *,
        trials: int = 1,
        earlier: Iterable[Record] = (),
    ) -> None:
        """Both models by `Target.identity`; `earlier`: records that the run has already.

        Raises InputError if `policy` limits no drop that the suite judges.
        """
        self._sides = incumbent, candidate
        self._trials = trials
        self._drops = [_Drop.of(rule, cases) for rule, cases in _limited(suite, policy)]
        if not self._drops:
            raise InputError(f"policy {policy.source} has no max_drop: nothing says when to stop early", "add one")
        self._order = sequence.shuffled(suite)
        self._counted = 0
        self._settled: str | None = None
        # Case -> (target, trial) -> score, of the cases that are still to count.
        self._waiting: dict[str, dict[tuple[str, int], Score | None]] = defaultdict(dict)
        for record in earlier:
            if not isinstance(record.reply, Fault):  # that would be asked again
                self.add(record)

    @property
    def deadline(self) -> None:
        """None: a decision takes what it takes."""

    def admit(self) -> str | None:
        """Why no further request may go, or None."""
        return self._settled

    def add(self, record: Record) -> None:
        if record.target in self._sides and record.trial < self._trials:
            self._waiting[record.case][record.target, record.trial] = record.score
        while self._counted < len(self._order) and self._complete(self._order[self._counted]):
            case = self._order[self._counted]
            self._count(case, self._waiting.pop(case.id))
            self._counted += 1
            self._settled = self._settled or self._decision()

    def _decision(self) -> str | None:
        after = f"after {self._counted:,} of {len(self._order):,} cases"
        for drop in self._drops:
            if drop.beyond.won():
                return f"{_label(drop.rule)} fell by more than {100 * drop.rule.limit:g} points, {after}"
        if all(drop.within.won() for drop in self._drops):
            told = ", ".join(f"{_label(drop.rule)} by {100 * drop.rule.limit:g} points" for drop in self._drops)
            return f"a fall is ruled out {after} ({told})"
        return None

    def _complete(self, case: Case) -> bool:
        return len(self._waiting.get(case.id, ())) >= 2 * self._trials

    def _count(self, case: Case, heard: dict[tuple[str, int], Score | None]) -> None:
        judged = [[score for (of, _), score in heard.items() if of == side and score] for side in self._sides]
        for drop in self._drops:
            if case.id in drop.cases:
                was, now = (mean(scores, cast(ScoreName, drop.rule.score)) for scores in judged)
                if was is not None and now is not None:
                    drop.add(now - was)


def _limited(suite: Suite, policy: Policy) -> Iterator[tuple[Rule, Iterable[str]]]:
    """Each drop that the policy limits and the cases that count for it; none for a rule that applies to nothing."""
    today = datetime.now(UTC).date().isoformat()
    quarantined = {entry.case for entry in policy.quarantine if today <= entry.until}
    slices = slicing.named(suite)
    for rule in policy.rules:
        if rule.kind == "max_drop":
            members = [suite.cases[i] for i in slices.get(rule.slice, ())]
            judging = {case.id for case in members if slicing.applies(case, cast(ScoreName, rule.score))}
            if judging - quarantined:
                yield rule, judging - quarantined


def _label(rule: Rule) -> str:
    return f"{rule.score}" if rule.slice == "all" else f"{rule.score} of {rule.slice}"
