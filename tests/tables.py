"""The README's generated tables. `python -m tests.tables` writes them; a test holds them to the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from evalkit import plugins
from evalkit.data import CODES

README = Path(__file__).parents[1] / "README.md"


def codes() -> Iterator[str]:
    yield "| code | means |"
    yield "|---|---|"
    yield from (f"| `{code}` | {meaning} |" for code, meaning in CODES.items())


def matchers() -> Iterator[str]:
    yield "| matcher | matches |"
    yield "|---|---|"
    yield from (f"| `${name}` | {plugins.help_line('matchers', name)} |" for name in plugins.names("matchers"))


def written(text: str) -> str:
    """`text` with its tables as the code has them now."""
    for name, table in (("codes", codes()), ("matchers", matchers())):
        begin, end = f"<!-- {name}: [^\\n]*-->\n", f"<!-- /{name} -->"
        rows = "\n".join(table)
        text = re.sub(f"({begin}).*?({end})", lambda m, rows=rows: f"{m[1]}\n{rows}\n\n{m[2]}", text, flags=re.DOTALL)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
