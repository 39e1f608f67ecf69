"""The options that several verbs share, spelled once, under the headings of their help pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

CASES = "Which cases"
ASKING = "How they are asked"
LIMITS = "When to stop"
RESULT = "What comes out"
"""Headings."""

# --------------------------------------------------------------------------- what

Suites = Annotated[list[str], typer.Argument(metavar="SUITE", help="A suite's file, or the name of a bundled one.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run: its name below --reports, its folder or file.")]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "-m",
        "--model",
        metavar="MODEL",
        help="provider/model[@arm][?option=value&...], or a name of --models; of a list without -m all are asked.",
    ),
]
ModelsFile = Annotated[Path | None, typer.Option("--models", metavar="FILE", help="A model list.")]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="What the candidate must hold to; else the default policy."),
]
Baseline = Annotated[
    str | None,
    typer.Option("--baseline", metavar="MODEL", help="The model in use, as the run names it; or baseline:NAME."),
]
Candidate = Annotated[
    str | None, typer.Option("--candidate", metavar="MODEL", help="The model that may replace it, as the run names it.")
]

# --------------------------------------------------------------------------- which cases

Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, metavar="N", help="The first N of those selected.", rich_help_panel=CASES),
]
Expression = Annotated[
    str | None,
    typer.Option("-k", "--match", metavar="TEXT", help="Those with this in id or prompt.", rich_help_panel=CASES),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="Those with one of these tags.", rich_help_panel=CASES),
]
Tools = Annotated[
    list[str] | None,
    typer.Option("--tool", metavar="TOOL", help="Those that want one of these tools.", rich_help_panel=CASES),
]
CaseIds = Annotated[
    list[str] | None, typer.Option("--case", metavar="ID", help="Those with these ids.", rich_help_panel=CASES)
]
Shard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="K/N",
        help="The K-th of N parts of those selected, to ask N parts apart: see `evalkit merge`.",
        rich_help_panel=CASES,
    ),
]

# --------------------------------------------------------------------------- how they are asked

Trials = Annotated[
    int, typer.Option("--trials", min=1, metavar="N", help="How often each case is asked.", rich_help_panel=ASKING)
]
Concurrency = Annotated[
    int,
    typer.Option(
        "-j",
        "--concurrency",
        min=1,
        max=4096,
        metavar="N",
        help="Most requests in flight; fewer where the endpoint refuses.",
        rich_help_panel=ASKING,
    ),
]
Retries = Annotated[
    int,
    typer.Option(
        "--max-retries",
        min=0,
        metavar="N",
        help="Further attempts where the transport fails.",
        rich_help_panel=ASKING,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0.001,
        metavar="SECONDS",
        help="For one attempt; else as the model list says.",
        rich_help_panel=ASKING,
    ),
]
CaseTimeout = Annotated[
    float | None,
    typer.Option(
        "--case-timeout",
        min=0.001,
        metavar="SECONDS",
        help="For all attempts of a case together.",
        rich_help_panel=ASKING,
    ),
]
Latency = Annotated[
    bool,
    typer.Option(
        "--latency",
        help="For latencies that compare: -j shared out evenly (at least 1 a model), kept, after an uncounted warm-up.",
        rich_help_panel=ASKING,
    ),
]
Cache = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache",
        help="Take answers that other runs had to the same question and trial; each is marked.",
        rich_help_panel=ASKING,
    ),
]
Strings = Annotated[
    Literal["exact", "bfcl"],
    typer.Option(
        "--strings",
        metavar="exact|bfcl",
        help="How strings are compared; bfcl drops case, spaces and most punctuation.",
        rich_help_panel=ASKING,
    ),
]

# --------------------------------------------------------------------------- when to stop

MaxCalls = Annotated[
    int | None,
    typer.Option(
        "--max-calls", min=1, metavar="N", help="After this many requests; each attempt is one.", rich_help_panel=LIMITS
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        min=0,
        metavar="USD",
        help="Once this much is spent; what is in flight comes. Takes the models' prices.",
        rich_help_panel=LIMITS,
    ),
]
MaxSeconds = Annotated[
    float | None,
    typer.Option(
        "--max-seconds",
        min=0,
        metavar="SECONDS",
        help="Start no request after this; what is in flight comes.",
        rich_help_panel=LIMITS,
    ),
]

# --------------------------------------------------------------------------- what comes out

Name = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="NAME",
        help="The run's name; else it follows from what is asked, so that the same command resumes.",
        rich_help_panel=RESULT,
    ),
]
Reports = Annotated[
    Path, typer.Option("--reports", metavar="DIR", help="Where runs and reports are kept.", rich_help_panel=RESULT)
]
Outputs = Annotated[
    list[Path] | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write a report: x.html, x.md, x.json, x.xml (JUnit); case by case: x.csv, x.jsonl, x.parquet.",
        rich_help_panel=RESULT,
    ),
]
GithubSummary = Annotated[
    bool,
    typer.Option(
        "--github-summary",
        help="In a GitHub job: its summary, and a mark on each broken case's line.",
        rich_help_panel=RESULT,
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget what the run has.", rich_help_panel=RESULT)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=RESULT)]
Brief = Annotated[
    bool,
    typer.Option("-q", "--quiet", help="No progress, and of each verdict one line.", rich_help_panel=RESULT),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.", rich_help_panel=RESULT)]

REPORTS = Path("reports")
