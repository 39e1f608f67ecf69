"""What the sections say of comparisons whose contents are known."""

from __future__ import annotations

from collections import Counter
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit import plugins, values
from evalkit.data import (
    MISMATCHES,
    ArgRule,
    Attempt,
    Block,
    Case,
    Comparison,
    Drilldown,
    Expectation,
    ExpectedCall,
    Fault,
    Figure,
    Json,
    Mismatch,
    Payload,
    Posted,
    Prose,
    Quarantine,
    Ratio,
    Response,
    Section,
    Table,
    Timing,
    Violation,
    Wire,
)
from evalkit.sections import _alignment, _answers, flips, latency, scorecard, tools
from tests import comparisons
from tests.comparisons import BERN, BROKEN_TYPE, OSLO, ZURICH, answer, compared, costing, right


@pytest.fixture(scope="module")
def outings() -> Comparison:
    return comparisons.outings()


@pytest.fixture(scope="module")
def asked_twice() -> Comparison:
    return comparisons.asked_twice()


def section(comparison: Comparison, name: str) -> Section:
    built: Section | None = plugins.find("sections", name).build(comparison, comparisons.verdict())
    assert built is not None
    return built


def tables(found: Section) -> list[Table]:
    return [block for block in found.blocks if isinstance(block, Table)]


def figure(found: Section, kind: str) -> Figure:
    return next(block for block in found.blocks if isinstance(block, Figure) and block.kind == kind)


def row(table: Table, key: str, value: str) -> dict[str, Any]:
    return dict(next(row for row in table.rows if row[key] == value))


def drilldown(comparison: Comparison, case: Case) -> Drilldown:
    found = section(comparison, "flips")
    return next(block for block in found.blocks if isinstance(block, Drilldown) and block.case == case.id)


@pytest.mark.parametrize("name", plugins.names("sections"))
def test_every_row_fills_every_column_and_every_figure_has_words(
    outings: Comparison, asked_twice: Comparison, name: str
) -> None:
    plugin = plugins.find("sections", name)
    built = [plugin.build(comparison, comparisons.verdict()) for comparison in (outings, asked_twice)]
    blocks: list[Block] = [block for found in built if found is not None for block in found.blocks]
    for block in blocks:
        if isinstance(block, Table):
            assert all(column.key in row for row in block.rows for column in block.columns)
            assert len({column.key for column in block.columns}) == len(block.columns)
        if isinstance(block, Figure):
            assert block.alt and block.title
        if isinstance(block, Prose):
            assert block.text.endswith(".")


# --------------------------------------------------------------------------- overview and findings


def test_the_parts_of_the_whole_add_up(outings: Comparison) -> None:
    parts = figure(section(outings, "overview"), "shares").data["parts"]
    assert {part["tone"]: part["count"] for part in parts} == {
        "same": 9,
        "fixed": 2,
        "broken": 2,
        "both_fail": 1,
        "unjudged": 1,
    }


def test_where_the_numbers_have_more_than_the_verdict_that_is_said(outings: Comparison) -> None:
    whole = replace(comparisons.verdict(), quarantined=())
    left_out = replace(whole, quarantined=(Quarantine(case="a", until="2099-01-01", owner="ada", why="?"),))
    for name in ("overview", "scorecard"):
        told = [plugins.find("sections", name).build(outings, decided) for decided in (left_out, whole)]
        assert [str(section).count("in quarantine, which the verdict leaves out") for section in told] == [1, 0]


def test_tiles_show_where_a_score_stands_and_where_it_stood(outings: Comparison) -> None:
    tiles = {tile["label"]: tile for tile in figure(section(outings, "overview"), "tiles").data["tiles"]}
    assert tiles["Compliance"]["was"] == pytest.approx(11 / 12)  # of the cases that both answered
    assert tiles["Compliance"]["value"] == pytest.approx(10 / 12)
    assert tiles["Median latency"]["better"] == "down"


