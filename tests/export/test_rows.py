from dataclasses import replace

import numpy as np

from kgalign.export.rows import linked, links_and_refused, named, rejected
from kgalign.records import Alignment, Outcome, Verdicts
from tests.evaluate.small import alignment, profile, verdicts


def found() -> tuple[Alignment, Verdicts, Verdicts]:
    """Five pairs: a link, an undecided one, one that a person and two that the votes said no to."""
    rows = [(0, 0, 0.9), (1, 1, 0.3), (2, 2, 0.8), (3, 3, 0.7), (4, 4, 0.1)]
    evidence = verdicts(rows)
    voted = np.array([Outcome.MATCH, -1, -1, Outcome.NO_MATCH, Outcome.NO_MATCH], dtype=np.int8)
    after = np.array([0.99, 0.3, 0.8, 0.02, 0.01], dtype=np.float32)
    outcomes = [(0, 0, 0.99, Outcome.MATCH), (1, 1, 0.3, Outcome.UNDECIDED), (2, 2, 0.8, Outcome.REJECTED)]
    return alignment(outcomes), replace(evidence, voted=voted, probability=after), evidence


def test_rejected_is_what_a_person_or_the_votes_against_the_evidence_said_no_to() -> None:
    decided, judged, evidence = found()
    pairs = rejected(decided, judged, evidence, 0.5)
    assert pairs.left.tolist() == [2, 3]
    assert pairs.outcome.tolist() == [Outcome.REJECTED, Outcome.NO_MATCH]
    assert pairs.verdict.tolist() == [2, 3]
    assert [round(each, 2) for each in pairs.probability.tolist()] == [0.8, 0.02]


def test_a_pair_that_became_a_link_is_not_rejected_whatever_the_votes_said() -> None:
    decided, judged, evidence = found()
    judged = replace(judged, voted=np.full(5, Outcome.NO_MATCH, dtype=np.int8))
    assert rejected(decided, judged, evidence, 0.0).left.tolist() == [2, 3, 4]


def test_links_and_what_is_left_to_people_are_kept_apart() -> None:
    decided, *_ = found()
    assert linked(decided).left.tolist() == [0]
    assert linked(decided, undecided=True).left.tolist() == [0, 1]


def test_pairs_are_united_in_order_and_named() -> None:
    decided, judged, evidence = found()
    pairs = links_and_refused(decided, judged, evidence, 0.5)
    sides = profile([f"http://l/{n}" for n in range(5)]), profile([f"http://r/{n}" for n in range(5)])
    told = [(link.left_iri, link.confirmed, link.refused, link.open) for link in named(*sides, pairs)]
    assert told == [
        ("http://l/0", False, False, False),
        ("http://l/2", False, True, False),
        ("http://l/3", False, True, False),
    ]
    more = links_and_refused(decided, judged, evidence, 0.5, undecided=True)
    assert more.left.tolist() == [0, 1, 2, 3]
