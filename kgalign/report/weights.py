"""What agreement is worth: the weights of each comparison, level by level."""

from collections.abc import Iterator

import numpy as np

from kgalign.arrays import flags
from kgalign.charts import Dots, dot_rows
from kgalign.rdf.graph import Ids
from kgalign.report.findings import Findings, Places
from kgalign.report.page import Figure, Section, beside, figure, joined, paragraph, table

_DRAWN, _LISTED = 14, 30
_NO_LEVELS = ("prior", "rivals", "votes", "student")
"""Kinds of lines of the evidence that compare nothing."""


def weights(found: Findings) -> Section:
    """The comparisons, those first that say most about links."""
    features, contribution = found.verdicts.features, found.verdicts.contribution
    rows = found.alignment.verdict[found.linked]
    linked = rows[rows >= 0]
    others = found.best[~flags(len(contribution), linked)[found.best]]
    adds, takes = (_means(contribution, each) for each in (linked, others))
    size = np.abs(adds) + np.abs(takes)
    order = sorted(range(len(features)), key=lambda number: (-size[number], number))
    compares = [number for number in order if features[number].kind not in _NO_LEVELS]
    dots = [
        Dots(features[number].name, features[number].weights, features[number].levels)
        for number in compares[:_DRAWN]
        if any(features[number].weights)
    ]
    listed = table(
        f"What comparisons add in the mean{_of(len(features), _LISTED)}",
        ("comparison", "kind", "compared", "to links", "to others"),
        _rows(found, order[:_LISTED], linked, adds, takes),
    )
    words = paragraph(
        "A dot is a level that the two values can reach, and what it is worth in natural log-odds before a "
        "value's rarity counts: point at it to read which. 'Compared' is the share of links in which both "
        "have something to compare, 'others' are the best pairs that are no links.",
        soft=True,
    )
    name = f"What each level is worth{_of(len(compares), _DRAWN)}"
    drawn = figure(name, dot_rows(dots, "log-odds", name)) if dots else paragraph("No comparison has weights")
    return Section("weights", "What agreement is worth", joined([beside(drawn, listed), words]))


def _of(all_of_them: int, shown: int) -> str:
    return f" ({shown} of {all_of_them:,})" if all_of_them > shown else ""


def _means(contribution: np.ndarray, rows: Places | Ids) -> np.ndarray:
    """(features,) mean contribution in some verdicts, 0 where there are none."""
    return contribution[rows].mean(axis=0, dtype=np.float64) if len(rows) else np.zeros(contribution.shape[1])


def _rows(
    found: Findings, order: list[int], linked: Ids, adds: np.ndarray, takes: np.ndarray
) -> Iterator[tuple[object, ...]]:
    level = found.verdicts.level[linked]
    compared = (level >= 0).mean(axis=0) if len(linked) else np.zeros(len(adds))
    for number in order:
        feature = found.verdicts.features[number]
        has_levels = feature.kind not in _NO_LEVELS
        share = f"{compared[number]:.0%}" if has_levels else ""
        yield (
            feature.name,
            feature.kind,
            Figure(share),
            *(Figure(f"{each[number]:+.2f}") for each in (adds, takes)),
        )