def test_a_case_that_both_pass_by_other_calls_is_told_in_full() -> None:
    cases = (ZURICH, OSLO, BERN)
    spelled = answer(OSLO, [("get_forecast", '{"city": "Oslo", "unit": "celsius", "days": 1}')])
    spaced = answer(BERN, [("get_forecast", '{ "city":  "Bern" }')])
    made = compared(cases, [right(c) for c in cases], [right(ZURICH), spelled, spaced])
    found = section(made, "flips")
    assert [block.case for block in found.blocks if isinstance(block, Drilldown)] == [OSLO.id]
    assert found.lead == "No case changed: 3 pass on both sides, 1 of them by other calls."
    both = flips._lead(Counter(same=3, broken=2), 1, 3)  # as many as the filter of that name counts
    assert both.endswith("1 of them by other calls (of all cases 3 are answered by other calls).")


def test_findings_name_what_surely_changed_and_nothing_else() -> None:
    worse = comparisons.large(cases=400, flips=100)
    told = [block.text for block in section(worse, "findings").blocks if isinstance(block, Prose)]
    assert any(line.startswith("Correct: 100.0 % → 75.0 %, −25.0 points") for line in told)
    assert "More answers with schema.stringified_scalar (a number or boolean sent as a string): 0 → 100." in told
    assert not any("abstain" in line.lower() or "Rightly" in line for line in told)


def by_tag(tags: dict[str, tuple[int, int]], suite: str = "") -> Comparison:
    """Tag -> its number of cases, and how many of them the candidate breaks."""
    cases = [
        comparisons.case(f"{suite}{tag}-{n}", "?", ("get_forecast", {"city": f"{tag} {n}"}), tags=(tag,))
        for tag, (count, _) in tags.items()
        for n in range(count)
    ]
    broken = [n < lost for count, lost in tags.values() for n in range(count)]
    new = [answer(c, text="No.", called=False) if lost else right(c) for c, lost in zip(cases, broken, strict=True)]
    return compared(cases, [right(c) for c in cases], new)


def test_findings_tell_the_largest_changes_of_tags_and_count_the_others() -> None:
    lost = {"a": (100, 20), "b": (100, 50), "c": (100, 0), "d": (100, 90), "e": (4, 1), "f": (100, 30)}
    told = [b.text for b in section(by_tag(lost), "findings").blocks if isinstance(b, Prose) and "tag" in b.text]
    assert [line.partition(",")[0] for line in told[:3]] == [f"On cases tagged {tag}" for tag in "dbf"]
    assert told[3:] == ["1 further tag surely changed, by less: see “Kinds of cases”."]


def test_a_suite_among_several_is_called_a_suite_and_no_tag() -> None:
    told = [b.text for b in section(by_tag({"travel": (40, 20)}, "travel/"), "findings").blocks if isinstance(b, Prose)]
    assert any(line.startswith("In the suite travel, fewer answers are correct: ") for line in told)
    assert not any("tagged" in line for line in told)


# --------------------------------------------------------------------------- checks and scores


def test_each_check_says_what_was_required_measured_and_would_settle_it(outings: Comparison) -> None:
    found = section(outings, "checks")
    assert found.lead == "1 of 3 checks passed, 1 failed, 1 could not be settled."
    last = tables(found)[0].rows[-1]
    assert (last["outcome"], last["required"], last["measured"]) == (
        "inconclusive",
        "at most 1.5×",
        "1.02× [0.61, 1.7]",
    )
    assert last["reading"].endswith("To settle it: about 40 more timed cases.")


def test_what_makes_runs_unlike_is_said_before_the_checks(outings: Comparison) -> None:
    unlike = replace(outings, differs=("the arm: native against strict",))
    first = section(unlike, "checks").blocks[0]
    assert isinstance(first, Prose) and first.text == "The runs differ: the arm: native against strict."


def test_the_forest_draws_the_margin_that_the_policy_allows(outings: Comparison) -> None:
    rows = {row["label"]: row for row in figure(section(outings, "scorecard"), "forest").data["rows"]}
    assert rows["Compliance"]["margin"] == 0.02
    assert rows["Correct"]["margin"] is None


def test_repairing_is_a_table_only_where_it_changes_anything(outings: Comparison) -> None:
    titles = [table.title for table in tables(section(outings, "scorecard"))]
    assert titles == ["Headline scores", "What repairing would buy"]
    cases = comparisons.STEADY
    calm = compared(cases, [right(c) for c in cases], [right(c) for c in cases])
    shown = scorecard.build(calm, comparisons.verdict())
    assert shown is not None and [table.title for table in tables(shown)] == ["Headline scores"]


