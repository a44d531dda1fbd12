"""How far people agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.decisions import Decision, Verdict
from kgalign.review.agreement import agreement, kappa

WORDS = st.sampled_from(["same", "different", "unsure"])


@given(st.lists(st.tuples(WORDS, WORDS), max_size=30))
def test_kappa_is_that_of_scikit_learn(words: list[tuple[str, str]]) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    found = kappa(words)
    if found is not None:
        expected = sklearn.cohen_kappa_score([a for a, _ in words], [b for _, b in words])
        assert found == pytest.approx(expected, abs=1e-9)
    else:
        assert len({word for pair in words for word in pair}) <= 1


def _said(by: str, pair: str, verdict: Verdict) -> Decision:
    return Decision(f"l{pair}", f"r{pair}", verdict, by=by)


def test_disagreements_are_named() -> None:
    found = agreement(
        [
            _said("Ada", "1", Verdict.SAME),
            _said("Grace", "1", Verdict.SAME),
            _said("Ada", "2", Verdict.SAME),
            _said("Grace", "2", Verdict.DIFFERENT),
            _said("Linus", "3", Verdict.SAME),
        ]
    )
    [one] = found.pairs
    assert (one.first, one.second, one.both, one.agreed, one.kappa) == ("Ada", "Grace", 2, 1, 0.0)
    assert [[each.by for each in several] for several in found.disagreements] == [["Ada", "Grace"]]
