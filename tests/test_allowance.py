"""What the headers of an answer say of when the next is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evalkit.pacing import allowance

FAR = "Thu, 01 Jan 99999999999 00:00:00 GMT"
SOON = "in ten minutes"
"""Stands for a moment that is that far off when the test runs, which may be long after it was collected."""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"content-type": "application/json"}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": FAR}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after": "Fri, 01 Jan 2027 00:00:00 +9999999999"}, None),
        ({"retry-after": "7", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "9s"}, 7),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2s"}, 2),
        ({"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "2s"}, None),
        ({"x-ratelimit-remaining-requests": "0"}, None),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "120ms",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "6m1.5s",
            },
            361.5,
        ),
        ({"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": SOON}, 600),
        ({"anthropic-ratelimit-output-tokens-remaining": "0", "anthropic-ratelimit-output-tokens-reset": SOON}, 600),
        ({"anthropic-ratelimit-requests-remaining": "3", "anthropic-ratelimit-requests-reset": SOON}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "30"}, 30),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "1767225600"}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "tomorrow"}, None),
    ],
)
def test_a_spent_allowance_and_a_named_wait_are_heard(headers: Mapping[str, str], seconds: float | None) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {name: value.replace(SOON, soon) for name, value in headers.items()}
    assert allowance.pause(told) == (None if seconds is None else pytest.approx(seconds, abs=5 * (seconds == 600)))


_HEADERS = ("retry-after-ms", "retry-after", *allowance._SPENT, *allowance._SPENT.values())
_DATES = st.from_regex(
    r"(?a:[A-Z][a-z]{2}, )?(?a:\d+) (Jan|Feb|May) (?a:\d+) (?a:[\d:.]*) ?(GMT|[+-](?a:\d+))?", fullmatch=True
)
_MOMENTS = st.from_regex(r"(?a:\d{1,5}-\d\d?-\d\d?T\d\d?:\d\d?:\d+)(Z|[+-](?a:\d\d:\d\d))", fullmatch=True)


@given(st.dictionaries(st.sampled_from(_HEADERS), st.text() | _DATES | _MOMENTS | st.just("0")))
@example({"retry-after": FAR})
@example({"retry-after": "9" * 400})
@example({"retry-after": "Mon, 01 Jan 0001 00:00:00 +2359"})
@example({"retry-after": ","})
def test_no_header_is_more_than_a_wait_or_nothing(headers: Mapping[str, str]) -> None:
    pause = allowance.pause(headers)
    assert pause is None or pause >= 0
