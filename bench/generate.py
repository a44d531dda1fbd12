"""A pair of graphs of any size: people and places with skewed names, noise and missing partners.

Everything follows from the size and the seed. About five statements describe an entity; nine in ten
entities have a partner on the other side, under another vocabulary and another IRI. With long texts each
person is described as well, and there are products with many look-alikes.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bench.lines import write_lines
from bench.long_texts import PRODUCTS_SHARE, Writer, left_lines, products, right_lines
from bench.words import made_word, skewed

PARTNERED = 0.9
"""Share of a side's entities that have a partner."""

_GIVEN = 800
_FAMILY_SHARE = 0.3
"""Family names per entity; how often each is used falls with its rank, as in a telephone book."""
_PLACES_SHARE = 0.02
_LEFT, _RIGHT = "http://left.example/", "http://right.example/"
_LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_COMMENT = "<http://www.w3.org/2000/01/rdf-schema#comment>"
_YEAR = "<http://www.w3.org/2001/XMLSchema#gYear>"


@dataclass(frozen=True, slots=True)
class _Person:
    given: str
    family: str
    year: int
    place: int
    teacher: int
    code: str


def generate(folder: Path, size: int, seed: int = 0, *, long: bool = False) -> int:
    """Write ``left.nt.gz``, ``right.nt.gz`` and ``gold.tsv.gz`` with ``size`` entities a side.

    :param long: whether people are described in 200 to 400 characters, and some entities are products.

    Returns:
        Statements of both sides together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(f"{seed} {size}")
    places = [made_word(dice, 3).title() for _ in range(max(5, int(size * _PLACES_SHARE)))]
    wares = int(size * PRODUCTS_SHARE) if long else 0
    people = size - len(places) - wares
    partnered = round(people * PARTNERED)
    left = [_person(dice, number, people, len(places)) for number in range(people)]
    right = [_noisy(dice, each) for each in left[:partnered]]
    right += [_person(dice, people + number, people, len(places)) for number in range(people - partnered)]
    order = list(range(people))
    dice.shuffle(order)
    gold = [f"{_LEFT}person/{number}\t{_RIGHT}p{order[number]}\n" for number in range(partnered)]
    gold += [f"{_LEFT}place/{number}\t{_RIGHT}ort/{number}\n" for number in range(len(places))]
    lines = [_left_lines(left, places), _right_lines(dice, right, places, order)]
    if long:
        told = _LongTexts(f"{seed} {size}", wares)
        gold += told.gold()
        lines = [
            chain(lines[0], told.left(left)),
            chain(lines[1], told.right(dice, left[:partnered], order)),
        ]
    write_lines(folder / "gold.tsv.gz", gold)
    statements = write_lines(folder / "left.nt.gz", lines[0])
    return statements + write_lines(folder / "right.nt.gz", lines[1])


class _LongTexts:
    """What is said of people at length, and products."""

    def __init__(self, seed: str, wares: int) -> None:
        self._seed, dice = seed, random.Random(f"{seed} products")
        self._writer = Writer(seed)
        partnered = round(wares * PARTNERED)
        made = products(dice, self._writer, 2 * wares - partnered)
        # Those without a partner are of the same lines as the others.
        dice.shuffle(made)
        self._left, self._right = made[:wares], [*made[:partnered], *made[wares:]]
        self._number = list(range(wares))
        dice.shuffle(self._number)
        self._partnered = partnered

    def gold(self) -> list[str]:
        """Pairs of products that are the same."""
        return [f"{_LEFT}product/{n}\t{_RIGHT}ware{self._number[n]}\n" for n in range(self._partnered)]

    def left(self, people: list[_Person]) -> Iterator[str]:
        """What the left side says more."""
        for number in range(len(people)):
            text = self._writer.text(number, self._words_of(number))
            yield f'<{_LEFT}person/{number}> {_COMMENT} "{text}"@en .\n'
        yield from left_lines(random.Random(f"{self._seed} left"), self._writer, self._left)

    def right(self, dice: random.Random, partnered: list[_Person], order: list[int]) -> Iterator[str]:
        """What the right side says more; who has no partner is described by words of their own."""
        for number, place in enumerate(order):
            words = self._words_of(number if number < len(partnered) else -number)
            text = self._writer.text(place, self._writer.told_again(dice, words))
            yield f'<{_RIGHT}p{place}> <{_RIGHT}leben> "{text}" .\n'
        yield from right_lines(random.Random(f"{self._seed} right"), self._writer, self._right, self._number)

    def _words_of(self, number: int) -> list[str]:
        return self._writer.words_of(random.Random(f"{self._seed} {number}"))


def _name(kind: str, rank: int) -> str:
    return made_word(random.Random(f"{kind} {rank}"), 4).title()


def _person(dice: random.Random, number: int, people: int, places: int) -> _Person:
    return _Person(
        given=_name("given", skewed(dice, _GIVEN)),
        family=_name("family", skewed(dice, max(10, int(people * _FAMILY_SHARE)))),
        year=dice.randint(1850, 2000),
        place=skewed(dice, places),
        teacher=skewed(dice, people),
        code=f"{dice.randrange(16**6):06X}-{number % 97:02d}",
    )


def _noisy(dice: random.Random, person: _Person) -> _Person:
    """The same person as another catalogue has them: typing errors, a year off, another place."""
    return _Person(
        given=person.given if dice.random() > 0.1 else person.given[:1] + ".",
        family=_mistyped(dice, person.family) if dice.random() < 0.15 else person.family,
        year=person.year + (dice.choice((-1, 1)) if dice.random() < 0.05 else 0),
        place=person.place,
        teacher=person.teacher,
        code=person.code if dice.random() > 0.5 else "",
    )


def _mistyped(dice: random.Random, text: str) -> str:
    place = dice.randrange(len(text) - 1)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def _left_lines(people: list[_Person], places: list[str]) -> Iterator[str]:
    for number, name in enumerate(places):
        yield f'<{_LEFT}place/{number}> {_LABEL} "{name}"@en .\n'
        yield f"<{_LEFT}place/{number}> {_TYPE} <{_LEFT}Place> .\n"
    for number, each in enumerate(people):
        subject = f"<{_LEFT}person/{number}>"
        yield f"{subject} {_TYPE} <{_LEFT}Person> .\n"
        yield f'{subject} {_LABEL} "{each.given} {each.family}"@en .\n'
        yield f'{subject} <{_LEFT}born> "{each.year}"^^{_YEAR} .\n'
        yield f"{subject} <{_LEFT}birthPlace> <{_LEFT}place/{each.place}> .\n"
        yield f"{subject} <{_LEFT}studentOf> <{_LEFT}person/{each.teacher}> .\n"
        if number % 2 == 0:
            yield f'{subject} <{_LEFT}code> "{each.code}" .\n'


def _right_lines(
    dice: random.Random, people: list[_Person], places: list[str], order: list[int]
) -> Iterator[str]:
    for number, name in enumerate(places):
        shown = name if dice.random() > 0.1 else _mistyped(dice, name)
        yield f'<{_RIGHT}ort/{number}> <{_RIGHT}bezeichnung> "{shown}" .\n'
        yield f"<{_RIGHT}ort/{number}> {_TYPE} <{_RIGHT}Ort> .\n"
    for number, each in enumerate(people):
        subject = f"<{_RIGHT}p{order[number]}>"
        yield f"{subject} {_TYPE} <{_RIGHT}Mensch> .\n"
        yield f'{subject} <{_RIGHT}name> "{each.family}, {each.given}" .\n'
        yield f'{subject} <{_RIGHT}jahr> "{each.year}" .\n'
        if dice.random() > 0.2:
            yield f"{subject} <{_RIGHT}geburtsort> <{_RIGHT}ort/{each.place}> .\n"
        if dice.random() > 0.3:
            yield f"{subject} <{_RIGHT}lehrer> <{_RIGHT}p{order[each.teacher]}> .\n"
        if each.code and number % 2 == 0:
            yield f'{subject} <{_RIGHT}kennung> "{each.code}" .\n'
