"""What the headers of an answer say of when the next is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from evalkit import allowance

SOON = (datetime.now(UTC) + timedelta(seconds=600)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"content-type": "application/json"}, None),
        ({"retry-after": "7"}, 7),
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
    assert allowance.pause(headers) == (None if seconds is None else pytest.approx(seconds, abs=60 * (seconds == 600)))
