"""The ledger: few transactions, nothing left in memory for long, and a disk that refuses is told of."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

import pytest

from evalkit.data import Fault, Record
from evalkit.ledger import WINDOW, Ledger


class Disk:
    """Takes batches, or refuses them."""

    def __init__(self) -> None:
        self.full = False
        self.batches: list[list[str]] = []

    def append(self, records: Sequence[Record]) -> None:
        if self.full:
            raise sqlite3.OperationalError("disk is full")
        self.batches.append([record.case for record in records])


def record(name: str) -> Record:
    fault = Fault(kind="server", message="")
    return Record(case=name, trial=0, target="t", started="", sent="", reply=fault)


async def test_what_comes_together_is_one_transaction_and_told_of_once_it_is_on_disk() -> None:
    disk, told = Disk(), []

    def written(record: Record) -> None:
        assert disk.batches and record.case in disk.batches[-1]
        told.append(record.case)

    ledger = Ledger(disk.append, written)
    for name in "abc":
        ledger.add(record(name))
    assert not disk.batches and not told
    ledger.write()
    assert disk.batches == [["a", "b", "c"]] and told == ["a", "b", "c"]
    ledger.write()
    assert len(disk.batches) == 1


async def test_a_record_is_on_disk_in_time_though_no_other_follows() -> None:
    disk = Disk()
    ledger = Ledger(disk.append, lambda record: None)
    for name in "ab":
        ledger.add(record(name))
        await asyncio.sleep(2 * WINDOW)
        assert disk.batches[-1] == [name]


async def test_a_steady_flow_is_written_once_in_a_window_and_none_of_it_waits_for_longer() -> None:
    disk, loop = Disk(), asyncio.get_running_loop()
    came: dict[str, float] = {}
    waited: list[float] = []
    ledger = Ledger(disk.append, lambda record: waited.append(loop.time() - came[record.case]))
    while len(came) < 100:
        came[str(len(came))] = loop.time()
        ledger.add(record(str(len(came) - 1)))
        await asyncio.sleep(0.002)
    ledger.write()
    assert len(waited) == 100 and len(disk.batches) <= (max(came.values()) - came["0"]) / WINDOW + 2
    assert sorted(waited)[90] < 2 * WINDOW, "but for what a busy machine adds"


async def test_a_disk_that_refuses_stops_whoever_adds_next_and_loses_nothing_if_it_recovers() -> None:
    disk = Disk()
    ledger = Ledger(disk.append, lambda record: None)
    disk.full = True
    ledger.add(record("a"))
    await asyncio.sleep(2 * WINDOW)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        ledger.add(record("b"))
    disk.full = False
    ledger.write()
    assert disk.batches == [["a", "b"]]


async def test_a_disk_that_refused_once_is_written_as_seldom_as_before() -> None:
    disk = Disk()
    ledger = Ledger(disk.append, lambda record: None)
    disk.full = True
    ledger.add(record("a"))
    await asyncio.sleep(2 * WINDOW)
    disk.full = False
    for name in "bcdefgh":
        ledger.add(record(name))
    ledger.write()
    assert disk.batches == [["a", "b"], list("cdefgh")]


@pytest.mark.parametrize("further", ["add", "write"])
async def test_an_error_of_whoever_is_told_is_raised_and_the_others_are_told_of_all_the_same(further: str) -> None:
    disk, told = Disk(), []

    def written(record: Record) -> None:
        told.append(record.case)
        if record.case == "b":
            raise ValueError("cannot be drawn")

    ledger = Ledger(disk.append, written)
    for name in "abc":
        ledger.add(record(name))
    await asyncio.sleep(2 * WINDOW)
    assert disk.batches == [["a", "b", "c"]]
    with pytest.raises(ValueError, match="cannot be drawn"):
        ledger.add(record("d")) if further == "add" else ledger.write()
    ledger.write()
    assert told == ["a", "b", "c", "d"][: 4 if further == "add" else 3]
    assert [case for batch in disk.batches for case in batch] == told, "and each once"
