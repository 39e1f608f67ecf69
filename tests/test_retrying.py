"""Retries: bounded in number for what fails by itself, and in time for an endpoint that is away."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evalkit.data import Fault, FaultKind
from evalkit.pacing.retrying import Patience, Reach, Retries, is_away

GONE = Fault(kind="network", message="refused", retryable=True)
CUT = Fault(kind="network", message="cut off", status=200, retryable=True)
BROKEN = Fault(kind="server", message="oh", status=500, retryable=True)
BUSY = Fault(kind="server", message="starting", status=503, retryable=True)
REFUSED = Fault(kind="rate_limit", message="slow", status=429, retryable=True)
SHUT = Fault(kind="timeout", message="nobody there", status=504, retryable=True, seconds=0.1)
TIRED = Fault(kind="timeout", message="waited for it in vain", status=504, retryable=True, seconds=60.0)
SILENT = Fault(kind="timeout", message="nothing", retryable=True)
WRONG = Fault(kind="auth", message="no", status=401)
PATIENCE = Patience()


def attempts(fault: Fault, reach: Reach, patience: Patience = PATIENCE, asked: float | None = None) -> Iterator[float]:
    """When one question is asked that meets nothing but `fault`, from second 0."""
    retries, now = Retries(patience, reach, random.Random(1)), 0.0
    while True:
        yield now
        reach.note(fault, now)
        pause = retries.pause(fault, asked, now)
        if pause is None:
            return
        now += pause


def heard(away_since: float | None = None) -> Reach:
    return Reach(heard=True, away_since=away_since)


@pytest.mark.parametrize(
    ("fault", "count"),
    [(BROKEN, 5), (CUT, 5), (SILENT, 5), (TIRED, 5), (REFUSED, 17), (WRONG, 1)],
    ids=lambda value: str(value),
)
def test_what_fails_by_itself_is_tried_so_often(fault: Fault, count: int) -> None:
    assert len(list(attempts(fault, heard()))) == count


@pytest.mark.parametrize("fault", [GONE, BUSY, SHUT])
def test_an_endpoint_that_was_heard_is_waited_for_by_the_clock(fault: Fault) -> None:
    times = list(attempts(fault, heard(away_since=-1.0)))
    assert PATIENCE.outage <= times[-1] + 1.0 <= PATIENCE.outage + 12.5
    gaps = [later - sooner for sooner, later in zip(times, times[1:], strict=False)]
    assert max(gaps) <= 12.5 and gaps[:4] == sorted(gaps[:4]), "back soon, and not knocked at all the time"


@pytest.mark.parametrize("away_since", [None, -1.0])
def test_a_gateway_that_waited_in_vain_tells_nothing_of_who_is_there(away_since: float | None) -> None:
    reach = heard(away_since)
    assert len(list(attempts(TIRED, reach))) == 5
    assert reach.away_since == away_since


def test_an_endpoint_that_never_answered_is_given_up_after_the_retries_and_then_tried_once() -> None:
    reach = Reach()
    times = list(attempts(GONE, reach))
    assert len(times) == 5 and 7.5 <= times[-1] <= 9.4
    assert Retries(PATIENCE, reach, random.Random(1)).pause(GONE, None, times[-1]) is None


def test_once_an_outage_is_too_long_each_question_is_tried_once_until_somebody_answers() -> None:
    reach = heard(away_since=0.0)
    late = PATIENCE.outage
    assert Retries(PATIENCE, reach, random.Random(1)).pause(GONE, None, late) is None
    reach.note(None, late + 1)
    reach.note(GONE, late + 2)
    assert Retries(PATIENCE, reach, random.Random(1)).pause(GONE, None, late + 2) is not None


def test_a_question_that_drives_everybody_away_is_not_asked_for_ever() -> None:
    """Others are answered between its attempts, so the endpoint is there; it is this question that it cannot bear."""
    reach, now, count = heard(), 0.0, 0
    retries = Retries(PATIENCE, reach, random.Random(1))
    while True:
        count += 1
        reach.note(GONE, now)
        pause = retries.pause(GONE, None, now)
        if pause is None:
            break
        reach.note(None, now + pause / 2)
        now += pause
    assert count == 5


@pytest.mark.parametrize("fault", [GONE, BUSY, BROKEN, REFUSED])
def test_no_retries_are_none(fault: Fault) -> None:
    assert len(list(attempts(fault, heard(away_since=-1.0), replace(PATIENCE, retries=0)))) == 1


def test_a_wait_that_is_asked_for_is_kept_to_the_letter_or_not_waited_for_at_all() -> None:
    times = list(attempts(REFUSED, heard(), asked=3.0))
    assert times == [3.0 * number for number in range(17)]
    assert list(attempts(REFUSED, heard(), asked=61.0)) == [0.0]


@given(
    kind=st.sampled_from(["timeout", "rate_limit", "auth", "server", "network"]),
    status=st.none() | st.integers(200, 599),
    retryable=st.booleans(),
    was_heard=st.booleans(),
    retries=st.integers(0, 6),
    seed=st.integers(0, 99),
)
def test_every_question_comes_to_an_end(
    kind: FaultKind, status: int | None, retryable: bool, was_heard: bool, retries: int, seed: int
) -> None:
    fault = Fault(kind=kind, message="", status=status, retryable=retryable)
    patience = replace(PATIENCE, retries=retries, outage=30.0)
    times = list(attempts(fault, Reach(heard=was_heard), patience))
    assert len(times) <= 1 + 4 * max(retries, 2)
    assert not is_away(fault) or retryable


# --------------------------------------------------------------------------- nothing more is asked

FORBIDDEN = replace(WRONG, status=403)
EMPTY = Fault(kind="budget", message="add money", status=429)


@pytest.mark.parametrize(("fault", "count"), [(WRONG, 3), (EMPTY, 3), (FORBIDDEN, 10), (BROKEN, None), (REFUSED, None)])
def test_who_turns_the_key_away_so_often_is_left(fault: Fault, count: int | None) -> None:
    reach, shut = Reach(), 0
    for number in range(1, 30):
        reach.note(fault, 0.0)
        shut = shut or number * bool(reach.shut(fault, None, PATIENCE))
    assert (shut or None) == count


def test_an_answer_between_forgives_refusals() -> None:
    reach = Reach()
    for fault in (WRONG, WRONG, None, WRONG, WRONG):
        reach.note(fault, 0.0)
        assert fault is None or reach.shut(fault, None, PATIENCE) is None
    reach.note(BROKEN, 0.0)  # which says nothing of the key
    reach.note(WRONG, 0.0)
    assert reach.shut(WRONG, None, PATIENCE) == "refuses the key: no"


UNKNOWN = Fault(kind="unsupported", message="no such model", status=404)
REJECTED = Fault(kind="bad_request", message="no tool may be called go", status=400)


@pytest.mark.parametrize(("fault", "count"), [(UNKNOWN, 10), (REJECTED, 25)])
def test_who_refuses_every_question_in_the_same_words_is_left(fault: Fault, count: int) -> None:
    reach = Reach()
    for number in range(1, count + 1):
        reach.note(fault, 0.0)
        why = reach.shut(fault, None, PATIENCE)
        assert (why or "") == (f"refuses every question alike: {fault.message}" if number == count else "")


@pytest.mark.parametrize("other", [None, REFUSED, replace(UNKNOWN, message="no such tool")])
@pytest.mark.parametrize("before", [0, 5])
def test_who_ever_said_anything_else_is_asked_on(other: Fault | None, before: int) -> None:
    reach = Reach()
    for fault in (*[UNKNOWN] * before, other, *[UNKNOWN] * 30):
        reach.note(fault, 0.0)
        assert fault is None or reach.shut(fault, None, PATIENCE) is None


@pytest.mark.parametrize(("asked", "told"), [(None, False), (60.0, False), (60.1, True), (1e300, True)])
def test_who_wants_nothing_for_longer_than_we_wait_is_left_until_then(asked: float | None, told: bool) -> None:
    why = Reach().shut(REFUSED, asked, PATIENCE)
    assert (why or "").startswith("asks to be left alone until ") == told
