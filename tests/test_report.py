"""The report as a whole: its sections, their order, and that it depends on nothing but its input."""

from __future__ import annotations

from msgspec.structs import replace

from evalkit import plugins, report
from tests import comparisons


def test_sections_stand_in_their_order_with_the_verdicts_reasons_first() -> None:
    made = report.build(comparisons.outings(), comparisons.verdict())
    ids = [section.id for section in made.sections]
    assert ids[:1] == ["overview"] and ids[-1:] == ["reproducibility"]
    reading = [
        "findings",
        "checks",
        "scorecard",
        "tools",
        "tags",
        "violations",
        "flips",
        "latency",
        "spending",
        "faults",
    ]
    assert [name for name in ids if name in reading] == reading
    assert len({section.ORDER for section in plugins.sections()}) == len(plugins.sections())


def test_the_same_comparison_gives_the_same_report() -> None:
    first, second = (report.build(comparisons.outings(), comparisons.verdict()) for _ in range(2))
    assert first == second
    assert first.created == comparisons.DAY


def test_a_section_with_nothing_to_say_is_left_out() -> None:
    cases = comparisons.STEADY
    calm = comparisons.compared(cases, [comparisons.right(c) for c in cases], [comparisons.right(c) for c in cases])
    ids = {section.id for section in report.build(calm, comparisons.verdict("pass")).sections}
    assert ids.isdisjoint({"violations", "faults"})


def test_a_comparison_without_a_single_answer_still_makes_a_report() -> None:
    empty = comparisons.compared((), [], [])
    made = report.build(empty, replace(comparisons.verdict("pass"), checks=()))
    assert [section.id for section in made.sections] == ["reproducibility"]
    unasked = report.build(comparisons.compared(comparisons.STEADY, [], []), comparisons.verdict())
    assert "reproducibility" in {section.id for section in unasked.sections}
