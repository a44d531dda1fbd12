"""Reports on finished runs: what a person looks at, and what two runs link differently."""

from kgalign.report.changes import Change, Changes, Kind, compare
from kgalign.report.findings import Besides, Findings, Source, Spent
from kgalign.report.growth import Growth, changes_since, write_changes
from kgalign.report.overview import entity_flow, probability_histogram
from kgalign.report.whole import report_page

__all__ = [
    "Besides",
    "Change",
    "Changes",
    "Findings",
    "Growth",
    "Kind",
    "Source",
    "Spent",
    "changes_since",
    "compare",
    "entity_flow",
    "probability_histogram",
    "report_page",
    "write_changes",
]
