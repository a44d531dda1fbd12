"""A model that is imagined: a run is played through with it, to see how many questions it would take."""

import math
import random
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from kgalign.config import Config
from kgalign.judge.asking.cases import Case
from kgalign.judge.asking.next_question import Ask, Stop, next_step
from kgalign.judge.asking.parts import parts
from kgalign.judge.asking.questions import Questions
from kgalign.judge.trial import Asked, Trial
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.learning import estimate
from kgalign.judge.votes.model import VoteModel
from kgalign.records.votes import Question

_VOTER = "imagined"


class Imagined:
    """A model that makes up its mind about a case once, mostly for the truth, and answers accordingly most of
    the time, as :mod:`kgalign.judge.votes.model` has it; some of its answers can't be used.

    It is first asked what is known, and from then on believed as far as that tells: so it is asked as little
    as a real one, and not at all where its word would count for nothing.

    :param trial: what is known of the model. Of what it gets wrong half is since it tends to what is wrong.
    :param known: what it is asked first, the questions about one case beside each other.
    """

    def __init__(self, questions: Questions, config: Config, trial: Trial, known: Sequence[Asked]) -> None:
        self._questions, self._config, self._trial = questions, config, trial
        self._each = math.sqrt(trial.accuracy)
        """How often it tends to the truth of what is known, and how often it answers what it tends to."""
        self._known = self._on_controls(known)

    def play(self, sample: Sequence[Case], step: int, repeats: int) -> list[list[Question]]:
        """The questions that each case would take in each of some plays; none where it is not asked.

        :param sample: cases in the order in which they are asked about.
        :param step: for how many cases each of them stands: what is learned of the model is learned where it
            would be.
        :param repeats: how often each case is played.
        """
        first = estimate(self._known)
        asked = [case for case in sample if self._config.votes.ask_anyway or self._can_tell(case, first)]
        played: list[list[Question]] = [[]] * (repeats * (len(sample) - len(asked)))
        heard: list[Ballots] = []
        learned = [(-(-start // step), -(-cases // step)) for start, cases in parts(len(asked) * step)]
        for (start, cases), (end, _) in pairwise([*learned, (len(asked), 0)]):
            model = estimate([*self._known, *heard[:cases]]) if start else first
            for case in asked[start:end]:
                for turn in range(repeats):
                    questions, ballots = self._play(case, model, turn)
                    played.append(questions)
                    if not turn:
                        heard.append(Ballots(case.prior, tuple(ballots)))
        return played

    def _can_tell(self, case: Case, model: VoteModel) -> bool:
        return not self._known or model.can_tell(_VOTER, case.prior)

    def _on_controls(self, known: Sequence[Asked]) -> list[Ballots]:
        """Its answers to what is known: as many are wrong as it is wrong, evenly among them."""
        found: list[Ballots] = []
        minds, answers = _Evenly(self._each), _Evenly(self._each)
        for name, asked in groupby(known, key=lambda each: each[0].name):
            chance = random.Random(f"{self._config.seed} {name}")
            about = list(asked)
            prior = about[0][0].prior
            mind = (
                int(prior.argmax()) if minds.hit() else _other(int(prior.argmax()), range(len(prior)), chance)
            )
            ballots = [
                self._answer(mind if mind in step.offered else 0, step, right=answers.hit(), chance=chance)
                for _, step, _ in about
            ]
            found.append(Ballots(prior, tuple(ballots), known=True))
        return found

    def _play(self, case: Case, model: VoteModel, turn: int) -> tuple[list[Question], list[Ballot]]:
        """The questions that a case would take, if its truth is drawn from what the evidence says."""
        chance = random.Random(f"{self._config.seed} {turn} {case.name}")
        options = range(len(case.prior))
        mind = chance.choices(options, weights=case.prior.tolist())[0]
        if len(options) > 1 and chance.random() >= model.trust_of(_VOTER, case.prior):
            mind = _other(mind, options, chance)
        asked: list[Ask] = []
        questions: list[Question] = []
        ballots: list[Ballot] = []
        counted: list[int] = []
        while True:
            step = next_step(
                Ballots(case.prior, tuple(ballots)),
                asked,
                model,
                self._config.votes,
                seed=self._config.seed,
                case=case.name,
                has_relations=case.has_relations,
                several=case.several,
                counted=counted,
                rivals=case.contested,
            )
            if isinstance(step, Stop):
                return questions, ballots
            question = self._questions.put(case, len(asked), step, self._config.votes.options)
            if any(question.messages == other.messages for other in questions):
                return questions, ballots  # asked again it would be answered as before
            asked.append(step)
            questions.append(question)
            if chance.random() < self._trial.usable:
                looks = chance.random() < self._each
                right = mind if mind in step.offered else 0
                ballots.append(self._answer(right, step, right=looks, chance=chance))
                counted.append(len(asked) - 1)

    def _answer(self, meant: int, step: Ask, *, right: bool, chance: random.Random) -> Ballot:
        """An answer: what is meant, or anything else that could be chosen."""
        choice = meant if right else _other(meant, (0, *step.offered), chance)
        shares = None
        if self._trial.sure:
            sure = chance.choice(self._trial.sure)
            rest = (1 - sure) / len(step.offered)
            shares = tuple(sure if each == choice else rest for each in (*step.offered, 0))
        return Ballot(choice, step.offered, _VOTER, shares)


class _Evenly:
    """Says yes in such a share of the times, as evenly as can be."""

    def __init__(self, share: float) -> None:
        self._share, self._sum = share, 0.5

    def hit(self) -> bool:
        """The next one."""
        self._sum += self._share
        yes = self._sum >= 1
        self._sum -= yes
        return yes


def _other(than: int, among: Iterable[int], chance: random.Random) -> int:
    return chance.choice([each for each in among if each != than])
