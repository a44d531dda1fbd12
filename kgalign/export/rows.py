"""The pairs of an alignment, part by part, as the writers need them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags
from kgalign.base.cores import slices
from kgalign.links.pairs import is_link
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Floats, Outcome, Profile, Verdicts

_BATCH = 16_384
_LONGEST = 500
_IRI = re.compile(
    '[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|^`\\\\\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufff0-\uffff]*',
)
_IRI_OF_ALL = r'^[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|^`\\\x7f-\x9f\x{fdd0}-\x{fdef}\x{fff0}-\x{ffff}]*$'
"""The same in the language of RE2; no column holds a surrogate."""
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
OPEN = (Outcome.UNDECIDED, Outcome.NOT_ASKED, Outcome.FAILED)
"""Outcomes that leave a pair to people."""
REFUSED = frozenset({Outcome.REJECTED, Outcome.NO_MATCH})
"""Outcomes that say no."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer wrote."""

    links: int
    left_out: int
    """Links of an entity that can't be named in the file: a blank node, or no valid IRI."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs to write, in columns."""

    left: Ids
    right: Ids
    """(p,) entity ids, sorted by (left, right)."""
    probability: Floats
    outcome: npt.NDArray[np.uint8]
    """(p,) an :class:`Outcome`."""
    verdict: Ids
    """(p,) row in the verdicts."""

    def __len__(self) -> int:
        return len(self.left)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> "Pairs":
        """Some of the pairs."""
        return Pairs(
            self.left[rows],
            self.right[rows],
            self.probability[rows],
            self.outcome[rows],
            self.verdict[rows],
        )


@dataclass(frozen=True, slots=True)
class Named:
    """Pairs of two IRIs, in columns."""

    pairs: Pairs
    left_iri: pa.LargeStringArray
    right_iri: pa.LargeStringArray
    left_name: pa.LargeStringArray
    right_name: pa.LargeStringArray

    def __len__(self) -> int:
        return len(self.pairs)


def is_iri(text: str) -> bool:
    """Whether a text can stand as an IRI in N-Triples and in XML: a scheme, and no forbidden character."""
    return _IRI.fullmatch(text) is not None


def are_iris(texts: pa.LargeStringArray) -> Flags:
    """(n,) as :func:`is_iri` of each."""
    found: Flags = pc.match_substring_regex(texts, _IRI_OF_ALL).to_numpy(zero_copy_only=False)
    return found


def one_line(name: str) -> str:
    """A name on one line, without control characters, and of a length that people read."""
    if len(name) <= _LONGEST and name.isprintable() and "  " not in name:
        return name.strip()
    text = _BLANKS.sub(" ", name[: 2 * _LONGEST]).strip()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def linked(alignment: Alignment, *, undecided: bool = False) -> Pairs:
    """The links, and if wanted the pairs that are left to people, in the order of the alignment."""
    rows = is_link(alignment)
    if undecided:
        rows |= np.isin(alignment.outcome, np.array(OPEN, dtype=np.uint8))
    return _aligned(alignment).take(rows)


def rejected(alignment: Alignment, verdicts: Verdicts, evidence: Verdicts, match_probability: float) -> Pairs:
    """The pairs that someone said no to: a person (REJECTED), or the votes (NO_MATCH).

    The votes count where the evidence alone would have made a match of the pair: that they also said no
    to all the others that nobody believed in is worth no row.

    :param verdicts: the verdicts with the votes in them.
    :param evidence: the verdicts without the votes, in the same order.
    :param match_probability: from here on the evidence takes a pair for a match.
    """
    by_people = _aligned(alignment).take(alignment.outcome == Outcome.REJECTED)
    refused = (verdicts.voted == Outcome.NO_MATCH) & (evidence.probability >= match_probability)
    refused[alignment.verdict[alignment.verdict >= 0]] = False
    rows = np.flatnonzero(refused)
    by_votes = Pairs(
        verdicts.left[rows],
        verdicts.right[rows],
        verdicts.probability[rows],
        np.full(len(rows), Outcome.NO_MATCH, dtype=np.uint8),
        rows.astype(np.int32),
    )
    return united(by_people, by_votes)


def links_and_refused(
    alignment: Alignment,
    verdicts: Verdicts,
    evidence: Verdicts,
    match_probability: float,
    *,
    undecided: bool = False,
) -> Pairs:
    """The pairs of :func:`linked` and of :func:`rejected`, in order."""
    refused = rejected(alignment, verdicts, evidence, match_probability)
    return united(linked(alignment, undecided=undecided), refused)


def united(first: Pairs, second: Pairs) -> Pairs:
    """The pairs of both, in order."""
    both = Pairs(
        np.concatenate([first.left, second.left]),
        np.concatenate([first.right, second.right]),
        np.concatenate([first.probability, second.probability]),
        np.concatenate([first.outcome, second.outcome]),
        np.concatenate([first.verdict, second.verdict]),
    )
    return both.take(np.lexsort((both.right, both.left)))


def links(left: Profile, right: Profile, alignment: Alignment) -> Iterator[Named]:
    """The links that can be written, in the order of the alignment; undecided pairs are no links."""
    return named(left, right, linked(alignment))


def named(left: Profile, right: Profile, pairs: Pairs) -> Iterator[Named]:
    """The pairs whose entities both have an IRI that can be written, in their order, some at a time."""
    for rows in slices(len(pairs), _BATCH):
        part = pairs.take(rows)
        ends = left.entity_iri.take(pa.array(part.left)), right.entity_iri.take(pa.array(part.right))
        fit = are_iris(ends[0]) & are_iris(ends[1])
        part, kept = part.take(fit), pa.array(fit)
        names = left.entity_name.take(pa.array(part.left)), right.entity_name.take(pa.array(part.right))
        yield Named(part, ends[0].filter(kept), ends[1].filter(kept), *names)


def six_digits(values: npt.NDArray[np.floating]) -> list[str]:
    """Numbers as texts, with six digits behind the point at most."""
    distinct, place = np.unique(values, return_inverse=True)
    texts = [str(round(each, 6)) for each in distinct.tolist()]
    return [texts[each] for each in place.tolist()]


def _aligned(alignment: Alignment) -> Pairs:
    return Pairs(alignment.left, alignment.right, alignment.probability, alignment.outcome, alignment.verdict)


def count(alignment: Alignment, written: int) -> Written:
    """What was written of an alignment, and what was not."""
    return Written(written, int(is_link(alignment).sum()) - written)
