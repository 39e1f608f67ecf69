"""Hypothesis strategies that several tests share."""

from __future__ import annotations

from hypothesis import strategies as st

from evalkit.data import Json

#: Text that survives every encoding a file may be written in: no controls, no lone surrogates, no line separators.
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp")), max_size=12)

scalars: st.SearchStrategy[Json] = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
)


def containers(leaves: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
    )


#: Any JSON value.
values = containers(scalars)
