from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import fields, replace

from evalkit import suite as suites
from evalkit import values
from evalkit.data import ArgRule, Case, Expectation, ExpectedCall, Json, Suite, ToolSpec
from evalkit.errors import InputError, Place, Problem
from evalkit.patterns import compile_expect


def spec(name: str, **properties: Json) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return ToolSpec(name=name, description=f"{name}s.", schema=schema, source=f"tools.json#/{name}")


FIND = spec("find", city={"type": "string"}, day={"type": "string", "format": "date"})
BOOK = spec("book", id={"type": "integer"})
SPECS = {"find": FIND, "book": BOOK}


def case(id: str = "one", expect: Json = "none", **changes: Any) -> Case:
    made = Case(
        id=id,
        messages=({"role": "user", "content": f"Do {id}."},),
        tools=("find", "book"),
        accept=compile_expect(expect).accept,
        source="s.jsonl:2",
    )
    return replace(made, **changes)


def draft(*cases: Case, specs: dict[str, ToolSpec] | None = None) -> Suite:
    return Suite(name="s", specs=SPECS if specs is None else specs, cases=cases)


def refusal(*cases: Case, specs: dict[str, ToolSpec] | None = None) -> list[str]:
    with pytest.raises(InputError) as error:
        suites.build(draft(*cases, specs=specs))
    return str(error.value).split("\n")


def find(**args: Json) -> Json:
    return {"call": "find", "args": args}


# --------------------------------------------------------------------------- build


def test_a_suite_that_can_be_judged_gets_its_digest() -> None:
    asked = draft(case("one", find(city="Oslo")), case("two"), case("three", "any_call"))
    built = suites.build(asked)
    assert built == replace(asked, digest=suites.digest(asked)) and len(built.digest) == 16


def test_a_suite_without_cases_is_refused() -> None:
    with pytest.raises(InputError) as error:
        suites.build(draft(), place=Place(file="s.yaml", line=1, column=1))
    assert str(error.value) == (
        "s.yaml:1:1: the suite 's' has no cases; write at least one under cases, "
        "or on the lines below the first of a .jsonl"
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (case(tools=("fnd",)), "no tool is called 'fnd'; did you mean 'find'?"),
        (case(tools=()), "the case offers no tools"),
        (case(forbid=("bok",)), "no tool is called 'bok'; did you mean 'book'?"),
        (case(expect={"call": "fnd"}), "no tool is called 'fnd'; did you mean 'find'?"),
        (
            case(expect={"call": "book"}, tools=("find",)),
            "'book' is expected but not offered; add it to offer, or expect another",
        ),
        (
            case(expect={"call": "book"}, forbid=("book",)),
            "'book' is expected and forbidden; drop it from one of them",
        ),
        (case(expect=find(city={"$txt": "Oslo"})), "no matcher is called 'txt'; did you mean 'text'?"),
        (case(expect=find(city={"$number": "x"})), '$number: wants a number, not "x"'),
        (case(expect=find(city={"$text": "x", "csae": 1})), "$text: there is no option 'csae'"),
        (case(expect=find(ctiy="Oslo")), "find has no argument 'ctiy'; did you mean 'city'?"),
        (case(expect=find(ctiy={"$regex": "O"})), "find has no argument 'ctiy'; did you mean 'city'?"),
        (case(expect=find(city=5)), "what find is expected to get breaks its schema: /city: "),
        (
            case(expect=find(day={"$date": "1 March 2026"})),
            "what find is expected to get breaks its schema: /day: ",
        ),
    ],
)
def test_a_case_that_cannot_be_judged_is_refused(wrong: Case, told: str) -> None:
    (line,) = refusal(case("fine"), wrong)
    assert line.startswith(f"s.jsonl:2: one: {told}")


def test_two_cases_of_one_id_are_refused() -> None:
    assert refusal(case(), case()) == ["s.jsonl:2: one: the id 'one' stands twice; the first is at s.jsonl:2"]