# --------------------------------------------------------------------------- tools and tags


def test_the_worst_tool_stands_first(outings: Comparison) -> None:
    rows = tables(section(outings, "tools"))[0].rows
    assert [row["tool"] for row in rows] == ["find_train", "get_forecast"]
    assert (rows[0]["broken"], rows[0]["fixed"], rows[0]["reading"]) == (1, 0, "blocked")  # as the checklist


def test_a_tool_is_worse_only_beyond_coincidence() -> None:
    worse = comparisons.large(cases=60, flips=30)
    found = tools.build(worse, comparisons.verdict())
    assert found is not None
    assert found.lead == "Beyond coincidence the candidate is worse on get_forecast."
    assert tables(found)[0].rows[0]["q"] < tools.ALARM


def test_unchanged_tools_of_a_long_list_are_counted_not_listed(
    outings: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = [cell for cell in outings.cells if cell.slice == "tool:find_train"]
    many = replace(
        outings,
        cells=(
            *outings.cells,
            *(replace(cell, slice=f"tool:t{n}", fixed=0, broken=0) for n in range(40) for cell in still),
        ),
    )
    table = tables(section(many, "tools"))[0]
    assert {row["tool"] for row in table.rows} == {"find_train", "get_forecast"}
    assert table.note == "On 40 further tools no case changed."


def test_sure_changes_stand_first_by_size_then_the_other_tags_by_cases() -> None:
    lost = {"few": (2, 1), "half": (60, 30), "most": (60, 50), "steady": (50, 0), "some": (10, 1)}
    found = section(by_tag(lost), "tags")
    assert [row["tag"] for row in tables(found)[0].rows] == ["most", "half", "steady", "some", "few"]
    assert found.lead == "The candidate loses most on most (−83.3 points)."


def test_tags_are_slices_of_the_suite(outings: Comparison) -> None:
    found = section(outings, "tags")
    assert [row["tag"] for row in tables(found)[0].rows] == ["plain", "irrelevance", "enum"]
    assert found.lead == "The candidate gains most on enum (+100.0 points)."


# --------------------------------------------------------------------------- violations


def test_violations_count_answers_on_both_sides_with_an_example(outings: Comparison) -> None:
    codes, _, kinds = tables(section(outings, "violations"))
    assert row(codes, "code", "schema.stringified_scalar") == {
        "code": "schema.stringified_scalar",
        "meaning": "a number or boolean sent as a string",
        "baseline": 0,
        "candidate": 1,
        "change": 1,
        "example": "forecast-zurich at /days: '3' is a string that holds an integer",
        "shows": {"code": {"flaw": "schema.stringified_scalar"}},
    }
    assert row(kinds, "code", "extra_call")["change"] == -1


def test_violations_are_told_by_feature_of_the_schemas(outings: Comparison) -> None:
    table = tables(section(outings, "violations"))[1]
    found = row(table, "feature", "enum: 1 to 5 values")
    # Of get_forecast's 11 cases one has no answer of the candidate, which breaks one; the baseline breaks another.
    assert (found["answers"], found["candidate"], found["change"]) == (
        10,
        pytest.approx(1 / 10),
        pytest.approx(1 / 10 - 1 / 11),
    )
    assert found["most"] == "schema.stringified_scalar, 1×"
    assert row(table, "feature", "format")["most"] == "json.syntax, 1×"
    assert all(0 <= (row["candidate"] or 0) <= 1 for row in table.rows)


def test_of_times_that_do_not_compare_no_ratio_is_told(outings: Comparison) -> None:
    faster = replace(outings, latency=Ratio(ratio=0.03, low=0.02, high=0.04, pairs=12))
    apart = replace(faster, times_differ="both were asked without --latency, up to 16 at a time")
    for comparison, told in ((faster, True), (apart, False)):
        reports = [
            plugins.find("sections", name).build(comparison, comparisons.verdict())
            for name in plugins.names("sections")
        ]
        words = str(reports)
        assert ("Faster" in words, "0.03" in words, "Median latency" in words) == (told, told, told)
        assert ("Times do not compare: both were asked without" in words) == (not told)
    assert tables(section(apart, "latency")), "what each takes is told all the same"


def test_what_a_stream_brings_is_told_where_there_was_one(outings: Comparison) -> None:
    assert [table.title for table in tables(section(outings, "latency"))] == ["Seconds to the whole answer"]
    timing = Timing(first_token=0.2, first_call_byte=0.5, total=1.0)
    streamed = [
        replace(record, reply=replace(record.reply, timing=timing))
        for record in map(right, comparisons.STEADY)
        if isinstance(record.reply, Response)
    ]
    found = compared(comparisons.STEADY, streamed, streamed)
    rows = tables(section(found, "latency"))[1].rows
    assert [(row["until"], row["answers"]) for row in rows[::2]] == [
        ("the first token", 8),
        ("the first byte of a call", 8),
    ]


# --------------------------------------------------------------------------- calls side by side


def aligned(before: Json, after: Json, *rules: ArgRule) -> dict[str, Any]:
    """Pointer -> line, of one call of either side with these arguments."""
    case = replace(BERN, accept=(Expectation(calls=(ExpectedCall(tool="get_forecast", args=rules),)),))
    payloads = [[Payload(index=0, tool="get_forecast", text=None, value=value)] for value in (before, after)]
    (call,) = _alignment.align(case, *payloads)
    return {line["path"]: line for line in call["rows"]}


def test_arguments_stand_side_by_side() -> None:
    rule = ArgRule(path="/city", matcher="one_of", value=["Bern", "Berne"])
    lines = aligned({"city": "Bern", "days": 1, "unit": "k"}, {"city": "Berne", "days": 1.0, "to": {"a": 1}}, rule)
    assert {path: line["state"] for path, line in lines.items()} == {
        "/city": "differs",
        "/days": "same",
        "/unit": "only_baseline",
        "/to/a": "only_candidate",
    }
    assert lines["/city"]["wanted"] == '{"$one_of": ["Bern", "Berne"]}'


def test_an_object_and_its_text_stand_on_one_line() -> None:
    lines = aligned({"at": {"x": 1, "y": 2}}, {"at": '{"x": 1, "y": 2}'}, ArgRule(path="/at", value={"x": 1, "y": 2}))
    assert [(path, line["state"]) for path, line in lines.items()] == [("/at", "differs")]
    assert lines["/at"]["wanted"] == lines["/at"]["baseline"] == '{"x": 1, "y": 2}'


def test_what_is_wanted_and_neither_gives_is_a_line() -> None:
    lines = aligned({}, {"days": 1}, ArgRule(path="/city", value="Bern"), ArgRule(path="/days", value=1))
    assert (lines["/city"]["state"], lines["/city"]["wanted"]) == ("neither", '"Bern"')


objects = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.integers(0, 2) | st.none(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
        max_leaves=5,
    ),
    max_size=3,
)


