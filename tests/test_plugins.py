"""Every plug-in, by being there: its contract is kept, its help says something, its own examples hold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import plugins
from evalkit.data import Json
from evalkit.errors import InputError, PluginError, suggest

ALL = [(kind, name) for kind in plugins.KINDS for name in plugins.names(kind)]
MATCHERS = plugins.names("matchers")
EXAMPLES = [(name, *example) for name in MATCHERS for example in plugins.matcher(name).EXAMPLES]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize(("kind", "name"), ALL, ids=lambda part: part)
def test_the_contract_is_kept_and_the_first_line_helps(kind: str, name: str) -> None:
    module = plugins.find(kind, name)
    help_line = plugins.help_line(kind, name)
    assert len(help_line) > 15
    assert module.__doc__.startswith(help_line)


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_an_unknown_name_is_refused_with_the_known_ones(kind: str) -> None:
    with pytest.raises(InputError, match="'no_such_plugin'") as caught:
        plugins.find(kind, "no_such_plugin")
    (problem,) = caught.value.problems
    assert problem.hint == suggest("no_such_plugin", plugins.names(kind))
    assert any(name in problem.hint for name in plugins.names(kind))


def test_listing_names_imports_no_plugin() -> None:
    code = (
        "import sys; from evalkit import plugins; [plugins.names(k) for k in plugins.KINDS];"
        "sys.exit(sum(m.startswith(tuple(f'evalkit.{k}.' for k in plugins.KINDS)) for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[1]).returncode == 0


def test_what_is_bundled_is_found_without_looking_through_what_is_installed() -> None:
    found = "from evalkit import plugins; plugins.matcher('exact')"
    code = f"import sys; {found}; sys.exit('importlib.metadata' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[1]).returncode == 0


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution with two matchers: one of its own, and one named like one of ours."""
    (tmp_path / "theirs.py").write_text("from evalkit.matchers.exact import *\n", encoding="utf-8")
    about = tmp_path / "theirs-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n", encoding="utf-8")
    points = "[evalkit.matchers]\ntheirs = theirs\nexact = theirs\n"
    (about / "entry_points.txt").write_text(points, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    asked = (plugins._installed, plugins._external, plugins._load)
    for each in asked:
        each.cache_clear()
    yield
    for each in asked:
        each.cache_clear()


@pytest.mark.usefixtures("installed")
def test_another_distribution_adds_a_plug_in_and_replaces_none() -> None:
    assert "theirs" in plugins.names("matchers") and plugins.names("matchers").count("exact") == 1
    assert plugins.find("matchers", "theirs").__name__ == "theirs"
    assert plugins.find("matchers", "exact").__name__ == "evalkit.matchers.exact"


def test_a_module_that_misses_a_function_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins._CONTRACTS, "matchers", ("check", "no_such_function"))
    plugins._load.cache_clear()
    with pytest.raises(PluginError, match="exact: missing no_such_function"):
        plugins.find("matchers", "exact")
    plugins._load.cache_clear()


# --------------------------------------------------------------------------- matchers


@pytest.mark.parametrize(("name", "expected", "options", "actual", "matches"), EXAMPLES)
def test_a_matchers_examples_hold(
    name: str, expected: Json, options: Mapping[str, Json], actual: Json, matches: bool
) -> None:
    matcher = plugins.matcher(name)
    assert matcher.check(expected, options) is None
    why = matcher.match(expected, actual, options)
    assert (why is None) == matches, why
    assert why is None or (why and "\n" not in why)


@pytest.mark.parametrize(("name", "expected", "options", "actual", "matches"), EXAMPLES)
def test_the_values_of_an_example_match(
    name: str, expected: Json, options: Mapping[str, Json], actual: Json, matches: bool
) -> None:
    matcher = plugins.matcher(name)
    assert all(matcher.match(expected, value, options) is None for value in matcher.values(expected, options))


@pytest.mark.parametrize("name", MATCHERS)
def test_every_matcher_shows_a_match_and_a_miss(name: str) -> None:
    outcomes = {matches for _, _, _, matches in plugins.matcher(name).EXAMPLES}
    always = {"present": {True}, "ignore": {True}, "absent": {False}}
    assert outcomes == always.get(name, {True, False})


@pytest.mark.parametrize("name", MATCHERS)
def test_an_unknown_option_is_refused_by_name(name: str) -> None:
    expected, options, _, _ = plugins.matcher(name).EXAMPLES[0]
    wrong = plugins.matcher(name).check(expected, {**options, "no_such_option": 1})
    assert wrong is not None
    assert "no_such_option" in wrong


