"""What every test shares: Hypothesis without deadlines (the machine is slow at times), repeatable in CI."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("evalkit", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("evalkit")
