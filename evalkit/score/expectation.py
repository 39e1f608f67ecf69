"""Produced calls against one acceptable answer: which call is which, what is amiss, how much is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, field

from evalkit.data import Counts, Expectation, Json, Judging, Mismatch, Payload
from evalkit.score.arguments import Call, Comparison, compare, compile_call
from evalkit.score.assign import Pairs, align, assign

_Item = TypeVar("_Item")


class Fit(Struct, frozen=True):
    """How well the calls of an answer fit one acceptable answer. They do iff `mismatches` is empty."""

    mismatches: tuple[Mismatch, ...]
    calls: Counts
    arguments: Counts
    unpaired: int
    """Wanted calls that were not made, and calls made that are not wanted."""
    matched: frozenset[int]
    """Positions of the calls that are, in full, calls that are wanted."""


def compile_expectation(
    expectation: Expectation, schemas: Mapping[str, Json], judging: Judging
) -> Callable[[Sequence[Payload]], Fit]:
    """How to judge answers by one acceptable answer. `schemas`: tool name -> declared schema, for its defaults."""
    wanted = tuple(compile_call(call, schemas.get(call.tool), judging) for call in expectation.calls)

    in_place = tuple((place, place) for place in range(len(wanted)))

    def fit(payloads: Sequence[Payload]) -> Fit:
        table = _Table(wanted, payloads, expectation.ordered, 0 if expectation.extra_calls else 1)
        if _fits_in_place(table):
            return _sum_up(table, in_place, disordered=False)
        return _sum_up(table, *_pair(table))

    return fit


class _Table(Struct):
    """Wanted calls are the rows, produced calls the columns; each cell is compared once, if it is looked at."""

    wanted: Sequence[Call]
    made: Sequence[Payload]
    ordered: bool
    extra_cost: int
    """What a produced call costs that is paired with none."""
    cells: dict[tuple[int, int], Comparison] = field(default_factory=dict)

    def cell(self, row: int, column: int) -> Comparison:
        found = self.cells.get((row, column))
        if found is None:
            found = self.cells[row, column] = compare(self.wanted[row], self.made[column])
        return found

    def cost(self, pairs: Pairs) -> int:
        missing, extra = len(self.wanted) - len(pairs), len(self.made) - len(pairs)
        return sum(self.cell(*pair).cost for pair in pairs) + missing + extra * self.extra_cost


# --------------------------------------------------------------------------- which call is which


def _fits_in_place(table: _Table) -> bool:
    """The common case: the first calls are those that are wanted, one by one."""
    if len(table.made) < len(table.wanted):
        return False
    for place, call in enumerate(table.wanted):
        if call.tool != table.made[place].tool or table.cell(place, place).mismatches:
            return False
    return True


def _pair(table: _Table) -> tuple[Pairs, bool]:
    """The pairs of (wanted, produced) with the fewest mismatches in all, and whether they are out of order."""
    pairs = _pair_by_tool(table)
    columns = [column for _, column in pairs]
    if not table.ordered or columns == sorted(columns):
        return pairs, False
    in_step = _pair_in_step(table)
    out_of_order = 1
    if table.cost(in_step) < table.cost(pairs) + out_of_order:
        return in_step, False
    return pairs, True


def _pair_by_tool(table: _Table) -> Pairs:
    pairs: list[tuple[int, int]] = []
    for tool in dict.fromkeys(call.tool for call in table.wanted):
        rows = [row for row, call in enumerate(table.wanted) if call.tool == tool]
        columns = [column for column, payload in enumerate(table.made) if payload.tool == tool]
        if not columns:
            continue
        costs = [[table.cell(row, column).cost for column in columns] for row in rows]
        pairs += [(rows[row], columns[column]) for row, column in assign(costs)]
    return tuple(sorted(pairs))


def _pair_in_step(table: _Table) -> Pairs:
    def cost(row: int, column: int) -> int | None:
        same_tool = table.wanted[row].tool == table.made[column].tool
        return table.cell(row, column).cost if same_tool else None

    return align(len(table.wanted), len(table.made), cost, unpaired=(1, table.extra_cost))


# --------------------------------------------------------------------------- what is amiss, how much is right


def _sum_up(table: _Table, pairs: Pairs, disordered: bool) -> Fit:
    mismatches: list[Mismatch] = []
    whole: list[int] = []
    matched = expected = actual = 0
    for row, column in pairs:
        cell = table.cell(row, column)
        matched += cell.matched
        expected += cell.expected
        actual += cell.actual
        mismatches += cell.mismatches
        if not cell.mismatches:
            whole.append(column)
    missing = _left_over(table.wanted, pairs, 0)
    extra = _left_over(table.made, pairs, 1) if table.extra_cost else ()
    for call in missing:
        expected += call.required
        mismatches.append(Mismatch(kind="missing_call", tool=call.tool, why="the call was not made"))
    for payload in extra:
        actual += _size(payload)
        mismatches.append(_extra_call(payload))
    if disordered:
        order = ", ".join(payload.tool for payload in table.made)
        mismatches.append(Mismatch(kind="order", tool="", why=f"called in another order than wanted: {order}"))
    return Fit(
        mismatches=tuple(mismatches),
        calls=Counts(matched=len(pairs), expected=len(table.wanted), actual=len(pairs) + len(extra)),
        arguments=Counts(matched=matched, expected=expected, actual=actual),
        unpaired=len(missing) + len(extra),
        matched=frozenset(whole),
    )


def _left_over(items: Sequence[_Item], pairs: Pairs, side: int) -> Sequence[_Item]:
    if len(items) == len(pairs):
        return ()
    taken = {pair[side] for pair in pairs}
    return [item for position, item in enumerate(items) if position not in taken]


def _extra_call(payload: Payload) -> Mismatch:
    return Mismatch(
        kind="extra_call", tool=payload.tool, payload=payload.index, actual=payload.value, why="the call is not wanted"
    )


def _size(payload: Payload) -> int:
    return len(payload.value) if isinstance(payload.value, dict) else 0
