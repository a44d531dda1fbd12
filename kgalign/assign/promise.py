"""A promise about precision: which links keep it, and what is to be expected of those that are made.

It is as good as the probabilities are. It counts what the run decided: links that people or the input vouch
for stand, whatever is promised, and say nothing of how good the others are.
"""

from dataclasses import replace

import numpy as np

from kgalign.arrays import Doubles, Flags
from kgalign.assign.partners import commonness, decided, moved, outcomes
from kgalign.base.cores import slices
from kgalign.records import Alignment, Outcome, Profile, Verdicts

_PART = 1 << 20
"""Pairs that are looked at at once."""


def keeping(probability: Doubles, precision: float) -> Flags:
    """(l,) which of some pairs to link so that the mean of their probabilities is not below ``precision``.

    As many as can be, the likeliest first; pairs of one probability are linked all or not at all, so that the
    order of the pairs decides nothing.
    """
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    mean = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    last = np.append(ranked[1:] != ranked[:-1], np.ones(min(len(ranked), 1), dtype=bool))
    enough = np.flatnonzero(last & (mean >= precision))
    kept = np.zeros(len(probability), dtype=bool)
    kept[order[: enough[-1] + 1 if len(enough) else 0]] = True
    return kept


def hold_back(alignment: Alignment, precision: float | None) -> Alignment:
    """The alignment with as many of its matches as keep a promise; the others are left to people.

    Known links and those of one IRI stand, and don't count. How many were held back is in its figures.

    :param precision: mean probability that the matches shall have at least; None for no promise.
    """
    if precision is None:
        return alignment
    matches = np.flatnonzero(_found(alignment))
    held = matches[~keeping(alignment.probability[matches].astype(np.float64), precision)]
    outcome = alignment.outcome.copy()
    outcome[held] = Outcome.UNDECIDED
    return replace(alignment, outcome=outcome, figures={**alignment.figures, "held_back": float(len(held))})


def with_expectation(alignment: Alignment, verdicts: Verdicts, left: Profile) -> Alignment:
    """The alignment with what is to be expected of it among its figures, as far as probabilities tell.

    ``links`` that were found here, without those that are known or of one IRI; ``expected_precision``, the
    mean of their probabilities, where there are some; ``expected_missed``, how many left entities without a
    link have a partner.

    :param left: the left side; what its graph only mentions gets no link, and is missed nowhere.
    """
    links = alignment.probability[_found(alignment)].astype(np.float64)
    expected = {
        "links": float(len(links)),
        **({"expected_precision": float(links.mean())} if len(links) else {}),
        "expected_missed": _missed(verdicts, alignment, left.described),
    }
    others = {name: value for name, value in alignment.figures.items() if name != "expected_precision"}
    return replace(alignment, figures={**others, **expected})


def _found(alignment: Alignment) -> Flags:
    """(l,) matches of two IRIs: those of one are one node whatever is decided of them."""
    found: Flags = alignment.outcome == Outcome.MATCH
    return found & ~alignment.same_iri if len(alignment.same_iri) else found


def _missed(verdicts: Verdicts, alignment: Alignment, described: Flags) -> float:
    """How many of the left entities that have no link have a partner, to be expected.

    The sum of their chances; where most entities have a partner these are raised, since a true partner that
    is no candidate is in none of them.
    """
    outcome = outcomes(verdicts, alignment)
    summed, alone = np.zeros(len(described)), described.copy()
    for rows in slices(len(verdicts), _PART):
        left, now = verdicts.left[rows], decided(verdicts, outcome, rows)
        np.add.at(summed, left, now.probability)
        alone[left[now.linked]] = False
    chance = np.where(described, np.minimum(summed, 1.0), 0.0)
    return float(moved(chance[alone], max(commonness(chance, described), 0.5)).sum())
