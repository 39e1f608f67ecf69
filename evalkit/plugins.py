"""The plug-in kinds, one Protocol each, and the one way to find a plug-in.

A kind is a folder, a plug-in is a module in it: the file name is its name, the first line of its docstring its
help. Other distributions add one with an entry point in the group `evalkit.<kind>`; none replaces one of ours, whose
names mean the same wherever they are used. Names are listed without importing anything; a module that misses a
function of its contract is refused when it is loaded.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from msgspec import Struct

from evalkit.data import Answer, Json, Request, Response, Run, Serve, Target, Usage, Wire
from evalkit.errors import InputError, PluginError, suggest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from evalkit.data import Comparison, Report, Section, Verdict


class Connection(Protocol):
    """A way to a model, open for one run.

    One that is slow with its first question, and holds up all others meanwhile, also has `async ready(request)`: it
    does what can be done before, and sends nothing.
    """

    async def ask(self, request: Request) -> Response:
        """Send `request.body` as it stands, once. Raises ProviderError; repairs nothing, retries nothing."""
        ...

    async def close(self) -> None: ...


class World(Struct, frozen=True, kw_only=True):
    """What a provider may know of the world, handed in."""

    environ: Mapping[str, str]
    """Where keys are looked up, by the name in `Target.api_key_env`."""
    load_run: Callable[[str], Run]
    """A stored run by its name or path; raises StoreError."""


class Provider(Protocol):
    """providers/: how a model is reached.

    One whose answers are had here, at no cost, says `FREE = True`: none is kept in a cache, and a budget counts none.
    """

    def connect(self, target: Target, world: World) -> Connection:
        """Raises InputError if a key is named that `world.environ` does not have. Opens no connection yet."""
        ...


class Dialect(Protocol):
    """dialects/: how a wire body is read, and how a reference server writes it. Pure.

    A dialect that has streams also has `marks(wire) -> (first token, first byte of a call, end of the arguments)`:
    offsets in `wire.body`, each None where it does not apply, to be looked up in `wire.arrivals`.
    """

    def read(self, wire: Wire) -> Answer:
        """Never raises on what a model sent; raises ProviderError if the body is no answer of this dialect."""
        ...

    def write(
        self,
        calls: Sequence[tuple[str, Json]],
        text: str,
        *,
        model: str,
        usage: Usage,
        stream: bool,
        finish: str | None = None,
        ids: bool = True,
    ) -> str:
        """The body an endpoint of this dialect sends for `calls`, (tool, argument text) each.

        Arguments that are no string are sent as they are, as broken endpoints do. `finish`: `stop`, `tool_calls` or
        `length`, written in the dialect's own word; None: the one that fits. `ids=False`: calls have no id.
        """
        ...


class Matcher(Protocol):
    """matchers/: when an argument is what the case wanted. Pure, never raises.

    `EXAMPLES`: (expected, options, actual, matches) each; its tests and its manual.
    `ABSENT`: True if an argument that was left out matches.
    """

    EXAMPLES: Sequence[tuple[Json, Mapping[str, Json], Json, bool]]
    ABSENT: bool

    def check(self, expected: Json, options: Mapping[str, Json]) -> str | None:
        """What is wrong with the rule itself, as one sentence; None if it can be used."""
        ...

    def match(self, expected: Json, actual: Json, options: Mapping[str, Json]) -> str | None:
        """None if `actual` matches, else one sentence that says why not."""
        ...

    def values(self, expected: Json, options: Mapping[str, Json]) -> Iterable[Json]:
        """Values that match, best first; empty if they do not follow from the rule."""
        ...


class Format(Protocol):
    """formats/: other tools' files, text to nouns. Does no IO; raises InputError with a place.

    A format has any of four readers: `tools(text, source) -> tuple[ToolSpec, ...]`, `cases(files, source) -> Suite`,
    `run(files, suite, target) -> tuple[Record, ...]`, where `files` is path -> text, and
    `exchanges(line) -> Iterator[Exchange | Half | Left]`, where `line` is the value of a line of a log. `sniff(text)`
    says whether `text` looks like it: a file that declares tools, or a line of a log.
    """

    def sniff(self, text: str) -> bool: ...


class SectionBuilder(Protocol):
    """sections/: what a report says. Tables and figures as data, no markup."""

    ORDER: int

    def build(self, comparison: Comparison, verdict: Verdict) -> Section | None:
        """None if there is nothing to say."""
        ...


class Renderer(Protocol):
    """renderers/: how a Report looks. The same report gives the same text.

    One whose file is no text also has `write(report) -> bytes`, what is in the file; `render` then says the same as
    text. One that takes more than is always installed also has `ready()`, which raises InputError if that is missing.
    """

    SUFFIX: str

    def render(self, report: Report) -> str: ...


class Engine(Protocol):
    """servers/: how a server on this machine is started. Says how; `serving` does it.

    `PROGRAM`: the executable that must be there; None: whatever the command names. `INSTALL`: what installs it.
    `HEALTH`: the path that answers 200 once it is ready. `METRICS`: the path of its Prometheus metrics, or None.
    `SERIES`: what is kept of them, Prometheus name -> name in a run.
    """

    PROGRAM: str | None
    INSTALL: str
    HEALTH: str
    METRICS: str | None
    SERIES: Mapping[str, str]

    def command(self, serve: Serve, port: int) -> tuple[str, ...]:
        """The command that serves OpenAI's API at 127.0.0.1:`port`/v1. Raises InputError for what it cannot use."""
        ...


