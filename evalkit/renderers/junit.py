"""JUnit XML, for what shows test results: a test for each case and each check, and what each section found."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as Tree

from evalkit.data import Change, Check, Report
from evalkit.renderers import _cells as cells
from evalkit.renderers import _visible as visible

SUFFIX = ".xml"


def render(report: Report) -> str:
    """A case fails if it broke; one that failed before as well is no news, and passes with a word on it."""
    policy = [_check(check) for check in report.verdict.checks] or [_undecided(report)]
    whole = Tree.Element("testsuites", name=visible.line(report.title))
    decided = _suite("policy", policy, report)
    Tree.SubElement(decided, "system-out").text = _findings(report)
    whole.append(decided)
    whole.append(_suite(report.suite, [_case(change, report) for change in report.changes], report))
    for count in ("tests", "failures", "errors", "skipped"):
        whole.set(count, str(sum(int(suite.get(count, "0")) for suite in whole)))
    Tree.indent(whole)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Tree.tostring(whole, encoding="unicode") + "\n"


def _suite(name: str, tests: Sequence[Tree.Element], report: Report) -> Tree.Element:
    suite = Tree.Element("testsuite", name=visible.line(name), tests=str(len(tests)), timestamp=report.created[:19])
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(test.find(tag) is not None for test in tests)))
    properties = Tree.SubElement(suite, "properties")
    for key, value in _properties(report):
        Tree.SubElement(properties, "property", name=key, value=visible.line(value))
    suite.extend(tests)
    return suite


def _properties(report: Report) -> list[tuple[str, str]]:
    verdict = report.verdict
    return [
        ("verdict", verdict.word),
        ("outcome", verdict.outcome if verdict.comparable else "not comparable"),
        ("headline", verdict.headline),
        ("baseline", report.baseline),
        ("candidate", report.candidate),
    ]


def _findings(report: Report) -> str:
    """A line for each section that has a finding: its tables and drawings are in the other reports."""
    led = (f"{section.title}: {section.lead}" for section in report.sections if section.lead)
    return "\n".join(map(visible.inert, map(visible.line, [report.verdict.headline, *led])))


def _case(change: Change, report: Report) -> Tree.Element:
    test = _test(change.case, report.suite)
    file, _, line = report.sources.get(change.case, "").rpartition(":")
    if file and line.isdecimal():
        test.set("file", visible.line(file))
        test.set("line", line)
    if change.kind == "broken":
        _told(test, "failure", change.why, change.cause or "broken")
    elif change.kind in ("unjudged", "unpaired"):
        _told(test, "skipped", change.why)
    elif change.kind != "same":
        said = cells.CHANGES[change.kind][1]
        Tree.SubElement(test, "system-out").text = visible.plain(f"{said}: {change.why}" if change.why else said)
    return test


def _check(check: Check) -> Tree.Element:
    rule = check.rule
    test = _test(" ".join(part for part in (rule.kind, rule.score, rule.slice) if part), "policy")
    if check.outcome == "fail":
        _told(test, "failure", check.sentence, rule.kind)
    elif check.outcome != "pass":
        _told(test, "skipped", check.sentence)
    return test


def _undecided(report: Report) -> Tree.Element:
    """No check was made: what is there cannot be compared."""
    test = _test("comparable", "policy")
    _told(test, "error", report.verdict.headline, report.verdict.word)
    return test


def _test(name: str, group: str) -> Tree.Element:
    return Tree.Element("testcase", classname=visible.line(group), name=visible.line(name))


def _told(test: Tree.Element, tag: str, why: str, kind: str = "") -> None:
    """What XML cannot hold (NUL, escapes, half characters) is shown as its code point."""
    told = Tree.SubElement(test, tag, message=visible.line(why))
    if kind:
        told.set("type", visible.line(kind))
        told.text = visible.plain(why)
