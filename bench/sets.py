"""Sets of graphs to align: folders with ``left.nt.gz``, ``right.nt.gz`` and ``gold.tsv.gz``."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from kgalign.errors import InputError
from kgalign.evaluate.metrics import Scores, score
from kgalign.links.gold import Pair, read_pairs

COMPLETE = frozenset(
    "abt_buy abt_buy_half dblp_acm imdb_dbpedia cddb_split cora_split chicago_childhood febrl4 historical_1n "
    "splink_transactions ss_birdNybird ss_parks ss_restaurant".split()
)
"""Sets whose gold is complete, by the README of the data: every other link of theirs is wrong."""

_FAMILIES = {
    "guides": "restaurants chicago_childhood ss_restaurant",
    "people": "person1 febrl4 historical_1n",
    "works": "spimbench oaei2014_identity",
    "music": "doremus_4het doremus_9het cddb_split itunes_amazon_lab",
    "ontology": "anatomy conf_cmt_conference",
    "products": "abt_buy abt_buy_half amazon_google",
    "bibliography": "dblp_acm cora_split",
    "films": "imdb_tmdb imdb_dbpedia imdb_tvdb",
    "encyclopedia": "dbp15k_fr_en openea_d_w_15k_v2",
    "transactions": "splink_transactions",
    "taxa": "ss_animal ss_birdNybird",
    "places": "ss_parks",
}
"""Sets that are alike, by the README of the data: what one teaches says nothing of how it does on another."""

ALSO = {
    "openea_d_w_15k_v2": (("left_labels_from_iri.nt.gz",), ("right_labels_llm4ea.nt.gz",)),
}
"""Sets with labels in files of their own: those of the left side, those of the right side."""

FILES = ("left.nt.gz", "right.nt.gz", "gold.tsv.gz")

_LINK = re.compile(r"^<([^>]*)>\s+<http://www\.w3\.org/2002/07/owl#sameAs>\s+<([^>]*)>\s*\.\s*$")


@dataclass(frozen=True, slots=True)
class Set:
    """Two graphs and the links between them."""

    name: str
    left: Path
    right: Path
    gold: Path
    left_also: tuple[Path, ...]
    right_also: tuple[Path, ...]
    closed: bool
    """Whether the gold is complete."""

    @property
    def options(self) -> list[str]:
        """The options that give the files with labels."""
        left = [part for path in self.left_also for part in ("--left-also", str(path))]
        return left + [part for path in self.right_also for part in ("--right-also", str(path))]


def family(name: str) -> str:
    """The family of a set; one that is not known is a family of its own."""
    return next((each for each, names in _FAMILIES.items() if name in names.split()), name)


def find_sets(data: Path, only: Sequence[str] = (), closed: Collection[str] = ()) -> list[Set]:
    """The sets under a folder, by name; ``closed`` names further ones whose gold is complete.

    Raises:
        InputError: the folder holds no set, or none of a name in ``only``.
    """
    if not data.is_dir():
        raise InputError(f"There is no folder {data}", "Give a folder of sets with --data")
    folders = sorted(path for path in data.iterdir() if all((path / name).is_file() for name in FILES))
    names = {folder.name for folder in folders}
    if missing := sorted(set(only) - names):
        raise InputError(
            f"{data} holds no set {missing[0]}", f"It holds {', '.join(sorted(names)) or 'none'}"
        )
    if not folders:
        raise InputError(f"{data} holds no set", f"A set is a folder with {', '.join(FILES)}")
    complete = COMPLETE | set(closed)
    return [_set(folder, complete) for folder in folders if not only or folder.name in only]


def _set(folder: Path, complete: Collection[str]) -> Set:
    left, right = (
        tuple(folder / name for name in names if (folder / name).is_file())
        for names in ALSO.get(folder.name, ((), ()))
    )
    left_file, right_file, gold = (folder / name for name in FILES)
    return Set(folder.name, left_file, right_file, gold, left, right, folder.name in complete)


def read_links(links: Path) -> set[Pair]:
    """Read a file of owl:sameAs statements as an outsider would: line by line, by pattern."""
    with links.open(encoding="utf8") as lines:
        return {(match[1], match[2]) for line in lines if (match := _LINK.match(line.strip()))}


def score_links(links: Path, each: Set) -> Scores:
    """Score a file of owl:sameAs statements."""
    return score(read_links(links), read_pairs(each.gold), closed=each.closed)