def test_two_tools_of_one_name_cannot_be_offered_together() -> None:
    specs = {**SPECS, "find~2": FIND}
    assert refusal(case(tools=("find", "find~2")), specs=specs) == [
        "s.jsonl:2: one: two tools called 'find' are offered: 'find' and 'find~2'; "
        "name the tools to offer under offer:, one of each name"
    ]
    suites.build(draft(case(tools=("find~2", "book"), expect=find(city="Oslo")), specs=specs))


def test_a_schema_that_is_unsound_is_refused_and_nothing_is_held_against_it() -> None:
    broken = replace(FIND, schema={"type": "object", "properties": {"city": {"type": "strnig"}}})
    lines = refusal(case(expect=find(city=5)), specs={"find": broken, "book": BOOK})
    assert len(lines) == 1 and lines[0].startswith("tools.json: /find/properties/city/type: ")


def test_everything_is_told_at_once_and_once_only() -> None:
    alternatives = find(city={"$one_of": [{"$text": "a"}, {"$text": "b"}]}, day={"$dat": 1})
    lines = refusal(case("one", alternatives), case("two", {"call": "nope"}), case("two", tools=("x",)))
    assert [line.split(": ")[2].split(";")[0] for line in lines] == [
        "no matcher is called 'dat'",
        "no tool is called 'nope'",
        "no tool is called 'x'",
        "the id 'two' stands twice",
    ]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (find(ctiy=5, day="soon"), ["find has no argument 'ctiy'", "/city: ", "/day: "]),
        (find(ctiy="Oslo", city=5), ["find has no argument 'ctiy'", "/city: "]),
        (find(zzz=5, day="soon"), ["find has no argument 'zzz'", "/day: "]),
        (find(city={"$txt": "Oslo"}, day="soon"), ["no matcher is called 'txt'", "/day: "]),
        ({"calls": [{"call": "nope"}, find(city=5)]}, ["no tool is called 'nope'", "/city: "]),
    ],
)
def test_no_problem_of_a_call_hides_another(call: Json, told: list[str]) -> None:
    lines = refusal(case(expect=call))
    assert len(lines) == len(told) and all(what in line for what, line in zip(told, lines, strict=True)), lines


def test_an_argument_that_is_required_and_misspelt_is_told_once() -> None:
    needy = replace(FIND, schema={**FIND.schema, "required": ["city"]})
    (line,) = refusal(case(expect=find(ctiy="Oslo")), specs={**SPECS, "find": needy})
    assert "find has no argument 'ctiy'; did you mean 'city'?" in line


def test_the_first_case_of_an_id_is_told_with_its_column_where_the_file_has_columns() -> None:
    def at(line: int) -> tuple[Case, suites.Locate]:
        return case(), lambda part: (Place(file="s.yaml", line=line, column=9), "/id")

    with pytest.raises(InputError) as error:
        suites.build(draft(), [at(4), at(8)])
    assert str(error.value) == "s.yaml:8:9: /id: the id 'one' stands twice; the first is at s.yaml:4:9"


def test_problems_stand_where_the_file_says() -> None:
    parts = []

    def locate(part: suites.Part) -> tuple[Place, str]:
        parts.append(part)
        return Place(file="s.yaml", line=7, column=3), "/cases/0/expect/args/city"

    with pytest.raises(InputError) as error:
        suites.build(draft(), [(case(expect={"calls": [{"call": "book"}, find(day="2026-01-01", city=5)]}), locate)])
    assert str(error.value).startswith("s.yaml:7:3: /cases/0/expect/args/city: what find is expected to get")
    assert parts[-1] == ("expect", 0, 1, 1)


def test_what_is_wrong_beside_the_cases_is_told_with_them_and_excuses_their_absence() -> None:
    odd = Problem(what="odd")
    with pytest.raises(InputError) as error:
        suites.build(draft(case(tools=())), beside=[odd])
    assert str(error.value) == "odd\ns.jsonl:2: one: the case offers no tools"
    with pytest.raises(InputError) as error:
        suites.build(draft(), beside=[odd])
    assert error.value.problems == (odd,)


