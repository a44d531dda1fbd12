"""What is asked next, what is kept of the answers, and what is taken back."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.decisions import FILE, Decision, Decisions, Relation, Verdict, read_all, standing
from kgalign.errors import InputError, RunError
from kgalign.review import Filter, Question, Review


def answer(review: Review, by: str, question: Question, verdict: Verdict, **more: str) -> bool:
    """Say something of the first candidate, or that there is none."""
    right = "" if verdict is Verdict.NOTHING else question.candidates[0].iri
    told = {"relation": Relation.EXACT, "why": "", **more}
    _, done = review.answer(
        by, question.iri, right, verdict, relation=Relation(told["relation"]), why=told["why"]
    )
    return done


def asked(review: Review, by: str, wanted: Filter | None = None) -> Question:
    found = review.turn(by, wanted).question
    assert found is not None
    return found


def kept(run: Path) -> list[Decision]:
    return read_all(run / FILE)


def test_it_never_asks_twice_and_ends(countries: Path) -> None:
    review = Review(countries)
    seen: list[str] = []
    while (turn := review.turn("Ada")).question:
        assert turn.left == len(review.order) - len(seen)
        seen.append(turn.question.iri)
        assert answer(review, "Ada", turn.question, Verdict.UNSURE)
    assert len(set(seen)) == len(seen) == len(review.order)
    assert (turn.left, turn.answered) == (0, len(seen))
    assert Review(countries).turn("Ada").question is None, "nor the next day"
    assert Review(countries).turn("Grace").question is None, "nor anybody else"


def test_an_answer_is_on_the_disk_with_what_was_seen(run: Path) -> None:
    review = Review(run)
    first = asked(review, "Ada")
    answer(review, "Ada", first, Verdict.SAME, relation="close", why=" not quite ")
    second = asked(review, "Ada")
    shown = review.see("Ada", second.iri, second.candidates[0].iri)
    review.see_votes("Ada", second.iri)
    answer(review, "Ada", second, Verdict.DIFFERENT, relation="close")
    one, two = kept(run)
    assert (one.left, one.right, one.verdict, one.relation) == (
        first.iri, first.candidates[0].iri, Verdict.SAME, Relation.CLOSE,
    )  # fmt: skip
    assert (one.by, one.why, one.blind, one.source) == ("Ada", "not quite", True, "kgalign review")
    assert (two.blind, two.source) == (False, "kgalign review, evidence seen, votes seen")
    assert two.relation is Relation.EXACT, "what is different has no other relation"
    assert shown is not None
    assert two.probability == pytest.approx(shown.probability, abs=1e-6)


def test_one_that_is_different_leaves_the_others_open(countries: Path) -> None:
    review = Review(countries)
    question = asked(review, "Ada")
    for number, candidate in enumerate(question.candidates, start=1):
        now = asked(review, "Ada")
        assert now.iri == question.iri, "until all that is shown is different"
        assert [each.said for each in now.candidates] == ["different"] * (number - 1) + [""] * (
            len(question.candidates) - number + 1
        )
        _, done = review.answer(
            "Ada", question.iri, candidate.iri, Verdict.DIFFERENT, relation=Relation.EXACT, why=""
        )
        assert done == (number == len(question.candidates))
    assert asked(review, "Ada").iri != question.iri


def test_what_is_undone_is_asked_again_and_again(countries: Path) -> None:
    review = Review(countries)
    done = []
    for verdict in (Verdict.SAME, Verdict.NOTHING, Verdict.UNSURE, Verdict.DIFFERENT):
        done.append(asked(review, "Ada").iri)
        answer(review, "Ada", asked(review, "Ada"), verdict)
    again = Review(countries)  # what was answered the day before can be taken back as well
    for iri in reversed(done):
        assert again.undo("Ada") == iri
        assert asked(again, "Ada").iri == iri
    assert again.undo("Ada") == ""
    assert standing(kept(countries)).said == ()
    assert len(kept(countries)) == 8, "rows are only added"
    answer(again, "Ada", asked(again, "Ada"), Verdict.SAME)
    assert len(standing(kept(countries)).said) == 1, "the same answer once more counts"


def test_undo_is_of_ones_own(run: Path) -> None:
    review = Review(run)
    answer(review, "Ada", asked(review, "Ada"), Verdict.SAME)
    assert review.undo("Grace") == ""
    assert len(standing(kept(run)).said) == 1


def test_what_is_skipped_comes_when_it_is_wanted(run: Path) -> None:
    review = Review(run)
    first = asked(review, "Ada").iri
    review.skip("Ada", first)
    assert asked(review, "Ada").iri != first
    assert asked(review, "Grace").iri == first, "others are asked all the same"
    assert review.undo("Ada") == first
    review.skip("Ada", first)
    turn = review.turn("Ada")
    while turn.question:
        review.skip("Ada", turn.question.iri)
        turn = review.turn("Ada")
    assert turn.skipped == turn.left == len(review.order)
    review.ask_again("Ada")
    assert review.turn("Ada").question is not None
    assert kept(run) == []


def test_two_people_are_never_asked_the_same(countries: Path) -> None:
    review = Review(countries)
    seen: dict[str, set[str]] = {"Ada": set(), "Grace": set()}
    for _ in range(len(review.order)):
        turns = {by: review.turn(by).question for by in seen}
        for by, question in turns.items():
            if question:
                seen[by].add(question.iri)
                answer(review, by, question, Verdict.NOTHING)
    assert not seen["Ada"] & seen["Grace"]
    assert len(seen["Ada"] | seen["Grace"]) == len(review.order)


def test_who_goes_away_keeps_nothing_back(run: Path) -> None:
    now = 0.0
    review = Review(run, clock=lambda: now)
    first = asked(review, "Ada").iri
    assert asked(review, "Ada").iri == first, "loading the page again changes nothing"
    assert asked(review, "Grace").iri != first
    now = 1000.0
    assert asked(review, "Linus").iri == first


def test_all_are_asked_of_two_where_all_overlap(countries: Path) -> None:
    review = Review(countries, overlap=1)
    for by in ("Ada", "Grace"):
        count = 0
        while question := review.turn(by).question:
            answer(review, by, question, Verdict.UNSURE)
            count += 1
        assert count == len(review.order)
    assert review.turn("Linus").question is None


def test_what_others_add_meanwhile_is_noticed(run: Path) -> None:
    review = Review(run)
    first = asked(review, "Ada")
    with Decisions.open(run / FILE) as store:
        store.add([Decision(first.iri, first.candidates[0].iri, Verdict.SAME, by="Linus")])
    assert asked(review, "Ada").iri != first.iri


def test_filters_pass_what_they_name(run: Path) -> None:
    review = Review(run)
    element = "http://elements.example/v/Element"
    assert review.opened.choices()["types"] == [element]
    assert review.turn("Ada", Filter(type=element)).left == len(review.order)
    discovered = Filter(property="http://elements.example/v/discovered")
    assert 0 < review.turn("Ada", discovered).left <= len(review.order)
    assert review.turn("Ada", Filter(against=True)).question is None, "nobody was asked"
    with pytest.raises(InputError, match="No left entity is of the type"):
        review.turn("Ada", Filter(type="http://nowhere.example/"))


def test_a_candidate_can_be_searched_for(run: Path) -> None:
    review = Review(run)
    question = asked(review, "Ada")
    shown = {each.iri for each in question.candidates}
    iri = next(iri for _, _, iri in review.search("Uran") + review.search("Hydrogen") if iri not in shown)
    more = review.beside("Ada", question.iri, iri)
    assert [each.iri for each in more.candidates] == [*(each.iri for each in question.candidates), iri]
    _, done = review.answer("Ada", question.iri, iri, Verdict.SAME, relation=Relation.EXACT, why="")
    assert done
    [made] = kept(run)
    assert made.right == iri


def test_search_finds_names_parts_of_them_and_iris(run: Path) -> None:
    review = Review(run)
    assert review.search("CARBON")[0][1:] == ("Carbon", "http://chemie.example/6")
    assert review.search("kohlenstoff")[0][2] == "http://chemie.example/6", "by any of its names"
    assert review.search("Kohlen")[0][2] == "http://chemie.example/6"
    assert review.search("Kohlenstof")[0][2] == "http://chemie.example/6"
    assert review.search("Kohlnstoff")[0][2] == "http://chemie.example/6", "with a letter missing"
    assert review.search("http://chemie.example/6")[0][2] == "http://chemie.example/6"
    assert review.search("  ") == []


def test_a_run_that_is_not_finished_is_refused(run: Path) -> None:
    shutil.rmtree(run / "stages" / "worklist")
    with pytest.raises(RunError):
        Review(run)


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["same", "different", "nothing", "unsure", "skip", "undo"]), max_size=12))
def test_undoing_everything_leaves_nothing(small: Path, ways: list[str]) -> None:
    """Whatever was done, as many undos bring back where it began."""
    (small / FILE).unlink(missing_ok=True)
    review = Review(small)
    begun = review.turn("Ada")
    for way in ways:
        question = review.turn("Ada").question
        if way == "undo" or question is None:
            review.undo("Ada")
        elif way == "skip":
            review.skip("Ada", question.iri)
        else:
            answer(review, "Ada", question, Verdict(way))
    while review.undo("Ada"):
        pass
    assert review.turn("Ada") == begun
    assert standing(kept(small)).said == ()


@pytest.fixture(scope="session")
def small(elements_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for many sessions, one after the other."""
    return Path(shutil.copytree(elements_made, tmp_path_factory.mktemp("small") / "run"))
