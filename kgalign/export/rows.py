"""The links of an alignment, one by one, as the writers need them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.evaluate.pairs import is_link
from kgalign.records import Alignment, Outcome, Profile

_BATCH = 16_384
_IRI = re.compile(
    '[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|^`\\\\\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufff0-\uffff]*',
)


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer wrote."""

    links: int
    left_out: int
    """Links of an entity that can't be named in the file: a blank node, or no valid IRI."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of two IRIs."""

    left: int
    right: int
    """Entity ids."""
    left_iri: str
    right_iri: str
    left_name: str
    right_name: str
    probability: float
    confirmed: bool
    """Whether someone vouches for it."""
    verdict: int
    """Row in the verdicts."""


def is_iri(text: str) -> bool:
    """Whether a text can stand as an IRI in N-Triples and in XML: a scheme, and no forbidden character."""
    return _IRI.fullmatch(text) is not None


def links(left: Profile, right: Profile, alignment: Alignment) -> Iterator[Link]:
    """The links that can be written, in the order of the alignment; undecided pairs are no links."""
    rows = np.flatnonzero(is_link(alignment))
    for start in range(0, len(rows), _BATCH):
        yield from _batch(left, right, alignment, rows[start : start + _BATCH])


def _batch(
    left: Profile, right: Profile, alignment: Alignment, rows: npt.NDArray[np.int64]
) -> Iterator[Link]:
    ids = alignment.left[rows], alignment.right[rows]
    columns = [
        profile_column.take(pa.array(side)).to_pylist()
        for profile, side in zip((left, right), ids, strict=True)
        for profile_column in (profile.entity_iri, profile.entity_name)
    ]
    confirmed = alignment.outcome[rows] == Outcome.CONFIRMED
    details = (
        each.tolist() for each in (*ids, alignment.probability[rows], confirmed, alignment.verdict[rows])
    )
    for a, a_name, b, b_name, a_id, b_id, probability, sure, verdict in zip(*columns, *details, strict=True):
        if is_iri(a) and is_iri(b):
            yield Link(a_id, b_id, a, b, a_name, b_name, probability, sure, verdict)


def count(alignment: Alignment, written: int) -> Written:
    """What was written of an alignment, and what was not."""
    return Written(written, int(is_link(alignment).sum()) - written)
