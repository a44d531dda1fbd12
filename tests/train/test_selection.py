"""Which examples are taken: head and tail, the doubtful, those like errors, a set share of none."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.errors import InputError
from kgalign.train.labels import Gold, Label, labels_of
from kgalign.train.runs import Run
from kgalign.train.selection import Selection, balanced
from kgalign.train.splitting import drawn
from tests.conftest import Pair
from tests.train import judged_runs


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return judged_runs.people(tmp_path_factory.mktemp("selection") / "people", 150)


@pytest.fixture(scope="module")
def run(pair: Pair) -> Run:
    return Run(judged_runs.run(pair, pair.left.parent / "run", judge="evidence"))


@pytest.fixture(scope="module")
def labels(run: Run, pair: Pair) -> list[Label]:
    return labels_of(run, 0, ["gold"], Gold(tuple(sorted(pair.links)), complete=True), Counter())


def label(left: int, *partners: int) -> Label:
    """A label of no run in particular."""
    return Label(0, left, partners, (), True, "gold", 1.0, False)


def test_head_and_tail_of_the_ranking_by_retrieval(run: Run, labels: list[Label]) -> None:
    """The head is richer in matches than the tail: that is what the choice is for."""
    selection = Selection([run], 0)
    chosen = selection.by("blocking-max", labels, 60, 0.75)
    assert len(chosen) == len({each.left for each in chosen}) == 60
    nearest = {each.left: run.similarity[each.left, 0] for each in labels}
    head, tail, rest = chosen[:45], chosen[45:], {each.left for each in labels} - {e.left for e in chosen}
    assert min(nearest[each.left] for each in head) >= max(nearest[left] for left in rest)
    assert max(nearest[each.left] for each in tail) <= min(nearest[left] for left in rest)
    share = [sum(bool(each.partners) for each in part) / len(part) for part in (head, tail)]
    assert share[0] > share[1]
    both = selection.by("retrieval", labels, 60, 0.75)
    assert {each.left for each in both} != {each.left for each in chosen}


def test_similarity_is_that_of_the_nearest_candidates(run: Run) -> None:
    from kgalign.records import Candidates

    candidates = run.finished.folder.load("retrieve", Candidates)
    for left in range(0, len(run.left), 7):
        scores = sorted(candidates.channel_score[candidates.left == left].sum(axis=1), reverse=True)
        assert run.similarity[left].tolist() == pytest.approx([*scores, 0.0, 0.0][:2], rel=1e-5)


def test_the_most_doubtful_come_first(run: Run, labels: list[Label]) -> None:
    chosen = Selection([run], 0).by("uncertain", labels, 20, 0.75)
    doubt = [run.doubt[each.left] for each in chosen]
    assert doubt == sorted(doubt, reverse=True)
    rest = {each.left for each in labels} - {each.left for each in chosen}
    assert min(doubt) >= max(run.doubt[left] for left in rest)


def test_at_random_is_the_same_again_and_other_with_another_seed(run: Run, labels: list[Label]) -> None:
    first, again, other = (Selection([run], seed).at_random(labels, 30) for seed in (1, 1, 2))
    assert first == again
    assert {each.left for each in first} != {each.left for each in other}


def test_examples_like_errors_come_nearest_first(run: Run, labels: list[Label]) -> None:
    """A label that reads just like an entity that the run got wrong is the first to be taken."""
    wrong = [each for each in labels if set(run.linked.get(each.left, ())) != set(each.partners)]
    right = [each for each in labels if each not in wrong]
    assert wrong
    chosen, errors = Selection([run], 0).like_errors([*right[:40], wrong[0]], [wrong[0], *right[40:]], 5)
    assert errors == 1
    assert chosen[0] == wrong[0]
    assert len(chosen) == 5
    many, errors = Selection([run], 0).like_errors(right, wrong, None)
    assert errors == len(wrong)
    assert len(many) == min(len(right), 10 * len(wrong))


def test_without_known_errors_nothing_is_like_them(run: Run, labels: list[Label]) -> None:
    selection = Selection([run], 0)
    with pytest.raises(InputError, match="no gold links"):
        selection.like_errors(labels, [replace(each, origin="votes") for each in labels], 5)
    right = [each for each in labels if set(run.linked.get(each.left, ())) == set(each.partners)]
    with pytest.raises(InputError, match="got none of the"):
        selection.like_errors(labels, right, 5)


@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9]))
def test_a_set_share_is_none(having: int, without: int, share: float) -> None:
    labels = [label(i, i) for i in range(having)] + [label(100 + i) for i in range(without)]
    pairs, dropped = balanced(labels, share, lambda each: drawn("none", each.left))
    assert len(pairs) == len(labels) - dropped
    assert all(each.partners for each, positive in pairs if positive)
    none = sum(not positive for _, positive in pairs)
    if having:
        assert abs(none - share * len(pairs)) <= 1
        # Nobody's partner is left out while entities without one are dropped.
        assert not dropped or none == without - dropped
    assert [each for each, _ in pairs] == [each for each in labels if each in [kept for kept, _ in pairs]]
