"""The ladder over answers good and bad, and expectations against a judge that tries every pairing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from evalkit import plugins, values
from evalkit.data import (
    CODES,
    RUNGS,
    Answer,
    ArgRule,
    Case,
    Counts,
    Expectation,
    ExpectedCall,
    Json,
    Judging,
    Payload,
    Score,
    Suite,
    ToolSpec,
    Violation,
)
from evalkit.score import judge

BOOK = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "nights": {"type": "integer", "minimum": 1, "default": 1},
        "room": {"$ref": "#/$defs/room"},
        "extras": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {
        "room": {
            "type": "object",
            "default": {"kind": "single"},
            "properties": {"kind": {"type": "string"}, "quiet": {"type": "boolean", "default": False}},
        }
    },
}
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "day": {"type": "string"}}}
SPECS = {
    name: ToolSpec(name=name, description="", schema=schema, source=f"tools.json#/{name}")
    for name, schema in {"book_hotel": BOOK, "get_weather": WEATHER, "loose": {}}.items()
}
OSLO = ExpectedCall(tool="book_hotel", args=(ArgRule(path="/city", value="Oslo"), ArgRule(path="/nights", value=2)))
SKIES = ExpectedCall(tool="get_weather", args=(ArgRule(path="/city", value="Oslo"),))
BOOKED = ("book_hotel", '{"city": "Oslo", "nights": 2}')
ASKED = ("get_weather", '{"city": "Oslo"}')


def case(*accept: Expectation, id: str = "case", forbid: tuple[str, ...] = ()) -> Case:
    return Case(id=id, messages=({"role": "user", "content": "?"},), tools=tuple(SPECS), accept=accept, forbid=forbid)


def calls(*wanted: ExpectedCall, ordered: bool = False, extra_calls: bool = False) -> Expectation:
    return Expectation(calls=wanted, ordered=ordered, extra_calls=extra_calls)


NOTHING = Expectation()
CASES = {
    "call": case(calls(OSLO), id="call"),
    "two": case(calls(OSLO, SKIES), id="two"),
    "either": case(calls(OSLO), calls(SKIES), id="either"),
    "nothing": case(NOTHING, id="nothing"),
    "call or nothing": case(calls(OSLO), NOTHING, id="mixed"),
    "any call": case(id="any"),
    "any call but one": case(id="forbidding", forbid=("loose",)),
}
SUITE = Suite(name="tests", specs=SPECS, cases=tuple(CASES.values()))
SCORE = judge(SUITE, Judging())


def payload(index: int, tool: str, arguments: Json) -> Payload:
    """A call; `arguments` that are no text came as an object."""
    if not isinstance(arguments, str):
        return Payload(index=index, tool=tool, text=None, value=arguments)
    reading = values.read(arguments)
    return Payload(index=index, tool=tool, text=arguments, value=reading.value, error=reading.error)


def answer(*made: tuple[str, Json], text: str = "") -> Answer:
    return Answer(payloads=tuple(payload(i, tool, arguments) for i, (tool, arguments) in enumerate(made)), text=text)


def score(of: Case, *made: tuple[str, Json]) -> Score:
    return SCORE(of, answer(*made))


def rungs(given: Score) -> str:
    """The ladder as letters: + holds, - fails, . does not apply."""
    signs = {True: "+", False: "-", None: "."}
    return "".join(signs[getattr(given, rung)] for rung in (*RUNGS, "abstained"))


def codes(given: Score) -> list[str]:
    return [violation.code for violation in given.violations]


def kinds(given: Score) -> list[str]:
    return [mismatch.kind for mismatch in given.mismatches]


# --------------------------------------------------------------------------- the ladder


@pytest.mark.parametrize(("of", "ladder"), [("call", "-----."), ("nothing", "....--"), ("any call", "----..")])
def test_a_call_that_could_not_be_read_is_none_and_is_not_keeping_still(of: str, ladder: str) -> None:
    unread = Violation(payload=None, code="call.unreadable", message="")
    assert rungs(SCORE(CASES[of], Answer(violations=(unread,)))) == ladder


@pytest.mark.parametrize(
    ("of", "made", "ladder", "found", "amiss"),
    [
        ("call", [BOOKED], "+++++.", [], []),
        ("call", [], "-----.", ["call.missing"], ["missing_call"]),
        ("call", [("book_flight", "{}")], "+----.", ["tool.unknown"], ["missing_call", "extra_call"]),
        ("call", [("BookHotel", BOOKED[1])], "+----.", ["tool.near_miss"], ["missing_call", "extra_call"]),
        ("call", [("book_hotel", '{"city": "Oslo"')], "++---.", ["json.syntax"], ["arg"]),
        ("call", [("book_hotel", '{"nights": 2}')], "+++--.", ["schema.required"], ["missing_arg"]),
        ("call", [("book_hotel", '{"city": "Oslo", "nights": 3}')], "++++-.", [], ["arg"]),
        ("call", [BOOKED, BOOKED], "++++-.", ["call.duplicate"], ["extra_call"]),
        ("two", [ASKED, BOOKED], "+++++.", [], []),
        ("two", [ASKED], "++++-.", [], ["missing_call"]),
        ("two", [BOOKED, ("get_weather", "{")], "++---.", ["json.syntax"], ["arg"]),
        ("either", [ASKED], "+++++.", [], []),
        ("either", [BOOKED], "+++++.", [], []),
        ("either", [BOOKED, ASKED], "++++-.", [], ["extra_call"]),
        ("nothing", [], "....++", [], []),
        ("nothing", [BOOKED], "....--", ["call.unexpected"], ["extra_call"]),
        ("nothing", [("book_hotel", "{")], "....--", ["json.syntax", "call.unexpected"], ["extra_call"]),
        ("call or nothing", [], "....+.", [], []),
        ("call or nothing", [BOOKED], "....+.", [], []),
        ("call or nothing", [("book_hotel", '{"city": "Oslo", "nights": 9}')], "....-.", [], ["arg"]),
        ("any call", [ASKED], "++++..", [], []),
        ("any call", [ASKED, ASKED], "++++..", ["call.duplicate"], []),
        ("any call", [], "----..", ["call.missing"], []),
        ("any call", [("book_hotel", "{}")], "+++-..", ["schema.required"], []),
        ("any call but one", [ASKED], "+++++.", [], []),
        ("any call but one", [], "-----.", ["call.missing"], []),
        ("any call but one", [ASKED, ("loose", "{}")], "++++-.", [], ["forbidden_call"]),
    ],
)
def test_an_answer_climbs_as_far_as_it_holds(
    of: str, made: list[tuple[str, str]], ladder: str, found: list[str], amiss: list[str]
) -> None:
    given = score(CASES[of], *made)
    assert (rungs(given), codes(given), kinds(given)) == (ladder, found, amiss)


tools = st.sampled_from([*SPECS, "BOOK-HOTEL", "other", ""])
texts = st.sampled_from(
    [
        BOOKED[1],
        ASKED[1],
        "{}",
        "",
        "{",
        "[]",
        "null",
        '"{}"',
        "```json\n{}\n```",
        '{"city": 5}',
        "NaN",
        '{"a":1,"a":2}',
    ]
) | st.text(max_size=8)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["city", "nights", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
answers = st.lists(st.tuples(tools, texts | anything), max_size=4).map(lambda made: answer(*made))


@given(answers, st.sampled_from(sorted(CASES)))
def test_a_rung_is_none_only_because_of_the_case(given: Answer, of: str) -> None:
    found, silent = SCORE(CASES[of], given), score(CASES[of])
    names = [*RUNGS, "abstained", "valid_lenient", "valid_repaired"]
    assert [getattr(found, name) is None for name in names] == [getattr(silent, name) is None for name in names]


@given(answers, st.sampled_from(sorted(CASES)))
def test_the_rungs_are_cumulative_and_what_is_missed_is_told(given: Answer, of: str) -> None:
    found = SCORE(CASES[of], given)
    applying = [held for rung in RUNGS if (held := getattr(found, rung)) is not None]
    assert applying == sorted(applying, reverse=True)
    assert not found.valid or (found.valid_lenient and found.valid_repaired)
    assert set(codes(found)) <= set(CODES)
    blemishes = [code for code in codes(found) if code.startswith(("tool.", "json.", "schema."))]
    if found.valid is not None:
        assert found.valid == (bool(given.payloads) and not blemishes)
    if found.correct is not None:
        assert found.correct == (not blemishes and not found.mismatches and "call.missing" not in codes(found))


@given(answers, st.sampled_from(sorted(CASES)))
def test_judging_twice_gives_the_same(given: Answer, of: str) -> None:
    again = judge(SUITE, Judging())
    assert repr(again(CASES[of], given)) == repr(SCORE(CASES[of], given))


LOOKALIKES: tuple[tuple[str, Json], ...] = (
    *(("book_hotel", {"city": "Oslo", "nights": nights}) for nights in (1, 1.0, True, "1", None)),
    *(("book_hotel", {"nights": nights, "city": 5}) for nights in (0, False, "0")),
    ("book_hotel", {"city": 5, "nights": 0}),
    ("book_hotel", '{"city": "Oslo", "nights": 1}'),
    ("book_hotel", "{'city': 'Oslo', 'nights': 1}"),
    ("get_weather", {"city": "Oslo", "nights": 1}),
)


@given(st.lists(st.lists(st.sampled_from(LOOKALIKES), max_size=2), max_size=12), st.sampled_from(sorted(CASES)))
def test_an_answer_is_judged_as_if_none_like_it_had_been_judged_before(
    given: list[list[tuple[str, Json]]], of: str
) -> None:
    used = judge(SUITE, Judging())
    for made in given:
        fresh = judge(SUITE, Judging())
        assert repr(used(CASES[of], answer(*made))) == repr(fresh(CASES[of], answer(*made)))


def test_answers_that_were_judged_are_forgotten_before_they_fill_the_memory() -> None:
    used = judge(SUITE, Judging())
    before = used(CASES["call"], answer(BOOKED))
    scores = [used(CASES["call"], answer(("loose", {"n": n}))) for n in range(200)]
    kept = sum(used(CASES["call"], answer(("loose", {"n": n}))) is scores[n] for n in reversed(range(200)))
    assert 0 < kept < 100
    assert used(CASES["call"], answer(BOOKED)) == before


def test_what_extraction_found_is_kept_and_lowers_nothing() -> None:
    odd = Violation(payload=None, code="envelope.finish_conflict", message="stop")
    given = SCORE(CASES["call"], replace(answer(BOOKED), violations=(odd,)))
    assert given.violations == (odd,)
    assert rungs(given) == "+++++."


def test_one_case_id_with_two_contents_is_judged_by_the_case_that_is_handed_in() -> None:
    other = case(calls(SKIES), id="call")
    assert score(CASES["call"], BOOKED).correct
    assert not score(other, BOOKED).correct
    assert score(other, ASKED).correct
    assert score(CASES["call"], BOOKED).correct


# --------------------------------------------------------------------------- what is wrong with a call


@pytest.mark.parametrize(
    ("arguments", "code", "path"),
    [
        ("", "json.syntax", ""),
        ('{"city": "Oslo"} and more', "json.trailing_data", ""),
        ('{"city": "Oslo"}{"city": "Bergen"}', "json.concatenated", ""),
        ('{"city": "Oslo", "city": "Bergen"}', "json.duplicate_key", ""),
        ('```json\n{"city": "Oslo"}\n```', "json.fenced", ""),
        ('{"city": NaN}', "json.nan", ""),
        ('{"city": ' + "[" * 300 + "]" * 300 + "}", "json.too_deep", ""),
        ('{"city": "' + "x" * 1_000_000 + '"}', "json.too_large", ""),
        ('{"city": 5}', "schema.type", "/city"),
        ('{"city": "Oslo", "nights": 0}', "schema.range", "/nights"),
        ('{"city": "Oslo", "sea": 1}', "schema.additional", ""),
        ('{"city": "Oslo", "nights": "2"}', "schema.stringified_scalar", "/nights"),
        ('{"city": "Oslo", "room": "{}"}', "schema.stringified_container", "/room"),
        (json.dumps('{"city": "Oslo"}'), "schema.double_encoded", ""),
        ("[]", "schema.type", ""),
    ],
)
def test_every_fault_of_the_arguments_has_its_code(arguments: str, code: str, path: str) -> None:
    given = score(CASES["any call"], ("book_hotel", arguments))
    assert code in codes(given)
    violation = next(found for found in given.violations if found.code == code)
    assert violation.payload == 0
    assert violation.message
    assert len(violation.excerpt) <= values.EXCERPT
    assert violation.path.startswith(path)


def test_a_syntax_error_says_where() -> None:
    given = score(CASES["any call"], ("book_hotel", '{"city": "Oslo", nights: 2}'))
    assert "at character 17" in given.violations[0].message


def test_all_violations_are_kept() -> None:
    given = score(
        CASES["two"], ("book_hotel", '{"nights": 0, "sea": 1}'), ("get_weather", "{"), ("GetWeather", "]"), ("x", "{}")
    )
    assert sorted(zip((v.payload for v in given.violations), codes(given), strict=True)) == [
        (0, "schema.additional"),
        (0, "schema.range"),
        (0, "schema.required"),
        (1, "json.syntax"),
        (2, "json.syntax"),
        (2, "tool.near_miss"),
        (3, "tool.unknown"),
    ]


def test_a_near_miss_names_the_tool_that_was_meant() -> None:
    assert "'book_hotel'" in score(CASES["call"], ("book.hotel", "{}")).violations[0].message


@pytest.mark.parametrize("arguments", ["[]", "5", "null", '"text"', [], None, 3])
def test_arguments_are_an_object_even_where_the_schema_does_not_say_so(arguments: Json) -> None:
    given = score(CASES["any call"], ("loose", arguments))
    assert codes(given) == ["schema.type"]
    assert given.valid is False


def test_double_encoding_is_seen_where_the_schema_does_not_name_a_type() -> None:
    assert codes(score(CASES["any call"], ("loose", '"{\\"a\\": 1}"'))) == ["schema.double_encoded"]


def test_an_object_on_the_wire_is_judged_by_value() -> None:
    assert rungs(score(CASES["call"], ("book_hotel", {"city": "Oslo", "nights": 2.0}))) == "+++++."
    found = codes(score(CASES["call"], ("book_hotel", {"nights": "2"})))
    assert sorted(found) == ["schema.required", "schema.stringified_scalar"]


@pytest.mark.parametrize("depth", [250, 900])
def test_an_object_of_any_depth_is_judged(depth: int) -> None:
    deep = json.loads('{"x":' * depth + "1" + "}" * depth)
    for of in CASES.values():
        given = score(of, ("loose", deep), ("loose", deep), ("get_weather", {"city": deep}))
        assert not given.valid


@pytest.mark.parametrize(
    ("arguments", "lenient", "repaired"),
    [
        (BOOKED[1], True, True),
        (f"```json\n{BOOKED[1]}\n```", True, True),
        (f"\n {BOOKED[1]} \n", True, True),
        ('{"city": "Oslo", "nights": 2,}', False, True),
        ('{"nights": 2}', False, False),
        ("I would book Oslo.", False, False),
    ],
)
def test_what_repairs_would_have_gained(arguments: str, lenient: bool, repaired: bool) -> None:
    given = score(CASES["call"], ("book_hotel", arguments))
    assert (given.valid_lenient, given.valid_repaired) == (lenient, repaired)


def test_repairs_make_no_call_of_an_unknown_tool() -> None:
    given = score(CASES["call"], ("BookHotel", BOOKED[1]))
    assert (given.valid_lenient, given.valid_repaired) == (False, False)


# --------------------------------------------------------------------------- duplicates


@pytest.mark.parametrize(
    ("wanted", "made", "duplicates"),
    [
        (calls(SKIES, SKIES), [ASKED, ASKED], []),
        (calls(SKIES, SKIES), [ASKED, ASKED, ASKED], [2]),
        (calls(SKIES), [ASKED, BOOKED, ASKED], [2]),
        (calls(SKIES, replace(SKIES, args=(ArgRule(path="/city", value="Rome"),))), [ASKED, ASKED], [1]),
        (calls(SKIES, extra_calls=True), [ASKED, ASKED], [1]),
        (
            calls(SKIES),
            [("get_weather", '{"city":"Oslo","day":"x"}'), ("get_weather", '{"day":"x", "city":"Oslo"}')],
            [1],
        ),
        (calls(SKIES), [("get_weather", "{"), ("get_weather", "{")], [1]),
        (calls(SKIES), [("get_weather", '{"city": "Oslo"}'), ("get_weather", '{"city": "Rome"}')], []),
    ],
)
def test_the_same_call_twice_is_a_duplicate_unless_wanted_twice(
    wanted: Expectation, made: list[tuple[str, str]], duplicates: list[int]
) -> None:
    given = score(case(wanted), *made)
    assert [v.payload for v in given.violations if v.code == "call.duplicate"] == duplicates


# --------------------------------------------------------------------------- arguments


def one(*rules: ArgRule, closed: bool = True) -> Case:
    return case(calls(ExpectedCall(tool="book_hotel", args=rules, closed=closed)))


CITY = ArgRule(path="/city", value="Oslo")
NIGHTS = ArgRule(path="/nights", value=2)


@pytest.mark.parametrize(
    ("of", "arguments", "amiss"),
    [
        (one(CITY), {"city": "Oslo"}, []),
        (one(CITY), {"city": "Oslo", "nights": 3}, [("extra_arg", "/nights")]),
        (one(CITY, closed=False), {"city": "Oslo", "nights": 3}, []),
        (one(CITY, NIGHTS), {"city": "Oslo"}, [("missing_arg", "/nights")]),
        (one(CITY, replace(NIGHTS, optional=True)), {"city": "Oslo"}, []),
        (one(CITY, replace(NIGHTS, optional=True)), {"city": "Oslo", "nights": 3}, [("arg", "/nights")]),
        (one(CITY, ArgRule(path="/nights", matcher="ignore")), {"city": "Oslo"}, []),
        (one(CITY, ArgRule(path="/nights", matcher="ignore")), {"city": "Oslo", "nights": 7}, []),
        (one(CITY, ArgRule(path="/nights", matcher="absent")), {"city": "Oslo"}, []),
        (one(CITY, ArgRule(path="/nights", matcher="absent")), {"city": "Oslo", "nights": 7}, [("arg", "/nights")]),
        (one(ArgRule(value={"city": "Oslo", "nights": 2}, path="")), {"city": "Oslo", "nights": 2}, []),
        (one(ArgRule(value={"city": "Oslo", "nights": 2}, path="")), {"city": "Oslo"}, [("arg", "")]),
    ],
)
def test_arguments_are_held_against_the_rules(of: Case, arguments: Json, amiss: list[tuple[str, str]]) -> None:
    given = score(of, ("book_hotel", arguments))
    assert [(mismatch.kind, mismatch.path) for mismatch in given.mismatches] == amiss
    assert given.correct == (not amiss)
    assert all(mismatch.why and mismatch.payload == 0 for mismatch in given.mismatches)


KIND = ArgRule(path="/room/kind", value="single")


@pytest.mark.parametrize(
    ("of", "arguments", "amiss"),
    [
        # spelled out, though no rule names it
        (one(CITY), {"city": "Oslo", "nights": 1}, []),
        (one(CITY), {"city": "Oslo", "nights": 1.0}, []),
        (one(CITY), {"city": "Oslo", "room": {"kind": "single"}}, []),
        (one(CITY), {"city": "Oslo", "room": {"kind": "double"}}, ["/room"]),
        (one(CITY, KIND), {"city": "Oslo", "room": {"kind": "single", "quiet": False}}, []),
        (one(CITY, KIND), {"city": "Oslo", "room": {"kind": "single", "quiet": True}}, ["/room/quiet"]),
        # left out, though a rule wants just that value
        (one(CITY, replace(NIGHTS, value=1)), {"city": "Oslo"}, []),
        (one(CITY, ArgRule(path="/nights", matcher="number", value=1, options={"abs": 1})), {"city": "Oslo"}, []),
        (one(CITY, KIND), {"city": "Oslo"}, []),
        (one(CITY, KIND), {"city": "Oslo", "room": {}}, ["/room/kind"]),
        (one(CITY, replace(KIND, value="double")), {"city": "Oslo"}, ["/room/kind"]),
        # but `present` wants it given
        (one(CITY, ArgRule(path="/nights", matcher="present")), {"city": "Oslo"}, ["/nights"]),
        (one(CITY, ArgRule(path="/nights", matcher="present")), {"city": "Oslo", "nights": 1}, []),
    ],
)
def test_an_argument_left_out_and_its_default_spelled_out_are_the_same_call(
    of: Case, arguments: Json, amiss: list[str]
) -> None:
    assert [mismatch.path for mismatch in score(of, ("book_hotel", arguments)).mismatches] == amiss


ROOM = ArgRule(path="/room", matcher="present", optional=True)
EXTRAS = (
    ArgRule(path="/extras", matcher="length", value=2),
    ArgRule(path="/extras/0", matcher="text", value="Wifi"),
    ArgRule(path="/extras/1", value="pool"),
)


@pytest.mark.parametrize(
    ("of", "arguments", "amiss"),
    [
        (one(CITY, ROOM, KIND), {"city": "Oslo"}, []),
        (one(CITY, ROOM, KIND), {"city": "Oslo", "room": {"kind": "single"}}, []),
        (one(CITY, ROOM, KIND), {"city": "Oslo", "room": {"kind": "suite"}}, ["/room/kind"]),
        (one(CITY, ROOM, KIND), {"city": "Oslo", "room": {"kind": "single", "sea": 1}}, ["/room/sea"]),
        (one(CITY, replace(ROOM, optional=False), KIND), {"city": "Oslo"}, ["/room"]),
        (one(CITY, *EXTRAS), {"city": "Oslo", "extras": ["wi-fi", "pool"]}, []),
        (one(CITY, *EXTRAS), {"city": "Oslo", "extras": ["wi-fi", "pool", "bar"]}, ["/extras"]),
        (one(CITY, *EXTRAS), {"city": "Oslo", "extras": ["wi-fi"]}, ["/extras", "/extras/1"]),
        (one(CITY, *EXTRAS), {"city": "Oslo"}, ["/extras"]),
        (
            one(CITY, ArgRule(path="/room", value={"kind": "single"})),
            {"city": "Oslo", "room": {"kind": "x"}},
            ["/room/kind"],
        ),
        (
            one(CITY, ArgRule(path="/room", value={"kind": "single", "quiet": True})),
            {"city": "Oslo", "room": {"kind": "x", "quiet": False}},
            ["/room"],  # two places
        ),
        (
            one(CITY, ArgRule(path="/room", value={"kind": "single", "beds": [{"w": 1}, {"w": 2, "x/y": [0]}]})),
            {"city": "Oslo", "room": {"kind": "single", "beds": [{"w": 1}, {"w": 2, "x/y": [True]}]}},
            ["/room/beds/1/x~1y/0"],
        ),
        # a rule that speaks for the whole leaves nothing unnamed in it
        (
            one(CITY, ArgRule(path="/room", matcher="ignore"), KIND),
            {"city": "Oslo", "room": {"kind": "single", "a": 1}},
            [],
        ),
    ],
)
def test_rules_reach_into_arguments(of: Case, arguments: Json, amiss: list[str]) -> None:
    assert [mismatch.path for mismatch in score(of, ("book_hotel", arguments)).mismatches] == amiss


@pytest.mark.parametrize("matcher", ["exact", "one_of"])
def test_strings_are_compared_as_the_judging_says_unless_the_rule_does(matcher: str) -> None:
    wanted: Json = "Oslo, Norway" if matcher == "exact" else ["Oslo, Norway"]
    rule = ArgRule(path="/city", matcher=matcher, value=wanted)
    strict = replace(rule, options={"strings": "exact"})
    loose = judge(SUITE, Judging(strings="bfcl"))
    made = answer(("book_hotel", '{"city": "oslo norway"}'))
    assert loose(one(rule), made).correct
    assert not loose(one(strict), made).correct
    assert not SCORE(one(rule), made).correct


# --------------------------------------------------------------------------- which call is which


def city(name: str, tool: str = "get_weather", day: str | None = None) -> ExpectedCall:
    rules = [ArgRule(path="/city", value=name)]
    return ExpectedCall(tool=tool, args=tuple(rules + ([ArgRule(path="/day", value=day)] if day else [])))


def ask(name: str, day: str | None = None) -> tuple[str, Json]:
    return ("get_weather", {"city": name, **({"day": day} if day else {})})


def test_the_pairing_is_optimal_where_taking_the_first_fit_is_not() -> None:
    either = ArgRule(path="/city", matcher="one_of", value=["Oslo", "Rome"])
    wanted = calls(ExpectedCall(tool="get_weather", args=(either,)), city("Oslo"))
    assert score(case(wanted), ask("Oslo"), ask("Rome")).correct
    assert score(case(wanted), ask("Rome"), ask("Oslo")).correct


def test_order_counts_where_the_case_says_so() -> None:
    ordered = case(calls(city("Oslo"), city("Rome"), ordered=True))
    assert score(ordered, ask("Oslo"), ask("Rome")).correct
    given = score(ordered, ask("Rome"), ask("Oslo"))
    assert kinds(given) == ["order"]
    assert given.correct is False


def test_calls_in_between_are_no_disorder() -> None:
    ordered = case(calls(city("Oslo"), city("Rome"), ordered=True, extra_calls=True))
    assert score(ordered, ask("Rome"), ask("Oslo"), ask("Bonn"), ask("Rome")).correct
    assert kinds(score(ordered, ask("Rome"), ask("Oslo"))) == ["order"]


def test_extra_calls_are_welcome_where_the_case_says_so_but_must_be_compliant() -> None:
    welcome = case(calls(SKIES, extra_calls=True))
    assert score(welcome, BOOKED, ASKED).correct
    given = score(welcome, ("book_hotel", "{}"), ASKED)
    assert (given.mismatches, given.correct) == ((), False)


def test_the_nearest_alternative_is_the_one_that_is_reported() -> None:
    of = case(NOTHING, calls(city("Rome", day="Monday")), calls(city("Oslo", day="Monday")), calls(OSLO, SKIES))
    given = score(of, ask("Oslo"))
    assert [(mismatch.kind, mismatch.path) for mismatch in given.mismatches] == [("missing_arg", "/day")]
    assert given.calls == Counts(matched=1, expected=1, actual=1)
    assert given.arguments == Counts(matched=1, expected=2, actual=1)


def test_a_call_with_wrong_arguments_is_nearer_to_a_call_than_to_none() -> None:
    given = score(case(NOTHING, calls(city("Rome", day="Monday"))), ask("Oslo", "Friday"))
    assert [mismatch.path for mismatch in given.mismatches] == ["/city", "/day"]


@pytest.mark.parametrize(
    ("of", "made", "by_call", "by_argument"),
    [
        (calls(OSLO), [BOOKED], (1, 1, 1), (2, 2, 2)),
        (calls(OSLO), [], (0, 1, 0), (0, 2, 0)),
        (calls(OSLO), [ASKED], (0, 1, 1), (0, 2, 1)),
        (calls(OSLO), [("book_hotel", "{")], (1, 1, 1), (0, 2, 0)),
        (calls(OSLO), [("book_hotel", '{"city": "Oslo", "nights": 3, "room": {}}')], (1, 1, 1), (1, 2, 3)),
        (calls(OSLO, SKIES), [ASKED], (1, 2, 1), (1, 3, 1)),
        (calls(SKIES, extra_calls=True), [ASKED, BOOKED], (1, 1, 1), (1, 1, 1)),
        (NOTHING, [ASKED], (0, 0, 1), (0, 0, 1)),
        (NOTHING, [], (0, 0, 0), (0, 0, 0)),
    ],
)
def test_calls_and_arguments_are_counted(
    of: Expectation, made: list[tuple[str, str]], by_call: tuple[int, ...], by_argument: tuple[int, ...]
) -> None:
    given = score(case(of), *made)
    assert tuple(getattr(given.calls, field.name) for field in fields(Counts)) == by_call
    assert tuple(getattr(given.arguments, field.name) for field in fields(Counts)) == by_argument


names = st.sampled_from(["Oslo", "Rome", "Bonn"])
days = st.none() | st.sampled_from(["Monday", "Friday"])
wanted_calls = st.lists(st.tuples(names, days), max_size=4)


def distance(wanted: tuple[str, str | None], made: tuple[str, str | None]) -> int:
    """Mismatches between two calls, counted by hand."""
    return (wanted[0] != made[0]) + (wanted[1] != made[1])


def every_pairing(wanted: int, made: int, *, in_order: bool) -> Iterable[Sequence[tuple[int, int]]]:
    size = min(wanted, made)
    for rows in combinations(range(wanted), size):
        for columns in permutations(range(made), size):
            if not in_order or list(columns) == sorted(columns):
                yield list(zip(rows, columns, strict=True))


@given(wanted_calls, wanted_calls, st.booleans(), st.booleans())
def test_no_pairing_of_all_has_fewer_mismatches(
    wanted: list[tuple[str, str | None]], made: list[tuple[str, str | None]], ordered: bool, extra: bool
) -> None:
    accept = calls(*(city(name, day=day) for name, day in wanted), ordered=ordered, extra_calls=extra)
    given = score(case(accept), *(ask(name, day) for name, day in made))
    free = [
        sum(distance(wanted[row], made[column]) for row, column in pairs)
        + len(wanted) - len(pairs)
        + (0 if extra else len(made) - len(pairs))
        for pairs in every_pairing(len(wanted), len(made), in_order=False)
    ]  # fmt: skip
    in_order = [
        sum(distance(wanted[row], made[column]) for row, column in pairs)
        for pairs in every_pairing(len(wanted), len(made), in_order=True)
    ]
    fits = min(free) == 0 and (not ordered or min(in_order) == 0)
    assert given.correct == fits
    assert (not given.mismatches) == fits
    if not ordered:
        assert len(given.mismatches) == min(free)


# --------------------------------------------------------------------------- oracles and planted faults

LIKELY = [
    (name, expected, options)
    for name in plugins.names("matchers")
    for expected, options, _, _ in plugins.matcher(name).EXAMPLES
    if list(plugins.matcher(name).values(expected, options))
]
rules = st.lists(st.sampled_from(LIKELY), max_size=4).map(
    lambda drawn: tuple(
        ArgRule(path=f"/a{position}", matcher=name, value=expected, options=options)
        for position, (name, expected, options) in enumerate(drawn)
    )
)
expectations = st.lists(
    st.builds(ExpectedCall, tool=st.just("loose"), args=rules), min_size=1, max_size=3
).map(lambda drawn: Expectation(calls=tuple(drawn)))  # fmt: skip


def oracle(expectation: Expectation) -> list[tuple[str, Json]]:
    return [
        (
            call.tool,
            {
                rule.path[1:]: next(iter(plugins.matcher(rule.matcher).values(rule.value, rule.options)))
                for rule in call.args
            },
        )
        for call in expectation.calls
    ]


@given(st.lists(expectations, min_size=1, max_size=3), st.data())
def test_what_the_matchers_say_matches_is_all_right(accept: list[Expectation], data: st.DataObject) -> None:
    made = data.draw(st.permutations(oracle(data.draw(st.sampled_from(accept)))))
    for spelled in (made, [(tool, json.dumps(arguments)) for tool, arguments in made]):
        given = score(case(*accept), *spelled)
        assert rungs(given) == "+++++."
        assert given.mismatches == ()
        assert set(codes(given)) <= {"call.duplicate"}
        assert given.arguments.matched == given.arguments.expected == given.arguments.actual


Calls = list[tuple[str, Json]]
FAULTS: dict[str, tuple[Callable[[Calls], Calls], str | None]] = {
    "called": (lambda made: [], "call.missing"),
    "tool": (lambda made: [("no_such_tool", made[0][1]), *made[1:]], "tool.unknown"),
    "parsed": (lambda made: [("loose", json.dumps(made[0][1])[:-1]), *made[1:]], "json.syntax"),
    "valid": (lambda made: [("loose", json.dumps(json.dumps(made[0][1]))), *made[1:]], "schema.double_encoded"),
    "correct": (lambda made: [*made[:-1], ("loose", {**made[-1][1], "not wanted": 1})], None),
}


@pytest.mark.parametrize("rung", RUNGS)
@given(expectation=expectations)
def test_a_planted_fault_is_seen_on_its_rung(rung: str, expectation: Expectation) -> None:
    plant, code = FAULTS[rung]
    given = score(case(expectation), *plant(oracle(expectation)))
    assert given.failed_at == rung
    assert code is None or code in codes(given)
    assert given.mismatches


@pytest.mark.parametrize("code", ["envelope.missing_id", "envelope.missing_index", "envelope.same_index"])
def test_what_the_wire_lacks_of_a_call_is_counted_and_makes_no_call_wrong(code: str) -> None:
    lacking = Violation(payload=0, code=code, message="the wire lacked it")
    tool, text = BOOKED
    made = Payload(index=0, tool=tool, text=text, value=json.loads(text))
    given = judge(SUITE, Judging())(CASES["call"], Answer(payloads=(made,), violations=(lacking,)))
    assert rungs(given) == "+++++."
    assert codes(given) == [code]
