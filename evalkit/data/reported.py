"""What people read: a report as tables, figures and cases, for every renderer to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct, field

from evalkit.data.compared import Change, Verdict
from evalkit.data.words import Json


class Column(Struct, frozen=True, kw_only=True):
    """`kind` says how a renderer draws a value: percent and points take fractions (0..1), seconds and usd floats.

    A number may also be {"value", "low", "high"}: itself with its interval, None where that is unknown; or a text
    that says why there is none.
    """

    key: str
    label: str
    kind: Literal[
        "text", "code", "int", "change", "number", "percent", "points", "seconds", "usd", "outcome", "ratio", "p"
    ] = "text"
    note: str = ""


class Table(Struct, frozen=True, kw_only=True):
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Json], ...]
    """Keyed by Column.key; a value may be None ("-"). What is in a row under other keys: `meaning`, a word on its first
    cell; `differs`, that it is to be noticed; `shows`, Column.key -> the filter of the Ledger ({"tool", "tag", "flaw",
    "kind", "case"}: each a value) that shows what the cell speaks of."""
    note: str = ""


class Figure(Struct, frozen=True, kw_only=True):
    """Data for a drawing; every renderer decides how, or prints `alt`.

    forest: {"rows": [{"label", "value", "low", "high", "margin"}]}, fractions; `margin` is the drop allowed, or None.
    ecdf: {"unit", "series": [{"label", "points": [[x, share], ...]}]}.
    shares: {"parts": [{"label", "tone", "count"}]}, a whole in its parts; tone: same, fixed, broken, both_fail, none.
    tiles: {"tiles": [{"label", "kind", "value", "was", "change", "low", "high"}]}, a headline number each, `kind` as
    in Column; `change` with its interval is in points for percent, else a ratio.
    heat: {"groups": [label], "models": [label], "rows": [{"label", "values": [[share, ...], ...]}], "note"}, a list
    for each group with a share (or None) for each model.
    dots: {"rows": [label], "panels": [{"label", "points": [{"value", "low", "high", "tone"} or None, ...]}]},
    fractions, a point for each row; tone: baseline, better, worse, unclear.
    """

    kind: Literal["forest", "ecdf", "shares", "tiles", "heat", "dots"]
    title: str
    data: Json
    alt: str
    """The finding in words, for readers without the picture."""


class Prose(Struct, frozen=True, kw_only=True):
    text: str
    tone: Literal["better", "worse", "neutral"] = "neutral"
    """For whom the sentence speaks: the candidate is better, or worse."""


class Drilldown(Struct, frozen=True, kw_only=True):
    """One case in full, for a reader who asks why."""

    case: str
    kind: str
    tags: tuple[str, ...]
    why: str
    messages: tuple[Mapping[str, Json], ...]
    expected: Json
    """The acceptable answers, in the spelling of suite files."""
    sides: tuple[Json, ...]
    """Baseline, then candidate: {"target", "trials", "passed", "curl", "others"} and an answer, the first that failed.
    `others` are the answers of the other trials.

    An answer: {"trial", "outcome", "calls": [{"tool", "tool_flaw", "text", "as_object", "omitted", "marks": [[start,
    end, code]]}], "text", "finish", "violations": [{"payload", "tool", "code", "path", "schema_path", "message",
    "excerpt", "declared"}], "mismatches": [{"payload", "kind", "tool", "path", "why"}], "fault", "seconds", "timing":
    {"first_token", "first_call_byte", "arguments_done", "queued", "backed_off"}, "attempts": [{"why", "seconds",
    "wait"}], "tokens": {"input", "output"}, "wire": {"status", "body", "omitted"}, "sent": {"url", "members",
    "dropped"}}.

    `outcome` is True, False or None (not judged). `marks` count code points of `text`; `as_object`: the wire carried
    no text; `omitted`: how many characters of an overlong text are not shown ([before, after] it, of a call);
    `tool_flaw`: the code or kind of what is wrong with the call as such. `declared` is the part of the schema that is
    violated, `fault` a sentence; each None otherwise, as are times, tokens and wire that are not known.
    `attempts` are those that failed before the answer. `sent` is what was made of the question on its way, with
    `members` of its body as JSON text; None: it left as it was built. `curl` is
    {"head", "tools", "tail"}: a command that asks the same again; `tools` names a text of `Ledger.offers`."""
    schemas: Mapping[str, Json]
    """Tool name -> declared schema, for the tools named in the case's answers."""
    tools: tuple[str, ...] = ()
    """Tools that the case wants or a side called."""
    arguments: tuple[Json, ...] = ()
    """The calls of both sides, aligned: {"tool", "rows": [{"path", "state", "wanted", "baseline", "candidate"}],
    "absent": [side], "unread": [side]}. `state`: same, differs, only_baseline, only_candidate, neither; texts are JSON,
    None where there is nothing. Sides (0, 1) that do not make the call are `absent`, those whose arguments cannot be
    read are `unread`."""
    notes: tuple[str, ...] = ()
    """What a reader must know of the case itself: flaws of its gold, tools it forbids."""


class Ledger(Struct, frozen=True, kw_only=True):
    """Every case of the comparison in one line, column by column; the lines that have a Drilldown stand first."""

    cases: tuple[str, ...]
    kinds: tuple[str, ...]
    """As in Change."""
    flaws: tuple[tuple[str, ...], ...]
    """What is wrong with an answer of either side: codes and kinds of mismatches, the cause of the change first."""
    unlike: tuple[bool, ...]
    """Both sides answered, and made other calls."""
    whys: tuple[str, ...]
    asked: tuple[str, ...]
    """What the user said last, cut."""
    tools: tuple[tuple[str, ...], ...]
    tags: tuple[tuple[str, ...], ...]
    seconds: tuple[tuple[float | None, ...], tuple[float | None, ...]]
    """Baseline, then candidate: the mean of the trials that were timed."""
    tokens: tuple[tuple[int | None, ...], tuple[int | None, ...]]
    """Output tokens of all trials."""
    offers: Mapping[str, str] = field(default_factory=dict)
    """The lists of tools that the `curl` of drill-downs names: JSON as it stands within the quotes of a shell."""


Block: TypeAlias = Table | Figure | Prose | Drilldown | Ledger


class Section(Struct, frozen=True, kw_only=True):
    id: str
    title: str
    blocks: tuple[Block, ...]
    lead: str = ""
    """The section's finding in one sentence."""


class Report(Struct, frozen=True, kw_only=True):
    title: str
    verdict: Verdict
    baseline: str
    candidate: str
    suite: str
    created: str
    """UTC, ISO 8601: of the candidate's run, so that the same run gives the same report."""
    sections: tuple[Section, ...]
    changes: tuple[Change, ...] = ()
    """One for each case, those left out at the end."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Case id -> `file:line`, where that is known."""
    run: str = ""
    """The candidate's run, where whatever is not told here can be looked up."""
    candidates: int = 1
    """How many were held against the baseline; the verdict is that on `candidate`."""
