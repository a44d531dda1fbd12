"""What decisions of people come to, case by case."""

import numpy as np

from kgalign.estimate import Answer, Cases, answers_of_gold, answers_of_people, cases_of
from kgalign.records import Outcome
from tests.evaluate.small import alignment, profile, verdicts

LEFT = profile([f"http://l/{i}" for i in range(4)])
RIGHT = profile([f"http://r/{i}" for i in range(4)])
SIDES = LEFT, RIGHT
PAIRS = [(0, 0, 0.9), (0, 1, 0.2), (1, 1, 0.8), (1, 0, 0.3), (2, 2, 0.4), (3, 3, 0.95)]


def made(cardinality: str = "one-to-one", given: tuple[int, ...] = ()) -> Cases:
    links = [(0, 0, 0.9, Outcome.MATCH), (1, 1, 0.8, Outcome.MATCH), (3, 3, 0.95, Outcome.MATCH)]
    found = alignment(links, cardinality=cardinality)
    found.verdict[:] = [0, 2, 5]
    return cases_of(verdicts(PAIRS, given=given), found)


def pair(left: int, right: int) -> tuple[str, str]:
    return f"http://l/{left}", f"http://r/{right}"


def answers(cases: Cases, **said: list[tuple[str, str]]) -> list[Answer]:
    nothing: dict[str, list[tuple[str, str]]] = {"same": [], "apart": [], "unsure": [], "alone": []}
    return [Answer(each) for each in answers_of_people(cases, SIDES, **(nothing | said)).answer.tolist()]


def test_cases_are_entities_with_their_candidates() -> None:
    cases = made()
    assert cases.linked.tolist() == [True, True, False, True]
    assert cases.chance.round(2).tolist() == [0.9, 0.8, 0.4, 0.95]
    assert len(made("many-to-many")) == len(PAIRS)
    assert made("one-to-many").by_right
    assert len(made(given=(5,))) == 3, "what was known before is not estimated"


def test_who_has_one_partner_has_no_other() -> None:
    unknown = Answer.UNKNOWN
    assert answers(made(), same=[pair(0, 0)]) == [Answer.RIGHT, unknown, unknown, unknown]
    # The right one is taken: 1 is not it.
    assert answers(made(), same=[pair(0, 1)]) == [Answer.MISSED, Answer.WRONG, unknown, unknown]
    assert answers(made(), same=[pair(0, 1)], apart=[pair(1, 0)])[1] is Answer.NEITHER
    # Where a right one may have several left ones, that says nothing of the others.
    assert answers(made("many-to-one"), same=[pair(0, 1)])[1] is unknown


def test_a_pair_that_is_different_settles_the_link_and_not_the_case() -> None:
    assert answers(made(), apart=[pair(0, 0)])[0] is Answer.WRONG
    assert answers(made(), apart=[pair(0, 0), pair(0, 1)])[0] is Answer.NEITHER
    assert answers(made(), apart=[pair(2, 2)])[2] is Answer.NEITHER
    assert answers(made(), alone=[("http://l/1", "")])[1] is Answer.NEITHER


def test_what_nobody_can_tell_is_not_the_same_and_counted() -> None:
    cases = made()
    found = answers_of_people(cases, SIDES, same=[], apart=[], unsure=[pair(3, 3)])
    assert (found.answer[3], found.unsure) == (Answer.NEITHER, 1)


def test_a_partner_beyond_the_candidates_is_told_apart() -> None:
    assert answers(made(), same=[pair(2, 0)])[2] is Answer.BEYOND
    assert answers(made(), same=[pair(0, 3)])[0] is Answer.BEYOND


def test_many_to_many_each_pair_is_for_itself() -> None:
    cases = made("many-to-many")
    found = answers(cases, same=[pair(0, 1)], apart=[pair(1, 1)])
    told = {(int(a), int(b)): each for a, b, each in zip(cases.left, cases.right, found, strict=True)}
    assert told[0, 1] is Answer.MISSED
    assert told[1, 1] is Answer.NEITHER
    assert told[0, 0] is Answer.UNKNOWN


def test_gold_knows_everything() -> None:
    found = answers_of_gold(made(), SIDES, [pair(0, 0), pair(1, 0), pair(2, 3)]).answer
    wanted = [Answer.RIGHT, Answer.MISSED, Answer.NEITHER, Answer.NEITHER]
    assert np.array_equal(found, np.array(wanted, dtype=np.int8))
