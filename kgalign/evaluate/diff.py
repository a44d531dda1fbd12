"""What changed between two runs of the same graphs."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from kgalign.evaluate.metrics import counted_links
from kgalign.links.gold import Pair


@dataclass(frozen=True, slots=True)
class Difference:
    """Links of a new run against those of an old one; lists are sorted."""

    kept: int
    gained_right: tuple[Pair, ...]
    gained_wrong: tuple[Pair, ...]
    gained_unknown: tuple[Pair, ...]
    """New links that the gold can't judge."""
    lost_right: tuple[Pair, ...]
    lost_wrong: tuple[Pair, ...]
    lost_unknown: tuple[Pair, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists, for JSON."""
        return asdict(self)


def diff(
    old: Collection[Pair], new: Collection[Pair], gold: Collection[Pair], *, closed: bool = False
) -> Difference:
    """Sort the links that only one of two runs has by what the gold says of them."""
    before, after = set(old), set(new)
    gained, lost = _by_truth(after - before, gold, closed), _by_truth(before - after, gold, closed)
    return Difference(len(before & after), *gained, *lost)


def _by_truth(
    links: set[Pair], gold: Collection[Pair], closed: bool
) -> tuple[tuple[Pair, ...], tuple[Pair, ...], tuple[Pair, ...]]:
    truth = set(gold)
    counted = counted_links(links, truth, closed=closed)
    return tuple(sorted(counted & truth)), tuple(sorted(counted - truth)), tuple(sorted(links - counted))
