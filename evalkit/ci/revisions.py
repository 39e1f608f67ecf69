"""Files as they were at another revision of a git repository. Reads only: nothing is fetched or checked out."""

from __future__ import annotations

import subprocess
from pathlib import Path

from evalkit.errors import InputError


def resolve(ref: str, folder: Path) -> str:
    """The commit that `ref` names, in full. Raises InputError: no repository, no such revision, no git."""
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if found.returncode == 0:
        return found.stdout.strip()
    inside = _git(folder, "rev-parse", "--is-inside-work-tree")
    if inside.returncode:
        raise InputError(f"{folder.resolve()}: git reads no repository here", inside.stderr.strip().split("\n")[0])
    hint = "in CI, check out with the history: a shallow clone lacks it"
    raise InputError(f"{folder.resolve()}: {ref!r} is no revision of it", hint)


def show(path: Path, commit: str) -> str | None:
    """The text of a file as `commit` has it; None if it has none. `commit` is one that `resolve` gave."""
    listed = _git(path.parent, "ls-tree", "--name-only", commit, "--", f"./{path.name}")
    return _git(path.parent, "show", f"{commit}:./{path.name}").stdout if listed.stdout.strip() else None


def author(folder: Path) -> str:
    """Who git says is at work here; "" if it does not know."""
    return _git(folder, "config", "--get", "user.name").stdout.strip()


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What git says. Each argument is one, whatever it holds: no shell reads them."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False, encoding="utf-8", errors="replace", timeout=60)
    except FileNotFoundError:
        raise InputError("there is no git to ask", "install it") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"git did not answer: {' '.join(command)}") from None
