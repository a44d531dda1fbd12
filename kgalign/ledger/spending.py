"""What a run folder has used up, over all judgings and sessions: limits hold for all of that together."""

from dataclasses import dataclass

from kgalign.ledger.connect import explained
from kgalign.ledger.rows import stored
from kgalign.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Used:
    """What was ever sent, and what it cost."""

    judgings: int
    requests: int
    """Those among them that failed or had to be sent again."""
    answers: int
    tokens_in: int
    tokens_out: int

    @property
    def unanswered(self) -> int:
        """Requests that no answer came of."""
        return self.requests - self.answers


def used(ledger: Ledger) -> Used:
    """Count all calls of a ledger.

    What was under way when a process was killed is not among them: nothing is known of it.

    :raises RunError: the ledger can't be read.
    """
    with explained(ledger.path):
        row = ledger.connection.execute(
            "SELECT (SELECT count(*) FROM judging), coalesce(sum(attempts), 0), coalesce(sum(answered), 0),"
            " coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0) FROM call"
        ).fetchone()
    return Used(*map(int, row))


def answers_by(ledger: Ledger, judging: str, model: str, adapter: str) -> int:
    """How many different answers a model gave in a judging.

    :param judging: its name.
    :param adapter: on the model, empty for none.
    :raises RunError: the ledger can't be read.
    """
    with explained(ledger.path):
        row = ledger.connection.execute(
            "SELECT count(DISTINCT call.id) FROM vote JOIN call ON call.id = vote.call"
            " WHERE vote.judging = ? AND call.answered AND call.model = ? AND call.adapter = ?",
            (judging, stored(model), stored(adapter)),
        ).fetchone()
    return int(row[0])
