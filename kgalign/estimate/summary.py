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

    @property
    def looks(self) -> int:
        """Cases that were looked at in the order of the sample."""
        return self.linked_looks + self.other_looks

    @property
    def certainty(self) -> str:
        """What is certain, in one sentence, or what it takes."""
        asked = f"a precision of {self.asked:g}"
        best = self.certified
        if best is not None:
            return (
                f"Certified: of the {_many(best.links, 'link')} from {_threshold(best)} on at least "
                f"{self.asked:g} are right, however often you look (by {_many(best.looks, 'look')} at them)"
            )
        ways = [each for each in self.certificates if each.further]
        if not ways:
            return f"Not certified: {asked}; no threshold is to be expected to have it"
        nearest = min(ways, key=lambda each: (each.further or 0, -each.links))
        return (
            f"Not certified yet: {asked}; about {_many(nearest.further or 0, 'further look')} at the "
            f"{_many(nearest.links, 'link')} from {_threshold(nearest)} on may do; certain of them is "
            f"{nearest.bound:.3f} so far"
        )


def estimate_run(
    plan: Design, answers: Answers, asked: float, confidence: float, *, ahead: bool = True
) -> Estimate:
    """Estimate precision and recall, and certify a precision.

    :param plan: the cases with the order in which they are asked.
    :param answers: what is known of them.
    :param asked: precision to certify.
    :param confidence: how probable it shall be that each interval holds the truth, and that what is
        certified is true.
    :param ahead: whether to compute how many further looks would certify it, which takes a while.
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
        certificates=tuple(certify(plan, answers, asked, confidence, ahead=ahead)),
    )


def _share(interval: Interval) -> Share:
    value, low, high = (float(each) for each in (interval.value, interval.low, interval.high))
    return Share(None, None, None) if np.isnan(value) else Share(value, low, high)


def _threshold(each: Certificate) -> str:
    """The probability, with as many digits as tell it from the next one."""
    return f"{each.threshold:.9g}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
