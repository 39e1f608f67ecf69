"""Parquet, for tables of many reports: a row for each case with what became of it, and both sides beside each other."""

from __future__ import annotations

import io
from importlib.util import find_spec

from evalkit.data import Json, Report
from evalkit.errors import InputError
from evalkit.renderers import _rows as rows

SUFFIX = ".parquet"


def ready() -> None:
    if find_spec("pyarrow") is None:
        raise InputError("there is nothing here that writes Parquet", "python -m pip install pyarrow")


def write(report: Report) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "truth": pa.bool_(),
        "number": pa.float64(),
        "count": pa.int64(),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in rows.COLUMNS.items()])
    buffer = io.BytesIO()
    told = [{name: _whole(value) for name, value in row.items()} for row in rows.rows(report)]
    parquet.write_table(pa.Table.from_pylist(told, schema), buffer)
    return buffer.getvalue()


def _whole(value: Json) -> Json:
    """Half of a surrogate pair has no UTF-8: as its escape."""
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value


def render(report: Report) -> str:
    """The same rows as text."""
    return rows.text(report)
