"""What a server counted, read from its Prometheus metrics: text of several looks to a few numbers."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from evalkit.data import Json

_SAMPLE = re.compile(r"(?P<name>[A-Za-z_:][\w:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)(?:\s+-?\d+)?\s*")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_TYPE = re.compile(r"# TYPE (\S+) (\w+)")


class Look(Struct, kw_only=True):
    """One reading. Values of all label sets are added up; of gauges the greatest counts."""

    kinds: dict[str, str] = field(default_factory=dict)
    """Name -> counter, gauge, histogram ..., as declared."""
    values: dict[str, float] = field(default_factory=dict)
    buckets: dict[str, dict[float, float]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(float)))
    """Histogram -> upper bound -> observations up to it."""


def read(text: str) -> Look:
    """The text format of Prometheus and of OpenMetrics. What is no sample is passed over."""
    look = Look()
    for line in text.splitlines():
        declared = _TYPE.match(line)
        if declared:
            look.kinds[declared[1]] = declared[2]
            continue
        sample = _SAMPLE.fullmatch(line)
        if sample is None:
            continue
        try:
            value = float(sample["value"])
        except ValueError:
            continue
        _add(look, sample["name"], sample["labels"] or "", value)
    return look


def _add(look: Look, name: str, labels: str, value: float) -> None:
    if name.endswith("_bucket"):
        bound = dict(_LABEL.findall(labels)).get("le")
        if bound is not None:
            look.buckets[name.removesuffix("_bucket")][float(bound)] += value
            return
    known = look.values.get(name)
    greatest = look.kinds.get(name) == "gauge"
    look.values[name] = value if known is None else max(known, value) if greatest else known + value


class Watch:
    """Several looks at one server, and what they come to."""

    def __init__(self) -> None:
        self._first: Look | None = None
        self._last: Look | None = None
        self._gauges: dict[str, list[float]] = defaultdict(list)

    def add(self, text: str) -> None:
        look = read(text)
        self._first = self._first or look
        self._last = look
        for name, kind in look.kinds.items():
            if kind == "gauge" and name in look.values:
                self._gauges[name].append(look.values[name])

    def summary(self, series: Mapping[str, str]) -> dict[str, Json]:
        """`series`: Prometheus name -> name here; what the server does not tell is left out.

        A counter is how much it grew from the first look to the last; a gauge {"mean", "peak"} over the looks; a
        histogram {"count", "mean", "p50", "p95"} of what was observed in between, the percentiles estimated within
        their buckets as Prometheus does, and within what the mean allows.
        """
        return dict(self._told(series))

    def _told(self, series: Mapping[str, str]) -> Iterator[tuple[str, Json]]:
        if self._first is None or self._last is None:
            return
        for name, ours in series.items():
            if name in self._last.buckets:
                yield ours, self._histogram(name)
            elif name in self._gauges:
                seen = self._gauges[name]
                yield ours, {"mean": sum(seen) / len(seen), "peak": max(seen)}
            elif name in self._last.values:
                yield ours, self._grown(name)

    def _grown(self, name: str) -> float:
        assert self._first and self._last
        return self._last.values.get(name, 0.0) - self._first.values.get(name, 0.0)

    def _histogram(self, name: str) -> Json:
        assert self._first and self._last
        before, after = self._first.buckets.get(name, {}), self._last.buckets[name]
        buckets = sorted((bound, count - before.get(bound, 0.0)) for bound, count in after.items())
        count = buckets[-1][1]
        if not count:
            return {"count": 0, "mean": None, "p50": None, "p95": None}
        mean = self._grown(f"{name}_sum") / count
        p50, p95 = (_quantile(buckets, share, mean) for share in (0.5, 0.95))
        return {"count": int(count), "mean": mean, "p50": p50, "p95": p95}


def _quantile(buckets: list[tuple[float, float]], share: float, mean: float) -> float:
    """Where `share` of the observations lie below, evenly spread within a bucket; of the last, its lower bound.

    Of what is never negative at most 1 - `share` lies above mean / (1 - `share`). A bucket is cut off there: queues
    of a millisecond would else be told as half of a first bucket that ends at 0.3 s.
    """
    most = mean / (1 - share)
    rank = share * buckets[-1][1]
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank and count > below:
            if math.isinf(bound):
                return low
            return low + (max(low, min(bound, most)) - low) * (rank - below) / (count - below)
        low, below = bound, count
    return low