@pytest.mark.parametrize("name", MATCHERS)
@given(data=st.data(), actual=anything)
def test_a_rule_that_passes_check_never_raises_and_its_values_match(
    name: str, data: st.DataObject, actual: Json
) -> None:
    matcher = plugins.matcher(name)
    likely = st.sampled_from([(expected, options) for expected, options, _, _ in matcher.EXAMPLES])
    wild = st.tuples(anything, st.just({}) | st.dictionaries(st.sampled_from(sorted(OPTIONS)), anything, max_size=2))
    expected, options = data.draw(likely | wild)
    if matcher.check(expected, options) is None:
        assert matcher.match(expected, actual, options) is None or matcher.match(expected, actual, options)
        assert all(matcher.match(expected, value, options) is None for value in matcher.values(expected, options))


OPTIONS = {option for name in MATCHERS for _, options, _, _ in plugins.matcher(name).EXAMPLES for option in options}


@pytest.mark.parametrize("hostile", ["\ud800", "a\x00b", "9" * 5000, "(" * 5000, -0.0, float("inf"), 10**400, [[]] * 3])
@pytest.mark.parametrize("name", MATCHERS)
def test_hostile_values_are_judged(name: str, hostile: Json) -> None:
    matcher = plugins.matcher(name)
    for expected, options, _, _ in matcher.EXAMPLES:
        assert matcher.match(expected, hostile, options) != ""


@pytest.mark.parametrize(
    ("name", "expected", "options", "sentence"),
    [
        ("one_of", [], {}, "at least one"),
        ("one_of", "Oslo", {}, "a list"),
        ("number", "3", {}, "a number"),
        ("number", True, {}, "a number"),
        ("number", 3, {"rel": -1}, "at least 0"),
        ("text", "!!!", {}, "nothing is left"),
        ("text", "a", {"case": "yes"}, "case is false or true"),
        ("regex", "(", {}, "missing )"),
        ("regex", r"(?=a)", {}, "no RE2 expression"),
        ("date", "03/04/2026", {}, "one date"),
        ("date", "tomorrow", {}, "one date"),
        ("date", "2026-03-04", {"as": "instant"}, "no time"),
        ("unordered", {"a": 1}, {}, "a list"),
        ("length", {"min": 3, "max": 2}, {}, "more than max"),
        ("length", {"least": 3}, {}, "min or max"),
        ("length", {}, {}, "min or max"),
        ("length", -1, {}, "at least 0"),
        ("length", True, {}, "whole number"),
        ("present", False, {}, "absent"),
        ("absent", False, {}, "present"),
        ("exact", 1, {"strings": "loose"}, "strings is"),
    ],
)
def test_a_rule_that_cannot_be_used_says_why(
    name: str, expected: Json, options: Mapping[str, Json], sentence: str
) -> None:
    assert sentence in (plugins.matcher(name).check(expected, options) or "")


def test_only_absent_and_ignore_match_what_was_left_out() -> None:
    assert [name for name in MATCHERS if plugins.matcher(name).ABSENT] == ["absent", "ignore"]


@given(st.lists(anything, max_size=6), st.randoms(use_true_random=False))
def test_unordered_matches_any_order_and_no_other_list(items: list[Json], random: Random) -> None:
    shuffled = items[:]
    random.shuffle(shuffled)
    unordered = plugins.matcher("unordered")
    assert unordered.match(items, shuffled, {}) is None
    assert unordered.match(items, [*shuffled, "one more"], {}) is not None


@pytest.mark.parametrize(
    "spelling",
    [
        "2026-03-14", "20260314", "2026/03/14", "14.03.2026", "14-03-2026", "03/14/2026",
        "14 March 2026", "14 Mar 2026", "14-Mar-2026", "14th of March, 2026", "March 14, 2026", "Mar. 14 2026",
        "Sat, 14 Mar 2026", "saturday 14 march 2026", "2026-03-14T23:59:59+02:00", "2026-03-14 08:00",
        "14 March 2026 at 8:00 pm", "Sat, 14 Mar 2026 10:00:00 GMT",
    ],
)  # fmt: skip
def test_a_day_matches_in_every_known_spelling(spelling: str) -> None:
    assert plugins.matcher("date").match("2026-03-14", spelling, {}) is None
    assert plugins.matcher("date").match("2026-03-15", spelling, {}) is not None


@pytest.mark.parametrize(
    "spelling", ["14/3/26", "2026-3-14", "2026-02-30", "14 Marx 2026", "1741910400", "2026-03-14T25:00"]
)
def test_what_is_no_known_date_does_not_match(spelling: str) -> None:
    assert plugins.matcher("date").match("2026-03-14", spelling, {}) is not None


@given(st.dates())
def test_a_date_that_can_be_read_two_ways_matches_neither(day: date) -> None:
    spelled = f"{day.day:02}/{day.month:02}/{day.year:04}"
    ambiguous = day.day <= 12 and day.day != day.month
    assert (plugins.matcher("date").match(day.isoformat(), spelled, {}) is not None) == ambiguous
