"""Reports on finished runs: what a person looks at, and what two runs link differently."""

from kgalign.report.changes import Change, Changes, Kind, compare
from kgalign.report.findings import Besides, Findings, Source, Spent
from kgalign.report.overview import entity_flow, probability_histogram
from kgalign.report.whole import report_page

__all__ = [
    "Besides",
    "Change",
    "Changes",
    "Findings",
    "Kind",
    "Source",
    "Spent",
    "compare",
    "entity_flow",
    "probability_histogram",
    "report_page",
]
