"""What each page says: runs, one run's records, one case, scores over time; and the report on any two targets."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, get_args
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from msgspec import Struct, field
from msgspec.structs import asdict, replace

from evalkit import compare, report, rivals, store, workspace
from evalkit.data import CODES, RUNGS, Drilldown, Fault, FaultKind, Figure, Json, Record, Run, RunInfo
from evalkit.errors import InputError, StoreError, suggest
from evalkit.numerals import counted, percent
from evalkit.renderers import _visible as visible
from evalkit.renderers import html
from evalkit.renderers._cells import CHANGES
from evalkit.sections import flips
from evalkit.sections._asking import Asking
from evalkit.viewing.paging import Filter, Pages, Share, open_pages

_FOLDER = Path(__file__).with_name("_html")
_STYLES = (html.ASSETS / "page.css", html.ASSETS / "cases.css", _FOLDER / "view.css")
STYLE = "".join(path.read_text(encoding="utf-8") for path in _STYLES)
"""The report's own style, and what is only here."""
_LONGEST = 20_000
"""Characters of one text on a page."""
_COURSE = 40
"""Runs in one drawing: the latest."""
_BETWEEN = "\x1f"
"""Stands between a run's name and a target's identity, neither of which holds it."""


class _Listed(Struct, frozen=True, kw_only=True):
    """A run in the list, or the reason why it cannot be read."""

    name: str
    info: RunInfo | None
    shares: Sequence[Share] = ()
    trouble: str = ""


