"""What one asking is told of its pace: how many at a time, how often again, how long for a case."""

from __future__ import annotations

from evalkit.pacing.retrying import Patience


class Pace(Patience, frozen=True, kw_only=True):
    """How many at a time, and how often again."""

    width: int = 16
    """Requests in flight, over all targets."""
    case_timeout: float | None = None
    """Seconds all attempts of a case may take together, the waits between them included."""
    each: int | None = None
    """For latencies that can be compared: so many in flight to each target, whatever comes, and all its connections
    opened before, by questions whose answers are thrown away."""
