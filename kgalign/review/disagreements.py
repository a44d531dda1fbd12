"""What people say different things of, and whose turn it is to look at it again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kgalign.decisions import Decision, Relation, Verdict, standing


@dataclass(frozen=True, slots=True)
class Dispute:
    """A left entity of which people say different things."""

    left: str
    words: tuple[Decision, ...]
    """What they say of what is in dispute, in the order in which they said it."""

    def is_for(self, by: str) -> bool:
        """Whether a person is asked: whoever did not have the last word."""
        return self.words[-1].by != by


def disputes(decisions: Iterable[Decision]) -> Iterator[Dispute]:
    """Entities of which people say different things of a pair, or one that nothing corresponds and another
    with what it does; in the order of their last words.
    """
    found = standing(decisions)
    order = {each.id: number for number, each in enumerate(found.said)}
    words: dict[str, set[Decision]] = {}
    for several in found.disagreements:
        words.setdefault(several[0].left, set()).update(several)
    by_left: dict[str, list[Decision]] = {}
    for each in found.said:
        by_left.setdefault(each.left, []).append(each)
    for left, own in by_left.items():
        words.setdefault(left, set()).update(_alone_or_not(own))
    made = [
        Dispute(left, tuple(sorted(own, key=lambda each: order[each.id])))
        for left, own in words.items()
        if own
    ]
    yield from sorted(made, key=lambda each: order[each.words[-1].id])


def _alone_or_not(own: Iterable[Decision]) -> Iterator[Decision]:
    """What is said of one entity where somebody says that it has no partner, and another names one."""
    last: Mapping[bool, list[Decision]] = {True: [], False: []}
    for each in own:
        if each.left and (each.verdict is Verdict.NOTHING or _is_exact(each)):
            last[each.verdict is Verdict.NOTHING].append(each)
    alone, linked = ({each.by for each in last[which]} for which in (True, False))
    if any(one != other for one in alone for other in linked):
        yield from (*last[True], *last[False])


def _is_exact(each: Decision) -> bool:
    return each.verdict is Verdict.SAME and each.relation is Relation.EXACT
