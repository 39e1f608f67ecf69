"""Who goes first: requests in the order of the plan, but past those of a target that wants nothing for a while."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from evalkit.data import Request

AHEAD = 16
"""Requests for each place that wait for a target on hold: a slow model takes a minute to answer as many."""


def overtaking(planned: Iterable[Request], held: Callable[[str], bool], width: int) -> Iterator[Request]:
    """Every request of `planned`, sent `width` at a time; while a target is `held`, by its identity, its own wait.

    So a target on hold takes no places that the others could use, and they get no further ahead of it than AHEAD.
    """
    aside: deque[Request] = deque()
    for request in planned:
        aside.append(request)
        for _ in range(len(aside)):
            first = aside.popleft()
            if held(first.target.identity):
                aside.append(first)
            else:
                yield first
        if len(aside) > AHEAD * width:
            yield aside.popleft()
    yield from aside
