"""The Berkeley Function Calling Leaderboard (BFCL): its function documents, its cases, and answers recorded with it.

A folder of cases holds `questions/CATEGORY.jsonl` and `possible_answers/CATEGORY.jsonl`; a category without possible
answers wants no call. A folder of recorded answers holds `CATEGORY.jsonl` files of one model.
"""

from __future__ import annotations

from evalkit.formats._bfcl_cases import cases
from evalkit.formats._bfcl_runs import run
from evalkit.formats._bfcl_tools import sniff, tools

__all__ = ["cases", "run", "sniff", "tools"]
