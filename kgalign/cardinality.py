"""How many partners an entity may have, and why."""

CARDINALITIES = ("one-to-one", "one-to-many", "many-to-one", "many-to-many")
SEVERAL = 0.1
"""Left-over entities that look matched, per match, from which a side is taken to hold several records of
one thing. Pairs of graphs with one record each stay below .04, those with several are above .15."""


def choose(asked: str, several_right: float, several_left: float) -> tuple[str, str]:
    """The cardinality to apply, and why, in one sentence.

    :param asked: one of :data:`CARDINALITIES`, or ``auto`` to go by the figures.
    :param several_right: right entities without a partner that look as much like a left one as matches
        do, per match; ``several_left`` the other way round.
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
        f"for each match under one-to-one, {several_right:.2f} right and {several_left:.2f} left entities "
        f"without a partner look as well matched; from {SEVERAL:g} on a side is taken to hold "
        "several records of one thing"
    )