@given(objects, objects)
def test_every_argument_of_either_side_has_its_line(before: Json, after: Json) -> None:
    lines = aligned(before, after)
    same = {path for path, line in lines.items() if line["state"] == "same"}
    assert (before == after) <= (len(same) == len(lines))
    for line in lines.values():
        assert (line["baseline"] is None) == (line["state"] in ("only_candidate", "neither"))
        assert (line["candidate"] is None) == (line["state"] in ("only_baseline", "neither"))


def test_calls_of_one_tool_are_paired_in_their_order() -> None:
    def made(*tools: str) -> list[Payload]:
        return [Payload(index=i, tool=tool, text=None, value={"n": i}) for i, tool in enumerate(tools)]

    found = _alignment.align(BERN, made("a", "b", "a"), made("b", "a"))
    assert [call["tool"] for call in found] == ["a", "a", "b"]
    assert [call["rows"][0]["state"] for call in found] == ["differs", "only_baseline", "differs"]


def test_every_kind_of_mismatch_has_a_meaning() -> None:
    assert set(MISMATCHES) == set(get_args(get_type_hints(Mismatch)["kind"]))


# --------------------------------------------------------------------------- flips


def test_broken_cases_come_first_then_fixed_then_those_that_fail_on_both(outings: Comparison) -> None:
    found = section(outings, "flips")
    kinds = [block.kind for block in found.blocks if isinstance(block, Drilldown)]
    assert kinds == ["broken", "broken", "fixed", "fixed", "both_fail", "unjudged"]
    assert found.lead.startswith("Of 15 cases, 2 broke, 2 were fixed, 1 fails on both sides, 1 could not be judged")


