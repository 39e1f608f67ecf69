"""Pairing two sequences at the least cost: in any order (`assign`), or in step (`align`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

Pairs = tuple[tuple[int, int], ...]
"""(row, column) of each pair, by row."""


def assign(costs: Sequence[Sequence[float]]) -> Pairs:
    """Pair as many rows with columns as there can be, each at most once, at the least total cost.

    The shortest-augmenting-path method (Jonker and Volgenant 1987): n^2 m steps for n <= m.
    """
    rows, columns = len(costs), len(costs[0]) if costs else 0
    if rows == columns == 1:
        return ((0, 0),)
    if rows > columns:
        turned = [[row[column] for row in costs] for column in range(columns)]
        return tuple(sorted((row, column) for column, row in assign(turned)))
    row_of: list[int | None] = [None] * columns
    row_price, column_price = [0.0] * rows, [0.0] * columns
    for start in range(rows):
        _augment(start, costs, row_of, row_price, column_price)
    return tuple(sorted((row, column) for column, row in enumerate(row_of) if row is not None))


def _augment(
    start: int,
    costs: Sequence[Sequence[float]],
    row_of: list[int | None],
    row_price: list[float],
    column_price: list[float],
) -> None:
    """Give row `start` a column, moving others along the cheapest chain of re-pairings that ends in a free one."""
    distance = [inf] * len(row_of)
    came_from: list[int | None] = [None] * len(row_of)
    reached: list[int] = []
    open_columns = set(range(len(row_of)))
    row, column, gone = start, None, 0.0
    while True:
        for other in open_columns:
            through = gone + costs[row][other] - row_price[row] - column_price[other]
            if through < distance[other]:
                distance[other], came_from[other] = through, column
        column = min(open_columns, key=lambda other: (distance[other], other))
        gone = distance[column]
        open_columns.remove(column)
        taken_by = row_of[column]
        if taken_by is None:
            break
        reached.append(column)
        row = taken_by
    row_price[start] += gone
    for other in reached:
        owner = row_of[other]
        assert owner is not None
        row_price[owner] += gone - distance[other]
        column_price[other] -= gone - distance[other]
    while column is not None:
        before = came_from[column]
        row_of[column] = start if before is None else row_of[before]
        column = before


def align(rows: int, columns: int, cost: Callable[[int, int], float | None], unpaired: tuple[float, float]) -> Pairs:
    """Pair rows with columns so that no two pairs cross, at the least total cost.

    `cost` is None where a pair is forbidden; `unpaired` is what a row, and what a column, costs without a partner.
    """
    alone_row, alone_column = unpaired
    # best[i][j]: the least cost of rows i.. and columns j..
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows, -1, -1):
        for j in range(columns, -1, -1):
            ways = [best[i + 1][j] + alone_row] if i < rows else []
            ways += [best[i][j + 1] + alone_column] if j < columns else []
            if i < rows and j < columns and (price := cost(i, j)) is not None:
                ways.append(best[i + 1][j + 1] + price)
            best[i][j] = min(ways, default=0.0)
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        price = cost(i, j)
        if price is not None and best[i][j] == best[i + 1][j + 1] + price:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j] + alone_row:
            i += 1
        else:
            j += 1
    return tuple(pairs)
