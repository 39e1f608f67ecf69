"""Comparison + verdict -> Report: asks every section what it has to say, in their order."""

from __future__ import annotations

from evalkit import plugins
from evalkit.data import Comparison, Report, Verdict


def build(comparison: Comparison, verdict: Verdict) -> Report:
    """The same comparison gives the same report: its time is that of the candidate's run, not of now."""
    spoken = (section.build(comparison, verdict) for section in plugins.sections())
    return Report(
        title=f"{comparison.baseline.identity} → {comparison.candidate.identity}",
        verdict=verdict,
        baseline=comparison.baseline.identity,
        candidate=comparison.candidate.identity,
        suite=comparison.suite.name,
        run=comparison.candidate_info.id,
        created=comparison.candidate_info.created,
        sections=tuple(section for section in spoken if section is not None),
        changes=(*comparison.changes, *comparison.left_out),
        candidates=len(comparison.rivals) + 1,
        sources={case.id: case.source for case in comparison.suite.cases if case.source},
    )
