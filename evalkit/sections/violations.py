"""What exactly was wrong: violations by code and mismatches by kind, on both sides, with an example each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from evalkit import complaint, numerals, tally
from evalkit.data import CODES, MISMATCHES, Column, Comparison, Json, Record, Section, Table, Verdict
from evalkit.schema import features
from evalkit.sections import _records as records
from evalkit.sections._field import entries

ORDER = 70
EXAMPLE = 140
"""Characters of an example."""
CODES_SHOWN = 12
"""Of more than two models."""


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None if no answer on either side has a flaw."""
    told = (_violations(comparison), *_by_model(comparison, verdict), _features(comparison), _mismatches(comparison))
    tables = tuple(table for table in told if table.rows)
    if not tables:
        return None
    return Section(id="violations", title="What went wrong", lead=_lead(comparison), blocks=tables)


def _lead(comparison: Comparison) -> str:
    (_, before), (_, after) = records.sides(comparison)
    counts = [sum(bool(r.score and r.score.violations) for r in side) for side in (before, after)]
    if not any(counts):
        return "Every answer is sound in form; what differs is what was asked for."
    told = numerals.counted(counts[0], "answer")
    return f"{told} of the baseline and {counts[1]:,} of the candidate break a rule of form."


def _violations(comparison: Comparison) -> Table:
    (_, before), (_, after) = records.sides(comparison)
    counted = tally.codes(before), tally.codes(after)
    return _table(
        "Violations by code",
        ("Code", "Meaning"),
        {code: (counted[0].get(code, 0), counted[1].get(code, 0)) for code in {**counted[0], **counted[1]}},
        CODES,
        _violation_examples((*after, *before)),
        "An answer counts once under each code it has.",
    )


def _by_model(comparison: Comparison, verdict: Verdict) -> tuple[Table, ...]:
    """The most frequent codes of all models, where there are more than two."""
    if not comparison.rivals:
        return ()
    counts = {entry.target.identity: tally.codes(entry.records) for entry in entries(comparison, verdict)}
    total: Counter[str] = Counter()
    for found in counts.values():
        total.update(found)
    return (
        Table(
            title="Violations by code and model",
            columns=(
                Column(key="code", label="Code", kind="code"),
                *(Column(key=f"model:{name}", label=name, kind="int") for name in counts),
            ),
            rows=tuple(
                {"code": code, **{f"model:{name}": found.get(code, 0) for name, found in counts.items()}}
                for code, _ in total.most_common(CODES_SHOWN)
            ),
            note="Answers that have the code."
            + (f" {len(total) - CODES_SHOWN:,} rarer codes are not listed." if len(total) > CODES_SHOWN else ""),
        ),
    )


def _features(comparison: Comparison) -> Table:
    """Where in the schemas the violations are: by what is hard about the tools that a case wants."""
    known: dict[str, features.Traits] = {}
    suite = comparison.suite
    having = {case.id: features.of_case(case, suite.specs, known) for case in suite.cases if not case.wants_nothing}
    shared = set.intersection(*map(set, having.values())) if having else set()
    tallied = [_by_feature(side, having) for _, side in records.sides(comparison)]
    rows: list[Json] = []
    for feature in sorted({*tallied[0], *tallied[1]} - shared):
        before, after = (side.get(feature, Tallied()) for side in tallied)
        if before.codes or after.codes:
            (code, count), *_ = (after.codes or before.codes).most_common(1)
            rows.append(
                {
                    "feature": feature,
                    "answers": after.answers,
                    "baseline": before.share if before.answers else None,
                    "candidate": after.share if after.answers else None,
                    "change": after.share - before.share if before.answers and after.answers else None,
                    "most": f"{code}, {count:,}×",
                }
            )
    rows.sort(key=lambda row: (-(row["candidate"] or 0.0), row["feature"]))
    return Table(
        title="Violations by feature of the schema",
        columns=(
            Column(key="feature", label="The tools wanted have", kind="code"),
            Column(key="answers", label="Answers", kind="int"),
            Column(key="baseline", label="Flawed, baseline", kind="percent"),
            Column(key="candidate", label="Flawed, candidate", kind="percent"),
            Column(key="change", label="Change, points", kind="points"),
            Column(key="most", label="Most often"),
        ),
        rows=tuple(rows),
        note="Of the answers to cases that want a call, those with a violation of any code. A case counts under each "
        "feature that it has; what all have in common is left out. Most often: of the candidate, where that has any.",
    )


