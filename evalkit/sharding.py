"""One of several parts of a suite, so that as many machines can ask it: which case is in which follows from its id."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from evalkit import shelf, values
from evalkit import suite as suites
from evalkit.data import Case, Part, Suite
from evalkit.errors import InputError


def read(text: str) -> tuple[int, int]:
    """(K, N) of "K/N", the K-th of N parts. Raises InputError."""
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    number, of = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= of:
        raise InputError(f"--shard {text}: there is no such part", "give K/N, the K-th of N parts: 1/4, 2/4, 3/4, 4/4")
    return number, of


def cut(suite: Suite, number: int, of: int) -> Suite:
    """The part of that number, from 1, with all tools of the whole, so that its parts make up the suite again.

    Raises InputError if no case is in it.
    """
    if of == 1:
        return suite
    places: list[int] = []

    def own() -> Iterator[Case]:
        for place, case in enumerate(suite.cases):
            if part_of(case.id, of) == number:
                places.append(place)
                yield case

    cases = shelf.gather(own())
    if not cases:
        what = f"part {number} of {of} of suite {suite.name} is empty: there are {len(suite.cases):,} cases in all"
        raise InputError(what, "cut it into fewer parts")
    whole = Part(
        suite=suite.name, digest=suite.digest, cases=len(suite.cases), places=tuple(places), shard=(number, of)
    )
    part = replace(suite, name=f"{suite.name}-part-{number}-of-{of}", cases=cases, part=whole)
    return replace(part, digest=suites.digest(part))


def part_of(case: str, of: int) -> int:
    """In which of so many parts the case of that id is, from 1; whatever other cases there are."""
    return int(values.digest(case), 16) % of + 1
