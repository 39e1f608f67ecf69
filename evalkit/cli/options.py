"""The options that several verbs share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Suites = Annotated[list[str], typer.Argument(metavar="SUITE", help="Suite files, or names of bundled suites.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run: its name below --reports, its folder or file.")]
Reports = Annotated[Path, typer.Option("--reports", help="Where runs and reports are kept.")]
Outputs = Annotated[
    list[Path] | None, typer.Option("-o", "--output", help="Write a report; its suffix says the kind (repeatable).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="What the candidate must hold to; else the default policy.")
]
Baseline = Annotated[
    str | None, typer.Option("--baseline", help="The incumbent, as the run names it; or baseline:NAME.")
]
Candidate = Annotated[str | None, typer.Option("--candidate", help="The model that may replace it.")]
Strings = Annotated[
    Literal["exact", "bfcl"],
    typer.Option("--strings", help="How strings are compared; bfcl drops case, spaces and most punctuation."),
]
Concurrency = Annotated[
    int, typer.Option("-j", "--concurrency", min=1, max=4096, help="Most requests in flight; fewer if refused.")
]
Trials = Annotated[int, typer.Option("--trials", min=1, help="How often each case is asked.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first N cases that are selected.")]
Expression = Annotated[str | None, typer.Option("-k", help="Only cases whose id or prompt holds this text.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only cases with this tag (repeatable: any of them).")]
Tools = Annotated[
    list[str] | None, typer.Option("--tool", help="Only cases that want this tool (repeatable: any of them).")
]
CaseIds = Annotated[list[str] | None, typer.Option("--case", help="Only this case (repeatable).")]
Retries = Annotated[int, typer.Option("--max-retries", min=0, help="Further attempts when the transport fails.")]
Timeout = Annotated[float | None, typer.Option("--timeout", min=0.001, help="Seconds one attempt may take.")]
CaseTimeout = Annotated[
    float | None, typer.Option("--case-timeout", min=0.001, help="Seconds all attempts of a case may take together.")
]
Latency = Annotated[
    bool,
    typer.Option(
        "--latency",
        help="For latencies that compare: -j shared out evenly and kept, connections warmed up by as many requests "
        "to each model, which are thrown away and not counted.",
    ),
]
Cache = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache",
        help="Take answers that other runs here had to the same question and trial; each says so. Never faults.",
    ),
]
Name = Annotated[
    str | None, typer.Option("--run", help="The run's name; else it follows from what is asked, so that it resumes.")
]
MaxCalls = Annotated[int | None, typer.Option("--max-calls", min=1, help="Stop after this many requests.")]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", min=0, help="Stop once this many USD are spent; what is in flight comes.")
]
MaxSeconds = Annotated[
    float | None, typer.Option("--max-seconds", min=0, help="Start no request after this; what is in flight comes.")
]
GithubSummary = Annotated[
    bool, typer.Option("--github-summary", help="In a GitHub job: its summary, and a mark on each broken case's line.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget what the run has and begin anew.")]

REPORTS = Path("reports")
