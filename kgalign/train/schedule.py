"""How fast to learn: faster and faster at first, then ever slower (linear warm-up and decay)."""

_FIRST = 0.1
"""Share of the steps in which the rate of learning rises; in the others it falls, to 0."""


def share_of_rate(step: int, steps: int) -> float:
    """Share of the highest rate that a step learns with, above 0 and up to 1.

    :param step: from 0.
    :param steps: in all.
    """
    first = max(1.0, _FIRST * steps)
    return min((step + 1) / first, (steps - step) / max(1.0, steps - first), 1.0)
