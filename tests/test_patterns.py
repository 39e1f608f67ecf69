from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalkit.data import ArgRule, Expectation, ExpectedCall, Json
from evalkit.errors import InputError
from evalkit.patterns import MAX_ALTERNATIVES, Compiled, arrange, compile_expect, spell, spell_all
from evalkit.values import ABSENT, at
from tests import strategies


def rules(pattern: Json) -> tuple[ArgRule, ...]:
    """The rules for one argument `a` that may have no alternatives."""
    (expectation,) = compile_expect({"call": "f", "args": {"a": pattern}}).accept
    return expectation.calls[0].args


def compiled(expect: Json) -> Compiled:
    try:
        return compile_expect(expect)
    except InputError as error:
        assume(
            not all("multiply" in problem.what or "cannot be $optional" in problem.what for problem in error.problems)
        )
        raise


# --------------------------------------------------------------------------- there and back


@given(strategies.expects)
def test_what_was_compiled_is_spelled_and_compiled_to_the_same(expect: Json) -> None:
    accept = compiled(expect).accept
    assert repr(compile_expect(spell_all(accept)).accept) == repr(accept)  # repr tells 1 from 1.0 and from True
    for expectation in accept:
        assert repr(compile_expect(spell(expectation)).accept) == repr((expectation,))


@given(strategies.expects)
def test_every_rule_knows_where_it_was_written(expect: Json) -> None:
    found = compiled(expect)
    for e, expectation in enumerate(found.accept):
        for c, call in enumerate(expectation.calls):
            form: Any = at(expect, found.origins[e, c])
            assert form["call"] == call.tool
            for r, rule in enumerate(call.args):
                written: Any = at(expect, found.origins[e, c, r])
                assert written is not ABSENT
                if rule.matcher not in ("exact", "present", "length") and not rule.optional:
                    assert f"${rule.matcher}" in written


@given(st.dictionaries(strategies.names, strategies.values, min_size=1))
def test_plain_arguments_are_meant_exactly(arguments: dict[str, Json]) -> None:
    written = {name: strategies.quoted(value) for name, value in arguments.items()}
    (expectation,) = compile_expect({"call": "f", "args": written}).accept
    assert all(rule.matcher == "exact" and not rule.optional for rule in expectation.calls[0].args)
    assert repr(arrange(expectation.calls[0].args, lambda rule: rule.value)) == repr(arguments)


def _leafy(value: Json) -> Json:
    """`value` with a matcher at every leaf."""
    if isinstance(value, dict) and value:
        return {key: _leafy(item) for key, item in value.items()}
    return [_leafy(item) for item in value] if isinstance(value, list) and value else {"$text": value}


@given(st.dictionaries(st.text("abc/~", min_size=1), strategies.containers(strategies.texts), min_size=1))
def test_rules_below_each_other_arrange_to_the_value_they_were_written_in(arguments: dict[str, Any]) -> None:
    assume("$" not in str(arguments))
    (expectation,) = compile_expect({"call": "f", "args": {k: _leafy(v) for k, v in arguments.items()}}).accept
    assert repr(arrange(expectation.calls[0].args, lambda rule: rule.value)) == repr(arguments)


# --------------------------------------------------------------------------- the forms of expect


def test_the_forms_of_expect() -> None:
    find = ExpectedCall(tool="find", args=(ArgRule(path="/q", value="x"),))
    book = ExpectedCall(tool="book", closed=False)
    written = {"call": "find", "args": {"q": "x"}}, {"call": "book", "closed": False}
    assert compile_expect("any_call").accept == ()
    assert compile_expect("none").accept == (Expectation(),)
    assert compile_expect(written[0]).accept == (Expectation(calls=(find,)),)
    assert compile_expect({"calls": [*written], "ordered": True}).accept == (
        Expectation(calls=(find, book), ordered=True),
    )
    both = {"any_of": ["none", {"calls": [written[1]], "extra_calls": True}]}
    assert compile_expect(both).accept == (Expectation(), Expectation(calls=(book,), extra_calls=True))


