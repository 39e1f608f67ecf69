"""What a report says of the servers that a run started and of the pace at which it asked."""

from __future__ import annotations

from msgspec.structs import replace

from evalkit.data import Comparison, EngineStart, Flight, Json, Record, Section, Table
from evalkit.sections import engines, pace, reproducibility
from tests import comparisons
from tests.comparisons import compared, right

VLLM: Json = {
    "kv_cache_use": {"mean": 0.2, "peak": 0.9},
    "requests_waiting": {"mean": 1.0, "peak": 12.0},
    "queue_time": {"count": 9, "mean": 0.1, "p50": 0.05, "p95": 0.4},
    "time_to_first_token": {"count": 0, "mean": None, "p50": None, "p95": None},
    "prefix_cache_queries": 200.0,
    "prefix_cache_hits": 150.0,
}


def start(engine: str, metrics: Json, *targets: str) -> EngineStart:
    return EngineStart(
        engine=engine, model="m", targets=targets, command=(), log="", ready_seconds=31.5, exit=None, metrics=metrics
    )


def flight(target: str, *widths: int, refusals: int = 0) -> Flight:
    changes = tuple((float(moment), width) for moment, width in enumerate(widths))
    return Flight(target=target, started="2026-01-02T03:04:05+00:00", widths=changes, refusals=refusals)


def told(
    *, engines: tuple[EngineStart, ...] = (), flights: tuple[Flight, ...] = (), cached: int = 0, one_run: bool = True
) -> Comparison:
    """A comparison whose run started these, flew so, and took its first answers from earlier ones."""
    cases = comparisons.STEADY

    def old(number: int, record: Record) -> Record:
        return replace(record, cached=f"2026-01-0{number + 1}T00:00:00+00:00") if number < cached else record

    found = compared(cases, [old(n, right(c)) for n, c in enumerate(cases)], [right(c) for c in cases])
    before = replace(found.baseline_info, engines=engines, flights=flights)
    after = before if one_run else replace(before, id="another")
    return replace(found, baseline_info=before, candidate_info=after)


def tables(section: Section | None) -> list[Table]:
    assert section is not None
    return [block for block in section.blocks if isinstance(block, Table)]


# --------------------------------------------------------------------------- engines


def test_an_engine_is_told_by_what_it_counted_and_by_nothing_else() -> None:
    (table,) = tables(engines.build(told(engines=(start("vllm", VLLM, "a", "b@strict"),)), comparisons.verdict()))
    assert table.rows[0] == {
        "engine": "vllm",
        "targets": "a, b@strict",
        "ready": 31.5,
        "cache": 0.2,
        "cache_peak": 0.9,
        "waiting": 12,
        "queue": 0.05,
        "queue_p95": 0.4,
        "first": None,
        "first_p95": None,
        "hits": 150,
        "hit_share": 0.75,
        "preemptions": None,
    }
    shown = {column.key for column in table.columns}
    assert shown == table.rows[0].keys() - {"first", "first_p95", "preemptions"}


def test_a_server_that_counts_no_look_ups_has_those_it_computed_and_those_it_had() -> None:
    counted = {"prefix_cache_hits": 30.0, "prompt_tokens_computed": 90.0}
    (table,) = tables(engines.build(told(engines=(start("llama_server", counted, "a"),)), comparisons.verdict()))
    assert (table.rows[0]["hits"], table.rows[0]["hit_share"]) == (30, 0.25)
    assert all(not isinstance(table.rows[0][column.key], float) for column in table.columns if column.kind == "int")


def test_engines_without_metrics_say_nothing() -> None:
    assert engines.build(told(), comparisons.verdict()) is None
    assert engines.build(told(engines=(start("ollama", None, "a"),)), comparisons.verdict()) is None


def test_two_runs_in_folders_of_one_name_are_two_all_the_same() -> None:
    """As `compare A/x B/x` has it: what the second started and how it flew is not lost."""
    first, second = start("vllm", VLLM, "a"), start("llama_server", VLLM, "b")
    found = told(engines=(first,), flights=(flight("a", 4, 8),))
    after = replace(found.candidate_info, engines=(second,), flights=(flight("b", 2, 4, 8),))
    found = replace(found, candidate_info=after)
    assert found.baseline_info.id == found.candidate_info.id
    assert [row["engine"] for row in tables(engines.build(found, comparisons.verdict()))[0].rows] == [
        "vllm",
        "llama_server",
    ]
    assert [row["changes"] for row in tables(pace.build(found, comparisons.verdict()))[0].rows] == [1, 2]
    section = reproducibility.build(found, comparisons.verdict())
    assert section and section.lead.endswith("the models come from two runs.")


def test_the_starts_of_two_runs_are_all_told_and_those_of_one_run_once() -> None:
    starts = (start("vllm", VLLM, "a"), start("transformers", None, "c"), start("llama_server", {"x": 1.0}, "b"))
    for one_run, names in ((True, ["vllm", "llama_server"]), (False, ["vllm", "llama_server"] * 2)):
        (table,) = tables(engines.build(told(engines=starts, one_run=one_run), comparisons.verdict()))
        assert [row["engine"] for row in table.rows] == names


# --------------------------------------------------------------------------- pace


def test_a_width_that_changed_is_told_with_what_refused_it() -> None:
    flights = (flight("a", 20, 40, 80, 64, 67, refusals=16), flight("b", 16))
    section = pace.build(told(flights=flights), comparisons.verdict())
    (table,) = tables(section)
    (row,) = table.rows
    assert (row["first"], row["most"], row["last"], row["changes"], row["refusals"]) == (20, 80, 67, 4, 16)
    assert section and section.lead == "16 attempts met a limit of the endpoint, and fewer were sent at a time."


def test_a_run_that_was_asked_evenly_says_nothing_of_its_pace() -> None:
    assert pace.build(told(flights=(flight("a", 16), flight("b", 4))), comparisons.verdict()) is None


def test_answers_of_earlier_runs_are_counted_and_dated() -> None:
    section = pace.build(told(cached=3), comparisons.verdict())
    (table,) = tables(section)
    (row,) = table.rows
    assert (row["cached"], row["of"]) == (3, len(comparisons.STEADY))
    assert (row["oldest"], row["newest"]) == ("2026-01-01T00:00:00+00:00", "2026-01-03T00:00:00+00:00")
    assert section and section.lead == "3 answers came from earlier runs."
