from dataclasses import replace

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kgalign.export.rows import are_iris, is_iri, linked, links_and_refused, named, rejected, six_digits
from kgalign.records import Alignment, Outcome, Verdicts
from tests.evaluate.small import alignment, profile, verdicts
from tests.export.worlds import IRIS, UNFIT, any_text, fit


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
    (told,) = named(*sides, pairs)
    assert told.left_iri.to_pylist() == ["http://l/0", "http://l/2", "http://l/3"]
    assert told.pairs.outcome.tolist() == [Outcome.MATCH, Outcome.REJECTED, Outcome.NO_MATCH]
    more = links_and_refused(decided, judged, evidence, 0.5, undecided=True)
    assert more.left.tolist() == [0, 1, 2, 3]


ODD = [f"http://x/{mark}" for mark in "\x7f\x9f\ufdcf\ufdd0\ufdef\ufdf0\uffef\ufff0\uffff\U0001ffff \n"]


@given(st.lists(st.sampled_from([*IRIS, *UNFIT, *ODD]) | fit | any_text | any_text.map("a:".__add__)))
def test_a_column_of_iris_is_told_as_each_of_them(texts: list[str]) -> None:
    assert are_iris(pa.array(texts, pa.large_string())).tolist() == [is_iri(text) for text in texts]


@given(st.lists(st.floats(0, 1, width=32)))
def test_numbers_are_rounded_as_python_does(values: list[float]) -> None:
    assert six_digits(np.array(values, np.float32)) == [str(round(value, 6)) for value in values]
