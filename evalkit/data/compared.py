"""What follows from two runs: rates, cells, changes, a comparison; policies and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from evalkit.data.asked import Suite, Target
from evalkit.data.judged import Record, RunInfo


class Rate(Struct, frozen=True, kw_only=True):
    """`passed` of `judged` cases (means over trials, so not always whole numbers), with a 95 % interval."""

    passed: float
    judged: int
    faulted: int
    low: float | None
    high: float | None
    """None where nothing was judged."""

    @property
    def value(self) -> float | None:
        return self.passed / self.judged if self.judged else None


class Cell(Struct, frozen=True, kw_only=True):
    """One score on one slice, candidate against baseline, over the cases that both answered."""

    slice: str
    """`all`, `tool:NAME`, `tag:NAME`, `feature:NAME` (of the schemas of the tools wanted), or `arm:NAME` (both sides
    asked that way)."""
    score: str
    baseline: Rate
    candidate: Rate
    """Each over all that it answered itself."""
    shared: tuple[Rate, Rate]
    """Baseline and candidate over `pairs` alone: what `difference` is the difference of."""
    pairs: int
    """Cases judged on both sides: the unit of `difference`."""
    difference: float | None
    """candidate - baseline, over pairs; None without pairs. -1..1"""
    low: float | None
    high: float | None
    """95 % interval of the difference."""
    lower_bound: float | None
    upper_bound: float | None
    """One-sided 95 % bounds of the difference: what non-inferiority is decided on."""
    fixed: int
    broken: int
    """Pairs that went from failing to passing, and the reverse."""
    p: float | None
    """McNemar mid-p of fixed against broken."""
    q: float | None = None
    """`p` after Benjamini-Hochberg over the tools; None for slices that are no tool, and for tools of too few cases."""
    method: str = ""
    """How the interval was computed."""


class Change(Struct, frozen=True, kw_only=True):
    """What became of one case. `kind` is of `correct` where the case judges it, else of `compliance`."""

    case: str
    kind: Literal["same", "fixed", "broken", "both_fail", "unjudged", "unpaired"]
    """same: passes on both; unjudged: a Fault on a side; unpaired: never asked on a side."""
    why: str = ""
    """One line: what the candidate (or, for `fixed`, the baseline) did wrong."""
    cause: str = ""
    """The kind of it: one of CODES, or the kind of a Mismatch; "" for `same` and where there is no answer."""


class Ratio(Struct, frozen=True, kw_only=True):
    """Candidate over baseline, over the cases known on both sides; 1.09 [1.03, 1.15] means 9 % more."""

    ratio: float | None
    low: float | None
    high: float | None
    """95 % interval; None with too few pairs for one."""
    pairs: int


class Agreement(Struct, frozen=True, kw_only=True):
    """On how many cases that offer a tool each side calls it (in most of its trials), right or not."""

    tool: str | None
    """None: any tool."""
    both: int
    candidate_only: int
    baseline_only: int
    neither: int

    @property
    def precision(self) -> float | None:
        """Of the cases where the candidate calls it, the share where the baseline does."""
        called = self.both + self.candidate_only
        return self.both / called if called else None

    @property
    def recall(self) -> float | None:
        """Of the cases where the baseline calls it, the share where the candidate does."""
        called = self.both + self.baseline_only
        return self.both / called if called else None

    @property
    def f1(self) -> float | None:
        called = 2 * self.both + self.candidate_only + self.baseline_only
        return 2 * self.both / called if called else None


class Noise(Struct, frozen=True, kw_only=True):
    """The baseline against itself, A/A: over the cases of which it has two judged trials or more."""

    score: str
    cases: int
    flips: float
    """Chance, 0..1, that two of its own trials of a case differ."""
    flips_low: float
    flips_high: float
    difference: float
    """Its second trial - its first."""
    low: float
    high: float
    candidate_flips: float | None
    """Two trials of the candidate; None where it has one."""
    between: float | None
    """A trial of the baseline and one of the candidate."""


class Attribution(Struct, frozen=True, kw_only=True):
    """Whether cases with a feature of the schema fared worse than those without it."""

    feature: str
    score: str
    cases: int
    others: int
    """Pairs with the feature, and without it."""
    with_feature: float
    without: float
    """The difference of the score, candidate - baseline, on either. -1..1"""
    difference: float
    """`with_feature` - `without`."""
    low: float
    high: float
    """95 % over all features of the score together: what lies beyond 0 is no coincidence of looking at many."""


class Comparison(Struct, frozen=True, kw_only=True):
    """Two targets over the same cases."""

    suite: Suite
    baseline: Target
    candidate: Target
    baseline_info: RunInfo
    candidate_info: RunInfo
    baseline_records: Mapping[str, tuple[Record, ...]]
    """Case id -> its trials."""
    candidate_records: Mapping[str, tuple[Record, ...]]
    cells: tuple[Cell, ...]
    changes: tuple[Change, ...]
    """One for each case of the suite, in its order."""
    latency: Ratio
    """Median of the per-case ratios."""
    times_differ: str = ""
    """Why the times of the sides do not compare, in words: `latency` then says nothing of the models. "" if they do."""
    unlike: tuple[str, ...] = ()
    """In what the two targets were asked otherwise, in words: their arm, their parameters."""
    differs: tuple[str, ...] = ()
    """What makes the two runs unlike, in words; () if they are comparable. `unlike` is of it where the runs are two."""
    left_out: tuple[Change, ...] = ()
    """Cases of the candidate's run that are not in `suite`: what the baseline knows of them holds no longer."""
    output_tokens: Ratio | None = None
    cost: Ratio | None = None
    """Of the totals; None where they are not known on both sides."""
    agreement: tuple[Agreement, ...] = ()
    """Any tool, then each tool that a case offers, by name."""
    noise: Noise | None = None
    """None unless the baseline was asked twice or more."""
    attributions: tuple[Attribution, ...] = ()
    strict: tuple[Cell, ...] = ()
    """Cells of the tools, the candidate as it was asked on the arm `strict` against the baseline as it stands; () where
    the candidate's run has no such answers."""
    rivals: tuple[Rival, ...] = ()
    """The other targets that might replace the baseline, in the order of their run; () where none is asked after."""


