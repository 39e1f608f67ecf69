"""Metrics as servers write them, and what several looks at them come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import plugins
from evalkit.data import Json
from evalkit.serving import prometheus

FIRST = """\
# HELP e:kv "Use", of the cache
# TYPE e:kv gauge
e:kv{engine="0",model="a\\"b, c}"} 0.1
e:kv{engine="1"} 0.3 1700000000000
# TYPE e:tokens_total counter
e:tokens_total{engine="0"} 1e2
e:tokens_total{engine="1"} 50.0
# TYPE e:wait histogram
e:wait_bucket{le="1.0"} 4
e:wait_bucket{le="2.0"} 4
e:wait_bucket{le="+Inf"} 4
e:wait_sum 2
e:wait_count 4
no sample at all
e:odd{a="b"} one
"""
LAST = (
    FIRST.replace("0.3 17", "0.7 17")
    .replace("1e2", "300")
    .replace('"2.0"} 4', '"2.0"} 24')
    .replace("_sum 2", "_sum 32")
)
LAST = LAST.replace('"+Inf"} 4', '"+Inf"} 24')
SERIES = {"e:kv": "kv", "e:tokens_total": "tokens", "e:wait": "wait", "e:none": "none"}


def told(*texts: str) -> dict[str, Json]:
    watch = prometheus.Watch()
    for text in texts:
        watch.add(text)
    return watch.summary(SERIES)


def test_counters_grow_gauges_peak_and_histograms_are_of_what_came_in_between() -> None:
    assert told(FIRST, LAST) == {
        "kv": {"mean": pytest.approx(0.5), "peak": 0.7},
        "tokens": 200,
        "wait": {"count": 20, "mean": 1.5, "p50": 1.5, "p95": pytest.approx(1.95)},
    }


def test_nothing_observed_has_no_mean() -> None:
    assert told(FIRST, FIRST)["wait"] == {"count": 0, "mean": None, "p50": None, "p95": None}
    assert told() == {} == told("")


def test_a_series_that_appears_later_counts_from_nothing() -> None:
    assert told("", LAST)["tokens"] == 350


@given(st.lists(st.floats(0, 20), min_size=1, max_size=200))
def test_percentiles_lie_in_the_bucket_of_the_observation(observed: list[float]) -> None:
    bounds = [0.5, 1.0, 2.0, 5.0, 10.0, float("inf")]
    lines = [f'e:wait_bucket{{le="{bound}"}} {sum(each <= bound for each in observed)}' for bound in bounds]
    lines += [f"e:wait_sum {sum(observed)}", f"e:wait_count {len(observed)}"]
    empty = "\n".join(f'e:wait_bucket{{le="{bound}"}} 0' for bound in bounds)
    wait = told(empty, "\n".join(lines))["wait"]
    assert wait["count"] == len(observed) and wait["mean"] == pytest.approx(sum(observed) / len(observed))
    for share, estimate in ((0.5, wait["p50"]), (0.95, wait["p95"])):
        true = sorted(observed)[max(0, -int(-share * len(observed) // 1) - 1)]
        upper = next(bound for bound in bounds if true <= bound)
        lower = max([0.0, *(bound for bound in bounds if bound < upper)])
        assert lower <= estimate <= upper
        assert estimate <= max(lower, wait["mean"] / (1 - share) + 1e-9)


def test_a_queue_of_a_millisecond_is_not_told_as_half_of_a_wide_bucket() -> None:
    """As vLLM counts its queue: the first bucket ends at 0.3 s."""
    empty = 'e:wait_bucket{le="0.3"} 0\ne:wait_bucket{le="+Inf"} 0\ne:wait_sum 0\n'
    wait = told(empty, 'e:wait_bucket{le="0.3"} 60\ne:wait_bucket{le="+Inf"} 60\ne:wait_sum 0.06\n')["wait"]
    assert wait == {
        "count": 60,
        "mean": pytest.approx(0.001),
        "p50": pytest.approx(0.001),
        "p95": pytest.approx(0.019),
    }


@pytest.mark.parametrize("name", plugins.names("servers"))
def test_every_engine_names_what_it_counts_once(name: str) -> None:
    engine = plugins.engine(name)
    assert len(set(engine.SERIES.values())) == len(engine.SERIES)
    assert bool(engine.SERIES) == bool(engine.METRICS)
