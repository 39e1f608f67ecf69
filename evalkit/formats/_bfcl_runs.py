"""Answers that were recorded with BFCL, as records of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from evalkit import documents
from evalkit.data import Json, Record, Response, Suite, Target, Timing, Wire
from evalkit.errors import InputError, Problem


def run(files: Mapping[str, str], suite: Suite, target: Target) -> tuple[Record, ...]:
    """The answers of one model, path -> text of its `CATEGORY.jsonl` files, in the order of the files.

    Answers to questions that the suite does not hold are left out. Nothing is judged yet.
    """
    lines = {path: text for path, text in sorted(files.items()) if path.endswith(".jsonl")}
    folders = sorted({PurePath(path).parent.as_posix() for path in lines})
    if len(folders) > 1:
        found = ", ".join(folders[:8])
        raise InputError("the folder holds more than the answers of one model", f"give one of: {found}")
    asked = {case.id for case in suite.cases}
    problems: list[Problem] = []
    records: dict[str, Record] = {}
    for path, text in lines.items():
        raw = [line for line in text.split("\n") if line.strip()]
        for body, document in zip(raw, documents.parse_lines(text.split("\n"), path, problems), strict=False):
            line = document.value
            if not isinstance(line, dict) or not isinstance(line.get("id"), str) or "result" not in line:
                what = "not a recorded answer: it needs an id and a result"
                problems.append(Problem(what=what, place=document.place()))
            elif line["id"] in records:
                problems.append(Problem(what=f"a second answer to {line['id']!r}", place=document.place()))
            elif line["id"] in asked:
                records[line["id"]] = _record(line, body, target)
    if not records and not problems:
        problems.append(Problem(what=f"no answer to a case of the suite {suite.name!r}", hint="is it the right suite?"))
    if problems:
        raise InputError(problems)
    return tuple(records.values())


def _record(line: Mapping[str, Json], body: str, target: Target) -> Record:
    latency = line.get("latency")
    total = float(latency) if isinstance(latency, int | float) and not isinstance(latency, bool) else None
    return Record(
        case=line["id"],
        trial=0,
        target=target.identity,
        started="",
        sent="",
        reply=Response(wire=Wire(status=200, body=body), dialect="bfcl", timing=Timing(total=total)),
    )
