import json

import pytest

from kgalign.errors import InputError
from kgalign.evaluate import Evaluation, diff, evaluate
from kgalign.evaluate.mistakes import Named, Reason
from kgalign.links.gold import Pair
from kgalign.records import Alignment, Candidates, Outcome, Profile, Verdicts
from tests.evaluate.small import alignment, candidates, profile, verdicts

NAMES = ["Aachen", "Bonn", "Celle", "Düren", "Essen", "Fulda"]
LEFT = profile([f"http://l/{i}" for i in range(6)], NAMES)
RIGHT = profile([f"http://r/{i}" for i in range(6)], NAMES)
FOUND = candidates(
    [(0, 0, 1, 1), (1, 2, 1, 0), (1, 1, 2, 0), (2, 2, 1, 0), (3, 3, 1, 0), (4, 5, 1, 0), (5, 5, 1, 0)]
)
JUDGED = verdicts(
    [(0, 0, 0.99), (1, 2, 0.9), (1, 1, 0.8), (2, 2, 0.85), (3, 3, 0.4), (4, 5, 0.1), (5, 5, 0.3)]
)
LINKED = alignment(
    [
        (0, 0, 0.99, Outcome.MATCH),
        (1, 2, 0.9, Outcome.MATCH),
        (3, 3, 0.4, Outcome.UNDECIDED),
    ]
)
GOLD: tuple[Pair, ...] = (
    *((f"http://l/{i}", f"http://r/{i}") for i in range(6)),
    ("http://l/9", "http://r/9"),
)

Run = tuple[Profile, Profile, Candidates, Verdicts, Alignment]
RUN: Run = (LEFT, RIGHT, FOUND, JUDGED, LINKED)


def of(*, closed: bool = False) -> Evaluation:
    return evaluate(*RUN, GOLD, closed=closed)


def test_scores_the_links_and_not_what_is_left_to_people() -> None:
    result = of()
    assert (result.scores.predicted, result.scores.right, result.scores.gold) == (2, 1, 7)
    assert result.unknown == 1


def test_names_each_missed_pair_and_where_it_was_lost() -> None:
    missed = {each.left.iri: each for each in of().missed}
    assert {iri: each.reason for iri, each in missed.items()} == {
        "http://l/1": Reason.LOST,
        "http://l/2": Reason.LOST,
        "http://l/3": Reason.UNDECIDED,
        "http://l/4": Reason.NOT_RETRIEVED,
        "http://l/5": Reason.JUDGED_BELOW,
        "http://l/9": Reason.NO_ENTITY,
    }
    bonn = missed["http://l/1"]
    assert (bonn.left.name, bonn.rank, bonn.instead) == ("Bonn", 2, (Named("http://r/2", "Celle"),))
    assert bonn.probability == pytest.approx(0.8)
    assert (missed["http://l/4"].rank, missed["http://l/4"].probability) == (0, None)
    assert of().missed_because == {
        Reason.NO_ENTITY: 1,
        Reason.NOT_RETRIEVED: 1,
        Reason.JUDGED_BELOW: 1,
        Reason.LOST: 2,
        Reason.UNDECIDED: 1,
    }


def test_puts_the_most_probable_miss_first() -> None:
    assert [each.left.iri[-1] for each in of().missed][:3] == ["2", "1", "3"]


def test_names_wrong_links_with_what_the_gold_expects() -> None:
    (wrong,) = of().wrong
    assert (wrong.left.name, wrong.right.name) == ("Bonn", "Celle")
    assert wrong.expected == (Named("http://r/1", "Bonn"),)


def test_names_no_more_than_asked() -> None:
    result = evaluate(*RUN, GOLD, worst=1)
    assert (len(result.wrong), len(result.missed)) == (1, 1)


def test_calibration_leaves_out_given_pairs() -> None:
    rows = [(0, 0, 1.0), (1, 2, 0.9)]
    run = (LEFT, RIGHT, FOUND, verdicts(rows, given=[0]), LINKED)
    assert evaluate(*run, GOLD).calibration.pairs == 1
    assert evaluate(*run, GOLD).calibration.ece == pytest.approx(0.9)


def test_links_off_the_gold_are_wrong_only_where_it_is_complete() -> None:
    gold = (("http://l/0", "http://r/0"),)
    assert evaluate(*RUN, gold).wrong == ()
    assert evaluate(*RUN, gold).calibration.pairs == 1
    assert len(evaluate(*RUN, gold, closed=True).wrong) == 1
    assert evaluate(*RUN, gold, closed=True).calibration.pairs == len(JUDGED)


def test_is_plain_json() -> None:
    again = json.loads(json.dumps(of().to_dict()))
    assert again["missed_because"]["lost in assignment"] == 2
    assert again["recall"]["union"]["any"] == pytest.approx(5 / 7)


def test_is_the_same_twice() -> None:
    assert of() == of()


def test_gold_of_other_graphs_is_refused() -> None:
    with pytest.raises(InputError, match="No left IRI of the gold"):
        evaluate(*RUN, (("http://x/0", "http://r/0"),))
    with pytest.raises(InputError, match="No right IRI of the gold"):
        evaluate(*RUN, (("http://l/0", "http://x/0"),))
    with pytest.raises(InputError, match="other way round"):
        evaluate(*RUN, (("http://r/0", "http://l/0"),))


def test_an_empty_alignment_scores_nothing() -> None:
    result = evaluate(LEFT, RIGHT, candidates([]), verdicts([]), alignment([]), GOLD)
    assert (result.scores.f1, result.retrieved.mrr, result.calibration.pairs) == (0.0, 0.0, 0)


def test_diff_sorts_gained_and_lost_links_by_what_the_gold_says() -> None:
    gold = [("a", "1"), ("b", "2"), ("c", "3")]
    old = [("a", "1"), ("b", "9"), ("x", "y"), ("k", "k")]
    new = [("b", "2"), ("c", "9"), ("u", "v"), ("k", "k")]
    result = diff(old, new, gold)
    assert result.kept == 1
    assert (result.gained_right, result.gained_wrong, result.gained_unknown) == (
        (("b", "2"),),
        (("c", "9"),),
        (("u", "v"),),
    )
    assert (result.lost_right, result.lost_wrong, result.lost_unknown) == (
        (("a", "1"),),
        (("b", "9"),),
        (("x", "y"),),
    )
    assert diff(old, new, gold, closed=True).lost_unknown == ()
