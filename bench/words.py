"""Made words, and numbers of which small ones come more often."""

import random

_SYLLABLES = tuple(
    first + last for first in "bcdfghjklmnprstvw" for last in ("a", "e", "el", "i", "o", "or", "u")
)


def made_word(dice: random.Random, most: int) -> str:
    """A word of 2 to ``most`` syllables."""
    return "".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(2, most)))


def skewed(dice: random.Random, size: int) -> int:
    """A rank below ``size``: of 30,000 the first comes 6 times in 1,000, like the commonest of surnames."""
    return int(size * dice.random() ** 2)