def test_a_drilldown_tells_when_what_came_what_failed_before_and_what_really_left() -> None:
    timing = Timing(first_token=0.1, first_call_byte=0.2, arguments_done=0.3, total=0.4, queued=2.0)
    posted = Posted(url="http://h/v1/messages", headers={}, members={"system": "<s>"}, dropped=("stream_options",))
    refused = Attempt(fault=Fault(kind="rate_limit", message="slow down", seconds=0.25), wait=1.5)
    reply = Response(wire=Wire(status=200, body=""), dialect="openai_chat", timing=timing, posted=posted)
    record = replace(right(ZURICH), reply=reply, attempts=(refused, refused))
    side = _answers.side(ZURICH, comparisons.NEW, [record], {})
    assert side["timing"] == {
        "first_token": 0.1,
        "first_call_byte": 0.2,
        "arguments_done": 0.3,
        "queued": 2.0,
        "backed_off": 3.0,
    }
    assert side["attempts"] == [{"why": "rate_limit: slow down", "seconds": 0.25, "wait": 1.5}] * 2
    assert side["sent"] == {
        "url": "http://h/v1/messages",
        "members": '{\n "system": "<s>"\n}',
        "dropped": ["stream_options"],
    }


def test_a_drilldown_holds_the_question_the_wish_and_both_answers_as_sent(outings: Comparison) -> None:
    case = drilldown(outings, ZURICH)
    assert case.messages == ZURICH.messages
    assert case.expected == {"call": "get_forecast", "args": {"city": "Zürich", "days": 3}}
    baseline, candidate = case.sides
    assert (baseline["target"], baseline["passed"]) == ("gpt-old", 1)
    assert (candidate["target"], candidate["passed"]) == ("gpt-new", 0)
    assert candidate["calls"][0]["text"] == '{"city": "Zürich", "days": "3"}'
    assert candidate["violations"][0]["declared"] == comparisons.WEATHER["properties"]["days"]
    assert case.schemas == {"get_forecast": comparisons.WEATHER}


def test_a_violation_is_marked_in_the_payload(outings: Comparison) -> None:
    assert marked(drilldown(outings, ZURICH)) == [('"3"', "schema.stringified_scalar")]
    assert marked(drilldown(outings, comparisons.ROME)) == [('"', "json.syntax")]
    assert marked(drilldown(outings, comparisons.PARIS)) == [('"2026-02-05"', "arg")]
    assert marked(drilldown(outings, OSLO), side=0) == [('"Celsius"', "schema.enum_case")]


def marked(case: Drilldown, side: int = 1) -> list[tuple[str, str]]:
    call = case.sides[side]["calls"][0]
    return [(call["text"][start:end], code) for start, end, code in call["marks"]]


def shown(text: str | None, found: Violation | Mismatch, value: Json = None) -> Json:
    """The call of one answer with one flaw, as a drill-down shows it."""
    flaws = {"violations": [found]} if isinstance(found, Violation) else {"mismatches": [found]}
    record = answer(BERN, [("get_forecast", text or "")], **flaws, correct=False)
    assert record.answer is not None
    if text is None:
        payload = replace(record.answer.payloads[0], text=None, value=value)
        record = replace(record, answer=replace(record.answer, payloads=(payload,)))
    return _answers.side(BERN, comparisons.NEW, [record], {})["calls"][0]


def test_what_is_missing_is_marked_where_it_would_stand() -> None:
    text = '{"place": {"x": 1}, "unit": "celsius"}'
    gone = Violation(payload=0, code="schema.required", path="", message="'city' is required")
    assert shown(text, gone)["marks"] == [[len(text) - 1, len(text) - 1, "schema.required"]]
    inside = Mismatch(kind="missing_arg", tool="get_forecast", payload=0, path="/place/y", expected=2)
    assert shown(text, inside)["marks"] == [[17, 17, "missing_arg"]]


