"""What the regressions have in common: features of the tools' schemas, with what each goes along with."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.data import Attribution, Column, Comparison, Section, Table, Verdict
from evalkit.numerals import points
from evalkit.sections import _words as words

ORDER = 65


def build(comparison: Comparison, verdict: Verdict) -> Section | None:
    """None where no feature parts enough cases from enough others."""
    found = comparison.attributions
    if not found:
        return None
    scores = dict.fromkeys(each.score for each in found)
    return Section(
        id="attribution",
        title="What changes go with",
        lead=_lead(found),
        blocks=tuple(_table([each for each in found if each.score == score]) for score in scores),
    )


def _lead(found: Sequence[Attribution]) -> str:
    """What stands out of the first score that anything stands out of."""
    for score in dict.fromkeys(each.score for each in found):
        worse = [each for each in found if each.score == score and each.high < 0]
        if worse:
            told = ", ".join(
                f"{each.feature} ({points(each.difference)} points against the rest)" for each in worse[:3]
            )
            return f"{words.LABELS[score]} fell most where the schema has: {told}."
    return "No feature of the schemas goes with a fall, beyond what looking at many would show by chance."


def _table(found: Sequence[Attribution]) -> Table:
    return Table(
        title=f"{words.LABELS[found[0].score]}, by feature of the tools wanted",
        columns=(
            Column(key="feature", label="Feature", kind="code"),
            Column(key="cases", label="Cases", kind="int"),
            Column(key="others", label="Others", kind="int"),
            Column(key="with", label="Change with it", kind="points"),
            Column(key="without", label="Change without", kind="points"),
            Column(key="difference", label="Difference", kind="points"),
        ),
        rows=tuple(
            {
                "feature": each.feature,
                "cases": each.cases,
                "others": each.others,
                "with": each.with_feature,
                "without": each.without,
                "difference": {"value": each.difference, "low": each.low, "high": each.high},
            }
            for each in found
        ),
        note="Changes are candidate − baseline, case by case. The intervals hold for all rows together (Bonferroni). "
        "Features come together: a row names a suspect.",
    )
