"""From examples to pairs: what a judge of pairs learns from, and how it is shown so that no habit is learned.

An example offers a record some options; each option makes a pair, the right one and the wrong ones that read
most like the record. Data sets have habits (this one always has prices, that one its names first), and a
small model would learn them. So every time a pair is shown, chance turns it round, puts attributes in another
order, leaves some out, and takes the names of some away.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from kgalign.judge.asking.pair_form import Attribute, attributes, pair_prompt
from kgalign.train.data import Example, number_of

WRONG = 2
"""Wrong options of an example that become pairs, those that read most like the record first."""
_TURNED, _MIXED, _NAMELESS = 0.5, 0.25, 0.05
"""Shares of the pairs that are turned round, and of the records that are mixed or get no names."""
_LEFT_OUT, _RENAMED = 0.05, 0.05
"""Shares of the attributes that are left out, and that are called by another name."""
_OTHER_NAMES = ("value", "field", "text", "info", "property", "data")


@dataclass(frozen=True, slots=True)
class PairItem:
    """Two records and whether they describe the same thing."""

    case: str
    """What tells the example from others; pairs of one case compete."""
    family: str
    """Name of the data that it is of."""
    first: tuple[Attribute, ...]
    second: tuple[Attribute, ...]
    same: bool
    weight: float

    @property
    def id(self) -> str:
        """A hash of what is shown."""
        return hashlib.sha256(pair_prompt(self.first, self.second, 1e4).encode()).hexdigest()[:16]


def chance_of(*parts: object) -> random.Random:
    """Chance that depends on these alone."""
    return random.Random(hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).digest())


def pairs_of(example: Example, family: str, wrong: int = WRONG) -> list[PairItem]:
    """The pairs of an example: its right option, if it has one, and the hardest wrong ones.

    :param family: name of the data that it is of.
    :param wrong: most wrong options.
    """
    answer = number_of(example, example.answer) - 1
    others = [option for place, option in enumerate(example.options) if place != answer]
    others.sort(key=lambda option: (-fuzz.token_set_ratio(example.asker, option), option))
    right = [example.options[answer]] if 0 <= answer < len(example.options) else []
    first = tuple(attributes(example.asker))
    return [
        PairItem(f"{family} {example.id}", family, first, tuple(attributes(option)), same, example.weight)
        for same, options in ((True, right), (False, others[:wrong]))
        for option in options
    ]


def mixed(families: Mapping[str, Sequence[Example]], count: int, seed: int) -> list[PairItem]:
    """About so many pairs, as many of each family as of another while it has any, each pair once.

    :param families: name of a family → its examples.
    :param count: most pairs.
    :param seed: of the order in which examples are taken.
    """
    queues = [_shuffled(name, families[name], seed) for name in sorted(families)]
    found: list[PairItem] = []
    seen: set[str] = set()
    while queues and len(found) < count:
        for queue in list(queues):
            part = next(queue, None)
            if part is None:
                queues.remove(queue)
                continue
            found += [each for each in part if each.id not in seen]
            seen.update(each.id for each in part)
    return found[:count]


def _shuffled(family: str, examples: Iterable[Example], seed: int) -> Iterator[list[PairItem]]:
    order = sorted(examples, key=lambda each: (chance_of(seed, family, each.id).random(), each.id))
    return (pairs_of(each, family) for each in order if each.weight > 0)


def varied(item: PairItem, seed: int, epoch: int) -> str:
    """The prompt of a pair as it is shown once: turned round, mixed, renamed and with gaps, by lot."""
    chance = chance_of(seed, epoch, item.case, item.id)
    sides = [_varied(side, chance) for side in (item.first, item.second)]
    if chance.random() < _TURNED:
        sides.reverse()
    return pair_prompt(sides[0], sides[1])


def plain(item: PairItem) -> str:
    """The prompt of a pair as it is asked."""
    return pair_prompt(item.first, item.second)


def _varied(record: Sequence[Attribute], chance: random.Random) -> list[Attribute]:
    kept = [each for each in record if chance.random() >= _LEFT_OUT] or list(record)
    if chance.random() < _MIXED:
        chance.shuffle(kept)
    if chance.random() < _NAMELESS:
        return [Attribute("", each.value) for each in kept]
    return [
        Attribute(chance.choice(_OTHER_NAMES), each.value) if chance.random() < _RENAMED else each
        for each in kept
    ]
