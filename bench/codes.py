"""A pair of graphs whose values are all different: entities with codes and nothing else.

Each entity has four UUIDs, under properties of its side; its partner has the same ones, but for one in ten.
What is held for each distinct value shows here.
"""

import random
import uuid
from pathlib import Path

from bench.lines import write_lines

PROPERTIES = 4
_OTHER = 0.1
"""Share of the values of the right side that its partner does not have."""


def generate_codes(folder: Path, size: int, seed: int = 0) -> int:
    """Write ``left.nt.gz``, ``right.nt.gz`` and ``gold.tsv.gz`` with ``size`` entities a side.

    Returns:
        Statements of both sides together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(f"{seed} {size} codes")
    left, right, gold = [], [], []
    for _ in range(size):
        ends = [f"http://{side}.example/{_code(dice)}" for side in ("left", "right")]
        gold.append("\t".join(ends) + "\n")
        for number in range(PROPERTIES):
            code = _code(dice)
            other = _code(dice) if dice.random() < _OTHER else code
            left.append(f'<{ends[0]}> <http://left.example/code{number}> "{code}" .\n')
            right.append(f'<{ends[1]}> <http://right.example/kennung{number}> "{other}" .\n')
    dice.shuffle(right)
    write_lines(folder / "gold.tsv.gz", gold)
    return write_lines(folder / "left.nt.gz", left) + write_lines(folder / "right.nt.gz", right)


def _code(dice: random.Random) -> str:
    return str(uuid.UUID(int=dice.getrandbits(128)))