class Room(Struct):
    """The runs that may be looked at, each opened once."""

    reports: Path
    extra: Path | None = None
    _opened: dict[str, tuple[int, Pages]] = field(default_factory=dict)
    """By the run's name: the file's inode (a run begun anew is another one), and its pages."""
    _shares: dict[str, tuple[tuple[int, int], Sequence[Share]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def runs(self) -> str:
        """Every run, the latest first, and a form to compare any two targets of any two runs."""
        listed = self._listed()
        models = {run.name: run.info.targets if run.info else () for run in listed}
        choices = {
            f"{name}{_BETWEEN}{target.identity}": f"{name}: {target.identity}"
            for name, targets in models.items()
            for target in targets
        }
        pair = next(
            (
                [f"{name}{_BETWEEN}{target.identity}" for target in targets[:2]]
                for name, targets in models.items()
                if len(targets) > 1
            ),
            list(choices)[:2],
        )
        return _render("runs.html.j2", root="", runs=listed, choices=choices, chosen=pair, partly=_partly)

    def trends(self) -> str:
        """The scores of each suite over its runs, the latest first."""
        suites: dict[str, list[_Listed]] = {}
        for run in self._listed():
            if run.info:
                suites.setdefault(run.info.suite_name, []).append(run)
        for runs in suites.values():
            runs.sort(key=lambda run: run.info.created if run.info else "", reverse=True)
        courses = {suite: html.figure(made) for suite, runs in suites.items() if (made := _course(runs))}
        return _render("trends.html.j2", root="", suites=suites, courses=courses, behind=_behind, partly=_partly)

    def run(self, name: str, wanted: Filter, after: int) -> str:
        """One page of a run's records. Raises InputError for a filter that no record could meet."""
        pages = self._pages(name)
        info = pages.info
        known: Mapping[str, Collection[str]] = {
            "target": [target.identity for target in info.targets],
            "failed": RUNGS,
            "code": CODES,
            "fault": _FAULTS,
        }
        given = {key: value for key, value in asdict(wanted).items() if value}
        for key in given.keys() & known.keys():
            if given[key] not in known[key]:
                raise InputError(f"no record has the {key} {given[key]!r}", suggest(given[key], known[key]))
        found = pages.page(wanted, after)
        return _render(
            "run.html.j2",
            root="../",
            name=name,
            info=info,
            wanted=wanted,
            page=found,
            after=after,
            first=urlencode(given),
            further=urlencode({**given, "after": found.next}) if found.next else "",
            rungs=RUNGS,
            codes=tuple(CODES),
            faults=_FAULTS,
        )

    def case(self, name: str, case_id: str, baseline: str, candidate: str) -> str:
        """One case in full: two targets beside each other, by default the run's first two, and how the others fare."""
        pages = self._pages(name)
        suite, records = pages.suite(case_id), pages.case(case_id)
        run = Run(info=pages.info, suite=suite, records=records)
        there = [target.identity for target in run.info.targets]
        pair = _pair(there, baseline, candidate)
        told, offers = _in_full(run, *pair)
        return _render(
            "case.html.j2",
            root="../../",
            name=name,
            case=suite.cases[0],
            pair=pair,
            change=CHANGES[told.kind],
            kind=told.kind,
            body=html.case(told, offers),
            others=[
                (target, [_outcome(record) for record in records if record.target == target])
                for target in there
                if target not in pair
            ],
        )

    def compare(self, baseline: str, candidate: str) -> str:
        """The report on two targets, each `run, unit separator, identity`: what `evalkit report` writes."""
        (old_run, _, old), (new_run, _, new) = (choice.partition(_BETWEEN) for choice in (baseline, candidate))
        first = store.load(self._folder(old_run))
        second = first if new_run == old_run else store.load(self._folder(new_run))
        others = rivals.others(first, old, second, new)
        against = rivals.within(first, old, second)
        today = datetime.now(UTC).date()
        return html.render(report.build(*rivals.decided(against, new, others, workspace.default_policy(), today)))

    def trouble(self, why: str, root: str) -> str:
        """A page that says why there is none; `root`: where the others begin, as this may stand anywhere."""
        return _render("trouble.html.j2", root=root, why=why)

    def close(self) -> None:
        for _, pages in self._opened.values():
            pages.close()

    # ----------------------------------------------------------------------- runs by name

    def _folders(self) -> Mapping[str, Path]:
        """Only what is in here can be asked for, so that no name leads elsewhere."""
        found = {folder.name: folder for folder in store.runs(self.reports)}
        return {self.extra.name: self.extra, **found} if self.extra else found

    def _folder(self, name: str) -> Path:
        folders = self._folders()
        if name not in folders:
            raise StoreError(f"there is no run {name!r}; {suggest(name, folders)}")
        return folders[name]

    def _pages(self, name: str) -> Pages:
        folder = self._folder(name)
        inode = (folder / store.FILE).stat().st_ino
        with self._lock:
            known = self._opened.get(name)
            if known is None or known[0] != inode:
                self._opened[name] = (inode, open_pages(folder))
            return self._opened[name][1]

    def _listed(self) -> list[_Listed]:
        listed = []
        for name in self._folders():
            try:
                listed.append(_Listed(name=name, info=self._pages(name).info, shares=self._scores(name)))
            except StoreError as error:
                listed.append(_Listed(name=name, info=None, trouble=str(error)))
        return listed

    def _scores(self, name: str) -> Sequence[Share]:
        """Counted once for each state of the file: a run of a million records takes seconds."""
        file = self._folder(name) / store.FILE
        state = (file.stat().st_mtime_ns, file.stat().st_size)
        with suppress(OSError):
            log = file.with_name(f"{store.FILE}-wal").stat()
            state = (max(state[0], log.st_mtime_ns), state[1] + log.st_size)
        known = self._shares.get(name)
        if known is None or known[0] != state:
            self._shares[name] = (state, self._pages(name).shares())
        return self._shares[name][1]


def _pair(there: Sequence[str], baseline: str, candidate: str) -> tuple[str, str]:
    """Two of a run's targets; twice the same where it has but one. Raises InputError for one that it does not have."""
    for given in filter(None, (baseline, candidate)):
        if given not in there:
            raise InputError(f"this run has no model {given!r}", suggest(given, there))
    first = baseline or next((name for name in there if name != candidate), there[0])
    return first, candidate or next((name for name in there if name != first), there[0])


def _in_full(run: Run, baseline: str, candidate: str) -> tuple[Drilldown, Mapping[str, str]]:
    """The one case of `run` as a report tells it, and the lists of tools that its commands name."""
    alone = baseline == candidate  # no target is compared with itself: held against a run of its own, it may be
    before = replace(run, info=replace(run.info, id="")) if alone else run
    comparison = compare.compare(before, baseline, run, candidate)
    asking = Asking(comparison)
    told = flips.drilldown(comparison, run.suite.cases[0], comparison.changes[0], asking, ())
    return (replace(told, sides=told.sides[1:]) if alone else told), asking.offers


def _course(runs: Sequence[_Listed]) -> Figure | None:
    """`correct` of each model that was asked the latest questions more than once, run by run, the oldest first.

    `runs`: the latest first. None where no model was.
    """
    known = [(run.name, run.info, run.shares) for run in reversed(runs) if run.info]
    alike = [(name, info, shares) for name, info, shares in known if info.suite_digest == known[-1][1].suite_digest]
    alike = alike[-_COURSE:]
    found: dict[str, dict[str, float]] = {}
    labels: dict[str, str] = {}
    for name, info, shares in alike:
        for share in shares:
            if share.correct is not None:
                model = _model(info, share.target)
                labels[model] = f"{share.target} ({_behind(info, share.target)})"
                found.setdefault(model, {})[name] = share.correct
    courses = [(labels[model], list(values.items())) for model, values in found.items() if len(values) > 1]
    if not courses:
        return None
    partly = {name for name, info, shares in alike if any(_partly(info, share) for share in shares)}
    return Figure(
        kind="dots",
        title="Run by run, on the questions as they are now",
        data={
            "rows": [f"{info.created[:10]} {name}{', incomplete' * (name in partly)}" for name, info, _ in alike],
            "panels": [
                {"label": f"{label}, correct", "points": [_point(dict(values), name) for name, _, _ in alike]}
                for label, values in courses
            ],
            "note": "From the oldest run to the latest, each model under one name alone. The upright line is its "
            "first.",
        },
        alt="; ".join(f"{label} from {percent(values[0][1])} to {percent(values[-1][1])}" for label, values in courses),
    )


def _point(values: Mapping[str, float], run: str) -> Json:
    if run not in values:
        return None
    tone = "baseline" if run == next(iter(values)) else "unclear"
    return {"value": values[run], "low": None, "high": None, "tone": tone}


def _behind(info: RunInfo, identity: str) -> str:
    """The model that bore a name when it was asked: names stay when the version behind them changes."""
    return next(f"{each.provider}/{each.model}" for each in info.targets if each.identity == identity)


def _model(info: RunInfo, identity: str) -> str:
    """What a target is: its name with all that may change behind it, but where it is asked."""
    target = next(each for each in info.targets if each.identity == identity)
    return json.dumps([identity, target.provider, target.model, target.params, target.options], sort_keys=True)


def _partly(info: RunInfo, share: Share) -> str:
    """Of how many answers the scores are, where some lack; "" of a run that is whole."""
    heard, due = share.records - share.faults, info.cases * info.trials
    return f"{heard:,} of {counted(due, 'answer')}" if heard < due else ""


_FAULTS: tuple[str, ...] = get_args(FaultKind)


def _outcome(record: Record) -> tuple[str, str]:
    """(style, words)"""
    if isinstance(record.reply, Fault):
        return "unjudged", f"fault: {record.reply.kind}"
    if record.score is None:
        return "unjudged", "not judged"
    failed = record.score.failed_at
    return ("fail", f"fails at {failed}") if failed else ("pass", "passes")


def _shown(text: object) -> Markup:
    """Escaped, cut, and with what cannot be seen as a small label."""
    told = str(text)
    cut = f"{told[:_LONGEST]} … and {len(told) - _LONGEST:,} characters more" if len(told) > _LONGEST else told
    return Markup("").join(
        Markup('<span class="unseen">{}</span>').format(piece) if hidden else escape(piece)
        for piece, hidden in visible.pieces(cut)
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        shown=_shown,
        json=_json,
        percent=percent,
        counted=counted,
        part=lambda text: quote(str(text), safe=""),
        query=urlencode,
    )
    return environment


def _render(template: str, /, **what: Any) -> str:
    return _environment().get_template(template).render(**what)
