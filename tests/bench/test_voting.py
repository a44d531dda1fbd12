"""The voting study: its judge is the scripted one, and its arithmetic that of the package."""

import numpy as np
import pytest

from bench import voting, voting_report
from bench.voting import ABSTAINS, BLIND, LEAD, Row
from bench.voting_draws import ROUNDS, Luck, Setting, balanced
from kgalign.config import VotesConfig
from kgalign.judge.votes.ballots import Ballots
from kgalign.judge.votes.model import VoteModel, standing
from kgalign.judge.votes.reducers import REDUCERS
from kgalign.llm.protocol import Message, Request
from kgalign.llm.scripted import decide
from kgalign.llm.scripted.settings import ScriptedSettings

LABELS = ("A", "B", "C", "D", "E", "none")


@pytest.mark.parametrize("setting", [Setting(0.8, 0.2, 0.1), Setting(0.6, 0.0, 0.0), Setting(0.7, 0.4, 0.05)])
def test_its_judge_answers_as_the_scripted_one_does(setting: Setting) -> None:
    """Shares of each place, and mean probabilities, with the truth in the third place."""
    luck = Luck.draw(3000, 1)
    shown = np.tile(np.arange(1, 6), (3000, ROUNDS, 1))
    there = luck.truth == 2
    votes = luck.votes(setting, shown)
    place = np.where(votes.usable, votes.place, -1)[there].ravel()
    probability = votes.probability[there].reshape(-1, 6).mean(axis=0)

    settings = ScriptedSettings(
        accuracy=setting.accuracy, bias=setting.bias, hallucination=setting.hallucination
    )
    options = "\n".join(f'{label}: {{"name": "{label * 3}"}}' for label in LABELS[:-1])
    chosen, given = [], []
    for number in range(4000):
        text = f'Question: {{"name": "number {number}"}}\n{options}'
        said = decide(settings, Request((Message("user", text),), LABELS), truth=lambda _: "C")
        honest = said.choice in LABELS and not any(value.startswith("no. ") for value in said.values)
        chosen.append((LABELS.index(said.choice) + 1) % 6 if honest else -1)
        given.append([said.probabilities[label] for label in LABELS])
    ours = np.array([(place == each).mean() for each in range(-1, 6)])
    theirs = np.array([chosen.count(each) for each in range(-1, 6)]) / len(chosen)
    assert ours == pytest.approx(theirs, abs=0.03)
    assert probability == pytest.approx(np.roll(np.mean(given, axis=0), 1), abs=0.02)


@pytest.mark.parametrize("graded", [False, True])
def test_it_stops_and_decides_as_the_package_does(graded: bool) -> None:
    luck = Luck.draw(60, 2)
    votes = luck.votes(Setting(0.75, 0.3, 0.1), balanced(60, 2))
    prior = luck.prior()
    rules = VotesConfig(confidence=0.9, min_votes=2, max_votes=6)
    [decided] = voting.judge(votes, prior, [rules], graded=graded)
    calls = []
    for number in range(60):
        for count in range(1, rules.max_votes + 1):
            [case] = voting.ballots(
                votes[number : number + 1], prior[number : number + 1], np.array([count]), graded=graded
            )
            now = standing(case, VoteModel())
            if len(case.ballots) >= 2 and max(now.settled, now.posterior.max()) >= rules.confidence:
                break
        calls.append(count)
    assert decided.calls.tolist() == calls
    told = REDUCERS["adaptive"](voting.ballots(votes, prior, decided.calls, graded=graded))
    assert decided.chosen.tolist() == [ABSTAINS if each.leader is None else each.leader for each in told]
    assert decided.probability == pytest.approx([each.probability.max() for each in told])


def test_the_first_tier_is_right_in_six_of_ten_and_means_what_it_says() -> None:
    luck = Luck.draw(20_000, 0)
    prior = luck.prior()
    right = prior.argmax(axis=1) == luck.truth + 1
    assert right.mean() == pytest.approx(0.6, abs=0.02)
    assert prior.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.02)


def test_heads_are_counted_as_the_reducer_counts_them() -> None:
    luck = Luck.draw(200, 3)
    votes = luck.votes(Setting(0.6, 0.2, 0.1), luck.shuffled)
    cases: list[Ballots] = voting.ballots(votes, luck.prior(), np.full(200, 5), graded=False)
    ours = voting.majority(votes, 5).chosen.tolist()
    assert ours == [ABSTAINS if each.leader is None else each.leader for each in REDUCERS["majority"](cases)]


def row(system: str, right: float, calls: float, confidence: float = 0.0) -> Row:
    return Row(Setting(0.8, 0.1, 0), system, confidence, 1000, right, calls, 0.0, 0.0)


def test_a_judge_is_compared_on_the_line_through_its_confidences() -> None:
    rows = [row(LEAD, 0.9, 3.0), row(BLIND, 0.86, 2.0, 0.9), row(BLIND, 0.96, 4.0, 0.99)]
    [found] = voting_report.compare(rows, BLIND, LEAD)
    assert found.gain == pytest.approx(0.01)
    assert found.saved == pytest.approx(0.2)
    dear, poor = row(BLIND, 0.95, 3.5, 0.9), row(BLIND, 0.8, 2.0, 0.9)
    [found] = voting_report.compare([rows[0], dear], BLIND, LEAD)
    assert found.gain is None
    assert found.saved == pytest.approx(-0.5)
    [found] = voting_report.compare([rows[0], poor], BLIND, LEAD)
    assert found.gain == pytest.approx(-0.1)
    assert found.saved is None


def test_the_truth_is_put_at_each_place_with_all_else_equal() -> None:
    """One call that always takes the first place is right there and nowhere else."""
    places = voting.places(1, 50, [Setting(0.5, 1.0, 0.0)])
    [one] = [each for each in places if each.system == voting.ONE]
    assert one.right == (1.0, 0.0, 0.0, 0.0, 0.0)
    assert one.won == (1.0, 0.0, 0.0, 0.0, 0.0)
    fair = voting.places(1, 50, [Setting(0.5, 0.0, 0.0)])
    [one] = [each for each in fair if each.system == voting.ONE]
    assert len(set(one.right)) == 1


def test_the_section_has_every_system_and_the_same_figures_each_time() -> None:
    grid = (Setting(0.8, 0.3, 0.05), Setting(0.9, 0.0, 0.05))
    told: list[Setting] = []

    def text() -> str:
        rows = voting.measure(2, 80, told.append, grid)
        return voting_report.as_markdown(rows, voting.places(1, 80, grid[:1]))

    first = text()
    assert told == list(grid)
    for system in (voting.ONE, voting.FIXED, voting.SHUFFLED, voting.STRICT, LEAD, BLIND, voting.FULL):
        assert f"| {system} |" in first
    assert text() == first