def test_gold_of_others_that_breaks_its_schema_is_kept_and_marked() -> None:
    wrong = case(expect=find(city=5))
    marked = suites.build(draft(wrong), mark_flaws=True)
    (flaw,) = marked.cases[0].flaws
    assert flaw.startswith("what find is expected to get breaks its schema: /city: ")
    assert suites.build(marked) == marked  # what is marked stays, and is not marked again
    assert suites.build(marked, mark_flaws=True) == marked
    with pytest.raises(InputError):  # a flaw excuses no more than that
        suites.build(draft(replace(marked.cases[0], tools=("book",))))


# --------------------------------------------------------------------------- digest


def variations(noun: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(field, copy of `noun` in which it differs) for every field of it and of the nouns in it."""
    for field in fields(noun):
        value = getattr(noun, field.name)
        where = f"{path}{type(noun).__name__}.{field.name}"
        if isinstance(value, tuple) and value and isinstance(value[0], Struct):
            yield from (
                (inner, replace(noun, **{field.name: (changed, *value[1:])})) for inner, changed in variations(value[0])
            )
        elif isinstance(value, dict) and any(isinstance(each, Struct) for each in value.values()):
            key, first = next(iter(value.items()))
            yield from ((inner, replace(noun, **{field.name: {**value, key: new}})) for inner, new in variations(first))
            yield where, replace(noun, **{field.name: {"other": first}})
        else:
            yield where, replace(noun, **{field.name: other(value)})


def other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case str():
            return value + "x"
        case tuple():
            return (*value, "x")
        case dict():
            return {**value, "x": 1}
        case _:
            return [value]


def test_the_digest_changes_with_whatever_is_asked_or_judged_and_with_nothing_else() -> None:
    rule = ArgRule(path="/city", matcher="text", value="Oslo", options={"a": 1})
    call = ExpectedCall(tool="find", args=(rule,))
    whole = draft(case(accept=(Expectation(calls=(call,)),), tags=("t",), flaws=("f",)))
    digest = suites.digest(whole)
    same = {field for field, varied in variations(whole) if suites.digest(varied) == digest}
    assert same == {
        "Suite.name",
        "Suite.digest",
        "Suite.part",
        "Case.tags",
        "Case.source",
        "Case.flaws",
        "ToolSpec.source",
    }
    assert suites.digest(draft(case("a"), case("b"))) == suites.digest(draft(case("b"), case("a")))


def test_the_digest_is_that_of_the_whole_as_one_value() -> None:
    specs = {key: [spec.name, spec.description, spec.schema] for key, spec in SPECS.items()}
    offered: Json = ["find", "book"]
    wanted = [[False, False, [["find", True, [["/city", "exact", "Oslo", {}, False]]]]]]
    cases = {
        "ö": [[{"role": "user", "content": "Do ö."}], offered, [], wanted],
        "Z": [[{"role": "user", "content": "Do Z."}], offered, [], [[False, False, []]]],
    }
    assert suites.digest(draft(case("ö", find(city="Oslo")), case("Z"))) == values.digest(["assert", specs, cases])


# --------------------------------------------------------------------------- lint


def notes(*cases: Case, specs: dict[str, ToolSpec] | None = None) -> list[str]:
    return [str(problem) for problem in suites.lint(suites.build(draft(*cases, specs=specs)))]


BOOKED = {"call": "book", "args": {"id": 1}}


def test_a_suite_in_order_gives_no_notes() -> None:
    assert notes(case("one", find(city="Oslo")), case("two", BOOKED), case("three")) == []


def test_lint_notes_what_is_worth_a_look() -> None:
    open_ = replace(FIND, schema={"properties": {"city": {"type": "string"}}})
    told = notes(
        case("one", find(ctiy="Oslo"), flaws=("odd",)),
        case("two", messages=({"role": "system", "content": "x"},)),
        case("three", messages=case("one").messages),
        specs={"find": open_, "book": BOOK},
    )
    assert told == [
        "s.jsonl:2: one: flawed gold: odd",
        "s.jsonl:2: two: nobody asks anything: there is no message of a user",
        "s.jsonl:2: three: asks what 'one' asks and wants something else; drop one of them, or word it anew",
        "s.jsonl:2: one: find declares no argument 'ctiy', though it allows any; did you mean 'city'?",
        "s: never expected and never forbidden: book",
    ]


def test_no_tool_is_idle_where_any_call_will_do() -> None:
    assert notes(case("one", "any_call")) == []