def test_what_is_too_much_is_marked_with_its_key() -> None:
    text = '{"city": "Bern", "days": 3}'
    extra = Mismatch(kind="extra_arg", tool="get_forecast", payload=0, path="/days", actual=3)
    start, end, kind = shown(text, extra)["marks"][0]
    assert (text[start:end], kind) == ('"days": 3', "extra_arg")


def test_an_object_on_the_wire_is_shown_and_called_one() -> None:
    call = shown(None, BROKEN_TYPE, {"city": "Zürich", "days": "3"})
    assert call["as_object"] and call["text"] == '{"city": "Zürich", "days": "3"}'
    assert call["marks"] == [[27, 30, "schema.stringified_scalar"]]


def test_a_call_nobody_wanted_is_flawed_as_such(outings: Comparison) -> None:
    assert drilldown(outings, comparisons.JOKE).sides[0]["calls"][0]["tool_flaw"] == "extra_call"


def test_a_long_payload_is_cut_around_its_first_mark() -> None:
    filler = "x" * 30_000
    text = f'{{"a": "{filler}", "days": "3", "b": "{filler}"}}'
    call = shown(text, BROKEN_TYPE)
    start, end, _ = call["marks"][0]
    assert call["text"][start:end] == '"3"'
    assert len(call["text"]) == _answers.LIMIT
    assert sum(call["omitted"]) + len(call["text"]) == len(text)


def test_a_fault_stands_in_place_of_an_answer(outings: Comparison) -> None:
    silent = drilldown(outings, comparisons.DOWN).sides[1]
    assert silent["fault"] == "server: the endpoint answered 503"
    assert silent["calls"] == [] and silent["wire"] is None
    cut = Fault(kind="network", message="cut off", wire=Wire(status=200, body="{"))
    came = _answers.side(comparisons.DOWN, comparisons.NEW, [replace(right(comparisons.DOWN), reply=cut)], {})
    assert came["wire"] == {"status": 200, "body": "{", "omitted": 0}


def test_of_several_trials_the_first_failure_is_shown() -> None:
    bad = answer(ZURICH, [("get_forecast", '{"city": "Zürich", "days": "3"}')], violations=[BROKEN_TYPE], valid=False)
    trials = [right(ZURICH), replace(bad, trial=1), replace(right(ZURICH), trial=2)]
    side = _answers.side(ZURICH, comparisons.NEW, trials, {})
    assert (side["trials"], side["passed"]) == (3, 2)
    assert side["calls"][0]["text"] == '{"city": "Zürich", "days": "3"}'


def test_flawed_gold_is_told() -> None:
    flawed = replace(ZURICH, flaws=("days must be an integer",), forbid=("find_train",))
    bad = answer(flawed, correct=False, called=False)
    case = drilldown(compared([flawed], [right(flawed)], [bad]), flawed)
    assert case.notes == (
        "The expected answer is flawed: days must be an integer",
        "Forbidden here: find_train.",
    )
    assert case.tools == ("get_forecast",)


def test_the_declared_part_is_the_keyword_alone_where_the_schema_is_long() -> None:
    long = {"properties": {"days": {"type": "integer", "description": "d" * 1000}}}
    spec = {"get_forecast": replace_schema(long)}
    record = answer(ZURICH, [("get_forecast", '{"days": "3"}')], violations=[BROKEN_TYPE], valid=False)
    side = _answers.side(ZURICH, comparisons.NEW, [record], spec)
    assert side["violations"][0]["declared"] == {"type": "integer"}


def replace_schema(schema: Json) -> Any:
    return replace(comparisons.outings().suite.specs["get_forecast"], schema=schema)


def test_every_mark_lies_within_what_is_shown() -> None:
    for block in section(comparisons.hostile(), "flips").blocks[1:]:
        assert isinstance(block, Drilldown)
        for call in (call for side in block.sides for call in side["calls"]):
            assert all(0 <= start <= end <= len(call["text"]) for start, end, _ in call["marks"])


# --------------------------------------------------------------------------- the rest


def test_a_quantile_without_enough_answers_says_so(outings: Comparison) -> None:
    rows = tables(section(outings, "latency"))[0].rows
    assert rows[0]["p95"] == "n too small"
    assert rows[0]["p50"]["low"] < rows[0]["p50"]["value"] < rows[0]["p50"]["high"]


