"""What the repeats of a case say of each model: whether one passes, whether all do, and which cases flake."""

from __future__ import annotations

from collections.abc import Callable

from evalkit.data import Column, Comparison, Json, Section, Table, Verdict
from evalkit.numerals import counted, percent
from evalkit.pairing import repeats
from evalkit.pairing.repeats import CaseRepeats, Repeats
from evalkit.sections import _records as records

ORDER = 47
_SHOWN = 12


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None unless a model was asked some case twice or more."""
    (_, before), (_, after) = records.sides(comparison)
    old, new = repeats.of(before), repeats.of(after)
    if old is None and new is None:
        return None
    flaky = _flaky(old, new)
    return Section(
        id="trials",
        title="Trial by trial",
        lead=_lead(old, new),
        blocks=(_chances(old, new), *([flaky] if flaky else [])),
    )


def _lead(old: Repeats | None, new: Repeats | None) -> str:
    told = [
        f"of {counted(len(side.cases), 'case')} the {name} passes {percent(side.flaky)} on some trials only"
        for name, side in (("baseline", old), ("candidate", new))
        if side
    ]
    sentence = "; ".join(told)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _chances(old: Repeats | None, new: Repeats | None) -> Table:
    def row(what: str, share: Callable[[Repeats], float | None]) -> Json:
        return {"what": what, "baseline": share(old) if old else None, "candidate": share(new) if new else None}

    ks = sorted({k for side in (old, new) if side for k in side.pass_at})
    at = [row(f"pass@{k}", lambda side, k=k: side.pass_at.get(k)) for k in ks]  # type: ignore[misc]
    hat = [row(f"pass^{k}", lambda side, k=k: side.pass_hat.get(k)) for k in ks if k > 1]  # type: ignore[misc]
    rest = [
        row("Cases that flake", lambda side: side.flaky),
        row("Two trials differ", lambda side: side.flips),
        row("Distinct answers / trials", lambda side: side.diversity),
    ]
    return Table(
        title="If asked more than once",
        columns=(
            Column(key="what", label="What"),
            Column(key="baseline", label="Baseline", kind="percent"),
            Column(key="candidate", label="Candidate", kind="percent"),
        ),
        rows=(*at, *hat, *rest),
        note="pass@k: one of k trials passes; pass^k: all of them do; each estimated without bias from all trials of a "
        "case. A case flakes if some of its trials pass and some do not. Answers are distinct if their calls are.",
    )


def _flaky(old: Repeats | None, new: Repeats | None) -> Table | None:
    """The cases that flake most, on either side."""
    before = {case.case: case for case in old.cases} if old else {}
    after = {case.case: case for case in new.cases} if new else {}

    def worst(case: str) -> float:
        return max(side[case].flips for side in (before, after) if case in side)

    flaky = [case for case in {**before, **after} if worst(case) > 0]
    if not flaky:
        return None
    rows: list[Json] = [
        {
            "case": case,
            "baseline": _passes(before.get(case)),
            "baseline_distinct": before[case].distinct if case in before else None,
            "candidate": _passes(after.get(case)),
            "candidate_distinct": after[case].distinct if case in after else None,
            "shows": {"case": {"case": case}},
        }
        for case in sorted(flaky, key=worst, reverse=True)[:_SHOWN]
    ]
    return Table(
        title="Cases that flake",
        columns=(
            Column(key="case", label="Case", kind="code"),
            Column(key="baseline", label="Baseline passes"),
            Column(key="baseline_distinct", label="Distinct answers", kind="int"),
            Column(key="candidate", label="Candidate passes"),
            Column(key="candidate_distinct", label="Distinct answers", kind="int"),
        ),
        rows=tuple(rows),
        note=f"The {_SHOWN} that flake most, of {len(flaky):,}." if len(flaky) > _SHOWN else "",
    )


def _passes(case: CaseRepeats | None) -> str | None:
    return f"{sum(case.passed)} of {len(case.passed)}" if case else None
