"""The estimate of a run, all in all."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kgalign.estimate.answers import Answer, Answers
from kgalign.estimate.certifying import Certificate, certify
from kgalign.estimate.intervals import Interval, precision, recall
from kgalign.estimate.strata import Design, begun, seen


@dataclass(frozen=True, slots=True)
class Share:
    """A share and its interval; None where there is nothing of which it could be one."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of how good a run is."""

    links: int
    """Links that are estimated: not those that were known, or that carry one IRI on both sides."""
    cases: int
    linked_looks: int
    """Cases with a link that were looked at in the order of the sample."""
    other_looks: int
    """Cases without one."""
    outside: int
    """Cases that are known and lie outside the order: known, but no sample."""
    unsure: int
    """Pairs of which a person can't tell; they count as not the same."""
    confidence: float
    precision: Share
    recall: Share
    """Of what is right among the candidates."""
    recall_beyond: Share | None
    """Also of the partners that people found beyond the candidates; None where they found none."""
    asked: float
    """The precision that is to be certified."""
    certificates: tuple[Certificate, ...]
    """What is certain, the threshold that keeps all links first."""

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)

    @property
    def certified(self) -> Certificate | None:
        """The certified threshold that keeps the most links, None where none is."""
        return next((each for each in self.certificates if each.certified), None)


def estimate_run(plan: Design, answers: Answers, asked: float, confidence: float) -> Estimate:
    """Estimate precision and recall, and certify a precision.

    :param plan: the cases with the order in which they are asked.
    :param answers: what is known of them.
    :param asked: precision to certify.
    :param confidence: how probable it shall be that each interval holds the truth, and that what is
        certified is
        true.
    """
    looked = seen(plan, answers)
    drawn = [begun(answers.answer[order] >= 0) for order in plan.orders]
    linked = plan.strata.linked
    beyond = None
    if (answers.answer == Answer.BEYOND).any():
        beyond = _share(recall(plan.strata, seen(plan, answers, beyond=True), confidence))
    return Estimate(
        links=int(plan.cases.linked.sum()),
        cases=len(plan.cases),
        linked_looks=int(np.sum(drawn, where=linked)) if drawn else 0,
        other_looks=int(np.sum(drawn, where=~linked)) if drawn else 0,
        outside=int((answers.answer >= 0).sum()) - sum(drawn),
        unsure=answers.unsure,
        confidence=confidence,
        precision=_share(precision(plan.strata, looked, confidence)),
        recall=_share(recall(plan.strata, looked, confidence)),
        recall_beyond=beyond,
        asked=asked,
        certificates=tuple(certify(plan, answers, asked, confidence)),
    )


def _share(interval: Interval) -> Share:
    value, low, high = (float(each) for each in (interval.value, interval.low, interval.high))
    return Share(None, None, None) if np.isnan(value) else Share(value, low, high)
