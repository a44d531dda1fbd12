"""Orders in which options are shown, so that no option gains by where it stands."""

import hashlib


def order(options: int, turn: int, *, seed: int, case: str) -> tuple[int, ...]:
    """The options, by number from 1, in the order in which the question number ``turn`` shows them.

    Orders are rows of a Williams design: a Latin square whose rows also vary who stands next to whom
    (Williams 1949, "Experimental designs balanced for the estimation of residual effects of treatments").
    So among turns ``k * options`` to ``(k + 1) * options - 1`` each option stands at each place exactly
    once; and over a whole design (``options`` turns for an even number, twice as many for an odd one) no
    order comes twice and each option has each other one right behind it equally often. Which option is
    which in the design is drawn for each design from the seed and the case: so the first order is as good
    as random from case to case, and owes nothing to the rank of the options.

    :param options: how many there are.
    :param turn: 0-based number of the question.
    :param seed: of the run.
    :param case: what the case is known by.
    """
    rows = options if options % 2 == 0 else 2 * options
    design, row = divmod(turn, max(1, rows))
    names = _drawn(options, f"{seed} {design} {case}")
    return tuple(names[each] + 1 for each in _row(options, row))


def _row(options: int, row: int) -> list[int]:
    """One row of the design; from ``options`` on the rows are those of the square read backwards."""
    back, shift = divmod(row, options) if options else (0, 0)
    zigzag = [(place + 1) // 2 if place % 2 else -(place // 2) for place in range(options)]
    shown = [(each + shift) % options for each in zigzag]
    return shown[::-1] if back else shown


def _drawn(options: int, text: str) -> list[int]:
    """A permutation that the text decides, whatever the version of a library."""
    key = text.encode("utf8", "surrogatepass")
    return sorted(range(options), key=lambda each: hashlib.sha256(b"%d " % each + key).digest())
