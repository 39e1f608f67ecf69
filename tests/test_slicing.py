"""Slices: every case in those it belongs to, and only there."""

from __future__ import annotations

from msgspec.structs import replace

from evalkit.data import ToolSpec
from evalkit.pairing import slicing
from tests.outcomes import case, suite


def test_slices_are_all_then_tools_then_tags() -> None:
    made = suite([case(0, "book", ["late"]), case(1, "cancel", ["early", "late"]), case(2, None, ["early"])])
    assert {name: list(members) for name, members in slicing.slices(made).items()} == {
        "all": [0, 1, 2],
        "tool:book": [0],
        "tool:cancel": [1],
        "tag:early": [1, 2],
        "tag:late": [0, 1],
    }


def test_a_feature_is_a_slice_only_if_it_parts_the_cases_that_call() -> None:
    made = suite([case(0, "book"), case(1, "book"), case(2, "cancel"), case(3, None)])
    assert slicing.by_feature(made) == {}
    dated = {"type": "object", "properties": {"on": {"type": "string", "format": "date"}}, "required": ["on"]}
    spec = ToolSpec(name="cancel", description="", schema=dated, source="")
    parted = replace(made, specs={**made.specs, "cancel": spec})
    assert slicing.by_feature(parted) == {"format": [2]}
    assert list(slicing.named(parted)) == ["all", "tool:book", "tool:cancel", "feature:format"]


def test_cases_of_one_tool_are_a_cluster_and_silent_ones_are_each_their_own() -> None:
    cases = [case(0, "book"), case(1, "book"), case(2, None), case(3, None), replace(case(4), accept=())]
    made = suite(cases)
    clusters = [slicing.cluster(each, made) for each in cases]
    assert clusters[0] == clusters[1] == clusters[4] == ("book",)
    assert len(set(clusters)) == 3
