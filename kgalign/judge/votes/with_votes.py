"""What a student and the votes say of pairs, joined to the verdicts of the evidence."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from kgalign.rdf.graph import Ids
from kgalign.records import Feature, Floats, Hearing, Opinion, Outcome, Verdicts

_LEAST = 1e-6
"""Probabilities are kept this far from 0 and 1: no number of votes makes a thing certain."""

VOTES = "votes"
STUDENT = "student"
ALONE = "one partner"


def no_hearing(notes: dict[str, str] | None = None) -> Hearing:
    """What there is to say where nobody was asked."""
    return Hearing(
        judging="",
        row=np.zeros(0, dtype=np.int32),
        prior=np.zeros(0, dtype=np.float32),
        probability=np.zeros(0, dtype=np.float32),
        outcome=np.zeros(0, dtype=np.uint8),
        case=pa.array([], pa.large_string()),
        vote_row=np.zeros(0, dtype=np.int32),
        vote_number=np.zeros(0, dtype=np.int32),
        vote_log_odds=np.zeros(0, dtype=np.float32),
        notes=notes or {},
    )


def no_opinion(notes: dict[str, str] | None = None) -> Opinion:
    """What there is to say where no student was shown anything."""
    none = np.zeros(0, dtype=np.float32)
    return Opinion(np.zeros(0, dtype=np.int32), none, none, none, notes=notes or {})


def logit(probability: float) -> float:
    """Natural log-odds of a probability."""
    inner = min(max(float(probability), _LEAST), 1 - _LEAST)
    return float(np.log(inner) - np.log1p(-inner))


def with_student(verdicts: Verdicts, opinion: Opinion) -> Verdicts:
    """The verdicts with what a student adds: two further features, the same pairs.

    ``one partner`` is what the evidence changes by once the options of a case rule each other out,
    ``student`` what the student adds; both are natural log-odds, and the sum of a pair's row stays its
    log-odds.
    """
    if not len(opinion.row):
        return verdicts
    judge = opinion.notes.get("judge")
    feature = replace(_STUDENT, levels=(f"what the judge {judge} says",)) if judge else _STUDENT
    return _with(verdicts, opinion.row, opinion.prior, opinion.probability, feature)


def with_votes(verdicts: Verdicts, hearing: Hearing) -> Verdicts:
    """The verdicts with what the votes add: two further features, the same pairs.

    ``one partner`` is what the evidence changes by once the options of a case rule each other out, ``votes``
    is what all votes together add; both are natural log-odds, and the sum of a pair's row stays its log-odds.
    """
    if not len(hearing.row):
        return verdicts
    told = ~np.isin(hearing.outcome, (Outcome.NOT_ASKED, Outcome.FAILED))
    rows, before, after = hearing.row[told], hearing.prior[told], hearing.probability[told]
    voted = verdicts.voted.copy()
    voted[hearing.row] = hearing.outcome
    return replace(_with(verdicts, rows, before, after, _VOTES), voted=voted)


_ALONE = Feature(ALONE, "alone", ("the options of a question rule each other out",), (0.0,))
_STUDENT = Feature(STUDENT, "student", ("what a trained student says",), (0.0,))
_VOTES = Feature(VOTES, "votes", ("all votes together",), (0.0,))


def _with(verdicts: Verdicts, rows: Ids, before: Floats, after: Floats, feature: Feature) -> Verdicts:
    """The verdicts with other probabilities of some rows, and two features that tell what made them so.

    :param before: probability of each of these rows once the options of its case rule each other out.
    :param after: probability of each with what the feature adds.
    """
    prior = np.array([logit(each) for each in before.tolist()])
    posterior = np.array([logit(each) for each in after.tolist()])
    added = np.zeros((len(verdicts), 2), dtype=np.float32)
    added[rows, 0] = prior - verdicts.log_odds[rows]
    added[rows, 1] = posterior - prior
    probability, log_odds = verdicts.probability.copy(), verdicts.log_odds.copy()
    probability[rows], log_odds[rows] = after, posterior
    level = np.full((len(verdicts), 2), -1, dtype=np.int8)
    level[rows] = 0
    return replace(
        verdicts,
        probability=probability,
        log_odds=log_odds,
        features=(*verdicts.features, _ALONE, feature),
        contribution=np.concatenate([verdicts.contribution, added], axis=1),
        level=np.concatenate([verdicts.level, level], axis=1),
    )