class Tallied(Struct):
    """Answers to cases with one feature."""

    answers: int = 0
    flawed: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """0 where there is no answer to speak of."""
        return self.flawed / self.answers if self.answers else 0.0


def _by_feature(side: Iterable[Record], having: Mapping[str, Sequence[str]]) -> Mapping[str, Tallied]:
    found: dict[str, Tallied] = defaultdict(Tallied)
    for record in side:
        if record.score is None:
            continue
        codes = {violation.code for violation in record.score.violations}
        for feature in having.get(record.case, ()):
            tallied = found[feature]
            tallied.answers += 1
            tallied.flawed += bool(codes)
            tallied.codes.update(codes)
    return found


def _mismatches(comparison: Comparison) -> Table:
    (_, before), (_, after) = records.sides(comparison)
    return _table(
        "Answers other than what was wanted",
        ("Kind", "Meaning"),
        {kind: (_count(before, kind), _count(after, kind)) for kind in MISMATCHES},
        MISMATCHES,
        _mismatch_examples(comparison, (*after, *before)),
        "An answer counts once under each kind it has. With several acceptable answers, the nearest is meant.",
    )


def _table(
    title: str,
    heads: tuple[str, str],
    counts: Mapping[str, tuple[int, int]],
    meanings: Mapping[str, str],
    examples: Mapping[str, str],
    note: str,
) -> Table:
    rows: list[dict[str, Json]] = [
        {
            "code": code,
            "meaning": meanings.get(code, ""),
            "baseline": before,
            "candidate": after,
            "change": after - before,
            "example": examples.get(code),
            "shows": {"code": {"flaw": code}},
        }
        for code, (before, after) in counts.items()
        if before or after
    ]
    rows.sort(key=lambda row: (-max(row["baseline"], row["candidate"]), row["code"]))
    return Table(
        title=title,
        columns=(
            Column(key="code", label=heads[0], kind="code"),
            Column(key="meaning", label=heads[1]),
            Column(key="baseline", label="Baseline", kind="int"),
            Column(key="candidate", label="Candidate", kind="int"),
            Column(key="change", label="Change", kind="change"),
            Column(key="example", label="Example"),
        ),
        rows=tuple(rows),
        note=note,
    )


def _count(side: Iterable[Record], kind: str) -> int:
    return sum(any(found.kind == kind for found in r.score.mismatches) for r in side if r.score is not None)


def _violation_examples(side: Iterable[Record]) -> Mapping[str, str]:
    """The first of each code; the candidate's stand first, for it is the one to be understood."""
    found: dict[str, str] = {}
    for record in side:
        for violation in record.score.violations if record.score else ():
            place = f" at {violation.path}" if violation.path else ""
            found.setdefault(violation.code, _clip(f"{record.case}{place}: {violation.message}"))
    return found


def _mismatch_examples(comparison: Comparison, side: Iterable[Record]) -> Mapping[str, str]:
    cases = {case.id: case for case in comparison.suite.cases}
    found: dict[str, str] = {}
    for record in side:
        for mismatch in record.score.mismatches if record.score else ():
            if mismatch.kind not in found:
                called = [payload.tool for payload in record.answer.payloads] if record.answer else []
                told = complaint.of_mismatch(mismatch, cases[record.case], called)
                found[mismatch.kind] = _clip(f"{record.case}: {told}")
    return found


def _clip(text: str) -> str:
    return text if len(text) <= EXAMPLE else text[: EXAMPLE - 1] + "…"
