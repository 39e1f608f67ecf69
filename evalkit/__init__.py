"""evalkit tells a team whether it can upgrade the language model behind its tools.

The map of the house, a line a floor, from the ground up. A room imports only from floors below its own; the
architecture test says so, and that no room is missing here.

    data version                                      the nouns; which evalkit this is
    errors pacing ledger                              whose fault it is; how fast and how long to ask; keeping it
    values                                            JSON values: read strictly, the same or not, mended to compare
    documents numerals patterns locate eventstream textfiles    texts and numbers as they are written, with their places
    plugins schema codec files stats arms             judging a payload, our files, storing nouns, ways of asking
    request messages_api apis portability cache shelf rows doctor    what is sent, to whom, how it is kept
    reference tally repro complaint gold              models without weights; what records and answers come to
    pairing                                           two sides of a comparison put side by side
    providers dialects matchers formats sections renderers servers    plug-ins: one file each
    suite extract score compare gate report           the steps, each nouns to nouns
    judge                                             a record read, priced and scored
    asking                                            one request to its record, attempt by attempt
    pipeline workspace serving store locking selection sharding testing ci traces    many asked, disk, logs
    joining                                           what may be asked in one run
    running merging bounds frames stopping planning baselines rivals    a whole run, and what is done with one
    viewing tracking                                  a stored run elsewhere: in a browser, in MLflow
    cli                                               where people come in
    pytest_cases                                      what pytest asks of suites
    pytest_plugin                                     its way in, idle until a model is named

The names below are the public API; they load what they need when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from evalkit.version import VERSION as __version__

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
    "__version__",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names.split():
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'evalkit' has no attribute {name!r}")
