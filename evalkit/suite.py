"""A suite that can be judged: everything in it that can be checked is, before any model is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cache, lru_cache, partial
from itertools import chain
from typing import TypeAlias

from msgspec.structs import replace

from evalkit import gold, plugins, schema, shelf, values
from evalkit.data import ArgRule, Case, ExpectedCall, Json, Pointer, Suite, ToolSpec
from evalkit.errors import InputError, Place, Problem, suggest

Part: TypeAlias = tuple[str | int, ...]
"""A part of a case: ("id",), ("offer", n), ("forbid", n), ("expect", expectation, call) or, with the rule behind it,
("expect", expectation, call, rule); () is the case as a whole."""
Locate: TypeAlias = Callable[[Part], tuple[Place | None, Pointer]]
"""Where a part of a case was written, and its pointer there."""
_RECENT = 4096
"""Lists of tools, and arguments of tools, whose findings are kept: cases of one suite share most of them."""


def build(
    draft: Suite,
    written: Iterable[tuple[Case, Locate]] | None = None,
    *,
    place: Place | None = None,
    beside: Sequence[Problem] = (),
    mark_flaws: bool = False,
) -> Suite:
    """The draft with its digest, if all of it can be judged. Raises InputError with everything that is wrong.

    `written`: its cases with their places, each read as it is taken; else those it has. `place`: where the suite as a
    whole was written. `beside`: what is found wrong while they are read, which is told too. Gold that breaks the
    schema of its own tool is wrong, but not on cases that come with `flaws`. With `mark_flaws`, for other people's
    cases, which are not ours to drop, it becomes such a flaw.
    """
    unsound = {key: schema.check(spec.schema, spec.source) for key, spec in draft.specs.items()}
    checker = _Checker(draft, {key for key, found in unsound.items() if found})
    problems = [*chain(*unsound.values())]
    gathering = shelf.Gathering()
    places: dict[str, Place] = {}
    for case, locate in written or ((case, _by_source(case)) for case in draft.cases):
        found = list(checker.case(case))
        broken = [] if case.flaws else list(checker.gold(case, {part for part, _, _ in found}))
        if mark_flaws:
            case = replace(case, flaws=(*case.flaws, *(what for _, what, _ in broken)))
        else:
            found += broken
        earlier = gathering.add(case)
        if earlier:
            first = places.get(case.id) or earlier.source
            found.append((("id",), f"the id {case.id!r} stands twice", f"the first is at {first}" if first else ""))
        elif (place := locate(("id",))[0]) and place.column is not None:
            places[case.id] = place  # a line of JSON Lines has no columns: of cases without number nothing is kept
        problems += (_placed(finding, locate) for finding in found)
    cases = gathering.cases()
    if not cases and not beside:
        hint = "write at least one under cases, or on the lines below the first of a .jsonl"
        problems.append(Problem(what=f"the suite {draft.name!r} has no cases", hint=hint, place=place))
    if checker.breached:  # it may be the schema that was written wrongly
        problems += _doubtful(draft.specs[key] for key in draft.specs if key in checker.breached and not mark_flaws)
    if problems or beside:
        # alternatives of one $one_of share what is wrong around it
        raise InputError(dict.fromkeys((*beside, *problems)))
    built = replace(draft, cases=cases)
    return replace(built, digest=digest(built))


def _by_source(case: Case) -> Locate:
    """For a case that was not read from a file of ours: its source, and its id in place of a pointer."""
    return lambda _: (Place(file=case.source) if case.source else None, case.id)


_Finding: TypeAlias = tuple[Part, str, str]
"""A part of a case, what is wrong with it, and a hint or ""."""


def _placed(finding: _Finding, locate: Locate) -> Problem:
    part, what, hint = finding
    place, path = locate(part)
    return Problem(what=what, hint=hint, place=place, path=path)


class _Checker:
    """What is wrong with one case."""

    def __init__(self, suite: Suite, unsound: Set[str]) -> None:
        """`unsound`: keys of specs whose schema nothing can be held against."""
        self.suite = suite
        self.unsound = unsound
        self.known = {spec.name for spec in suite.specs.values()}
        self.offered = lru_cache(_RECENT)(partial(_offered, suite))
        self.misoffered = lru_cache(_RECENT)(lambda tools: tuple(_misoffered(suite, tools)))
        self.undeclared = lru_cache(_RECENT)(lambda key, path: gold.undeclared(suite.specs[key].schema, path))
        self.breached: set[str] = set()
        """Keys of specs whose schema some gold breaks."""

    def case(self, case: Case) -> Iterator[_Finding]:
        """What makes a case unusable, but for gold that breaks its schema."""
        yield from self.misoffered(case.tools)
        offered = self.offered(case.tools)
        for n, name in enumerate(case.forbid):
            if name not in self.known:
                yield ("forbid", n), f"no tool is called {name!r}", suggest(name, self.known)
        for part, call in _calls(case):
            if call.tool not in self.known:
                yield part, f"no tool is called {call.tool!r}", suggest(call.tool, offered)
            elif call.tool not in offered:
                yield part, f"{call.tool!r} is expected but not offered", "add it to offer, or expect another"
            elif call.tool in case.forbid:
                yield part, f"{call.tool!r} is expected and forbidden", "drop it from one of them"
            yield from self.rules(part, call)

    def rules(self, part: Part, call: ExpectedCall) -> Iterator[_Finding]:
        for n, rule in enumerate(call.args):
            try:
                wrong = _matcher(rule.matcher).check(rule.value, rule.options)
            except InputError as unknown:
                yield from (((*part, n), each.what, each.hint) for each in unknown.problems)
            else:
                if wrong:
                    yield (*part, n), f"${rule.matcher}: {wrong}", ""

    def gold(self, case: Case, told: Set[Part]) -> Iterator[_Finding]:
        """Where what a case wants breaks the schema of its own tool. Of parts that are `told` no more is said."""
        offered = self.offered(case.tools)
        for part, call in _calls(case):
            key = offered.get(call.tool)
            if key is not None and key not in self.unsound:
                for breach in self.breaches(part, call, key, told):
                    self.breached.add(key)
                    yield breach

    def breaches(self, part: Part, call: ExpectedCall, key: str, told: Set[Part]) -> Iterator[_Finding]:
        """An argument that the tool does not have is told as such, and then taken for the one that was meant."""
        spec = self.suite.specs[key]
        known: dict[int, ArgRule] = {}
        for n, rule in enumerate(call.args):
            found = self.undeclared(key, rule.path)
            path: Pointer | None = rule.path
            if found and not found.allowed:
                yield (*part, n), f"{call.tool} has no argument {found.name!r}", suggest(found.name, found.known)
                path = found.meant(call)
            if path is not None:
                rule = rule if path == rule.path else replace(rule, path=path)
                left_open = (*part, n) in told
                known[n] = ArgRule(path=path, matcher="ignore", value=True) if left_open else rule
        numbers, call = tuple(known), replace(call, args=tuple(known.values()))
        for violation in gold.breaches(call, spec, self.suite.formats):
            nearest = _nearest(call, violation.path)
            what = f"what {call.tool} is expected to get breaks its schema: {violation.path or 'the arguments'}: "
            where = part if nearest is None else (*part, numbers[nearest])
            yield where, what + violation.message, f"declared at {spec.source}" if spec.source else ""


_matcher = cache(plugins.matcher)


def _calls(case: Case) -> Iterator[tuple[Part, ExpectedCall]]:
    for e, expectation in enumerate(case.accept):
        for c, call in enumerate(expectation.calls):
            yield ("expect", e, c), call


def _offered(suite: Suite, tools: Sequence[str]) -> Mapping[str, str]:
    """Name -> key of the tools that a case offers, as far as there are such tools."""
    return {suite.specs[key].name: key for key in tools if key in suite.specs}


def _misoffered(suite: Suite, tools: Sequence[str]) -> Iterator[_Finding]:
    taken: dict[str, str] = {}
    if not tools:
        yield (), "the case offers no tools", ""
    for n, key in enumerate(tools):
        spec = suite.specs.get(key)
        if spec is None:
            yield ("offer", n), f"no tool is called {key!r}", suggest(key, suite.specs)
        elif spec.name in taken:
            what = f"two tools called {spec.name!r} are offered: {taken[spec.name]!r} and {key!r}"
            yield ("offer", n), what, "name the tools to offer under offer:, one of each name"
        else:
            taken[spec.name] = key


def _nearest(call: ExpectedCall, path: Pointer) -> int | None:
    """The rule for what stands at `path`, or for what is around it."""
    around = [n for n, rule in enumerate(call.args) if f"{path}/".startswith(f"{rule.path}/")]
    return max(around, key=lambda n: len(call.args[n].path), default=None)


# --------------------------------------------------------------------------- what a suite is


def digest(suite: Suite) -> str:
    """Changes with anything that is asked or judged; not with names of suites, tags, sources or the order of cases."""
    return values.digest_of(_canonical(suite))


def _canonical(suite: Suite) -> Iterator[str]:
    """`values.canonical` of [formats, {key: spec}, {id: case}], piece by piece."""
    specs = {key: [spec.name, spec.description, spec.schema] for key, spec in suite.specs.items()}
    yield f"[{values.canonical(suite.formats)},{values.canonical(specs)},{{"
    for number, case in enumerate(shelf.alphabetical(suite.cases)):
        yield f"{',' if number else ''}{values.canonical(case.id)}:{values.canonical(_case(case))}"
    yield "}]"


def _case(case: Case) -> Json:
    accept = [[each.ordered, each.extra_calls, [_call(call) for call in each.calls]] for each in case.accept]
    return [case.messages, case.tools, case.forbid, accept]


def _call(call: ExpectedCall) -> Json:
    rules = [[rule.path, rule.matcher, rule.value, rule.options, rule.optional] for rule in call.args]
    return [call.tool, call.closed, rules]


# --------------------------------------------------------------------------- what a careful reader would ask


def lint(suite: Suite) -> tuple[Problem, ...]:
    """What is worth a look in a suite that can be judged. Nothing here stops a run."""
    cases = (*_marked(suite), *_unasked(suite), *_twins(suite), *_undeclared(suite), *_unwanted(suite))
    return (*_doubtful(suite.specs.values()), *cases)


def _note(case: Case, what: str, hint: str = "") -> Problem:
    return Problem(what=what, hint=hint, place=Place(file=case.source) if case.source else None, path=case.id)


def _doubtful(specs: Iterable[ToolSpec]) -> Iterator[Problem]:
    """At its pointer in the file of the tool, whose line is not known here."""
    from evalkit.schema.doubts import doubts  # which knows every keyword from jsonschema, and a run asks for none

    for spec in specs:
        file, _, path = spec.source.partition("#")
        for below, what, hint in doubts(spec.schema):
            yield Problem(what=what, hint=hint, place=Place(file=file) if file else None, path=path + below)


def _marked(suite: Suite) -> Iterator[Problem]:
    for case in suite.cases:
        yield from (_note(case, f"flawed gold: {flaw}") for flaw in case.flaws)


def _unasked(suite: Suite) -> Iterator[Problem]:
    for case in suite.cases:
        if not any(message.get("role") == "user" for message in case.messages):
            yield _note(case, "nobody asks anything: there is no message of a user")


def _twins(suite: Suite) -> Iterator[Problem]:
    asked: defaultdict[str, list[Case]] = defaultdict(list)
    for case in suite.cases:
        asked[values.canonical([case.messages, case.tools])].append(case)
    for first, *others in asked.values():
        for other in others:
            differs = (
                "" if (other.accept, other.forbid) == (first.accept, first.forbid) else " and wants something else"
            )
            yield _note(other, f"asks what {first.id!r} asks{differs}", "drop one of them, or word it anew")


def _undeclared(suite: Suite) -> Iterator[Problem]:
    for case in suite.cases:
        offered = _offered(suite, case.tools)
        for _, call in _calls(case):
            for rule in call.args:
                found = gold.undeclared(suite.specs[offered[call.tool]].schema, rule.path)
                if found and found.allowed:
                    what = f"{call.tool} declares no argument {found.name!r}, though it allows any"
                    yield _note(case, what, suggest(found.name, found.known))


def _unwanted(suite: Suite) -> Iterator[Problem]:
    """Where a case takes any call, no tool is known to be unwanted."""
    if all(case.accept for case in suite.cases):
        wanted = {call.tool for case in suite.cases for _, call in _calls(case)}
        forbidden = {name for case in suite.cases for name in case.forbid}
        idle = sorted({spec.name for spec in suite.specs.values()} - wanted - forbidden)
        if idle:
            shown = ", ".join(idle[:10]) + (f" and {len(idle) - 10} more" if len(idle) > 10 else "")
            yield Problem(what=f"never expected and never forbidden: {shown}", path=suite.name)
