"""A student joined with the evidence, at home and elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.arrays import Doubles
from kgalign.judge.student.student_fit import join

_OPTIONS = 5


def _softmax(scores: Doubles) -> list[Doubles]:
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return list(weights / weights.sum(axis=1, keepdims=True))


class _World:
    """Cases with their truth, and two who look at them.

    :param cases: how many; a tenth of them has no partner.
    """

    def __init__(self, cases: int, seed: int = 0) -> None:
        self._chance = np.random.default_rng(seed)
        self.truth = np.where(
            self._chance.random(cases) < 0.1, 0, self._chance.integers(1, _OPTIONS + 1, cases)
        )

    def looks(self, sharp: float, *, none: float = 0.0, blind: bool = False) -> list[Doubles]:
        """(options + 1,) of each case: log-odds that lean to the truth, with noise.

        :param none: added to the log-odds of "none".
        :param blind: whether it never sees that there is no partner.
        """
        scores = self._chance.normal(0, 1.5, (len(self.truth), _OPTIONS + 1))
        seen = self.truth != 0 if blind else np.ones(len(self.truth), dtype=bool)
        scores[np.flatnonzero(seen), self.truth[seen]] += sharp
        scores[:, 0] += none - (3.0 if blind else 0.0)
        return _softmax(scores)

    def right(self, said: list[Doubles]) -> float:
        """Share of the cases that are decided rightly."""
        return float(np.mean([each.argmax() for each in said] == self.truth))


def test_a_student_that_calls_too_much_none_unlearns_it_here() -> None:
    world = _World(250)
    evidence, student = world.looks(5), world.looks(4, none=5)
    joined = join(evidence, student)
    assert world.right(student) < 0.5
    assert joined.none < -2
    assert world.right(joined.probability) > world.right(evidence) + 0.01


def test_a_student_that_is_at_home_stays_as_it_is() -> None:
    world = _World(250)
    joined = join(world.looks(5), world.looks(5))
    assert abs(joined.none) < 1
    assert 0.7 < joined.scale < 2


def test_a_student_sees_the_none_that_the_evidence_is_blind_to() -> None:
    world = _World(250)
    evidence, student = world.looks(7, blind=True), world.looks(7)
    joined = join(evidence, student)
    assert world.right(evidence) < 0.92
    assert world.right(joined.probability) > 0.96


@pytest.mark.parametrize("seed", range(3))
def test_a_student_that_guesses_leaves_the_evidence_as_it_is(seed: int) -> None:
    world = _World(250, seed)
    evidence = world.looks(6)
    joined = join(evidence, world.looks(0)).probability
    assert world.right(joined) > world.right(evidence) - 0.01
    sure, surer = (np.mean([each.max() for each in said]) for said in (evidence, joined))
    assert surer == pytest.approx(sure, abs=0.02)


def test_one_case_decides_little() -> None:
    joined = join([np.array([0.1, 0.8, 0.1])], [np.array([0.9, 0.05, 0.05])])
    assert abs(joined.none) < 1.5
    assert 0.6 < joined.scale < 1.6


def test_no_case_is_no_fault() -> None:
    assert join([], []).probability == []


_SHARE = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0]))
_BOTH = st.integers(1, 5).flatmap(
    lambda size: st.tuples(
        *[st.lists(_SHARE, min_size=size, max_size=size).filter(lambda each: sum(each) > 0.01)] * 2
    )
)


@settings(max_examples=40)
@given(st.lists(_BOTH, min_size=1, max_size=6))
def test_probabilities_whatever_is_said_and_the_order_of_options_is_no_matter(
    drawn: list[tuple[list[float], list[float]]],
) -> None:
    priors, said = ([np.array(each[side]) / sum(each[side]) for each in drawn] for side in (0, 1))
    joined = join(priors, said)
    for each, shape in zip(joined.probability, said, strict=True):
        assert each.shape == shape.shape
        assert np.isfinite(each).all()
        assert each.sum() == pytest.approx(1)
    turned = join(*([np.concatenate([each[:1], each[:0:-1]]) for each in side] for side in (priors, said)))
    for each, other in zip(joined.probability, turned.probability, strict=True):
        assert np.allclose(each[1:], other[:0:-1], atol=1e-3)
