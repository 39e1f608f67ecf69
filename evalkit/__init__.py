"""evalkit tells a team whether it can upgrade the language model behind its tools.

The map of the house, in the order in which a case meets its rooms (a room imports only from those above its line):

    data  errors                                       the nouns; what can go wrong, and whose fault it is
    values  documents  patterns                        JSON values; files with places; the language of expectations
    schema  files  codec  plugins  stats  tally        tools: judge, read, store, find, count
    reference  providers/  dialects/  matchers/ ...    plug-ins: one file each
    suite  request  extract  score  compare  gate  report     the steps, each nouns to nouns
    pipeline  store  workspace  testing                chains and edges: asking, disk, a server to test with
    running  bounds  frames                            a whole run; how hard a suite is; a run as a table
    cli                                                words to calls, calls to exit codes
    pytest_plugin pytest_cases                         suites as tests of pytest

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
