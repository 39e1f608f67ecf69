"""Suites as tests: `pytest suites/ --evalkit-model provider/model`, or `--evalkit-models FILE`. Else it does nothing.

Each case is one test for each model. All that pytest selected (`-k`, `--deselect`, a node id) is asked before the first
test runs, many at a time, in one run that `evalkit show`, `gate` and `report` can read afterwards. A test fails if a
trial falls short of what its case wants. If the model was not heard (a Fault), the test is an *error*: nobody knows
whether the model can do it, so it is neither a failure of the model nor may it pass.
"""

from __future__ import annotations

import pytest

# Whoever has evalkit installed loads this module with every run of pytest: it imports the rest only when it is asked.


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all of which begin with --evalkit."""
    group = parser.getgroup("evalkit", "suites of tool calls as tests")
    add = group.addoption
    add(
        "--evalkit-model",
        action="append",
        default=[],
        metavar="PROVIDER/MODEL",
        help="Collect suite files, and ask this model their cases: provider/model, or a name of --evalkit-models "
        "(repeatable).",
    )
    add(
        "--evalkit-models",
        metavar="FILE",
        help="A model list, with parameters, prices, servers to start, requests a minute; without --evalkit-model all "
        "of it are asked.",
    )
    add(
        "--evalkit-suite",
        action="append",
        default=[],
        metavar="FILE",
        help="A suite file, or the name of a bundled one (repeatable); then none is collected from folders.",
    )
    add("--evalkit-trials", type=int, default=1, metavar="N", help="How often each case is asked; all must hold.")
    add("--evalkit-concurrency", type=int, default=16, metavar="N", help="Requests in flight.")
    add("--evalkit-max-retries", type=int, default=4, metavar="N", help="Further attempts when the transport fails.")
    add("--evalkit-timeout", type=float, metavar="SECONDS", help="For one attempt; else as the model list says.")
    add("--evalkit-case-timeout", type=float, metavar="SECONDS", help="For all attempts of a case together.")
    add("--evalkit-max-calls", type=int, metavar="N", help="Ask no more after this many requests.")
    add("--evalkit-max-cost", type=float, metavar="USD", help="Ask no more once this much is spent.")
    add("--evalkit-max-seconds", type=float, metavar="SECONDS", help="Start no request after this.")
    add("--evalkit-reports", default="reports", metavar="DIR", help="Where the run is kept.")
    add(
        "--evalkit-run",
        metavar="NAME",
        help="Keep the answers under this name and ask only what is missing; else everything is asked anew.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Bring in what collects and asks, once there is a model to ask."""
    if not (config.getoption("--evalkit-model") or config.getoption("--evalkit-models")):
        if config.getoption("--evalkit-suite"):
            raise pytest.UsageError("--evalkit-suite: no model to ask; name one with --evalkit-model provider/model")
        return
    from evalkit.pytest_cases import Cases

    config.pluginmanager.register(Cases.of(config), "evalkit-cases")
