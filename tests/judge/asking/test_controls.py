"""Control questions: what they are made of, and what a voter that fails them is asked further."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgalign.config import Config, VotesConfig
from kgalign.judge.asking.cases import find_cases
from kgalign.judge.asking.controls import Control, find_controls
from kgalign.ledger import FILE, Ledger
from kgalign.ledger.stance import is_right, right_place
from kgalign.records import Verdicts
from kgalign.records.votes import NONE, Direction, QuestionKind, Vote, known_partner
from kgalign.run import start
from tests.evaluate.small import profile, verdicts

COUNTRIES = Path(__file__).parents[3] / "examples/countries"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
SIZE = 40
LEFT = profile(
    [f"http://l/{n}" for n in range(SIZE)], values={n: {LABEL: [f"name {n}"]} for n in range(SIZE)}
)
RIGHT = profile(
    [f"http://r/{n}" for n in range(SIZE)], values={n: {LABEL: [f"name {n}"]} for n in range(SIZE)}
)


def sure(*doubtful: int, size: int = SIZE) -> Verdicts:
    """Each entity has a partner of its number, and two others that are surely none; some are in doubt."""
    rows = []
    for left in range(size):
        yes = 0.6 if left in doubtful else 0.995
        rows += [(left, left, yes), (left, (left + 1) % size, 0.01), (left, (left + 2) % size, 0.005)]
    return verdicts(rows)


def controls(judged: Verdicts, questions: int = 24, *, pairs_only: bool = False) -> list[Control]:
    return find_controls(
        judged, LEFT, RIGHT, VotesConfig(), "one-to-one", questions=questions, pairs_only=pairs_only
    )


def test_controls_are_made_of_what_is_sure() -> None:
    found = controls(sure(3, 4, 5))
    assert len(found) == 12
    doubtful = {case.left for case in find_cases(sure(3, 4, 5), LEFT, RIGHT, VotesConfig(), "one-to-one")}
    assert doubtful == {3, 4, 5}
    assert not doubtful & {each.case.left for each in found}
    for each in found:
        partner = known_partner(each.case.name)
        assert partner == (f"http://r/{each.case.left}" if each.known else NONE)
        assert (each.case.left in each.case.options) == bool(each.known)
        assert int(np.argmax(each.case.prior)) == each.known


def test_both_answers_are_right_about_as_often() -> None:
    found = controls(sure())
    verified = Counter(
        each.known == step.offered[0]
        for each in found
        for step in each.steps
        if step.kind is QuestionKind.VERIFY
    )
    assert verified[True] == verified[False] == 6
    assert 3 <= sum(each.known == 0 for each in found) <= 5
    places = Counter(each.steps[0].offered.index(each.known) for each in found if each.known)
    assert len(places) > 1
    directions = Counter(step.direction for each in found for step in each.steps[1:])
    assert all(directions[each] >= 4 for each in Direction)


def test_of_pairs_alone_half_are_partners() -> None:
    found = controls(sure(), pairs_only=True)
    assert all(step.kind is QuestionKind.VERIFY for each in found for step in each.steps)
    assert sum(each.known for each in found) == len(found) // 2


def test_there_are_none_where_nothing_is_sure() -> None:
    assert controls(verdicts([(0, 0, 0.6), (0, 1, 0.3), (1, 1, 0.7)])) == []
    assert controls(verdicts([])) == []
    assert controls(sure(), 0) == []


def test_an_entity_whose_partner_others_want_is_no_control() -> None:
    rows = [(0, 0, 0.99), (0, 1, 0.01), (1, 0, 0.3), (1, 1, 0.99), (1, 2, 0.01), (2, 2, 0.99), (2, 3, 0.01)]
    assert {each.case.left for each in controls(verdicts(rows))} == {2}


@given(st.sets(st.integers(0, SIZE - 1)), st.integers(2, 60))
def test_as_many_as_are_wanted_and_never_one_in_doubt(doubtful: set[int], questions: int) -> None:
    found = controls(sure(*doubtful), questions)
    assert len(found) == min(questions // 2, SIZE - len(doubtful))
    assert not doubtful & {each.case.left for each in found}
    assert len({each.case.name for each in found}) == len(found)


def run(folder: Path, judge: str = "scripted:bias=1.0", **settings: Mapping[str, object]) -> dict[str, str]:
    """The example of countries in a run folder: what is noted of the votes."""
    votes = {"ask": "all", **settings.get("votes", {})}
    asked = {**settings, "judge": {"judge": judge}, "votes": votes}
    left, right = COUNTRIES / "left.ttl", COUNTRIES / "right.jsonld"
    return start.run(left, right, folder, Config.model_validate(asked)).record.steps["ask"].notes


def votes(folder: Path) -> tuple[list[Vote], list[Vote]]:
    """Those on controls, and all others."""
    with Ledger.open(folder / FILE, write=False) as ledger:
        found = list(ledger.votes())
    controls = [vote for vote in found if known_partner(vote.question.case) is not None]
    return controls, [vote for vote in found if vote not in controls]


def test_a_voter_of_habits_is_asked_no_further_and_the_evidence_stands(tmp_path: Path) -> None:
    run(tmp_path / "evidence", "evidence")
    noted = run(tmp_path / "votes")
    controls, others = votes(tmp_path / "votes")
    assert (len(controls), others) == (24, [])
    assert "is no better than chance" in noted["not asked"]
    assert "--ask-anyway" in noted["not asked"]
    assert (tmp_path / "votes/links.nt").read_bytes() == (tmp_path / "evidence/links.nt").read_bytes()


def test_it_is_asked_all_the_same_where_that_is_wanted(tmp_path: Path) -> None:
    noted = run(tmp_path, votes={"ask_anyway": True, "max_calls": 100})
    controls, others = votes(tmp_path)
    assert "not asked" not in noted
    assert len(controls) == 24
    assert len(others) > 50
    assert len({vote.key for vote in (*controls, *others)}) == 100, "the same question is asked once"


def test_a_third_of_the_calls_at_most_are_controls(tmp_path: Path) -> None:
    run(tmp_path / "some", votes={"max_calls": 42})
    assert len(votes(tmp_path / "some")[0]) == 14
    run(tmp_path / "few", votes={"max_calls": 30})  # ten would tell nothing
    controls, others = votes(tmp_path / "few")
    assert not controls
    assert others


def test_nobody_is_asked_what_is_known_where_that_is_not_wanted(tmp_path: Path) -> None:
    noted = run(tmp_path, votes={"controls": 0, "max_calls": 30})
    controls, others = votes(tmp_path)
    assert not controls
    assert others
    assert "controls" not in noted


def test_a_judge_that_knows_is_believed(tmp_path: Path) -> None:
    noted = run(tmp_path, "scripted:accuracy=1.0,threshold=0.2", votes={"ask": "uncertain"})
    controls, others = votes(tmp_path)
    right = sum(bool(is_right(vote)) for vote in controls)
    assert noted["controls"].startswith(f"right on {right} of 24 controls (select ")
    assert right > 12
    assert others


def test_a_pair_is_asked_as_one_short_text(tmp_path: Path) -> None:
    run(tmp_path, llm={"answer": "pair"}, votes={"ask_anyway": True, "max_calls": 60})
    controls, others = votes(tmp_path)
    assert controls
    assert others
    for vote in (*controls, *others):
        assert vote.question.kind is QuestionKind.VERIFY
        assert vote.question.labels == ("yes", "no")
        [message] = vote.question.messages
        lines = message.content.split("\n")
        assert [line.partition(":")[0] for line in lines[:2]] == ["Record 1", "Record 2"]
        assert lines[2:] == ["Do both describe the same thing? Answer:"]


def test_a_label_alone_is_asked_without_what_says_how_json_is_written(tmp_path: Path) -> None:
    run(tmp_path, llm={"answer": "choice"})
    controls, _ = votes(tmp_path)
    assert controls
    for vote in controls:
        assert vote.sampling.max_tokens == 8
        system = vote.question.messages[0].content
        assert "Answer with one JSON object" not in system
        assert system.endswith("Answer with the label alone and nothing else.")


def test_a_replay_asks_nobody_and_finds_the_same(tmp_path: Path) -> None:
    wanted = {"ask_anyway": True, "max_calls": 150}
    run(tmp_path, "scripted:accuracy=0.8", votes=wanted)
    before = (tmp_path / "links.nt").read_bytes()
    count = len(votes(tmp_path)[0]), len(votes(tmp_path)[1])
    run(tmp_path, "replay", votes=wanted)
    assert (len(votes(tmp_path)[0]), len(votes(tmp_path)[1])) == count
    assert (tmp_path / "links.nt").read_bytes() == before


def test_the_right_answer_can_be_told_of_every_control(tmp_path: Path) -> None:
    run(tmp_path)
    for vote in votes(tmp_path)[0]:
        question, partner = vote.question, known_partner(vote.question.case)
        place = right_place(vote)
        assert place is not None
        if question.direction is Direction.RIGHT_ASKS:
            assert place == int(question.asker == partner)
        else:
            assert place == (question.options.index(partner) + 1 if partner in question.options else 0)


def test_a_replay_counts_by_the_reducer_that_it_is_given(tmp_path: Path) -> None:
    def outcomes(judge: str, **votes: object) -> Counter[str]:
        run(tmp_path, judge, votes={"ask_anyway": True, "max_calls": 150} | votes)
        with Ledger.open(tmp_path / FILE, write=False) as ledger:
            return Counter(f"{each.probability:.4f}" for each in ledger.decisions())

    first = outcomes("scripted:accuracy=0.8")
    assert outcomes("replay") == first
    assert outcomes("replay", reducer="majority") != first
    assert outcomes("replay", reducer="adaptive") == first
