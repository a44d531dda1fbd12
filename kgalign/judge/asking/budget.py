"""What asking costs, and the limits on it."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kgalign.config import LlmConfig, VotesConfig
from kgalign.judge.asking.questions import question_tokens
from kgalign.judge.asking.quoting import weight
from kgalign.llm.protocol import Reply
from kgalign.records.votes import Question, Vote

log = logging.getLogger(__name__)

ESTIMATED = "tokens are estimated by the lengths of questions and answers, rather too many than too few"
"""What is said where a server reports no usage."""


@dataclass(slots=True)
class Spent:
    """What the votes of a run have cost, those that were in its ledger already among them."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    """In the currency of the prices."""

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.tokens_in + self.tokens_out


def share_of_limits(rules: VotesConfig, voters: int) -> VotesConfig:
    """The limits that the controls of each of several voters are held to."""
    limits = {
        "max_calls": rules.max_calls and rules.max_calls // voters,
        "max_tokens": rules.max_tokens and rules.max_tokens // voters,
        "max_cost": rules.max_cost and rules.max_cost / voters,
    }
    return rules if voters == 1 else rules.model_copy(update=limits)


@dataclass(slots=True)
class Estimates:
    """How often a server did not say what it read and wrote."""

    count: int = 0

    def complete(self, reply: Reply, question: Question) -> Reply:
        """A new reply with the tokens that it cost, estimated where the server does not report them.

        That is said once, in the log.
        """
        if reply.prompt_tokens and (reply.completion_tokens or not reply.text):
            return reply
        if not self.count:
            log.warning("The server does not report what it reads and writes: %s", ESTIMATED)
        self.count += 1
        return replace(
            reply,
            prompt_tokens=reply.prompt_tokens or question_tokens(question),
            completion_tokens=reply.completion_tokens or math.ceil(weight(reply.text)),
        )


@dataclass(slots=True)
class Budget:
    """Limits on calls, tokens and cost, over all judgings and sessions of a run folder.

    What is on record costs nothing to hear again. What was ever sent counts, answered or not.

    A case is admitted if the limits hold even if it takes all that it may; so cases can be heard side by side
    and the same ones are admitted whatever the order in which answers come. What is left then is given to one
    case at a time, question by question.
    """

    rules: VotesConfig
    llm: LlmConfig
    spent: Spent = field(default_factory=Spent)
    """By the votes of this judging, those on record already among them: what the figures of a run tell."""
    used: Spent = field(default_factory=Spent)
    """What was ever sent from the run folder, and its cost: the limits hold it. Its calls are requests."""
    reserved: int = 0
    """Cases under way."""
    cached: int = 0
    """Tokens of what was read that the server had read before; that depends on when questions come."""
    estimates: Estimates = field(default_factory=Estimates)
    under_way: int = 0
    """Votes of these that are among what was spent: they are not to be reserved again."""

    def covers(self, cases: int = 1) -> bool:
        """Whether everything under way and this many further cases can cost all they may."""
        calls = (self.reserved + cases) * self.rules.max_votes - self.under_way
        return self._within(calls, calls * self.llm.question_tokens, calls * self.llm.answer_tokens)

    def covers_call(self, question_tokens: int) -> bool:
        """Whether one more question of that length is within the limits, with nothing else under way."""
        return self._within(1, question_tokens, self.llm.answer_tokens)

    def covers_all(self, questions: Sequence[Question]) -> bool:
        """Whether so many more questions are within the limits, with nothing else under way."""
        read = sum(question_tokens(each) for each in questions)
        return self._within(len(questions), read, len(questions) * self.llm.answer_tokens)

    def take(self, question_tokens: int) -> bool:
        """Count a request that is about to be sent; False where a limit does not allow for it."""
        allowed = self.covers_call(question_tokens)
        self.used.calls += allowed
        return allowed

    def give_back(self) -> None:
        """Take back a request that reached nobody."""
        self.used.calls -= 1

    def add(self, vote: Vote, *, new: bool) -> None:
        """Count a vote.

        :param new: whether it was asked for just now; its requests were taken by :meth:`take`.
        """
        if new:
            self.used.tokens_in += vote.prompt_tokens
            self.used.tokens_out += vote.completion_tokens
        self.spent.calls += 1
        self.spent.tokens_in += vote.prompt_tokens
        self.spent.tokens_out += vote.completion_tokens
        self.cached += vote.cached_tokens
        # Of the sums, and not summed up: so it is the same in whatever order the answers come.
        self.spent.cost = self._cost(self.spent.tokens_in, self.spent.tokens_out)

    def _within(self, calls: int, tokens_in: int, tokens_out: int) -> bool:
        rules, spent = self.rules, self.used
        cost = self._cost(spent.tokens_in + tokens_in, spent.tokens_out + tokens_out)
        return (
            (rules.max_calls is None or spent.calls + calls <= rules.max_calls)
            and (rules.max_tokens is None or spent.tokens + tokens_in + tokens_out <= rules.max_tokens)
            and (rules.max_cost is None or cost <= rules.max_cost)
        )

    def _cost(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.llm.price_in + tokens_out * self.llm.price_out) / 1e6


@dataclass(slots=True)
class Attempts:
    """The requests about one question, each held against the limits before it is sent."""

    budget: Budget
    question_tokens: int
    sent: int = 0
    """Those that reached the server."""

    def take(self) -> bool:
        """Count one more; False where a limit does not allow for it."""
        allowed = self.budget.take(self.question_tokens)
        self.sent += allowed
        return allowed

    def give_back(self) -> None:
        """Take back the last one: it reached nobody."""
        self.sent -= 1
        self.budget.give_back()
