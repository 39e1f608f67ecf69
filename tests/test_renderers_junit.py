"""JUnit and rows: the cases one by one, whole and well-formed whatever a model said; and logs that obey nothing."""

from __future__ import annotations

import csv
import io
import json
import re
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import plugins, report
from evalkit.data import Change, Report
from evalkit.renderers import _rows, _visible
from tests import comparisons


@pytest.fixture(scope="module")
def outings() -> Report:
    return report.build(comparisons.outings(), comparisons.verdict())


def cases_of(made: Report) -> dict[str, Tree.Element]:
    root = Tree.fromstring(plugins.renderer("junit").render(made))
    return {test.get("name", ""): test for test in root.iter("testcase")}


# --------------------------------------------------------------------------- JUnit


def test_every_case_is_a_test_and_fails_only_if_it_broke(outings: Report) -> None:
    tests = cases_of(outings)
    assert {change.case for change in outings.changes} <= tests.keys()
    failed = {
        name for name, test in tests.items() if test.find("failure") is not None and test.get("classname") != "policy"
    }
    assert failed == {"forecast-zurich", "train-rome"}
    assert [name for name, test in tests.items() if test.find("skipped") is not None] == ["latency_ratio all", "down"]
    assert "fails on both" in (tests["train-paris"].findtext("system-out") or "")
    broken = tests["forecast-zurich"].find("failure")
    assert broken is not None and "schema.stringified_scalar" in broken.get("message", "")


def test_counts_are_those_of_the_tests_and_the_verdict_is_a_property(outings: Report) -> None:
    root = Tree.fromstring(plugins.renderer("junit").render(outings))
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("18", "3", "0", "2")
    assert len(list(root.iter("testcase"))) == 18
    for suite in root:
        told = {entry.get("name"): entry.get("value") for entry in suite.iter("property")}
        assert (told["verdict"], told["outcome"], told["candidate"]) == ("regressed", "fail", "gpt-new")


def test_what_cannot_be_compared_is_an_error_and_no_pass() -> None:
    verdict = replace(comparisons.verdict(), checks=(), comparable=False, word="not_comparable")
    tests = cases_of(report.build(comparisons.outings(), verdict))
    assert tests["comparable"].find("error") is not None


def test_a_test_names_the_line_of_its_case(outings: Report) -> None:
    test = cases_of(replace(outings, sources={"joke": "suites/outings.yaml:12", "thanks": "bfcl: simple"}))
    assert (test["joke"].get("file"), test["joke"].get("line")) == ("suites/outings.yaml", "12")
    assert test["thanks"].get("file") is None


def test_hostile_text_is_well_formed_and_said() -> None:
    made = report.build(comparisons.hostile(), comparisons.verdict())
    text = plugins.renderer("junit").render(made)
    assert "\x00" not in text and "\x1b" not in text and text.encode("utf-8")
    assert "⟨U+0000⟩" in (cases_of(made)["evil"].findtext("failure") or "")


@given(st.text(max_size=80), st.text(max_size=30))
def test_no_text_breaks_xml_csv_or_the_count_of_rows(why: str, name: str) -> None:
    base = Report(
        title=name,
        verdict=replace(comparisons.verdict(), headline=why),
        baseline=name,
        candidate=why,
        suite=name,
        created=comparisons.DAY,
        sections=(),
        changes=(Change(case=name, kind="broken", why=why, cause=name), Change(case="b", kind="both_fail", why=why)),
        sources={name: f"{why}:3"},
    )
    root = Tree.fromstring(plugins.renderer("junit").render(base))
    assert [test.get("name") for test in root.iter("testcase")][3:] == [_visible.line(name), "b"]
    failure = list(root.iter("failure"))[-1]
    assert failure.get("message") == _visible.line(why)
    rows = list(csv.reader(io.StringIO(plugins.renderer("csv").render(base))))
    assert [len(row) for row in rows] == [len(_rows.COLUMNS)] * 3
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert plugins.renderer("csv").render(base).count("\n") == 3


def test_what_a_section_found_stands_in_junit_too(outings: Report) -> None:
    found = Tree.fromstring(plugins.renderer("junit").render(outings)).findtext("testsuite/system-out") or ""
    led = [section for section in outings.sections if section.lead]
    assert len(led) > 5 and all(_visible.line(f"{section.title}: {section.lead}") in found for section in led)


# --------------------------------------------------------------------------- logs


@given(st.text(alphabet="#:[]\n\r \tvsoerror\u3000\xa0", max_size=40))
def test_no_line_of_a_log_is_a_command(text: str) -> None:
    safe = _visible.inert(text)
    assert not any(line.strip().startswith("::") for line in re.split(r"[\r\n]", safe))
    assert not re.search(r"##(\w*)\[", safe)


def test_the_terminal_and_json_give_a_runner_nothing_to_obey() -> None:
    changed = replace(
        comparisons.verdict(), headline="fine " * 14 + "::error::forged ##[add-mask]x ##vso[task.complete]"
    )
    made = report.build(comparisons.hostile(), changed)
    for name in ("terminal", "json"):
        text = plugins.renderer(name).render(made)
        assert not re.search(r"(?m)^\s*::", text) and not re.search(r"##\w*\[", text)
    assert json.loads(plugins.renderer("json").render(made))["verdict"]["headline"] == changed.headline
