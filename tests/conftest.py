"""What every test shares: Hypothesis without deadlines (the machine is slow at times), repeatable in CI; and Ctrl-C."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile("evalkit", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("evalkit")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in `pytest &` of a shell, and in all that tests start
    signal.signal(signal.SIGINT, signal.default_int_handler)
