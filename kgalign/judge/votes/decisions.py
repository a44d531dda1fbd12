"""From the votes on cases to what they say of pairs."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kgalign.arrays import Doubles
from kgalign.config import JudgeConfig, VotesConfig
from kgalign.judge.asking.session import AskedCase
from kgalign.judge.votes.ballots import Ballots, Tally
from kgalign.judge.votes.reducers import REDUCERS
from kgalign.judge.votes.with_votes import logit
from kgalign.records import Hearing, Outcome, Profile
from kgalign.records.votes import NONE, Decision


class Count:
    """The votes of all cases, reduced."""

    def __init__(
        self,
        done: Sequence[AskedCase],
        rules: VotesConfig,
        thresholds: JudgeConfig | None = None,
        controls: Sequence[Ballots] = (),
    ) -> None:
        """Reduce the votes.

        :param thresholds: from which probability on a pair is a match, or is left to people.
        :param controls: votes on what is known: reducers learn from them what the voters' word is worth.
        """
        self.done, self.rules = done, rules
        self.thresholds = thresholds or JudgeConfig()
        complete = [each for each in done if each.complete]
        self._controls = list(controls)
        tallies = self._reduce([Ballots(each.case.prior, each.ballots) for each in complete])
        self.tally: dict[str, Tally] = {
            each.case.name: tally for each, tally in zip(complete, tallies, strict=True)
        }
        self._complete = complete

    def _reduce(self, cases: Sequence[Ballots]) -> list[Tally]:
        """What the reducer makes of the cases, next to the controls."""
        return REDUCERS[self.rules.reducer]([*self._controls, *cases])[len(self._controls) :]

    def outcome(self, done: AskedCase) -> tuple[Outcome, int]:
        """What was decided on a case, and for which hypothesis."""
        if not done.complete:
            failed = done.stopped == "failed"
            return (Outcome.FAILED if failed else Outcome.NOT_ASKED), int(np.argmax(done.case.prior))
        tally = self.tally[done.case.name]
        leader, best = tally.leader, float(tally.probability[1:].max())
        if leader is None:
            return Outcome.UNDECIDED, tally.order[0]
        if leader:
            clear = tally.probability[leader] >= self.thresholds.match_probability
            return (Outcome.MATCH if clear else Outcome.UNDECIDED), leader
        # "None" may lead and an option be too probable still to be thrown away.
        clear = best < self.thresholds.undecided_probability
        return (Outcome.NO_MATCH if clear else Outcome.UNDECIDED), leader

    def probability(self, done: AskedCase) -> Doubles:
        """(options + 1,) of each hypothesis of a case: by the votes, or by the evidence without them."""
        return self.tally[done.case.name].probability if done.complete else done.case.prior

    def decisions(self, judging: str, right: Profile) -> list[Decision]:
        """One decision per case, for the ledger."""
        return [self._decision(each, judging, right) for each in self.done]

    def _decision(self, done: AskedCase, judging: str, right: Profile) -> Decision:
        case = done.case
        outcome, leader = self.outcome(done)
        options = tuple(str(right.entity_iri[option].as_py()) for option in case.options)
        names = (NONE, *options)
        before, after = int(np.argmax(case.prior)), self.probability(done)
        return Decision(
            judging=judging,
            case=case.name,
            outcome=outcome.name.lower(),
            chosen=names[leader],
            probability=float(after[leader]),
            evidence_choice=names[before],
            evidence_probability=float(case.prior[before]),
            options=options,
            probabilities=tuple(after.tolist()),
            asked=len(done.asked),
            counted=len(done.ballots),
            most=self.rules.max_votes,
            stopped=done.stopped,
        )

    def steps(self) -> dict[str, list[Doubles]]:
        """Case → probabilities after none, one, two … of its votes.

        What the reducer says of all cases with their first votes alone: so that what each vote adds can be
        told of every reducer, those among them that learn across the cases.
        """
        found = {each.case.name: [each.case.prior] for each in self._complete}
        longest = max((len(each.ballots) for each in self._complete), default=0)
        for count in range(1, longest + 1):
            part = [each for each in self._complete if len(each.ballots) >= count]
            every = [Ballots(each.case.prior, each.ballots[:count]) for each in self._complete]
            tallies = dict(zip((each.case.name for each in self._complete), self._reduce(every), strict=True))
            for each in part:
                last = len(each.ballots) == count
                tally = self.tally[each.case.name] if last else tallies[each.case.name]
                found[each.case.name].append(tally.probability)
        return found

    def hearing(self, judging: str) -> Hearing:
        """What the votes say of each pair."""
        steps = self.steps()
        rows, votes = [], []
        for each in self.done:
            outcome, leader = self.outcome(each)
            after = self.probability(each)
            for option, row in enumerate(each.case.rows, start=1):
                said = _said(outcome, option == leader)
                rows.append((row, each.case.prior[option], after[option], said, each.case.name))
                # As they are stored: so what the votes add sums up to what is added to the pair.
                odds = [logit(float(np.float32(step[option]))) for step in steps.get(each.case.name, ())]
                votes += [
                    (row, number, odds[place + 1] - odds[place])
                    for place, number in enumerate(each.ballot_numbers if each.complete else ())
                ]
        rows.sort()
        votes.sort()
        return Hearing(
            judging=judging,
            row=np.array([row[0] for row in rows], dtype=np.int32),
            prior=np.array([row[1] for row in rows], dtype=np.float32),
            probability=np.array([row[2] for row in rows], dtype=np.float32),
            outcome=np.array([row[3] for row in rows], dtype=np.uint8),
            case=pa.array([row[4] for row in rows], pa.large_string()),
            vote_row=np.array([vote[0] for vote in votes], dtype=np.int32),
            vote_number=np.array([vote[1] for vote in votes], dtype=np.int32),
            vote_log_odds=np.array([vote[2] for vote in votes], dtype=np.float32),
            incomplete=any(each.stopped == "failed" for each in self.done),
        )


def _said(outcome: Outcome, leads: bool) -> Outcome:
    """What a case's outcome says of one of its options."""
    if outcome is Outcome.MATCH and not leads:
        return Outcome.NO_MATCH
    return outcome
