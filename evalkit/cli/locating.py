"""Where a run is, from what the user typed; and what of the world a provider is handed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.data import Run
    from evalkit.plugins import World


def run_folder(name: str, reports: Path) -> Path:
    """`name` is a folder, a run.db, or a name below `reports`. Raises StoreError if there is no run."""
    from evalkit import store
    from evalkit.errors import StoreError, suggest

    path = Path(name)
    for folder in (path.parent if path.suffix == ".db" else path, reports / name):
        if store.holds_run(folder):
            return folder
    known = [folder.name for folder in store.runs(reports)]
    there = suggest(name, known) if known else f"{reports} holds none"
    raise StoreError(f"{name}: there is no such run; {there}")


def world(reports: Path) -> World:
    """The environment's keys, and stored runs by name."""
    from evalkit import store
    from evalkit.plugins import World

    def load_run(name: str) -> Run:
        return store.load(run_folder(name, reports))

    return World(environ=os.environ, load_run=load_run)
