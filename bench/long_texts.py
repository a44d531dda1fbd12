"""Descriptions of realistic length, and products with many look-alikes, for generated pairs of graphs."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.words import made_word, skewed

PRODUCTS_SHARE = 0.15
"""Of a side's entities."""
_VOCABULARY = 20_000
_VARIANTS = 12
"""Products of one line: they differ in a colour, a size and a number."""
_COLOURS = "black white red blue green silver gold grey violet orange brown pink".split()
_SIZES = (16, 32, 64, 128, 256, 512)
_SHARED = 0.6
"""Share of the words of a description that the other side's has too."""
_LEFT, _RIGHT = "http://left.example/", "http://right.example/"
_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
_COMMENT = "<http://www.w3.org/2000/01/rdf-schema#comment>"


class Writer:
    """Writes about a thing: a third each in prose, as fields, and as notes; 200 to 400 characters."""

    def __init__(self, seed: str) -> None:
        dice = random.Random(f"{seed} vocabulary")
        self._words = [made_word(dice, 4) for _ in range(_VOCABULARY)]

    def words_of(self, dice: random.Random) -> list[str]:
        """What there is to say of a thing: common words more often than rare ones."""
        return [self._words[skewed(dice, _VOCABULARY)] for _ in range(dice.randint(26, 44))]

    def told_again(self, dice: random.Random, words: list[str]) -> list[str]:
        """What somebody else says of it: most of it, and something of their own."""
        kept = [word for word in words if dice.random() < _SHARED]
        return kept + self.words_of(dice)[: len(words) - len(kept)]

    def text(self, shape: int, words: list[str]) -> str:
        """The words in one of three shapes, cut at 400 characters."""
        shapes: tuple[Callable[[list[str]], str], ...] = (_prose, _fields, _notes)
        return shapes[shape % len(shapes)](words)[:400].rstrip(" ,;(")


def _prose(words: list[str]) -> str:
    sentences = [words[at : at + 9] for at in range(0, len(words), 9)]
    return " ".join(f"{' '.join(each).capitalize()}." for each in sentences)


def _fields(words: list[str]) -> str:
    names = ("Subject", "Field", "Known for", "Also", "Remarks")
    size = -(-len(words) // len(names))
    parts = [words[at : at + size] for at in range(0, len(words), size)]
    return "; ".join(f"{name}: {', '.join(part)}" for name, part in zip(names, parts, strict=False))


def _notes(words: list[str]) -> str:
    return ", ".join(f"{word} ({other})" for word, other in zip(words[::2], words[1::2], strict=False))


@dataclass(frozen=True, slots=True)
class Product:
    """One variant of a line of products."""

    brand: str
    line: str
    number: int
    colour: str
    size: int
    code: str
    words: list[str]


def products(dice: random.Random, writer: Writer, count: int) -> list[Product]:
    """Products in lines of many variants that share all but a colour, a size and a code."""
    brands = [made_word(dice, 3).title() for _ in range(max(3, count // 500))]
    found: list[Product] = []
    while len(found) < count:
        brand, line, words = (
            brands[skewed(dice, len(brands))],
            made_word(dice, 3).title(),
            writer.words_of(dice),
        )
        number = dice.randrange(100, 1000)
        looks = dice.sample([(c, s) for c in _COLOURS for s in _SIZES], _VARIANTS)
        found += [
            Product(
                brand,
                line,
                number,
                colour,
                size,
                f"{brand[:2]}{number}{dice.randrange(10**5):05d}".upper(),
                words,
            )
            for colour, size in looks
        ]
    return found[:count]


def left_lines(dice: random.Random, writer: Writer, made: list[Product]) -> Iterator[str]:
    """Products as one catalogue has them."""
    for number, each in enumerate(made):
        subject = f"<{_LEFT}product/{number}>"
        name = f"{each.brand} {each.line} {each.number} {each.colour} {each.size} GB"
        yield f"{subject} {_TYPE} <{_LEFT}Product> .\n"
        yield f'{subject} {_LABEL} "{name}"@en .\n'
        yield f'{subject} {_COMMENT} "{writer.text(number, each.words)}"@en .\n'
        if dice.random() > 0.3:
            yield f'{subject} <{_LEFT}mpn> "{each.code}" .\n'


def right_lines(
    dice: random.Random, writer: Writer, made: list[Product], partners: list[int]
) -> Iterator[str]:
    """The same products, and others of the same lines, as a shop has them.

    :param partners: number of each product on this side.
    """
    for each, number in zip(made, partners, strict=True):
        subject = f"<{_RIGHT}ware{number}>"
        title = f"{each.line} {each.number} ({each.size}GB, {each.colour}) {each.brand}"
        yield f"{subject} {_TYPE} <{_RIGHT}Ware> .\n"
        yield f'{subject} <{_RIGHT}titel> "{title}" .\n'
        yield f'{subject} <{_RIGHT}text> "{writer.text(number, writer.told_again(dice, each.words))}" .\n'
        if dice.random() > 0.5:
            yield f'{subject} <{_RIGHT}artikel> "{each.code}" .\n'
