"""The queue of the estimate, and that of what people disagree on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgalign.decisions import FILE, Decision, Decisions, Relation, Verdict, read_all, standing
from kgalign.errors import InputError
from kgalign.estimate import answers_of_decisions, cases_of, design, estimate_run, next_pairs
from kgalign.review import Filter, Question, Queue, Review
from kgalign.run.finished import Finished

LOOKS, DISPUTES = Filter(queue=Queue.ESTIMATE), Filter(queue=Queue.DISAGREEMENTS)


def say(review: Review, by: str, question: Question, right: str, verdict: Verdict, wanted: Filter) -> bool:
    _, done = review.answer(
        by, question.iri, right, verdict, relation=Relation.EXACT, why="", queue=wanted.queue
    )
    return done


def asked(review: Review, by: str, wanted: Filter) -> Question:
    found = review.turn(by, wanted).question
    assert found is not None
    return found


def following(run: Path) -> Iterator[tuple[str, str]]:
    """What `kgalign estimate --next` lists: left and right IRIs."""
    finished = Finished(run)
    cases = cases_of(finished.verdicts, finished.alignment)
    known = answers_of_decisions(cases, (finished.left, finished.right), read_all(run / FILE))
    found = next_pairs(design(cases, 0), known, 10)
    for left, right in zip(found.left.tolist(), found.right.tolist(), strict=True):
        yield finished.left.entity_iri[left].as_py(), finished.right.entity_iri[right].as_py()


def test_the_looks_are_those_that_the_estimate_asks_for(countries: Path) -> None:
    review = Review(countries)
    for number in range(25):
        question = asked(review, "Ada", LOOKS)
        left, right = next(following(countries))
        assert question.iri == left
        assert right in {each.iri for each in question.candidates}, "the link is among them"
        verdict = Verdict.NOTHING if number % 8 == 3 else Verdict.SAME
        assert say(review, "Ada", question, "" if verdict is Verdict.NOTHING else right, verdict, LOOKS)
    found = review.estimate()
    assert (found.looks, found.outside) == (25, 0), "all of them count as a sample"
    finished = Finished(countries)
    cases = cases_of(finished.verdicts, finished.alignment)
    known = answers_of_decisions(cases, (finished.left, finished.right), read_all(countries / FILE))
    assert found == estimate_run(design(cases, 0), known, 0.95, 0.95)


def test_who_cannot_tell_of_a_case_ends_it_and_takes_it_back_at_once(countries: Path) -> None:
    review = Review(countries)
    first = asked(review, "Ada", LOOKS)
    assert say(review, "Ada", first, first.candidates[-1].iri, Verdict.UNSURE, LOOKS)
    assert asked(review, "Ada", LOOKS).iri != first.iri
    assert review.estimate().looks == 1
    assert {each.verdict for each in read_all(countries / FILE)} == {Verdict.UNSURE}
    assert review.undo("Ada") == first.iri
    assert asked(review, "Ada", LOOKS) == first
    assert standing(read_all(countries / FILE)).said == ()
    assert review.undo("Ada") == "", "nothing more was done"


def test_where_all_that_are_shown_are_different_the_next_ones_come(countries: Path) -> None:
    review = Review(countries)
    question = asked(review, "Ada", LOOKS)
    shown = [each.iri for each in question.candidates]
    assert len(shown) == 5
    for iri in shown:
        assert [each.iri for each in asked(review, "Ada", LOOKS).candidates] == shown, "nobody moves"
        assert not say(review, "Ada", question, iri, Verdict.DIFFERENT, LOOKS)
    more = [each.iri for each in asked(review, "Ada", LOOKS).candidates]
    assert (more[:5], len(more)) == (shown, 10)
    for iri in more[5:]:
        say(review, "Ada", question, iri, Verdict.DIFFERENT, LOOKS)
    while (now := asked(review, "Ada", LOOKS)).iri == question.iri:
        assert say(review, "Ada", now, "", Verdict.NOTHING, LOOKS)
    assert review.estimate().looks == 1


def test_two_people_are_given_different_looks(countries: Path) -> None:
    review = Review(countries)
    first, second = (asked(review, by, LOOKS).iri for by in ("Ada", "Grace"))
    assert [first, second] == [left for left, _ in list(following(countries))[:2]]
    review.skip("Ada", first)
    assert asked(review, "Ada", LOOKS).iri not in (first, second)
    assert review.turn("Ada", LOOKS).skipped == 1


def test_the_estimate_ends_when_everything_is_known(run: Path) -> None:
    review = Review(run)
    before = review.turn("Ada", LOOKS).left
    for number in range(before):
        turn = review.turn("Ada", LOOKS)
        assert turn.question is not None
        assert turn.left == before - number
        say(review, "Ada", turn.question, turn.question.candidates[0].iri, Verdict.UNSURE, LOOKS)
    assert review.turn("Ada", LOOKS).question is None
    found = review.estimate()
    assert found.precision.low == found.precision.high == 0.0, "who can't tell says that it is not the same"


def test_the_estimate_takes_no_filter(run: Path) -> None:
    with pytest.raises(InputError, match="own order"):
        Review(run).turn("Ada", Filter(type="http://elements.example/v/Element", queue=Queue.ESTIMATE))


@pytest.mark.parametrize("cardinality", ["many-to-many", "one-to-many"])
def test_cases_of_one_pair_show_that_pair(tmp_path: Path, cardinality: str) -> None:
    from kgalign.config import as_config
    from kgalign.run import start
    from tests.conftest import write_elements

    pair = write_elements(tmp_path / "inputs")
    start.run(pair.left, pair.right, tmp_path / "run", as_config({"assign": {"cardinality": cardinality}}))
    review = Review(tmp_path / "run")
    for _ in range(6):
        wanted = next(following(review.path))
        question = asked(review, "Ada", LOOKS)
        assert (question.iri, question.candidates[0].iri) == wanted
        say(review, "Ada", question, wanted[1], Verdict.DIFFERENT, LOOKS)
    assert review.estimate().looks > 0


# what people disagree on


def disagree(review: Review, number: int = 3) -> list[Question]:
    """Ada and Grace say different things of some entities."""
    found = []
    for _ in range(number):
        question = asked(review, "Ada", Filter())
        first = question.candidates[0].iri
        say(review, "Ada", question, first, Verdict.SAME, Filter())
        say(review, "Grace", question, first, Verdict.DIFFERENT, Filter())
        found.append(question)
    return found


def test_whoever_had_not_the_last_word_is_asked(countries: Path) -> None:
    review = Review(countries)
    questions = disagree(review)
    assert review.turn("Grace", DISPUTES).question is None, "she had the last word"
    assert review.turn("Ada", DISPUTES).left == 3
    by_iri = {each.iri: each for each in questions}
    for _ in range(3):
        now = asked(review, "Ada", DISPUTES)
        question = by_iri.pop(now.iri)
        assert [(each.by, each.verdict) for each in now.words] == [("Ada", "same"), ("Grace", "different")]
        right = question.candidates[0].iri
        verdict = Verdict.SAME if question is questions[0] else Verdict.DIFFERENT
        say(review, "Ada", now, right, verdict, DISPUTES)
    assert review.turn("Ada", DISPUTES).question is None
    assert asked(review, "Grace", DISPUTES).iri == questions[0].iri, "Ada holds to it"
    assert review.turn("Grace", DISPUTES).left == 1, "on the others they agree now"
    last = read_all(countries / FILE)[-1]
    assert (last.blind, last.source) == (False, "kgalign review, words seen")


def test_a_third_person_is_asked_once(countries: Path) -> None:
    review = Review(countries)
    [question] = disagree(review, 1)
    say(review, "Linus", asked(review, "Linus", DISPUTES), question.candidates[0].iri, Verdict.SAME, DISPUTES)
    assert review.turn("Linus", DISPUTES).question is None
    assert review.turn("Grace", DISPUTES).left == 1


def test_a_partner_and_no_partner_at_all_are_different_things(countries: Path) -> None:
    review = Review(countries)
    question = asked(review, "Ada", Filter())
    say(review, "Ada", question, question.candidates[2].iri, Verdict.SAME, Filter())
    say(review, "Grace", question, "", Verdict.NOTHING, Filter())
    now = asked(review, "Ada", DISPUTES)
    assert now.iri == question.iri
    assert [each.right for each in now.words] == [question.candidates[2].name, ""]
    say(review, "Ada", now, "", Verdict.NOTHING, DISPUTES)
    say(review, "Ada", now, question.candidates[2].iri, Verdict.DIFFERENT, DISPUTES)
    assert review.turn("Grace", DISPUTES).question is None


def test_disagreements_pass_a_filter_and_are_there_whoever_wrote_them(run: Path) -> None:
    review = Review(run)
    question = asked(review, "Ada", Filter())
    with Decisions.open(run / FILE) as store:
        for by, verdict in (("Linus", Verdict.SAME), ("Grace", Verdict.UNSURE)):
            store.add([Decision(question.iri, question.candidates[0].iri, verdict, by=by)])
    element = "http://elements.example/v/Element"
    assert review.turn("Ada", Filter(type=element, queue=Queue.DISAGREEMENTS)).left == 1
    without = Filter(property="http://elements.example/v/discovered", queue=Queue.DISAGREEMENTS)
    there = any("discovered" in row.left[0] for row in question.candidates[0].rows if row.left)
    assert review.turn("Ada", without).left == int(there)


def test_what_lies_before_somebody_in_one_queue_is_not_first_in_another(countries: Path) -> None:
    review = Review(countries)
    doubted = asked(review, "Ada", Filter()).iri
    wanted = next(following(countries))[0]
    assert doubted != wanted
    assert asked(review, "Ada", LOOKS).iri == wanted
    say(review, "Ada", asked(review, "Ada", LOOKS), "", Verdict.NOTHING, LOOKS)
    assert (review.estimate().looks, review.estimate().outside) == (1, 0)
    assert review.undo("Ada") == wanted
    assert asked(review, "Ada", LOOKS).iri == wanted, "in whichever queue it is taken back"
