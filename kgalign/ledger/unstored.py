"""Answers that came and could not be stored, since a disk is full or broken: they go to the log.

They were paid for. What was sent and had no answer yet when storing failed is counted with them: both will be
asked for again by the next run.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kgalign.base.logs import printable
from kgalign.ledger.keys import canonical
from kgalign.records.votes import Vote

log = logging.getLogger(__name__)


class Unstored:
    """What one ledger could not store.

    :param path: of the ledger.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lost: set[str] = set()
        """Keys of answers that could not be stored."""
        self._given_up = 0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While a question is under way; it is given up where it ends with no answer and no failure."""
        try:
            yield
        except Exception:
            raise
        except BaseException:  # cancelled, as all are when one could not be stored
            self._given_up += 1
            raise

    def lost(self, vote: Vote) -> None:
        """Write an answer to the log that could not be stored, as JSON in one line."""
        if vote.key in self._lost:
            return
        self._lost.add(vote.key)
        answer = canonical(
            {
                "key": vote.key,
                "model": vote.model,
                "case": vote.question.case,
                "number": vote.question.number,
                "reply": vote.reply,
                "finish": vote.finish,
                "probabilities": vote.answer.probabilities,
            }
        )
        text = printable(answer, limit=len(answer) + 1)
        log.error("%s: an answer came and could not be stored: %s", self._path, text)

    def tell(self) -> None:
        """Say how many questions will be asked again, if any answer could not be stored."""
        if self._lost:
            log.error(
                "%s: %s could not be stored and %s under way: %s will be asked again",
                self._path,
                _count(len(self._lost), "answer"),
                f"{_count(self._given_up, 'question')} {'was' if self._given_up == 1 else 'were'}",
                _count(len(self._lost) + self._given_up, "question"),
            )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
