"""Every noun of evalkit: what the steps take and what they give.

All are frozen and hold tuples; none has behaviour beyond a one-line property. `None` means unknown or "does
not apply", never zero. Imports nothing of ours. Its rooms follow an answer's way: `asked`, `answered`, `logged`,
`judged`, `compared`, `reported`; each knows only those before it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from evalkit.data.answered import (
    Answer,
    Attempt,
    Fault,
    FaultKind,
    Payload,
    Posted,
    Response,
    Timing,
    Usage,
    Violation,
    Wire,
)
from evalkit.data.asked import (
    ARMS,
    CONSTRAINTS,
    DIVERGENCES,
    RECORDED,
    ArgRule,
    Case,
    Constraint,
    Divergence,
    Expectation,
    ExpectedCall,
    Part,
    Request,
    Serve,
    Suite,
    Target,
    ToolSpec,
)
from evalkit.data.judged import (
    CODES,
    MISMATCHES,
    Counts,
    EngineStart,
    Flight,
    Judging,
    Mismatch,
    MismatchKind,
    Record,
    RecordKey,
    Run,
    RunInfo,
    Score,
)
from evalkit.data.words import RUNGS, SCORES, Json, Pointer, Rung, ScoreName

if TYPE_CHECKING:
    from evalkit.data.compared import (
        Agreement,
        Attribution,
        Cell,
        Change,
        Check,
        CheckOutcome,
        Comparison,
        Noise,
        OnInconclusive,
        Outcome,
        Policy,
        Quarantine,
        Rate,
        Ratio,
        Readiness,
        ReadinessWord,
        Rival,
        Rule,
        Verdict,
        VerdictWord,
    )
    from evalkit.data.logged import LEFT, Exchange, Half, Left, LeftKind
    from evalkit.data.reported import Block, Column, Drilldown, Figure, Ledger, Prose, Report, Section, Table

__all__ = [
    "ARMS",
    "Agreement",
    "Answer",
    "ArgRule",
    "Attempt",
    "Attribution",
    "Block",
    "CODES",
    "CONSTRAINTS",
    "Case",
    "Cell",
    "Change",
    "Check",
    "CheckOutcome",
    "Column",
    "Comparison",
    "Constraint",
    "Counts",
    "DIVERGENCES",
    "Divergence",
    "Drilldown",
    "EngineStart",
    "Exchange",
    "Expectation",
    "ExpectedCall",
    "Fault",
    "FaultKind",
    "Figure",
    "Flight",
    "Half",
    "Json",
    "Judging",
    "LEFT",
    "Ledger",
    "Left",
    "LeftKind",
    "MISMATCHES",
    "Mismatch",
    "MismatchKind",
    "Noise",
    "OnInconclusive",
    "Outcome",
    "Part",
    "Payload",
    "Posted",
    "Pointer",
    "Policy",
    "Prose",
    "Quarantine",
    "RECORDED",
    "RUNGS",
    "Rate",
    "Ratio",
    "Readiness",
    "ReadinessWord",
    "Record",
    "RecordKey",
    "Report",
    "Request",
    "Response",
    "Rival",
    "Rule",
    "Run",
    "RunInfo",
    "Rung",
    "SCORES",
    "Score",
    "ScoreName",
    "Section",
    "Serve",
    "Suite",
    "Table",
    "Target",
    "Timing",
    "ToolSpec",
    "Usage",
    "Verdict",
    "VerdictWord",
    "Violation",
    "Wire",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """What is logged, compared or reported is made when first wanted: to make it takes longer than most verbs."""
        for room in ("logged", "compared", "reported") if name in __all__ else ():
            made = vars(import_module(f"evalkit.data.{room}"))
            if name in made:
                return made[name]
        raise AttributeError(f"module 'evalkit.data' has no attribute {name!r}")
