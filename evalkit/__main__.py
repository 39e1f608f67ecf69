"""`python -m evalkit` and the `evalkit` command."""

from __future__ import annotations

import gc

_COLLECT_AFTER = 200_000
"""Objects, net. A command makes many objects and few cycles, and ends soon: looking for cycles as often as Python does
by itself takes a tenth of its time."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(_COLLECT_AFTER)
    from evalkit.cli.app import run

    try:
        run()
    finally:
        gc.freeze()  # the process ends here: what it still holds need not be looked through for cycles


if __name__ == "__main__":
    main()
