"""Which nodes become one, and what the one is called."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.arrays import connected
from kgalign.rdf.columns import NO_IDS
from kgalign.rdf.graph import Ids, TermKind, Terms

Within = tuple[tuple[Ids, Ids], tuple[Ids, Ids]]
"""What each graph says is one within itself: (w,) term ids, each one with the term at the same place."""
NOTHING_WITHIN: Within = ((NO_IDS, NO_IDS), (NO_IDS, NO_IDS))

Canonical = Literal["left", "right", "mint"]

MINTED = "urn:kgalign:"
"""What a minted IRI starts with; the first 32 hexadecimal digits of a SHA-256 hash follow."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Nodes that become one: all that links hold together, directly or through others."""

    member: Ids
    """(k,) term ids, by group; within a group the one that stays first, unless an IRI is minted."""
    group: Ids
    """(k,) the group of each, from 0."""
    minted: dict[int, str]
    """What each group is called that goes by the IRI of none of its nodes: minted, or kept from before."""

    @property
    def first(self) -> npt.NDArray[np.int64]:
        """(groups,) where each group starts in ``member``."""
        return np.searchsorted(self.group, np.arange(len(self)))

    def __len__(self) -> int:
        return int(self.group[-1]) + 1 if len(self.group) else 0


def group_nodes(
    terms: Terms, left: Ids, right: Ids, canonical: Canonical, within: Within = NOTHING_WITHIN
) -> Groups:
    """Unite linked nodes to groups of two or more.

    The node that stays is an IRI where the group has one; among IRIs one of the preferred side;
    among those the first in order. With ``mint``, a group of two or more IRIs gets a new IRI
    instead, the hash of its IRIs; blank nodes have no stable name to hash and play no part in it.

    :param terms: the terms of both graphs in canonical order.
    :param left: (l,) term ids, each linked with ...
    :param right: (l,) ... the term at the same place.
    :param within: pairs of the left side, and pairs of the right side, that are one as well.
    """
    of_side = np.concatenate([left, *within[0]]), np.concatenate([right, *within[1]])
    a = np.concatenate([left, within[0][0], within[1][0]])
    b = np.concatenate([right, within[0][1], within[1][1]])
    nodes, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    a, b = places[: len(a)], places[len(a) :]
    label = connected(a, b, len(nodes))
    preferred = np.isin(nodes, of_side[1 if canonical == "right" else 0])
    blank = terms.kind[nodes] == TermKind.BLANK
    order = np.lexsort((nodes, ~preferred, blank, label))
    nodes, label = nodes[order], label[order]
    several = np.bincount(label, minlength=1)[label] > 1 if len(label) else np.empty(0, bool)
    nodes, label = nodes[several].astype(np.int32), label[several]
    group = np.unique(label, return_inverse=True)[1].astype(np.int32)
    groups = Groups(nodes, group, {})
    return Groups(nodes, group, _mint(terms, groups)) if canonical == "mint" else groups


def _mint(terms: Terms, groups: Groups) -> dict[int, str]:
    iris: dict[int, list[str]] = {}
    rows = np.flatnonzero(terms.kind[groups.member] == TermKind.IRI)
    texts = terms.value.take(pa.array(groups.member[rows])).to_pylist()
    for group, iri in zip(groups.group[rows].tolist(), texts, strict=True):
        iris.setdefault(group, []).append(iri)
    return {group: mint(members) for group, members in iris.items() if len(members) > 1}


def mint(iris: list[str]) -> str:
    """The IRI of what several IRIs name: the same whatever their order."""
    digest = hashlib.sha256("\n".join(sorted(iris)).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{MINTED}{digest[:32]}"