# --------------------------------------------------------------------------- the forms of an argument


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (5, [ArgRule(path="/a", value=5)]),
        (None, [ArgRule(path="/a")]),
        ([], [ArgRule(path="/a", value=[])]),
        ({"$one_of": [1, 2]}, [ArgRule(path="/a", matcher="one_of", value=[1, 2])]),
        ({"$number": 3, "rel": 0.1}, [ArgRule(path="/a", matcher="number", value=3, options={"rel": 0.1})]),
        ({"$optional": 5}, [ArgRule(path="/a", value=5, optional=True)]),
        ({"$optional": {"$text": "x"}}, [ArgRule(path="/a", matcher="text", value="x", optional=True)]),
        ({"b": 1, "c": [2]}, [ArgRule(path="/a", value={"b": 1, "c": [2]})]),
        (
            {"b": {"$text": "x"}, "c": [2]},
            [ArgRule(path="/a/b", matcher="text", value="x"), ArgRule(path="/a/c", value=[2])],
        ),
        (
            [1, {"b": {"$optional": 2}}],
            [
                ArgRule(path="/a", matcher="length", value=2),
                ArgRule(path="/a/0", value=1),
                ArgRule(path="/a/1/b", value=2, optional=True),
            ],
        ),
        (
            {"$optional": {"b": {"$text": "x"}}},
            [
                ArgRule(path="/a", matcher="present", value=True, optional=True),
                ArgRule(path="/a/b", matcher="text", value="x"),
            ],
        ),
        (
            {"$optional": [{"$text": "x"}]},
            [
                ArgRule(path="/a", matcher="length", value=1, optional=True),
                ArgRule(path="/a/0", matcher="text", value="x"),
            ],
        ),
        ({"$exact": {"$gt": 5}}, [ArgRule(path="/a", value={"$gt": 5})]),
        ({"b": {"$exact": {"$gt": 5}}}, [ArgRule(path="/a", value={"b": {"$gt": 5}})]),
        ({"$one_of": [{"$exact": {"$gt": 5}}, 3]}, [ArgRule(path="/a", matcher="one_of", value=[{"$gt": 5}, 3])]),
    ],
)
def test_what_is_written_for_an_argument_becomes_rules(pattern: Json, expected: list[ArgRule]) -> None:
    assert list(rules(pattern)) == expected


def test_the_names_of_arguments_are_never_matchers() -> None:
    (expectation,) = compile_expect({"call": "f", "args": {"$top": 5, "$filter": {"$text": "x"}}}).accept
    assert [(rule.path, rule.matcher) for rule in expectation.calls[0].args] == [
        ("/$top", "exact"),
        ("/$filter", "text"),
    ]


def test_one_of_with_patterns_becomes_alternative_expectations() -> None:
    args: dict[str, Json] = {
        "a": {"$one_of": [{"$text": "x"}, {"b": {"$number": 1}}]},
        "c": {"$one_of": [7, {"$ignore": True}]},
    }
    accept = compile_expect({"call": "f", "args": args}).accept
    assert [[(rule.path, rule.matcher) for rule in expectation.calls[0].args] for expectation in accept] == [
        [("/a", "text"), ("/c", "exact")],
        [("/a", "text"), ("/c", "ignore")],
        [("/a/b", "number"), ("/c", "exact")],
        [("/a/b", "number"), ("/c", "ignore")],
    ]


def test_an_alternative_of_plain_values_is_meant_exactly_as_a_whole() -> None:
    accept = compile_expect({"call": "f", "args": {"a": {"b": [1, {"$one_of": [2, {"$text": "x"}]}]}}}).accept
    assert [[(rule.path, rule.matcher, rule.value) for rule in each.calls[0].args] for each in accept] == [
        [("/a", "exact", {"b": [1, 2]})],
        [("/a/b", "length", 2), ("/a/b/0", "exact", 1), ("/a/b/1", "text", "x")],
    ]


_LITERAL = "to mean an object that has such keys, write {$exact: {...}}"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ({"$gt": 1, "$lt": 2}, f"/args/a: two matchers in one object: $gt and $lt; {_LITERAL}"),
        (
            {"$unordered": [{"$text": "x"}]},
            f"/args/a/$unordered: $unordered takes plain values, not patterns; {_LITERAL}",
        ),
        ({"$optional": 1, "default": 2}, "/args/a: $optional takes no options, but has default"),
        (
            {"$one_of": [{"$text": "x"}], "strings": "bfcl"},
            "/args/a: $one_of with patterns takes no options, but has strings",
        ),
        (
            [1, {"$optional": 2}],
            "/args/a/1: an item of a list cannot be $optional; offer the lists with and without it in $one_of",
        ),
        (
            [{"$one_of": [{"$text": str(n)} for n in range(9)]}] * 2,
            "/args/a: the alternatives multiply to 81; the limit is 64; split the case, or give $one_of plain values",
        ),
    ],
)
def test_patterns_that_mean_nothing_are_refused(pattern: Json, message: str) -> None:
    with pytest.raises(InputError) as error:
        compile_expect({"call": "f", "args": {"a": pattern}})
    assert str(error.value) == message


def test_all_problems_are_told_at_once() -> None:
    bad = {"$a": 1, "$b": 2}
    with pytest.raises(InputError) as error:
        compile_expect(
            {"any_of": [{"call": "f", "args": {"x": bad}}, {"calls": [{"call": "g", "args": {"y": [bad]}}]}]}
        )
    assert [problem.path for problem in error.value.problems] == ["/any_of/0/args/x", "/any_of/1/calls/0/args/y/0"]


def test_alternatives_are_bounded_over_the_whole_case() -> None:
    eight = {"$one_of": [{"$text": str(n)} for n in range(8)]}
    call = {"call": "f", "args": {"x": eight, "y": eight}}
    assert len(compile_expect(call).accept) == MAX_ALTERNATIVES
    with pytest.raises(InputError, match="the alternatives multiply to 65; the limit is 64"):
        compile_expect({"any_of": [call, "none"]})