class Rule(Struct, frozen=True, kw_only=True):
    """One requirement of a policy."""

    kind: Literal["floor", "max_drop", "latency_ratio", "cost_ratio", "fault_share"]
    limit: float
    """floor: least rate; max_drop: margin; both 0..1. Ratios: candidate / baseline. fault_share: 0..1."""
    score: str | None = None
    """For floor and max_drop: one of SCORES."""
    slice: str = "all"


class Quarantine(Struct, frozen=True, kw_only=True):
    """A case that no check counts for a while: known to be broken, and somebody's to mend."""

    case: str
    until: str
    """The last day, ISO 8601. After it the case counts again."""
    owner: str
    why: str


OnInconclusive: TypeAlias = Literal["fail", "warn", "pass"]


class Policy(Struct, frozen=True, kw_only=True):
    rules: tuple[Rule, ...]
    source: str = "default"
    quarantine: tuple[Quarantine, ...] = ()
    inconclusive: OnInconclusive = "warn"
    """What an inconclusive gate returns: as if it failed (exit 1), its own code (exit 3), as if it passed (exit 0)."""


Outcome: TypeAlias = Literal["pass", "fail", "inconclusive"]
CheckOutcome: TypeAlias = Literal["pass", "fail", "inconclusive", "not_applicable"]


class Check(Struct, frozen=True, kw_only=True):
    """One rule, held against a comparison."""

    rule: Rule
    outcome: CheckOutcome
    """not_applicable: no case of the suite is of the kind that the rule speaks of."""
    required: str
    measured: str
    sentence: str
    """One sentence a person can act on."""
    settle: str | None = None
    """What would settle it, when inconclusive."""


VerdictWord: TypeAlias = Literal[
    "improved",
    "not_worse",
    "meets_policy",
    "regressed",
    "breaks_policy",
    "possibly_regressed",
    "inconclusive",
    "unreliable_baseline",
    "not_comparable",
]


ReadinessWord: TypeAlias = Literal["blocked", "watch", "safe only strict", "not enough data", "safe"]


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether the calls of one tool may move to the candidate: a line of the migration checklist."""

    tool: str
    word: ReadinessWord
    why: str
    cases: int
    """Judged on both sides."""


class Verdict(Struct, frozen=True, kw_only=True):
    """`outcome` is the worst of the checks (fail, then inconclusive); not comparable is `comparable=False`."""

    outcome: Outcome
    word: VerdictWord
    headline: str
    checks: tuple[Check, ...]
    comparable: bool = True
    inconclusive: OnInconclusive = "warn"
    """The policy's: see there."""
    readiness: tuple[Readiness, ...] = ()
    """One for each tool that a case wants, worst first; () where the runs cannot be compared."""
    quarantined: tuple[Quarantine, ...] = ()
    """Left out of the checks and of `readiness`."""
    expired: tuple[Quarantine, ...] = ()
    """Past their day: these cases count again."""
    together: Outcome | None = None
    """`outcome`, had the drops been decided for all candidates of a report together; None where it has one."""


class Rival(Struct, frozen=True, kw_only=True):
    """A further candidate for the place of the baseline, held against it under the same policy."""

    comparison: Comparison
    verdict: Verdict
