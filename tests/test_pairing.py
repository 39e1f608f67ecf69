"""Cells and ratios of two sides: which tools are tested, what an amount is, when nothing is known."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evalkit import compare, stats
from evalkit.data import Cell, Comparison, Record, Run, Usage
from evalkit.pairing import cells as pairing
from tests.outcomes import NEW, OLD, case, compared, run


def cell(comparison: Comparison, score: str = "correct", where: str = "all") -> Cell:
    return next(cell for cell in comparison.cells if (cell.slice, cell.score) == (where, score))


def test_only_tools_are_corrected_for_being_many() -> None:
    tools = [tool for tool in "abcd" for _ in range(12)]
    comparison = compared(["p"] * 48, ["w"] * 12 + ["p"] * 36, tools)
    ps = [cell(comparison, "correct", f"tool:{tool}").p for tool in "abcd"]
    qs = [cell(comparison, "correct", f"tool:{tool}").q for tool in "abcd"]
    assert qs == pytest.approx(stats.benjamini_hochberg([p for p in ps if p is not None]))
    assert qs[0] is not None and qs[0] < 0.01 < 0.9 < (qs[1] or 0)
    assert cell(comparison).q is None


def test_the_rates_beside_a_difference_are_of_the_same_pairs() -> None:
    """A run that was stopped: of what the candidate alone was asked, the difference knows nothing."""
    stopped = cell(compared(["p"] * 5 + ["w"] * 3 + [""] * 12, ["w"] * 4 + ["p"] * 16))
    was, now = stopped.shared
    assert (was.judged, now.judged, stopped.pairs, stopped.candidate.judged) == (8, 8, 8, 20)
    assert was.value is not None and now.value is not None
    assert now.value - was.value == pytest.approx(stopped.difference) == pytest.approx(-1 / 8)


def test_a_tool_of_too_few_cases_is_not_tested_and_blunts_no_test() -> None:
    few = pairing.LEAST_TESTED - 1
    alone = compared("p" * 20, "w" * 10 + "p" * 10, ["a"] * 10 + ["b"] * 10)
    beside = compared("p" * (20 + few), "w" * 10 + "p" * 10 + "w" * few, ["a"] * 10 + ["b"] * 10 + ["c"] * few)
    assert cell(beside, "correct", "tool:c").q is None
    assert cell(beside, "correct", "tool:a").q == cell(alone, "correct", "tool:a").q is not None


def test_features_are_told_of_compliance_and_of_what_is_correct() -> None:
    comparison = compared("ppp", "pwp", ["a", "b", None])
    dated = {"type": "object", "properties": {"on": {"format": "date"}}, "required": ["on"]}
    specs = {**comparison.suite.specs, "b": replace(comparison.suite.specs["b"], schema=dated)}
    suite = replace(comparison.suite, specs=specs)
    made = run(suite.cases, {"old": "ppp", "new": "pwp"})
    found = compare.compare(replace(made, suite=suite), "old", replace(made, suite=suite), "new")
    told = [each for each in found.cells if each.slice.startswith("feature:")]
    assert [(each.slice, each.score, each.broken) for each in told] == [
        ("feature:format", "compliance", 0),
        ("feature:format", "correct", 1),
    ]


# --------------------------------------------------------------------------- latency


def test_latency_is_the_typical_ratio_of_pairs() -> None:
    cases = [case(i) for i in range(10)]
    made = run(cases, {"old": ["p"] * 9 + ["x"], "new": ["w"] * 10}, seconds={"old": 2.0, "new": 3.0})
    latency = compare.compare(made, "old", made, "new").latency
    assert latency.pairs == 9  # an answer that is wrong took its time all the same; a Fault has none
    assert (latency.ratio, latency.low, latency.high) == pytest.approx((1.5, 1.5, 1.5))


def test_latency_of_nothing_is_unknown() -> None:
    latency = compared(["x"], ["p"]).latency
    assert (latency.ratio, latency.low, latency.high, latency.pairs) == (None, None, None, 0)
    few = compared(["p"] * 3, ["p"] * 3).latency
    assert few.ratio == pytest.approx(1.0) and few.low is None


# --------------------------------------------------------------------------- tokens and cost


def spending(old: list[int], new: list[int], price: float | None = None) -> Comparison:
    """One answer a case, of so many output tokens each."""
    cases = [case(i) for i in range(len(old))]
    made = run(cases, {"old": "p" * len(old), "new": "p" * len(new)})
    targets = tuple(replace(target, input_price=price, output_price=price) for target in (OLD, NEW))
    tokens = {(f"case-{i}", name): n for name, counts in (("old", old), ("new", new)) for i, n in enumerate(counts)}

    def spent(record: Record) -> Record:
        assert record.answer is not None
        usage = Usage(input_tokens=0, output_tokens=tokens[record.case, record.target])
        return replace(record, answer=replace(record.answer, usage=usage))

    told = Run(
        info=replace(made.info, targets=targets), suite=made.suite, records=tuple(spent(r) for r in made.records)
    )
    return compare.compare(told, "old", told, "new")


def test_tokens_are_the_ratio_of_all_of_them() -> None:
    found = spending([10] * 9 + [910], [20] * 9 + [910]).output_tokens
    assert found is not None and found.pairs == 10 and found.low is not None and found.high is not None
    assert found.ratio == pytest.approx(1.09)  # though the typical case doubled
    assert found.low < 1.09 < found.high


def test_the_bill_follows_the_prices() -> None:
    dear = spending([100] * 8, [120] * 8, price=3.0).cost
    assert dear is not None and (dear.ratio, dear.low, dear.high) == pytest.approx((1.2, 1.2, 1.2))
    assert spending([100] * 8, [120] * 8).cost is None
    few = spending([100] * 5, [120] * 5, price=3.0).cost
    assert few is not None and few.ratio == pytest.approx(1.2) and few.low is None


def test_without_tokens_there_is_no_ratio_of_them() -> None:
    assert compared("ppp", "ppp").output_tokens is None
