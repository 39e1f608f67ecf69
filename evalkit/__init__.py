"""evalkit tells a team whether it can upgrade the language model behind its tools.

The map of the house, from the ground up (a room imports only from floors below its own; the architecture test says so):

    data/  errors                    the nouns; what can go wrong, and whose fault it is
    values/  documents  patterns     JSON values; files with the place of everything; the language of expectations
    schema/  files/  codec  plugins  judge a payload, read our files, store a noun, find a plug-in
    shelf                            cases that are too many to hold
    stats/  tally  numerals          intervals and tests; what records add up to; how numbers are written
    arms/  request  portability/     how a model is asked, what is sent, and what a route makes of it
    reference/                       models that need no weights
    pairing/                         two sides of a comparison put side by side
    providers/ dialects/ matchers/ formats/ sections/ renderers/ servers/      plug-ins: one file each
    suite  extract/  score/  compare  gate/  report                            the steps, each nouns to nouns
    pipeline  store  locking  cache  workspace  testing/  serving/  ci/        chains and edges: asking, disk, servers
    running  stopping  planning  bounds  baselines/  rivals  frames            a whole run, and what is done with one
    viewing/  cli/  pytest_plugin                                              where people come in

The names below are the public API; they load what they need when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.data import (
        Case,
        Comparison,
        Judging,
        Mismatch,
        Policy,
        Record,
        Run,
        Score,
        Suite,
        Target,
        ToolSpec,
        Verdict,
        Violation,
    )
    from evalkit.errors import ExitCode, InputError, ProviderError, StoreError
    from evalkit.frames import load_run
    from evalkit.gate import decide
    from evalkit.running import Order, carry_out
    from evalkit.workspace import load_models, load_policy, load_suite

__version__ = "0.1.0"

_HOMES = {
    "evalkit.data": "Case Comparison Judging Mismatch Policy Record Run Score Suite Target ToolSpec Verdict Violation",
    "evalkit.errors": "ExitCode InputError ProviderError StoreError",
    "evalkit.frames": "load_run",
    "evalkit.gate": "decide",
    "evalkit.running": "Order carry_out",
    "evalkit.workspace": "load_models load_policy load_suite",
}

__all__ = [
    "Case",
    "Comparison",
    "ExitCode",
    "InputError",
    "Judging",
    "Mismatch",
    "Order",
    "Policy",
    "ProviderError",
    "Record",
    "Run",
    "Score",
    "StoreError",
    "Suite",
    "Target",
    "ToolSpec",
    "Verdict",
    "Violation",
    "carry_out",
    "decide",
    "load_models",
    "load_policy",
    "load_run",
    "load_suite",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names.split():
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'evalkit' has no attribute {name!r}")