_CONTRACTS: Mapping[str, tuple[str, ...]] = {
    "providers": ("connect",),
    "dialects": ("read", "write"),
    "matchers": ("check", "match", "values", "EXAMPLES", "ABSENT"),
    "formats": ("sniff",),
    "sections": ("build", "ORDER"),
    "servers": ("command", "PROGRAM", "INSTALL", "HEALTH", "METRICS", "SERIES"),
    "renderers": ("render", "SUFFIX"),
}

KINDS: tuple[str, ...] = tuple(_CONTRACTS)


def names(kind: str) -> tuple[str, ...]:
    """Names of the plug-ins of `kind`, sorted, with nothing imported."""
    return tuple(sorted({*_bundled(kind), *_external(kind)}))


def help_line(kind: str, name: str) -> str:
    """The first line of the plug-in's docstring, read from its source where it is bundled."""
    path = _bundled(kind).get(name)
    if path is not None:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    else:
        text = find(kind, name).__doc__
    return (text or "").strip().split("\n")[0]


def find(kind: str, name: str) -> Any:
    """The plug-in module. Raises InputError if there is none of that name, PluginError if it breaks its contract."""
    return _load(kind, name)


def provider(name: str) -> Provider:
    return cast(Provider, find("providers", name))


def free(target: Target) -> bool:
    """Whether its answers cost nothing, whatever their number; only a provider that answers here says so."""
    return bool(getattr(provider(target.provider), "FREE", False))


def dialect(name: str) -> Dialect:
    return cast(Dialect, find("dialects", name))


def matcher(name: str) -> Matcher:
    return cast(Matcher, find("matchers", name))


def sections() -> tuple[SectionBuilder, ...]:
    """Every section, in the order in which a report shows them."""
    found = [cast(SectionBuilder, find("sections", name)) for name in names("sections")]
    return tuple(sorted(found, key=lambda section: section.ORDER))


def renderer(name: str) -> Renderer:
    return cast(Renderer, find("renderers", name))


def engine(name: str) -> Engine:
    return cast(Engine, find("servers", name))


@cache
def _load(kind: str, name: str) -> Any:
    if name in _bundled(kind):
        module = importlib.import_module(f"evalkit.{kind}.{name}")
    elif name in _external(kind):
        module = _external(kind)[name].load()
    else:
        raise InputError(f"no {kind.removesuffix('s')} is called {name!r}", suggest(name, names(kind)))
    missing = [part for part in _CONTRACTS[kind] if not hasattr(module, part)]
    if missing:
        raise PluginError(f"{kind}/{name}: missing {', '.join(missing)}")
    return module


@cache
def _bundled(kind: str) -> Mapping[str, Path]:
    spec = find_spec(f"evalkit.{kind}")
    if spec is None or not spec.submodule_search_locations:
        return {}
    folder = Path(spec.submodule_search_locations[0])
    return {path.stem: path for path in folder.glob("*.py") if not path.stem.startswith("_")}


@cache
def _external(kind: str) -> Mapping[str, EntryPoint]:
    return {point.name: point for point in _installed().select(group=f"evalkit.{kind}")}


@cache
def _installed() -> Any:
    """What all distributions tell of themselves, read once: there may be hundreds."""
    # Imported where it is asked: it takes longer than all of ours, and who uses what is bundled never asks.
    from importlib.metadata import entry_points

    return entry_points()