def test_the_curve_rises_to_one_and_stays_small() -> None:
    big = latency.build(comparisons.large(cases=2000, flips=1), comparisons.verdict())
    assert big is not None
    for one in figure(big, "ecdf").data["series"]:
        shares = [share for _, share in one["points"]]
        assert shares == sorted(shares) and shares[-1] == 1 and len(shares) <= latency.STEPS


def test_columns_that_nobody_fills_are_left_out(outings: Comparison) -> None:
    keys = [column.key for column in tables(section(outings, "spending"))[0].columns]
    assert "output" in keys and "cost" not in keys and "cached" not in keys


def test_money_is_shown_where_prices_are_known() -> None:
    cases = comparisons.STEADY
    priced = [replace(t, input_price=1.0, output_price=10.0) for t in (comparisons.OLD, comparisons.NEW)]
    paid = compared(cases, [right(c) for c in cases], [right(c) for c in cases], *priced)
    rows = tables(section(paid, "spending"))[0].rows
    assert rows[0]["cost"] == pytest.approx(8 * (120 * 1.0 + 20 * 10.0) / 1e6)
    assert rows[0]["cost_each"] == pytest.approx(rows[0]["cost"] / 8)


def test_an_answer_whose_cost_is_not_known_makes_the_others_no_cheaper() -> None:
    cases = comparisons.STEADY

    whole, half = ([costing(right(c), 0.001 if n < known else None) for n, c in enumerate(cases)] for known in (8, 4))
    made = compared(cases, whole, half)
    (table,) = tables(section(made, "spending"))
    assert [row["cost_each"] for row in table.rows] == pytest.approx([0.001, 0.001])
    assert "the sum of costs is too low" in table.note
    assert tables(section(compared(cases, whole, whole), "spending"))[0].note == ""
    tiles = {tile["label"]: tile for tile in figure(section(made, "overview"), "tiles").data["tiles"]}
    assert tiles["Cost per 1,000 answers"]["value"] == pytest.approx(1.0)


def test_faults_and_repeated_attempts_are_counted_apart(outings: Comparison) -> None:
    table = tables(section(outings, "faults"))[0]
    assert row(table, "kind", "server")["candidate"] == 1
    assert row(table, "kind", "rate_limit")["candidate_retried"] == 1
    assert row(table, "kind", "rate_limit")["candidate"] == 0


def test_what_differs_between_the_sides_is_marked(outings: Comparison) -> None:
    table = tables(section(outings, "reproducibility"))[0]
    assert row(table, "what", "Model")["differs"] is True
    assert row(table, "what", "Parameter temperature")["differs"] is False
    assert row(table, "what", "Suite digest")["baseline"] == "0123456789abcdef"


def test_flips_know_the_tools_that_matter(outings: Comparison) -> None:
    assert drilldown(outings, ZURICH).tools == ("get_forecast",)
    assert values.same(sorted(drilldown(outings, comparisons.JOKE).schemas), ["get_forecast"])
    assert flips.build(replace(outings, changes=()), comparisons.verdict()) is None


# --------------------------------------------------------------------------- readiness, noise, calls, attribution


def test_the_checklist_says_of_each_tool_whether_and_why(outings: Comparison) -> None:
    found = section(outings, "readiness")
    assert found.lead == "Of 2 tools: 1 blocked, 1 safe."
    assert [(row["ready"], row["tool"], row["why"]) for row in tables(found)[0].rows] == [
        ("blocked", "find_train", "5 of 8 cases broke"),
        ("safe", "get_forecast", "0.0 points over 40 cases"),
    ]


def test_quarantine_is_listed_what_has_expired_first(outings: Comparison) -> None:
    table = tables(section(outings, "checks"))[1]
    assert [(row["state"], row["case"], row["owner"]) for row in table.rows] == [
        ("expired, counts again", "joke", "ada"),
        ("left out", "train-rome", "ada"),
    ]


