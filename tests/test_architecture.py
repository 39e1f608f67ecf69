"""The floors of the house: who may import whom, and where foreign packages live."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import evalkit

HOUSE = Path(__file__).parents[1] / "evalkit"

FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(floor.split())
    for floor in (
        "data version",
        "errors pacing ledger",
        "values",
        "documents numerals patterns locate eventstream textfiles",
        "plugins schema codec files stats arms",
        "request messages_api apis portability cache shelf rows doctor",
        "reference tally repro complaint gold",
        "pairing",
        "providers dialects matchers formats sections renderers servers",
        "suite extract score compare gate report",
        "judge",
        "asking",
        "pipeline workspace serving store locking selection sharding testing ci traces",
        "joining",
        "running merging bounds frames stopping planning baselines rivals",
        "viewing tracking",
        "cli",
        "pytest_cases",
        "pytest_plugin",
    )
)
EDGE = {"__init__", "__main__"}  # the front door: may name any room
HOMES = {
    "jsonschema": {"schema"},
    "jsonschema_rs": {"schema"},
    "jsonschema_specifications": {"schema"},
    "referencing": {"schema"},
    "scipy": {"stats"},
    "numpy": {"stats"},
    "pandas": {"frames"},
    "pyarrow": {"renderers/parquet"},
    "msgspec": {"codec", "values", "files"},
    "yaml": {"documents"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"renderers/terminal", "cli"},
    "jinja2": {"renderers/html", "viewing"},
    "mlflow": {"tracking"},
    "litellm": {"providers/litellm"},
    "aiohttp": {"providers", "testing", "viewing"},
    "yarl": {"providers/_http"},
    "httpx": {"providers"},
    "sqlite3": {"store", "shelf", "cache", "ledger", "viewing"},
    "re2": {"matchers/regex"},
    "pytest": {"pytest_cases", "pytest_plugin"},
}


EVERYWHERE = ("msgspec.Struct", "msgspec.field", "msgspec.structs")
"""What nouns are made of. How they become text is the matter of one room."""


def modules() -> Iterator[tuple[str, Path]]:
    """(`schema/__init__` or `matchers/text`, path) of every module."""
    for path in sorted(HOUSE.rglob("*.py")):
        yield path.relative_to(HOUSE).with_suffix("").as_posix(), path


def room_of(module: str) -> str:
    """What the floors and homes know it by: a folder stands for its `__init__`."""
    return module.removesuffix("/__init__")


def imports(source: str, module: str) -> Iterator[tuple[int, str]]:
    """Every module that `source` imports, wherever the statement stands, with relative ones made absolute."""
    package = ["evalkit", *module.split("/")][:-1]  # that of a folder's `__init__` is the folder
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            named = ".".join([*base, *([node.module] if node.module else [])])
            if named.count(".") < 2:  # what is named may itself be a module
                yield from ((node.lineno, f"{named}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, named
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


def floor(room: str) -> int:
    for number, names in enumerate(FLOORS):
        if room.split("/")[0] in names:
            return number
    raise AssertionError(f"evalkit/{room}.py stands on no floor: give it one in FLOORS")


def breaches(source: str, module: str) -> list[str]:
    room, found = room_of(module), []
    for line, imported in imports(source, module):
        parts = imported.split(".")
        if parts[0] == "evalkit":
            if len(parts) < 2 or parts[1] in EDGE:
                continue
            same_folder = "/" in room and parts[1] == room.split("/")[0]
            shared = len(parts) > 2 and parts[2].startswith("_")
            if same_folder and (shared or floor(room) not in (floor("providers"),)):
                continue  # a folder's own parts; plug-ins may share only what begins with "_"
            if parts[1] == room and len(parts) > 2:
                continue
            if floor(parts[1]) >= floor(room):
                found.append(f"evalkit/{module}.py:{line}: imports {imported}, which is not below it")
        elif imported.startswith(EVERYWHERE):
            continue
        elif parts[0] in HOMES and not any(room == home or room.startswith(home + "/") for home in HOMES[parts[0]]):
            found.append(f"evalkit/{module}.py:{line}: imports {parts[0]}, whose home is {sorted(HOMES[parts[0]])}")
    return found


def test_imports_point_down_and_foreign_packages_stay_at_home() -> None:
    found = [
        breach
        for module, path in modules()
        if module not in EDGE
        for breach in breaches(path.read_text(encoding="utf-8"), module)
    ]
    assert not found, "\n".join(found)


def test_the_map_of_the_house_has_every_room_on_its_floor() -> None:
    floors = re.findall(r"^ {4}(\S+(?: \S+)*)  ", evalkit.__doc__ or "", flags=re.MULTILINE)
    assert [frozenset(rooms.split()) for rooms in floors] == list(FLOORS)
    assert {module.split("/")[0] for module, _ in modules()} - EDGE == frozenset().union(*FLOORS)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("data", "import evalkit.errors"),
        ("data", "from evalkit.errors import InputError"),
        ("data", "from evalkit import errors"),
        ("score", "from evalkit.compare import compare"),
        ("score", "def f():\n    from evalkit import store"),
        ("score", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import evalkit.cli.app"),
        ("score", "import importlib\nimportlib.import_module('evalkit.pipeline')"),
        ("matchers/text", "from evalkit.matchers import regex"),
        ("matchers/text", "from . import regex"),
        ("matchers/text", "from .regex import match"),
        ("matchers/text", "from .. import store"),
        ("sections/flips", "from evalkit.renderers import html"),
        ("frames", "from . import running"),
        ("schema/__init__", "from .. import stats"),
        ("schema/__init__", "from ..stats import rates"),
        ("schema/drafts", "from .. import stats"),
        ("compare", "import jsonschema"),
        ("report", "from jinja2 import Environment"),
        ("sections/flips", "import scipy.stats as st"),
        ("providers/openai_http", "import litellm"),
    ],
)
def test_a_planted_breach_is_found(module: str, source: str) -> None:
    assert breaches(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("schema/__init__", "from . import drafts"),
        ("schema/__init__", "from .drafts import named"),
        ("schema/__init__", "from .. import values"),
        ("stats/__init__", "from . import schema"),  # a part of its own, whatever else is called so
        ("matchers/text", "from . import _rules"),
        ("matchers/text", "from .. import values"),
    ],
)
def test_an_import_of_what_is_below_or_ones_own_is_none(module: str, source: str) -> None:
    assert breaches(source, module) == []


@pytest.mark.parametrize(
    "heavy", ["litellm", "mlflow", "pandas", "scipy", "jsonschema", "jsonschema_rs", "pydantic", "aiohttp"]
)
def test_the_command_line_starts_without(heavy: str) -> None:
    code = f"import sys; from evalkit.cli.app import command_line; command_line(); sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_modules_stay_small() -> None:
    big = [
        f"{module}: {n}"
        for module, path in modules()
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 350
    ]
    assert not big, f"split by job: {big}"
