"""The report as a whole: its parts in the order in which a person asks for them."""

import math
from collections.abc import Iterator

from kgalign.base.notebook import Html
from kgalign.report.correspondences import correspondences, disagreements
from kgalign.report.examples import examples
from kgalign.report.findings import Besides, Findings
from kgalign.report.measured import changed, measured, took
from kgalign.report.overview import overview, probabilities
from kgalign.report.page import Section, joined, page, paragraph, table
from kgalign.report.voting import votes
from kgalign.report.weights import weights

_WARNINGS = 8
_NOTHING = Besides()


def report_page(found: Findings, besides: Besides = _NOTHING) -> str:
    """A run as one page of HTML: no network, no script, under 1 MB whatever the graphs hold.

    The same findings give the same bytes. What differs from run to run - seconds, memory, where the inputs
    lie - is no finding: what a run writes by itself is without it, and ``kgalign report`` shows it.

    :param found: the records of the run.
    :param besides: what is known besides; nothing of it where a run writes its own report.
    """
    sections = [
        overview(found),
        probabilities(found),
        weights(found),
        examples(found),
        correspondences(found),
        disagreements(found),
        votes(found),
        measured(besides),
        took(besides),
        changed(besides),
    ]
    return page("What kgalign found", joined(_intro(found, besides)), _there(sections))


def _there(sections: list[Section | None]) -> Iterator[Section]:
    return (each for each in sections if each is not None)


def _intro(found: Findings, besides: Besides) -> Iterator[Html]:
    alignment = found.alignment
    links, open_pairs = int(found.linked.sum()), int(found.waiting.sum())
    expected = alignment.figures
    right = ""
    if "expected_precision" in expected:
        percent = math.floor(expected["expected_precision"] * 1e4 + 1e-6) / 100
        right = f" {percent:g} % of the links that were found are to be expected right;"
    missed = f"{expected.get('expected_missed', 0.0):,.1f}"
    yield paragraph(
        f"{links:,} links between {len(found.left):,} left and {len(found.right):,} right entities, "
        f"{open_pairs:,} pair{'' if open_pairs == 1 else 's'} undecided.{right} about {missed} left entities "
        f"without a link have a partner. Cardinality: {alignment.cardinality} ({alignment.reason})."
    )
    warnings = [*alignment.warnings, *found.vocabularies.warnings, *found.fusion.warnings]
    for each in warnings[:_WARNINGS]:
        yield paragraph(f"Note: {each}")
    if besides.sources:
        rows = [(each.side, each.path, each.bytes) for each in besides.sources[:_WARNINGS]]
        yield table("Inputs", ("side", "file", "bytes"), rows, 200)
