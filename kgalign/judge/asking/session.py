"""Tier 2: a language model is asked about the cases that the evidence leaves in doubt.

Each case goes through its questions one after the other, many cases side by side. Every answer is in the
ledger before it counts, and whatever is in the ledger is not asked again: so a run that was stopped goes on,
and a replay needs no model at all. What is asked next depends on the case's own votes and on a model of the
voter that is learned at fixed points alone (:mod:`kgalign.judge.asking.parts`), never on the order in which
answers arrive.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from weakref import WeakValueDictionary

from kgalign.base.progress import NoProgress, Progress, Task
from kgalign.config import LlmConfig, VotesConfig
from kgalign.judge.asking.answers import read_answer
from kgalign.judge.asking.asked import AskedCase, AskedControl, Stopped, known_scores
from kgalign.judge.asking.budget import Attempts, Budget
from kgalign.judge.asking.cases import Case
from kgalign.judge.asking.controls import Control
from kgalign.judge.asking.next_question import Ask, Stop, next_step
from kgalign.judge.asking.parts import parts
from kgalign.judge.asking.questions import Questions, is_repeated, question_tokens
from kgalign.judge.asking.recording import failed, recorded
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.learning import estimate
from kgalign.judge.votes.model import VoteModel
from kgalign.judge.votes.scores import Reading, learn_reading, probabilities_of, read_anew
from kgalign.ledger import Ledger, key_of
from kgalign.llm.pool import Pool
from kgalign.llm.protocol import CallFailed, Reply, Request, Sampling
from kgalign.records.votes import NONE, Answer, Direction, Judging, Question, QuestionKind, Status, Vote

__all__ = ["AskedCase", "Asking", "Budget", "Stopped"]

_AHEAD = 2
"""Cases under way per request that may be: while one waits for the ledger another has an answer."""
_TELLING = 10
"""Answers from which on it is said how long the rest will take."""


class Asking:
    """Asks one voter about cases.

    :param pool: where questions are sent; None to take answers from the ledger alone.
    :param budget: what all voters may spend together; None for one of its own.
    :param offset: number of the voter's first question about a control: the votes of several voters on one
        case have numbers that differ.
    """

    def __init__(
        self,
        questions: Questions,
        ledger: Ledger,
        judging: Judging,
        pool: Pool | None,
        rules: VotesConfig,
        llm: LlmConfig,
        sampling: Sampling,
        *,
        seed: int,
        budget: Budget | None = None,
        offset: int = 0,
    ) -> None:
        self.questions, self.ledger, self.judging, self.pool = questions, ledger, judging, pool
        self.rules, self.llm, self.sampling, self.seed = rules, llm, sampling, seed
        self.budget = budget or Budget(rules, llm)
        self.offset = offset
        self.controls: list[AskedControl] = []
        self.kinds = frozenset(QuestionKind)
        """The forms in which questions are asked."""
        self.reading: Reading | None = None
        """How scores are read that are no probabilities yet; None until it is learned from controls."""
        self.before: dict[str, AskedCase] = {}
        """Case → what other voters said of it."""
        self.known_elsewhere: list[Ballots] = []
        """Their votes on controls."""
        self.new = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Of questions that are just being asked, by their keys."""
        self._of_others = 0
        """Votes on controls, and of other voters."""
        self._settled = 0
        """Votes of cases that have ended."""
        self._ended = 0
        self._began = time.monotonic()

    async def ask(self, cases: Sequence[Case], progress: Progress | None = None) -> list[AskedCase]:
        """Ask about all cases, in their order as far as limits go.

        :raises KgalignError: the server is gone, or the ledger can't be written.
        """
        watch = progress or NoProgress()
        self.reading = self.reading or Reading()
        self._of_others = self.budget.spent.calls - self._settled
        with watch.task("ask about doubtful entities", len(cases), "entities") as task:
            return await self._side_by_side(cases, task)

    async def ask_controls(self, controls: Sequence[Control], progress: Progress | None = None) -> None:
        """Ask what is known, and learn from it what the voter's word is worth.

        :raises KgalignError: the server is gone, or the ledger can't be written.
        """
        watch = progress or NoProgress()
        new = [
            question for each in controls for question in self._about(each) if not self._on_record(question)
        ]
        if not self.budget.covers_all(new):  # all of it or nothing: what is asked must not hang on the order
            controls = [each for each in controls if all(map(self._on_record, self._about(each)))]
        with watch.task("ask what is known", len(controls), "controls") as task:
            asked = [asyncio.create_task(self._control(each)) for each in controls]
            try:
                for each in asyncio.as_completed(asked):
                    await each
                    task.advance(1)
            finally:
                for each in asked:
                    each.cancel()
                await asyncio.gather(*asked, return_exceptions=True)
        self.controls = [each.result() for each in asked]
        if self.questions.way == "likelihood":
            self._learn_reading()

    def _learn_reading(self) -> None:
        """Learn from the controls how scores are to be read, and read each of them by all others."""
        known = [known_scores(each) for each in self.controls]
        self.reading = learn_reading([row for rows in known for row in rows])
        for number, control in enumerate(self.controls):
            others = [row for other, rows in enumerate(known) if other != number for row in rows]
            self.controls[number] = self._read_again(control, learn_reading(others))

    def _read_again(self, asked: AskedControl, reading: Reading) -> AskedControl:
        """A control as its scores are read by what others tell; so it goes into the ledger."""
        votes: list[Vote] = []
        ballots: list[Ballot] = []
        for vote in asked.votes:
            votes.append(replace(vote, answer=read_anew(vote.answer, vote.question, reading)))
            self.ledger.keep(votes[-1])
            step = asked.control.steps[vote.question.number - self.offset]
            ballot = self._ballot(asked.control.case, step, votes[-1], reading)
            if ballot is not None:
                ballots.append(ballot)
        return AskedControl(asked.control, tuple(votes), tuple(ballots), reading)

    def _learn(self, heard: Sequence[AskedCase]) -> VoteModel:
        """What the controls and some cases tell of the voters."""
        cases = self.before | {each.case.name: each for each in heard}
        known = [*self.known_elsewhere, *self.known_ballots()]
        return estimate([*known, *(Ballots(each.case.prior, each.ballots) for each in cases.values())])

    def known_ballots(self) -> list[Ballots]:
        """The votes on controls."""
        return [Ballots(each.control.case.prior, each.ballots, known=True) for each in self.controls]

    async def _control(self, control: Control) -> "AskedControl":
        """Ask what is to be asked about a control; an answer that does not come is left out."""
        votes: list[Vote] = []
        ballots: list[Ballot] = []
        for step, question in zip(control.steps, self._about(control), strict=True):
            vote = await self._vote(question)
            if vote is None or vote.answer.status is Status.FAILED:
                continue
            votes.append(vote)
            ballot = self._ballot(control.case, step, vote)
            if ballot is not None:
                ballots.append(ballot)
        return AskedControl(control, tuple(votes), tuple(ballots))

    def _about(self, control: Control) -> list[Question]:
        """What is asked about a control."""
        return [
            self.questions.put(control.case, self.offset + number, step, self.rules.options)
            for number, step in enumerate(control.steps)
        ]

    def _on_record(self, question: Question) -> bool:
        """Whether the answer is there already: it costs nothing."""
        return self.ledger.reply(self._key(question)) is not None

    async def _side_by_side(self, cases: Sequence[Case], task: Task) -> list[AskedCase]:
        """Hear cases at once, as many as the limits allow for; then one by one until a limit is reached."""
        most = self.pool.most * _AHEAD if self.pool else 1
        learned_from = dict(parts(len(cases)))
        model = VoteModel()
        running: set[asyncio.Task[AskedCase]] = set()
        started: list[asyncio.Task[AskedCase]] = []
        try:
            for place, case in enumerate(cases):
                if place in learned_from:
                    known = started[: learned_from[place]]
                    while not all(each.done() for each in known):
                        running = await self._wait(running, task, cases)
                    model = self._learn([each.result() for each in known])
                while running and (len(running) >= most or not self.budget.covers()):
                    running = await self._wait(running, task, cases)
                alone = not self.budget.covers()
                self.budget.reserved += 1
                started.append(asyncio.create_task(self._case(case, model)))
                running.add(started[-1])
                if alone:
                    running = await self._wait(running, task, cases)
            while running:
                running = await self._wait(running, task, cases)
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return [each.result() for each in started]

    async def _wait(
        self, running: set[asyncio.Task[AskedCase]], task: Task, cases: Sequence[Case]
    ) -> set[asyncio.Task[AskedCase]]:
        done, rest = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        self._settled += sum(self._own_votes(each.result()) for each in done)
        self._ended += len(done)
        self.budget.reserved -= len(done)
        self.budget.under_way = self.budget.spent.calls - self._of_others - self._settled
        task.note(self._state(len(cases)))
        task.advance(len(done))
        return rest

    def _own_votes(self, asked: AskedCase) -> int:
        """How many votes on a case are this voter's."""
        before = self.before.get(asked.case.name)
        return len(asked.votes) - (len(before.votes) if before else 0)

    def _state(self, cases: int) -> str:
        """Votes and tokens per second, what they cost so far, and how long the rest will take.

        :param cases: how many there are in all.
        """
        spent, seconds = self.budget.spent, max(time.monotonic() - self._began, 1e-3)
        cost = f", cost {spent.cost:,.2f}" if self.llm.price_in or self.llm.price_out else ""
        left = self._seconds_left(cases, seconds)
        return (
            f"{spent.calls:,} votes, {self.new / seconds:,.1f} votes/s, "
            f"{spent.tokens / seconds:,.0f} tokens/s{cost}" + (f", about {_span(left)} left" if left else "")
        )

    def _seconds_left(self, cases: int, seconds: float) -> float:
        """Seconds that the rest will take at the pace so far; 0 where too little was asked to tell."""
        if self.new < _TELLING or not self._ended:
            return 0.0
        calls = self._settled / self._ended * cases + self._of_others
        most = self.budget.rules.max_calls
        if most is not None:
            calls = min(calls, most)
        return max(0.0, calls - self.budget.spent.calls) * seconds / self.new

    async def _case(self, case: Case, model: VoteModel) -> AskedCase:
        """Ask about one case until its partner is clear or enough has been asked.

        :param model: what is known of the voters.
        """
        before = self.before.get(case.name) or AskedCase(case, (), (), (), (), "not-asked")
        first = before.next_number
        asked: list[Ask] = []
        votes: list[Vote] = []
        ballots: list[Ballot] = []
        numbers: list[int] = []
        stopped: Stopped
        while True:
            step = next_step(
                Ballots(case.prior, (*before.ballots, *ballots)),
                asked,
                model,
                self.rules,
                seed=self.seed,
                case=case.name,
                has_relations=case.has_relations,
                several=case.several,
                counted=[number - first for number in numbers],
                rivals=case.contested,
                kinds=self.kinds,
            )
            if isinstance(step, Stop):
                stopped = step.reason if asked or not case.options else "not-asked"
                break
            question = self.questions.put(case, first + len(asked), step, self.rules.options)
            if any(is_repeated(question, vote.question) for vote in votes):
                # A prompt that was sent before would be answered as before: that is no further vote.
                stopped = "most"
                break
            vote = await self._vote(question)
            if vote is None or vote.answer.status is Status.FAILED:
                within = self.budget.covers_call(question_tokens(question))
                stopped = "limit" if not within else "failed" if vote else "not-asked"
                break
            asked.append(step)
            votes.append(vote)
            ballot = self._ballot(case, step, vote)
            if ballot is not None:
                ballots.append(ballot)
                numbers.append(question.number)
        own = AskedCase(case, tuple(asked), tuple(votes), tuple(ballots), tuple(numbers), stopped)
        return before.and_then(own) if before.votes else own

    def _key(self, question: Question) -> str:
        return key_of(question, self.judging.model, self.judging.adapter, self.sampling)

    async def _vote(self, question: Question) -> Vote | None:
        """The vote on a question, from the ledger or from the model; None where nobody may be asked.

        Where two cases put the same question one of them asks, and the answer counts for both.
        """
        key = self._key(question)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            return await self._vote_of(key, question)

    async def _vote_of(self, key: str, question: Question) -> Vote | None:
        reply = self.ledger.reply(key)
        new = reply is None
        answer: Answer | None = None
        if reply is None:
            reply, answer = await self._ask(key, question)
        if reply is None:
            return None
        vote = self._record(key, question, reply, answer or self._read(question, reply))
        if self._is_read_later and not new:
            pass  # it is on record, and will be read as it was
        elif not self.ledger.keep(vote):  # an answer is there already: the first one counts
            first = self.ledger.reply(key)
            assert first is not None
            vote = self._record(key, question, first, self._read(question, first))
            self.ledger.keep(vote)
        if vote.answer.status is not Status.FAILED:
            self.budget.add(vote, new=new)
        return vote

    async def _ask(self, key: str, question: Question) -> tuple[Reply | None, Answer | None]:
        """What a model says, or that it failed to; nothing where nobody may be asked.

        What was sent is on record even where the run ends before an answer comes: it counts in the limits.
        """
        if self.pool is None:
            return None, None
        way, attempts = self.questions.way, Attempts(self.budget, question_tokens(question))
        request = Request(question.messages, question.labels, self.sampling, question.number, way)
        try:
            with self.ledger.unstored.asking():
                answer = await self.pool.ask(request, attempts)
            reply = self.budget.estimates.complete(answer, question)
        except CallFailed as failure:
            return failed(failure.reason, attempts.sent) if attempts.sent else (None, None)
        except BaseException:
            if attempts.sent:
                self.ledger.keep(self._record(key, question, *failed("the run ended", attempts.sent)))
            raise
        self.new += 1
        return replace(reply, attempts=attempts.sent), None

    @property
    def _is_read_later(self) -> bool:
        """Whether answers are scores, and controls still have to tell how to read them."""
        return self.questions.way == "likelihood" and self.reading is None

    def _read(self, question: Question, reply: Reply) -> Answer:
        answer = read_answer(question, reply)
        if self.questions.way == "likelihood" and self.reading is not None:
            return read_anew(answer, question, self.reading)
        return answer

    def _record(self, key: str, question: Question, reply: Reply, answer: Answer) -> Vote:
        return recorded(key, self.judging, self.sampling, question, reply, answer)

    def _ballot(self, case: Case, step: Ask, vote: Vote, reading: Reading | None = None) -> Ballot | None:
        """The vote as a choice among the case's options; None where it doesn't count.

        :param reading: how its scores are read, if it has any; None for what the controls tell.
        """
        answer, shown = vote.answer, vote.question.options
        if answer.status is not Status.OK or answer.choice is None:
            return None
        given = answer.probabilities
        reading = reading or self.reading
        if given is not None and reading is not None and self.questions.way == "likelihood":
            given = probabilities_of(given, reading)
        if step.kind is QuestionKind.SELECT and step.direction is Direction.RIGHT_ASKS:
            # The case asks one thing of it: whether the option takes the case's own entity.
            own = case.left_iri
            choice = step.offered[0] if answer.choice == own else 0
            if given is not None:
                given = _against_the_best(given, shown.index(own))
        else:
            choice = step.offered[answer.place - 1] if answer.choice != NONE else 0
        by_likeness = self.questions.way == "likelihood"
        return Ballot(choice, step.offered, vote.model + vote.adapter, given, by_likeness)


def _against_the_best(given: tuple[float, ...], place: int) -> tuple[float, float]:
    """What one place has beside the likeliest other: it is below one half where another was chosen."""
    yes, other = given[place], max(given[:place] + given[place + 1 :])
    return (yes / (yes + other), other / (yes + other)) if yes + other > 0 else (0.5, 0.5)


def _span(seconds: float) -> str:
    """A time in words, as exact as an estimate is."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
