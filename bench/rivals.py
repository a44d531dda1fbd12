"""A pair of graphs that rival each other, of any size: a chosen share of their items is in conflict.

Everything follows from the size, the share and the seed. Both describe the same things under IRIs and
properties of their own: labels in two languages, a number, a date, a node, two plain texts and a class.
"""

import datetime
import random
from collections.abc import Iterator
from pathlib import Path

LEFT, RIGHT = "http://left.example/", "http://right.example/"
PER_THING = 9
"""Fused statements of a thing without a conflict, the identity of its two IRIs among them."""

_XSD = "http://www.w3.org/2001/XMLSchema#"
_RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_COUNTRY = "http://countries.example/"
_SYLLABLES = tuple(first + last for first in "bdfgklmnprstvw" for last in ("a", "el", "i", "on", "u"))
_CLASSES = ("City", "Town", "Village")
_PROPERTIES = ("label", "label", "population", "founded", "country", "tag")
"""An item each, the two languages of the label included."""
_NAMES = {
    LEFT: {name: f"<{LEFT}{name}>" for name in _PROPERTIES},
    RIGHT: {
        name: f"<{RIGHT}{other}>"
        for name, other in zip(
            _PROPERTIES[1:], ("name", "inhabitants", "since", "land", "keyword"), strict=True
        )
    },
}

MAPPING = {_NAMES[LEFT][name][1:-1]: _NAMES[RIGHT][name][1:-1] for name in _PROPERTIES}
"""Left property → right property. Where nearly all is in conflict they can't be learned."""
CLASSES = {LEFT + name: RIGHT + name for name in _CLASSES}


def write_rivals(folder: Path, statements: int, share: float, seed: int = 0) -> int:
    """Write ``left.nt``, ``right.nt`` and ``links.tsv``, from which about as many statements are fused.

    Args:
        folder: where the files go; it is made if need be.
        statements: of the fused graph, about.
        share: of the items that are in conflict, from 0 to 1.
        seed: of all that is drawn.

    Returns:
        Things that either graph describes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(f"{statements} {share} {seed}")
    things = max(1, round(statements / (PER_THING + share / 2)))
    with (
        (folder / "left.nt").open("w", encoding="utf8") as left,
        (folder / "right.nt").open("w", encoding="utf8") as right,
        (folder / "links.tsv").open("w", encoding="utf8") as links,
    ):
        for number in range(things):
            one = _thing(dice, number)
            other = _rival(dice, one, share)
            kind = _CLASSES[number % len(_CLASSES)]
            left.writelines(_lines(LEFT, f"{LEFT}thing/{number}", kind, one))
            right.writelines(_lines(RIGHT, f"{RIGHT}t{number}", kind, other))
            links.write(f"{LEFT}thing/{number}\t{RIGHT}t{number}\n")
    return things


def _word(dice: random.Random, least: int = 2) -> str:
    return "".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(least, 4))).title()


def _thing(dice: random.Random, number: int) -> list[str]:
    """The values of a thing, in the order of the items; the tags as one text."""
    name = _word(dice, 3)
    return [
        f"{name} {number}",
        f"{name}burg {number}",
        str(dice.randint(1_000, 5_000_000)),
        (datetime.date(1000, 1, 1) + datetime.timedelta(days=dice.randrange(365_000))).isoformat(),
        str(dice.randrange(200)),
        f"{_word(dice)}|{_word(dice)}",
    ]


def _rival(dice: random.Random, values: list[str], share: float) -> list[str]:
    """The same thing as another source has it."""
    new = _thing(dice, 0)
    for item, value in enumerate(values):
        if dice.random() >= share:
            new[item] = value
        elif item < 2 and dice.random() < 0.5:  # a slip in the typing
            new[item] = value[:1] + value[2:]
        elif item == 2:
            new[item] = str(int(int(value) * dice.uniform(0.9, 1.1)) + 1)
        elif item == 3 and dice.random() < 0.5:  # less exactly
            new[item] = value[:4]
        elif item == 5:
            new[item] = f"{value.partition('|')[0]}|{_word(dice, 4)}"
    return new


def _lines(side: str, subject: str, kind: str, values: list[str]) -> Iterator[str]:
    names, thing = _NAMES[side], f"<{subject}>"
    date = "date" if len(values[3]) > 4 else "gYear"
    yield f"{thing} <{_RDF_TYPE}> <{side}{kind}> .\n"
    yield f'{thing} {names["label"]} "{values[0]}"@en .\n'
    yield f'{thing} {names["label"]} "{values[1]}"@de .\n'
    yield f'{thing} {names["population"]} "{values[2]}"^^<{_XSD}integer> .\n'
    yield f'{thing} {names["founded"]} "{values[3]}"^^<{_XSD}{date}> .\n'
    yield f"{thing} {names['country']} <{_COUNTRY}{values[4]}> .\n"
    for tag in values[5].split("|"):
        yield f'{thing} {names["tag"]} "{tag}" .\n'
