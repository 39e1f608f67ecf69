"""What lint found as SARIF: at its line, of a known rule, in the shape that code scanning takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attr
import pytest
import sarif_om

from evalkit.ci import sarif
from evalkit.cli.app import main
from evalkit.errors import ExitCode, Place, Problem
from tests.test_cli import SUITE, TOOL

_PARTS: Mapping[tuple[str, str], str] = {
    ("SarifLog", "runs"): "Run",
    ("Run", "tool"): "Tool",
    ("Run", "results"): "Result",
    ("Tool", "driver"): "ToolComponent",
    ("ToolComponent", "rules"): "ReportingDescriptor",
    ("ReportingDescriptor", "shortDescription"): "MultiformatMessageString",
    ("ReportingDescriptor", "defaultConfiguration"): "ReportingConfiguration",
    ("Result", "message"): "Message",
    ("Result", "locations"): "Location",
    ("Location", "physicalLocation"): "PhysicalLocation",
    ("PhysicalLocation", "artifactLocation"): "ArtifactLocation",
    ("PhysicalLocation", "region"): "Region",
}
"""(object, property) -> the object that it holds, or a list of; the standard's sections 3.13 to 3.50."""


def keeps_to_the_standard(value: Any, kind: str = "SarifLog") -> None:
    """No property that the schema of SARIF 2.1.0 does not have, none lacking that it demands, and so all the way down.

    The classes of sarif_om were generated from that schema: a property it demands has no default there.
    """
    known = {each.metadata["schema_property_name"]: each for each in attr.fields(getattr(sarif_om, kind))}
    assert not value.keys() - known.keys(), kind
    assert not {name for name, each in known.items() if each.default is attr.NOTHING} - value.keys(), kind
    for name, held in value.items():
        for each in held if isinstance(held, list) else [held]:
            assert isinstance(each, dict) == ((kind, name) in _PARTS), (kind, name)
            if isinstance(each, dict):
                keeps_to_the_standard(each, _PARTS[kind, name])


def essentials(text: str) -> list[dict[str, Any]]:
    """The results, after what the standard and code scanning demand has been checked."""
    log = json.loads(text)
    keeps_to_the_standard(log)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "evalkit"
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    results: list[dict[str, Any]] = run["results"]
    for result in results:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        for location in result.get("locations", []):
            physical = location["physicalLocation"]
            artifact = physical["artifactLocation"]
            assert artifact["uri"].startswith("file:///") or artifact["uriBaseId"] == "%SRCROOT%"
            assert " " not in artifact["uri"]
            assert all(value >= 1 for value in physical.get("region", {}).values())
    return results


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools.json").write_text(TOOL, encoding="utf-8")
    return tmp_path


def lint(project: Path, suite: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
    (project / "my suite.yaml").write_text(suite, encoding="utf-8")
    code = main(["lint", "my suite.yaml", "-o", "found.sarif", *options])
    return code, essentials((project / "found.sarif").read_text(encoding="utf-8"))


def places(results: list[dict[str, Any]]) -> list[tuple[str, str, int | None]]:
    found = []
    for result in results:
        physical = result["locations"][0]["physicalLocation"]
        line = physical.get("region", {}).get("startLine")
        found.append((result["ruleId"], physical["artifactLocation"]["uri"], line))
    return found


def test_a_note_stands_at_its_case(project: Path) -> None:
    twin = SUITE + "  - {id: again, user: Go once., expect: {call: go, args: {n: 1}}}\n"
    code, results = lint(project, twin)
    assert code == ExitCode.OK
    assert places(results) == [("suite.note", "my%20suite.yaml", 7)]
    assert "asks what 'one' asks" in results[0]["message"]["text"]


def test_a_suite_that_cannot_be_used_is_written_down_before_it_is_refused(project: Path) -> None:
    code, results = lint(project, SUITE.replace("call: go", "call: fly"))
    assert code == ExitCode.INPUT
    ((rule, file, line),) = places(results)
    assert (rule, file) == ("suite.unusable", "my%20suite.yaml")
    assert line is not None


def test_what_a_route_loses_stands_in_the_file_that_declares_the_tool(project: Path) -> None:
    code, results = lint(project, SUITE, "--portability", "openai-strict")
    assert code == ExitCode.OK
    assert results
    assert {(rule.partition(".")[0], file) for rule, file, _ in places(results)} == {("portability", "tools.json")}


def test_what_a_route_loses_stands_at_its_line(project: Path) -> None:
    (project / "tools.json").write_text(
        """[
  {
    "name": "go",
    "input_schema": {
      "type": "object",
      "properties": {"n": {"type": "integer",
                           "multipleOf": 3}}
    }
  }
]
""",
        encoding="utf-8",
    )
    _, results = lint(project, SUITE.replace("n: 1", "n: 3"), "--portability", "gemini")
    (result,) = results
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 7, "startColumn": 28}
    assert result["message"]["text"].startswith("/0/input_schema/properties/n/multipleOf: go on gemini: ")


def test_a_clean_suite_has_no_results(project: Path) -> None:
    assert lint(project, SUITE) == (ExitCode.OK, [])


def test_a_file_elsewhere_is_named_whole_and_hidden_characters_are_shown(tmp_path: Path) -> None:
    problem = Problem(what="a\u202eb", hint="c", place=Place(file="/else where/x.yaml", line=3, column=2))
    (result,) = essentials(sarif.render([sarif.of_problem("suite.note", problem)], tmp_path))
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "file:///else%20where/x.yaml"}
    assert physical["region"] == {"startLine": 3, "startColumn": 2}
    assert result["message"]["text"] == "a⟨U+202E⟩b; c"


def test_another_suffix_is_refused(project: Path) -> None:
    assert main(["lint", "travel", "-o", "found.txt"]) == ExitCode.INPUT


@pytest.mark.parametrize(
    "spoil",
    [
        lambda log: log.pop("version"),
        lambda log: log["runs"][0].pop("tool"),
        lambda log: log["runs"][0].update(rules=[]),
        lambda log: log["runs"][0]["tool"]["driver"].pop("name"),
        lambda log: log["runs"][0]["results"][0].pop("message"),
        lambda log: log["runs"][0]["results"][0].update(file="x.yaml"),
    ],
)
def test_a_log_that_breaks_the_standard_would_be_noticed(spoil: Callable[[Any], object]) -> None:
    log = json.loads(sarif.render([sarif.of_problem("suite.note", Problem(what="odd"))], Path()))
    keeps_to_the_standard(log)
    spoil(log)
    with pytest.raises(AssertionError):
        keeps_to_the_standard(log)
