"""What pytest collects of suites, how it asks them in one go, and what it says of a case that falls short."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, field

from evalkit import complaint, patterns, running, selection, store, values, workspace
from evalkit.cli import choosing
from evalkit.cli.locating import world
from evalkit.data import Case, Fault, Record, Suite, Target
from evalkit.errors import InputError, StoreError
from evalkit.numerals import counted
from evalkit.pacing.pace import Pace
from evalkit.renderers._visible import inert, plain
from evalkit.stopping import Budget

_YAML = frozenset({".yaml", ".yml"})
_SUFFIXES = _YAML | {".jsonl"}
_HEAD = 65_536
"""Characters of a file within which a suite says that it is one."""


class Cases(Struct, kw_only=True):
    """One session: the models, what they were asked, and what they answered. Registered as a plug-in of pytest."""

    targets: tuple[Target, ...]
    named: frozenset[Path]
    """Suite files that were named, if any was by option."""
    trials: int
    pace: Pace
    budget: Budget
    reports: Path
    name: str | None
    answers: dict[tuple[str, str], list[Record]] = field(default_factory=dict)
    """(case id in the run, target identity) -> its trials."""
    folder: Path | None = None
    stopped: str | None = None
    """Why not all was asked."""

    @classmethod
    def of(cls, config: pytest.Config) -> Cases:
        """As the options say. Raises pytest.UsageError for what cannot be asked."""
        if getattr(config.option, "numprocesses", None):
            raise pytest.UsageError("--evalkit-model asks many at a time by itself: leave -n out, or give -n 0")
        _check_numbers(config)
        budget = Budget(
            calls=config.getoption("--evalkit-max-calls"),
            cost=config.getoption("--evalkit-max-cost"),
            seconds=config.getoption("--evalkit-max-seconds"),
        )
        models = config.getoption("--evalkit-models")
        try:
            targets = choosing.targets_of(
                config.getoption("--evalkit-model"),
                Path(models) if models else None,
                config.getoption("--evalkit-timeout"),
            )
            budget.check(targets)
            named = [workspace.find_suite(name).resolve() for name in config.getoption("--evalkit-suite")]
        except InputError as error:
            raise pytest.UsageError(str(error)) from None
        if named:  # beside them, only what is named as a file: not all that lies in a folder
            given = (Path(config.invocation_params.dir, arg.partition("::")[0]) for arg in config.args)
            named += [path.resolve() for path in given if path.is_file()]
        config.args.extend(str(path) for path in named if str(path) not in config.args)
        return cls(
            targets=targets,
            named=frozenset(named),
            trials=config.getoption("--evalkit-trials"),
            pace=Pace(
                width=config.getoption("--evalkit-concurrency"),
                retries=config.getoption("--evalkit-max-retries"),
                case_timeout=config.getoption("--evalkit-case-timeout"),
            ),
            budget=budget,
            reports=Path(config.getoption("--evalkit-reports")),
            name=config.getoption("--evalkit-run"),
        )

    # ----------------------------------------------------------------------- hooks

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """A file that was named, or, where none was by option, that says `suite:`."""
        if file_path.resolve() not in self.named and (self.named or not _says_suite(file_path)):
            return None
        # Of a file elsewhere, as a bundled suite is, pytest would leave the name out: its cases could not be told from
        # those of another, nor run again by their ids.
        below = file_path.is_relative_to(parent.config.rootpath)
        collected: SuiteFile = SuiteFile.from_parent(
            parent, path=file_path, nodeid=None if below else file_path.as_posix()
        )
        collected.cases = self
        return collected

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Ask everything that was selected, before the first test runs."""
        stops = session.testsfailed and not session.config.option.continue_on_collection_errors
        items = [item for item in session.items if isinstance(item, CaseItem)]
        if items and not stops and not session.config.option.collectonly:
            try:
                self._ask(items)
            except (InputError, StoreError) as error:
                raise pytest.UsageError(str(error)) from None

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Where the answers are."""
        if self.folder is not None:
            asked = sum(map(len, self.answers.values()))
            terminalreporter.section("evalkit")
            terminalreporter.write_line(
                f"{counted(asked, 'answer')}: {self.folder}; `evalkit show {self.folder}` reads them"
            )
            if self.stopped:
                terminalreporter.write_line(f"stopped: {self.stopped}")

    # ----------------------------------------------------------------------- asking

    def _ask(self, items: Sequence[CaseItem]) -> None:
        suites = list({item.suite.digest: item.suite for item in items}.values())
        merged = len(suites) > 1
        whole = selection.merge(suites)
        for item in items:
            item.asked_as = f"{item.suite.name}/{item.case.id}" if merged else item.case.id
        part = selection.select(whole, ids={item.asked_as for item in items})
        wanted = {item.target.identity for item in items}
        order = running.Order(
            suite=part,
            targets=tuple(target for target in self.targets if target.identity in wanted),
            trials=self.trials,
            pace=self.pace,
        )
        name = self.name or f"pytest-{part.name.replace('/', '-')}-{part.digest[:8]}"
        self.folder = self.reports / name
        self.stopped = running.carry_out(
            self.folder,
            order,
            world(self.reports),
            fresh=self.name is None,
            seen=lambda record: None,
            brakes=[self.budget],
        )
        with store.open_run(self.folder) as opened:
            for record in sorted(opened.records(), key=lambda each: each.trial):
                self.answers.setdefault((record.case, record.target), []).append(record)


class SuiteFile(pytest.File):
    """A suite; its cases are the tests."""

    cases: Cases

    def collect(self) -> Iterator[CaseItem]:
        try:
            suite = workspace.load_suite(self.path)
        except InputError as error:
            raise self.CollectError(str(error)) from None
        several = len(self.cases.targets) > 1
        for case in suite.cases:
            for target in self.cases.targets:
                name = f"{case.id}[{target.identity}]" if several else case.id
                item: CaseItem = CaseItem.from_parent(self, name=name)
                item.suite, item.case, item.target, item.cases = suite, case, target, self.cases
                item.extra_keyword_matches.update(case.tags)
                yield item


class CaseItem(pytest.Item):
    """One case, asked of one model."""

    suite: Suite
    case: Case
    target: Target
    cases: Cases
    asked_as: str = ""
    """The case's id in the run."""

    def setup(self) -> None:
        """Where there is nothing to judge it fails here already, which pytest counts as an error, not as a failure."""
        records = self._records()
        faulted = [record.reply for record in records if isinstance(record.reply, Fault)]
        if not records or (faulted and not any(_short(record) for record in records)):
            unasked = f"it was not asked: {self.cases.stopped}" if self.cases.stopped else "it was not asked"
            why = complaint.of_fault(faulted[0]) if faulted else unasked
            pytest.fail(_safe(f"{self.target.identity} was not heard: {values.excerpt(why)}"), pytrace=False)

    def runtest(self) -> None:
        records = self._records()
        self.user_properties.append(("evalkit_target", self.target.identity))
        if said := complaint.about(self.case, records):
            pytest.fail(_safe("\n".join([said, "", *self._details(records)])), pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        _, _, line = self.case.source.rpartition(":")
        return self.path, int(line) - 1 if line.isdecimal() else None, f"{self.path.name}: {self.name}"

    def _records(self) -> list[Record]:
        return self.cases.answers.get((self.asked_as, self.target.identity), [])

    def _details(self, records: Sequence[Record]) -> Iterator[str]:
        yield f"model   {self.target.identity}"
        yield f"said    {values.excerpt(str(self.case.messages[-1].get('content') or ''))}"
        wanted = (json.dumps(patterns.spell(each), ensure_ascii=False) for each in self.case.accept)
        yield f"wanted  {' or '.join(wanted) or 'a call that keeps to its schema'}"
        for record in records:
            trial = f"  (trial {record.trial})" if len(records) > 1 else ""
            if record.answer is None:
                continue
            for payload in record.answer.payloads:
                text = payload.text if payload.text is not None else json.dumps(payload.value, ensure_ascii=False)
                yield f"called  {payload.tool} {values.excerpt(text)}{trial}"
            if not record.answer.payloads:
                yield f"called  nothing; said {values.excerpt(record.answer.text)!r}{trial}"
        yield f"more    evalkit show {self.cases.folder} {self.asked_as}"


def _check_numbers(config: pytest.Config) -> None:
    for option, least in {"trials": 1, "concurrency": 1, "max-retries": 0, "max-calls": 1}.items():
        given = config.getoption(f"--evalkit-{option}")
        if given is not None and given < least:
            raise pytest.UsageError(f"--evalkit-{option} must be at least {least}")
    for option in ("timeout", "case-timeout", "max-cost", "max-seconds"):
        given = config.getoption(f"--evalkit-{option}")
        if given is not None and not given > 0:
            raise pytest.UsageError(f"--evalkit-{option} must be more than 0")


def _short(record: Record) -> bool:
    return record.score is not None and record.score.failed_at is not None


def _says_suite(path: Path) -> bool:
    """Whether the head of a file reads like that of a suite; the file itself is read, and refused, later."""
    if path.suffix not in _SUFFIXES:
        return False
    try:
        with path.open(encoding="utf-8-sig") as file:
            head = file.read(_HEAD)
    except (OSError, UnicodeDecodeError):
        return False
    lines = head.splitlines()
    if path.suffix in _YAML:
        return any(line.startswith("suite:") for line in lines)
    first = values.read(lines[0]).value if lines else None
    return isinstance(first, dict) and "suite" in first


def _safe(text: str) -> str:
    return inert(plain(text))
