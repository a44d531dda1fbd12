"""What a language model said: shown when it is asked for, and found where it speaks against the evidence."""

from pathlib import Path

import pytest

from kgalign.decisions import Relation, Verdict
from kgalign.review import Filter, Review
from kgalign.run.finished import Finished
from tests.commands import call
from tests.llm_runs.runs import doubtful


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of people in doubt, about whom the scripted judge was asked."""
    folder = tmp_path_factory.mktemp("asked")
    pair = doubtful(folder)
    options = ("--judge", "scripted:accuracy=0.9", "--quiet", "--gold", pair.gold)
    done = call(["run", pair.left, pair.right, "-o", folder / "run", *options])
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_votes_name_what_was_chosen_and_what_they_rely_on(asked: Path) -> None:
    review, finished = Review(asked), Finished(asked)
    left = review.left.iri(int(finished.verdicts.left[finished.hearing.row[0]]))
    found = review.see_votes("Ada", left)
    assert found
    assert [each.number for each in found] == sorted(each.number for each in found)
    assert all(each.model.startswith("scripted") for each in found)
    names = {name for side in (review.left, review.right) for name in side.profile.entity_name.to_pylist()}
    assert {each.choice for each in found} <= {*names, "none of them"}
    assert any(each.cited for each in found)
    made, _ = review.answer("Ada", left, "", Verdict.NOTHING, relation=Relation.EXACT, why="")
    assert (made.blind, made.source) == (False, "kgalign review, votes seen")


def test_only_where_votes_speak_against_the_evidence(asked: Path) -> None:
    review, finished = Review(asked, share=0.9), Finished(asked)
    hearing = finished.hearing
    least = finished.config.judge.match_probability
    turned = (hearing.prior >= least) != (hearing.probability >= least)
    lefts = set(finished.verdicts.left[hearing.row[turned]].tolist()) & set(review.order.left.tolist())
    turn = review.turn("Grace", Filter(against=True))
    assert lefts
    assert turn.left == len(lefts) < len(review.order)
    assert turn.question is not None
    assert turn.question.entity in lefts
