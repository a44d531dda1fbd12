"""Two graphs that say the same in two alphabets: nothing but learning finds which entity is which."""

import itertools
import random
from pathlib import Path

from tests.conftest import Pair

_LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
_LEFT, _RIGHT = "abcdefghij", "nopqrstuvw"


def write_ciphered(folder: Path, count: int = 100) -> Pair:
    """Each entity is three letters of the first alphabet; on the right their fellows, in another order."""
    dice = random.Random(7)
    drawn = dice.sample(list(itertools.combinations(range(len(_LEFT)), 3)), count)
    sides: tuple[list[str], list[str]] = ([], [])
    links = []
    for number, letters in enumerate(drawn):
        nodes = tuple(f"http://{side}.example/{number}" for side in ("left", "right"))
        for lines, node, alphabet in zip(sides, nodes, (_LEFT, _RIGHT), strict=True):
            said = [alphabet[each] for each in letters]
            dice.shuffle(said)
            lines.append(f'<{node}> {_LABEL} "{" ".join(said)}" .\n')
        links.append((nodes[0], nodes[1]))
    folder.mkdir(parents=True, exist_ok=True)
    pair = Pair(folder / "left.nt", folder / "right.nt", folder / "gold.tsv", frozenset(links))
    for path, lines in zip((pair.left, pair.right), sides, strict=True):
        path.write_text("".join(lines), encoding="utf8")
    pair.gold.write_text("".join(f"{a}\t{b}\n" for a, b in links), encoding="utf8")
    return pair
