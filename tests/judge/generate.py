"""People in two catalogues, with all that goes wrong between two catalogues; the same seed, the same people.

The left side has English words and inches, the right side German words and centimetres; both make
typing errors, leave values out, and number their records as they like.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kgalign.config import SelectConfig
from kgalign.rdf import read_graph
from kgalign.rdf.graph import Ids
from kgalign.records import Profile
from kgalign.select import select
from tests.conftest import Pair

LEFT, RIGHT = "http://left.example/", "http://right.example/"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
XSD = "http://www.w3.org/2001/XMLSchema#"
INCH = 2.54
TRADES = {
    "baker": "Bäcker",
    "teacher": "Lehrerin",
    "joiner": "Tischler",
    "nurse": "Krankenpfleger",
    "miller": "Müllerin",
    "judge": "Richter",
    "gardener": "Gärtner",
    "weaver": "Spinnerin",
}
_SYLLABLES = [c + v for c in "bdfgklmnprstvw" for v in ("a", "e", "i", "o", "u", "an", "er", "il")]


@dataclass(frozen=True, slots=True)
class Person:
    """What is true of one person, or what a catalogue holds to be true."""

    given: str
    family: str
    born: str
    code: str
    trade: str
    inches: int


def people(count: int, dice: random.Random) -> list[Person]:
    """People of whom many share a given name, a family name or a year."""
    given = [_word(dice) for _ in range(max(3, count // 4))]
    family = [_word(dice) for _ in range(max(3, count // 2))]
    return [
        Person(
            given=dice.choice(given),
            family=dice.choice(family),
            born=f"{dice.randint(1900, 1999)}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}",
            code=f"{dice.randrange(16**7):07X}",
            trade=dice.choice(sorted(TRADES)),
            inches=dice.randint(55, 80),
        )
        for _ in range(count)
    ]


def noisy(person: Person, dice: random.Random, noise: float) -> Person:
    """The same person as somebody else wrote them down; ``noise`` is the chance of each slip."""
    year = int(person.born[:4]) + dice.choice((-1, 1))
    slips: dict[str, Any] = {
        "given": person.given[0] + ".",
        "family": _mistyped(person.family, dice),
        "born": f"{year}{person.born[4:]}",
        "code": "",
        "trade": "",
        "inches": person.inches + dice.choice((-1, 1)),
    }
    return replace(person, **{key: value for key, value in slips.items() if dice.random() < noise})


def write_people(
    folder: Path,
    count: int,
    *,
    partnered: float = 1.0,
    left_copies: Sequence[int] = (1,),
    right_copies: Sequence[int] = (1,),
    noise: float = 0.1,
    seed: int = 0,
) -> Pair:
    """Write both catalogues of ``count`` people each, and the links between them.

    :param partnered: share of the people of each side whom the other side has too.
    :param left_copies: how many records of one person the left side may hold; one number is drawn.
    :param right_copies: the same for the right side.
    """
    dice = random.Random(f"people {seed}")
    shared = round(count * partnered)
    drawn = people(2 * count - shared, dice)
    sides = (drawn[:count], drawn[:shared] + drawn[count:])
    folder.mkdir(parents=True, exist_ok=True)
    found: list[dict[int, list[str]]] = []
    files = (folder / "left.nt", folder / "right.nt")
    copies = (left_copies, right_copies)
    for side, file, numbers, write in zip(sides, files, copies, (_left, _right), strict=True):
        lines: list[str] = []
        records: dict[int, list[str]] = {}
        for number, person in enumerate(side):
            for _ in range(dice.choice(list(numbers))):
                node = f"{LEFT if write is _left else RIGHT}{dice.randrange(16**8):08x}"
                records.setdefault(number, []).append(node)
                lines += write(f"<{node}>", noisy(person, dice, noise))
        file.write_text("".join(f"{line} .\n" for line in lines), encoding="utf8")
        found.append(records)
    links = {(a, b) for n in range(shared) for a in found[0][n] for b in found[1][n]}
    gold = folder / "gold.tsv"
    gold.write_text("".join(f"{a}\t{b}\n" for a, b in sorted(links)), encoding="utf8")
    return Pair(*files, gold, frozenset(links))


def profiles(pair: Pair) -> tuple[Profile, Profile]:
    """Both sides, read and selected."""
    left, right = (select(read_graph([path]), SelectConfig()) for path in (pair.left, pair.right))
    return left, right


def true_pairs(pair: Pair, left: Profile, right: Profile) -> tuple[Ids, Ids]:
    """Entity ids of the links, sorted."""
    ids = [{iri: i for i, iri in enumerate(side.entity_iri.to_pylist())} for side in (left, right)]
    rows = np.array(sorted((ids[0][a], ids[1][b]) for a, b in pair.links), dtype=np.int32).reshape(-1, 2)
    return rows[:, 0].copy(), rows[:, 1].copy()


def _left(node: str, person: Person) -> list[str]:
    lines = [
        f"{node} {TYPE} <{LEFT}Person>",
        f'{node} <{LEFT}name> "{person.given} {person.family}"@en',
        f'{node} <{LEFT}born> "{person.born}"^^<{XSD}date>',
        f'{node} <{LEFT}height> "{person.inches}"^^<{XSD}integer>',
    ]
    lines += [f'{node} <{LEFT}passport> "{person.code}"'] if person.code else []
    return lines + ([f'{node} <{LEFT}trade> "{person.trade}"@en'] if person.trade else [])


def _right(node: str, person: Person) -> list[str]:
    lines = [
        f"{node} {TYPE} <{RIGHT}Mensch>",
        f'{node} <{RIGHT}bezeichnung> "{person.family}, {person.given}"@de',
        f'{node} <{RIGHT}geburtsdatum> "{person.born}"^^<{XSD}date>',
        f'{node} <{RIGHT}groesse> "{person.inches * INCH:.1f}"^^<{XSD}decimal>',
    ]
    lines += [f'{node} <{RIGHT}ausweis> "{person.code}"'] if person.code else []
    return lines + ([f'{node} <{RIGHT}beruf> "{TRADES[person.trade]}"@de'] if person.trade else [])


def _word(dice: random.Random) -> str:
    return "".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(2, 4))).title()


def _mistyped(text: str, dice: random.Random) -> str:
    place = dice.randrange(1, len(text) - 1)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
