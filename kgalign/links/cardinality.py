"""How many partners an entity may have, and why."""

SEVERAL = 0.24
"""Share of matched things with several records on a side from which that side is taken to hold several: a
lower bound, so that a few look-alikes are not enough.
"""


def choose(asked: str, several_right: float, several_left: float) -> tuple[str, str]:
    """The cardinality to apply, and why, in one sentence.

    :param asked: a value of ``assign.cardinality``; ``auto`` goes by the figures.
    :param several_right: share of matched things that have several records on the right side, at least;
        ``several_left`` on the left side.
    """
    if asked != "auto":
        return asked, f"{asked} was asked for"
    chosen = {
        (False, False): "one-to-one",
        (True, False): "one-to-many",
        (False, True): "many-to-one",
        (True, True): "many-to-many",
    }[several_right >= SEVERAL, several_left >= SEVERAL]
    return chosen, (
        f"at least {several_right:.2f} of the matched things have several records on the right side that are "
        f"like each other, and {several_left:.2f} on the left; from {SEVERAL:g} on a side is taken to hold "
        "several records of one thing"
    )
