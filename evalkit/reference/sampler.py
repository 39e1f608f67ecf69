"""The sampler: any tool, any valid arguments. What perfect constrained decoding would score without understanding."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from evalkit.data import Case, ToolSpec
from evalkit.reference import payloads
from evalkit.reference.oracle import as_text
from evalkit.reference.said import Said


def say(case: Case, specs: Sequence[ToolSpec], random: Random) -> Said:
    """One call of a random tool. A tool whose schema nothing was found to fit is passed over."""
    for spec in random.sample(specs, len(specs)):
        try:
            return Said(calls=((spec.name, as_text(payloads.draw(spec.schema, random))),))
        except payloads.Unsampled:
            continue
    return Said(text="I have nothing to say.")
