"""What makes two runs unlike is told in words; what does not matter is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from evalkit import compare
from evalkit.data import Flight, Json, Judging, Run
from evalkit.pairing import likeness
from tests.outcomes import NEW, OLD, case, run


def two_runs() -> tuple[Run, Run]:
    cases = [case(i) for i in range(3)]
    return run(cases, {"old": ["p"] * 3}), run(cases, {"new": ["p"] * 3}, id="other")


def differs(first: Run, second: Run) -> Sequence[str]:
    return compare.compare(first, first.info.targets[0].identity, second, second.info.targets[0].identity).differs


def test_like_runs_differ_in_nothing() -> None:
    assert differs(*two_runs()) == ()


def test_each_unlikeness_is_told_in_words() -> None:
    first, second = two_runs()
    forced = replace(second, records=tuple(replace(record, target="new@forced") for record in second.records))
    other, same = (
        replace(forced, info=replace(second.info, targets=(replace(OLD, name="new", model=model, arm="forced"),)))
        for model in ("another", OLD.model)
    )
    assert differs(first, other) == ("the arm: native against forced",)
    assert differs(first, same) == ()

    warm = replace(second, info=replace(second.info, targets=(replace(OLD, name="new", params={"temperature": 0.7}),)))
    assert differs(first, warm) == ("the parameter temperature: not set against 0.7",)

    judged = replace(second, info=replace(second.info, judging=Judging(strings="bfcl")))
    assert differs(first, judged) == ("how strings are compared: exact against bfcl",)

    newer = replace(second, info=replace(second.info, versions={"evalkit": "1", "jsonschema": "5", "litellm": "2"}))
    assert differs(first, newer)[0].startswith("the version of jsonschema that judged: 4 against 5")
    assert len(differs(first, newer)) == 1

    changed = (replace(second.suite.cases[0], tags=("new",)), *second.suite.cases[1:], case(9))
    suite = replace(second.suite, cases=changed, digest="fedcba9876543210")
    assert differs(first, replace(second, suite=suite)) == (
        "the suite: made 0123456789abcdef against made fedcba9876543210 "
        "(1 case only in the candidate's, 1 case changed)",
    )


# --------------------------------------------------------------------------- times

FREE = {"concurrency": 16}


def flight(target: str, *widths: int) -> Flight:
    return Flight(target=target, started="", widths=tuple((0.0, width) for width in widths), refusals=0)


def times_differ(was: Json, now: Json, *flights: Flight, stream: bool = False) -> str:
    """`was` and `now`: the guards of two runs, both of which had these flights."""
    first, second = two_runs()
    before, after = (
        replace(each.info, guards=guards, flights=flights) for each, guards in ((first, was), (second, now))
    )
    return likeness.times_differ((before, OLD), (after, replace(NEW, stream=stream)))


def test_times_compare_under_one_fixed_load_and_one_way_of_answering() -> None:
    fixed = {likeness.EACH: 8, **FREE}
    assert times_differ(fixed, fixed) == ""
    assert times_differ(fixed, fixed, stream=True) == "one side was streamed and the other was not"
    less = times_differ(fixed, {likeness.EACH: 2})
    assert less == "the baseline was asked with --latency, 8 at a time, the candidate with --latency, 2 at a time"


@pytest.mark.parametrize(
    ("flights", "why"),
    [
        ((), "both were asked without --latency, up to 16 at a time"),
        ((flight("old", 16), flight("new", 16)), "both were asked without --latency, up to 16 at a time"),
        (
            (flight("old", 16), flight("new", 2)),  # joined by a later command, of which the guards know nothing
            "the baseline was asked without --latency, up to 16 at a time, "
            "the candidate without --latency, up to 2 at a time",
        ),
        (
            (flight("old", 16), flight("new", 20, 16, 12), flight("new", 30)),
            "the baseline was asked without --latency, up to 16 at a time, "
            "the candidate without --latency, up to 30 at a time, at times only 12",
        ),
    ],
)
def test_without_a_fixed_load_the_loads_are_told(flights: Sequence[Flight], why: str) -> None:
    assert times_differ(FREE, FREE, *flights) == why


def test_of_what_was_not_asked_here_the_load_is_not_known() -> None:
    assert times_differ({}, {}) == "both were asked at a load that is not known"
    assert "the candidate without --latency" in times_differ({}, FREE)
    replayed = replace(OLD, provider="replay")
    info = two_runs()[0].info
    assert "replayed" in likeness.times_differ((info, replayed), (info, OLD))


def test_a_comparison_knows_whether_its_times_compare() -> None:
    cases = [case(0)]
    made = run(cases, {"old": ["p"], "new": ["p"]})
    assert compare.compare(made, "old", made, "new").times_differ == ""
    free = replace(made, info=replace(made.info, guards=FREE))
    assert compare.compare(free, "old", free, "new").times_differ.startswith("both were asked without --latency")
