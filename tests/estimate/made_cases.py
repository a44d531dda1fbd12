"""Cases with answers, made at random from a few numbers."""

import numpy as np
from hypothesis import strategies as st

from kgalign.estimate import Answer, Answers, Cases, cases_of
from kgalign.records import Outcome
from tests.evaluate.small import alignment, verdicts

CARDINALITIES = ("one-to-one", "many-to-one", "one-to-many", "many-to-many")


def cases(size: int, seed: int, *, links: float = 0.7, cardinality: str = "one-to-one") -> Cases:
    """So many left entities with a candidate or two each; a share of them has a link."""
    random = np.random.default_rng(seed)
    rows, linked = [], []
    for left in range(size):
        first = round(float(random.beta(3, 0.5)), 2)
        rows.append((left, left, first))
        if left % 3 == 0:
            rows.append((left, size + left, round(first / 3, 2)))
        if random.random() < links:
            linked.append((left, left, first, Outcome.MATCH))
    made = verdicts(rows)
    found = alignment(linked, cardinality=cardinality)
    places = {row[:2]: place for place, row in enumerate(rows)}
    found.verdict[:] = [places[row[:2]] for row in linked]
    return cases_of(made, found)


def truth(made: Cases, seed: int) -> Answers:
    """What is true of them: links are right about as often as their probability says."""
    draw = np.random.default_rng(seed + 1).random(len(made))
    right = draw < made.chance
    missed = (draw > 0.97) if made.cardinality != "many-to-many" else np.zeros(len(made), dtype=bool)
    linked = np.where(right, Answer.RIGHT, np.where(missed, Answer.MISSED, Answer.NEITHER))
    other = np.where(draw < made.chance / 3, Answer.MISSED, Answer.NEITHER)
    return Answers(np.where(made.linked, linked, other).astype(np.int8))


def some_of(whole: Answers, known: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Answers:
    """What is known if only these cases were looked at."""
    return Answers(np.where(known, whole.answer, Answer.UNKNOWN).astype(np.int8))


populations = st.builds(
    cases, st.integers(1, 60), st.integers(0, 10**6), cardinality=st.sampled_from(CARDINALITIES)
)
