"""What makes two runs unlike is told in words; what does not matter is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evalkit import compare
from evalkit.data import Judging, Run
from tests.outcomes import OLD, case, run


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
