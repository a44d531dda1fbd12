"""Questions to learn from are those that the judge asks, byte by byte."""

from collections import Counter

import pytest

from kgalign.judge.asking.next_question import VIEWS
from kgalign.judge.asking.questions import NO_OPTION
from kgalign.ledger import FILE, Ledger
from kgalign.records.votes import Direction, QuestionKind, View
from kgalign.train.labels import Gold, labels_of
from kgalign.train.questions import Poser
from kgalign.train.runs import Run
from tests.train import judged_runs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("posing")
    return Run(judged_runs.run(judged_runs.people(folder / "people"), folder / "run"))


def test_every_question_of_a_run_is_worded_again_byte_by_byte(run: Run) -> None:
    """What the examples are worded by gives the messages that the ledger has of the same questions."""
    questions = run.questions()
    lefts = {iri: i for i, iri in enumerate(run.left.entity_iri.to_pylist())}
    rights = {iri: i for i, iri in enumerate(run.right.entity_iri.to_pylist())}
    with Ledger.open(run.path / FILE, write=False) as ledger:
        asked = [vote.question for vote in ledger.votes()]
    assert len(asked) > 50
    assert {(each.kind, each.direction) for each in asked} == set(VIEWS)
    for each in asked:
        own, other = (lefts, rights) if each.direction is Direction.LEFT_ASKS else (rights, lefts)
        worded = [
            questions.question(
                case=lefts[each.case],
                number=each.number,
                kind=each.kind,
                direction=each.direction,
                view=each.view,
                turn=turn,
                asker=own[each.asker],
                options=[other[iri] for iri in each.options],
            )
            for turn in range(7)
        ]
        assert each in worded


def test_views_are_those_of_the_judge(run: Run) -> None:
    """People have no relations: only attributes are asked about, as in the ledger."""
    with Ledger.open(run.path / FILE, write=False) as ledger:
        assert {vote.question.view for vote in ledger.votes()} == {View.ATTRIBUTES}
    poser = Poser(run, {}, 0, Counter())
    for label in labels_of(run, 0, ["evidence"], Gold(), Counter()):
        posed = poser.pose(QuestionKind.VERIFY, label, positive=bool(label.partners))
        assert posed is not None
        assert posed.question.view is View.ATTRIBUTES


def test_the_right_option_stands_at_each_place_equally_often(run: Run) -> None:
    poser = Poser(run, {}, 7, Counter())
    places: dict[int, Counter[str]] = {}
    for label in labels_of(run, 0, ["evidence", "votes"], Gold(), Counter()):
        posed = poser.pose(QuestionKind.SELECT, label, positive=True) if label.partners else None
        if posed is not None:
            assert posed.answer != NO_OPTION
            places.setdefault(len(posed.question.options), Counter())[posed.answer] += 1
    assert sum(counts.total() for counts in places.values()) > 20
    for size, counts in places.items():
        even = counts.total() / size
        assert all(abs(counts[label] - even) < 1 for label in "ABCDEFGH"[:size])


def test_the_partner_is_offered_or_is_not(run: Run) -> None:
    poser = Poser(run, {}, 0, Counter())
    seen = Counter[tuple[QuestionKind, Direction]]()
    for label in labels_of(run, 0, ["evidence"], Gold(), Counter()):
        for kind in QuestionKind:
            for positive in (True, False) if label.partners else (False,):
                posed = poser.pose(kind, label, positive=positive)
                if posed is None:
                    continue
                question = posed.question
                seen[kind, question.direction] += 1
                shown = {question.asker, *question.options}
                partners = {run.right_iri(each) for each in label.partners}
                both = run.iri(label.left) in shown and bool(partners & shown)
                assert both == positive
                assert (posed.answer == question.labels[-1]) != positive
                if positive and kind is QuestionKind.SELECT:
                    chosen = question.options[question.labels.index(posed.answer)]
                    assert chosen in partners | {run.iri(label.left)}
    assert set(seen) == set(VIEWS)


def test_what_is_of_another_split_is_not_shown(run: Run) -> None:
    labels = labels_of(run, 0, ["evidence"], Gold(), Counter())
    label = next(each for each in labels if each.partners and len(run.candidates(each.left)) > 6)
    near = [each for each in run.candidates(label.left) if each not in label.partners]
    counts = Counter[str]()
    poser = Poser(run, {run.right_iri(near[0]): "test"}, 0, counts)
    assert poser.others(label) == near[1:]
    assert counts["options_of_other_splits"] == 1
