"""What a page holds compressed: every case in columns, and the cases in full that are not plain HTML.

Gzip in base64; a browser unpacks it when it is needed. Text is made visible before: a page sets it as text only.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from evalkit.data import Drilldown, Json, Ledger
from evalkit.renderers import _visible as visible

PACK = 50
"""Cases in one pack: unpacked together when one of them is opened."""
BUDGET = 8_000_000
"""Characters of all packs. A case beyond has its line and no more, so that a page can still be sent and opened."""
FOUND = 400
"""Characters of one call by which a case is found."""


class Packs(NamedTuple):
    texts: Sequence[str]
    cases: int
    """How many cases they hold: the first ones of those that were to be packed."""


def packs(template: Any, cases: Sequence[Drilldown]) -> Packs:
    """The bodies of `cases` as HTML, PACK at a time, as many as BUDGET allows."""
    texts: list[str] = []
    left = BUDGET
    for start in range(0, len(cases), PACK):
        text = pack([template.render(case=case) for case in cases[start : start + PACK]])
        left -= len(text)
        if left < 0:
            return Packs(texts, start)
        texts.append(text)
    return Packs(texts, len(cases))


def pack(value: Json) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("ascii"), 6, mtime=0)).decode("ascii")


def columns(ledger: Ledger, run: str, cases: Sequence[Drilldown], plain: int, packed: int) -> Mapping[str, str]:
    """Name -> pack: the lines of all cases, and the lists of tools of their commands.

    `full` lines come with the case in full: `plain` of them in the page, the further ones in packs of `pack`.
    """
    lines = {
        "run": visible.line(run),
        "plain": min(plain, len(cases)),
        "full": min(plain, len(cases)) + packed,
        "pack": PACK,
        "case": [visible.plain(case) for case in ledger.cases],
        "kind": _coded([[kind] for kind in ledger.kinds], flat=True),
        "flaws": _coded(ledger.flaws),
        "unlike": [int(unlike) for unlike in ledger.unlike],
        "tools": _coded(ledger.tools),
        "tags": _coded(ledger.tags),
        "why": [visible.line(why) for why in ledger.whys],
        "asked": [visible.line(asked) for asked in ledger.asked],
        "seconds": [[None if time is None else round(time * 1000) for time in side] for side in ledger.seconds],
        "tokens": ledger.tokens,
        "found": [visible.line(" ".join(_found(case))) for case in cases],
    }
    return {"ledger": pack(lines), "offers": pack(ledger.offers)}


def _coded(lists: Sequence[Sequence[str]], *, flat: bool = False) -> Json:
    """Each text once, and its number where it stands; `flat`: of lists of one, the number alone."""
    codes: dict[str, int] = {}
    coded = [[codes.setdefault(visible.plain(text), len(codes)) for text in texts] for texts in lists]
    return {"names": list(codes), "codes": [code for (code,) in coded] if flat else coded}


def _found(case: Drilldown) -> Iterator[str]:
    """What a reader may look for in what the models sent."""
    for side in case.sides:
        yield from (call["text"][:FOUND] for call in side["calls"])
        yield from (f"{flaw['code']} {flaw['message'][:FOUND]}" for flaw in side["violations"])
        yield side["text"][:FOUND]
