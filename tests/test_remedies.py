"""Every kind of fault has its remedy, and only a refusal is one for the doctor."""

from __future__ import annotations

from typing import get_args

from evalkit.cli import remedies
from evalkit.data import FaultKind


def test_every_kind_of_fault_has_its_remedy() -> None:
    doctored = {kind for kind in get_args(FaultKind) if "doctor" in remedies.against(kind)}
    assert doctored == {"bad_request", "unsupported"}
