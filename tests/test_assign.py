"""Pairing at the least cost, against SciPy's own solver and against every possible pairing."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from evalkit.score.assign import align, assign

costs = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 12), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
    )
)


@given(costs)
def test_assign_costs_what_scipys_solver_finds(matrix: list[list[int]]) -> None:
    pairs = assign(matrix)
    rows, columns = linear_sum_assignment(np.array(matrix))
    assert sum(matrix[row][column] for row, column in pairs) == np.array(matrix)[rows, columns].sum()
    assert len(pairs) == min(len(matrix), len(matrix[0]))
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)


def test_assign_agrees_with_scipy_at_fifty_by_eighty() -> None:
    matrix = np.random.default_rng(7).integers(0, 1000, size=(50, 80))
    rows, columns = linear_sum_assignment(matrix)
    assert sum(int(matrix[row, column]) for row, column in assign(matrix.tolist())) == matrix[rows, columns].sum()


def test_equal_costs_pair_in_order() -> None:
    assert assign([[0, 0, 0], [0, 0, 0]]) == ((0, 0), (1, 1))


def test_nothing_to_pair() -> None:
    assert assign([]) == ()
    assert assign([[], []]) == ()


def _cheapest_in_step(matrix: list[list[int]], row_alone: int, column_alone: int) -> int:
    rows, columns = range(len(matrix)), range(len(matrix[0]))
    return min(
        sum(matrix[r][c] for r, c in zip(rs, cs, strict=True))
        + row_alone * (len(matrix) - size)
        + column_alone * (len(matrix[0]) - size)
        for size in range(min(len(rows), len(columns)) + 1)
        for rs in combinations(rows, size)
        for cs in combinations(columns, size)
    )


small = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 6), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
    )
)


@given(small, st.integers(0, 4), st.integers(0, 4))
def test_align_costs_the_least_of_all_pairings_that_do_not_cross(
    matrix: list[list[int]], row: int, column: int
) -> None:
    pairs = align(len(matrix), len(matrix[0]), lambda i, j: matrix[i][j], (row, column))
    assert all(a < c and b < d for (a, b), (c, d) in zip(pairs, pairs[1:], strict=False))
    total = sum(matrix[i][j] for i, j in pairs)
    total += row * (len(matrix) - len(pairs)) + column * (len(matrix[0]) - len(pairs))
    assert total == _cheapest_in_step(matrix, row, column)


def test_align_never_makes_a_forbidden_pair() -> None:
    for names in permutations("abc"):
        pairs = align(3, 3, lambda i, j, names=names: 0 if "abc"[i] == names[j] else None, (1, 1))  # type: ignore[misc]
        assert all("abc"[i] == names[j] for i, j in pairs)