def test_the_candidate_stands_beside_the_noise_of_the_baseline(asked_twice: Comparison) -> None:
    found = section(asked_twice, "noise")
    assert found.lead.startswith("Asked again, the baseline itself changes 2.1 % of the cases and moves by −2.1 points")
    own, against, _ = tables(found)[0].rows
    assert own["flips"]["value"] == pytest.approx(1 / 48)
    assert against["flips"] == pytest.approx((12 + 0.5) / 48)


def test_calls_are_told_by_the_gold_and_by_the_incumbent(asked_twice: Comparison) -> None:
    gold, alike = tables(section(asked_twice, "calls"))
    assert row(gold, "target", "gpt-new")["what"] == "calls" and row(gold, "target", "gpt-new")["recall"] == 0.75
    lost = row(alike, "tool", "find_train")
    assert (lost["both"], lost["baseline_only"], lost["candidate_only"], lost["neither"]) == (12, 12, 0, 24)
    assert (lost["precision"], lost["recall"]) == (1.0, 0.5)


def test_a_fall_is_told_with_the_feature_it_goes_along_with(asked_twice: Comparison) -> None:
    found = section(asked_twice, "attribution")
    assert found.lead.startswith("Correct fell most where the schema has: format")
    assert row(tables(found)[0], "feature", "format")["difference"]["high"] < 0


# --------------------------------------------------------------------------- declared and sent


def test_tools_that_are_sent_as_declared_are_not_spoken_of(outings: Comparison) -> None:
    assert plugins.find("sections", "portability").build(outings, comparisons.verdict()) is None


def test_what_a_model_was_not_told_is_listed_with_the_answers_that_break_it() -> None:
    unsaid = Violation(
        payload=0, code="schema.range", path="/days", schema_path="/properties/days/maximum", message="at most 14"
    )
    call = ("get_forecast", '{"city": "Zürich", "days": 30}')
    wrong = answer(ZURICH, [call], violations=[unsaid], valid=False)
    tools_sent = [
        {
            "name": "get_forecast",
            "input_schema": {
                **comparisons.WEATHER,
                "properties": {
                    **comparisons.WEATHER["properties"],
                    "days": {"type": "integer", "minimum": 1},
                },
            },
        },
        {"name": "find_train", "input_schema": comparisons.TRAIN},
    ]
    assert isinstance(wrong.reply, Response)
    sent = replace(wrong, reply=replace(wrong.reply, sent=tools_sent))
    found = section(compared([ZURICH], [right(ZURICH)], [sent]), "portability")
    counts, listed = tables(found)
    assert [(line["kind"], line["baseline"], line["candidate"]) for line in counts.rows] == [("lost", 0, 1)]
    (line,) = listed.rows
    assert (line["target"], line["tool"], line["place"]) == ("gpt-new", "get_forecast", "/properties/days/maximum")
    assert (line["broken"], line["source"]) == (1, "outings.json#/0/properties/days/maximum")
    assert "which the model could not know" in found.lead


def test_settings_that_left_in_other_words_are_told_once_with_their_answers() -> None:
    candidate = replace(comparisons.NEW, params={"max_tokens": 77})
    sent = []
    for case, settings in ((ZURICH, {"maxTokens": 77, "temperature": 1.0}), (OSLO, {"maxTokens": 77})):
        reply = right(case).reply
        assert isinstance(reply, Response)
        left = Posted(url="", headers={}, members=settings, dropped=("max_tokens",))
        sent.append(replace(right(case), reply=replace(reply, posted=left)))
    cases = [ZURICH, OSLO]
    found = section(compared(cases, [right(case) for case in cases], sent, candidate=candidate), "portability")
    (table,) = tables(found)
    assert [(line["target"], line["given"], line["count"]) for line in table.rows] == [
        ("gpt-new", '{"max_tokens":77}', 1)
    ] * 2
    assert {line["sent"] for line in table.rows} == {'{"maxTokens":77,"temperature":1.0}', '{"maxTokens":77}'}
    assert "settings" in found.lead


def test_an_arm_that_rewrites_says_so_without_a_word_in_the_records() -> None:
    strict = replace(comparisons.NEW, arm="strict")
    cases = [ZURICH, OSLO]
    records = [right(case) for case in cases]
    found = section(compared(cases, records, records, candidate=strict), "portability")
    assert {line["kind"] for line in tables(found)[0].rows} == {"changed"}
    assert "no constraint was lost" in found.lead
