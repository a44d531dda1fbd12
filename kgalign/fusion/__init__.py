"""From two graphs and the links between them to one graph."""

from kgalign.fusion.clusters import Apart, cluster_warnings, has_clusters, held_apart, minted_members
from kgalign.fusion.fusion import fuse
from kgalign.fusion.groups import MINTED, NOTHING_WITHIN, Canonical
from kgalign.fusion.vocabulary import align_vocabularies

__all__ = [
    "MINTED",
    "NOTHING_WITHIN",
    "Apart",
    "Canonical",
    "align_vocabularies",
    "cluster_warnings",
    "fuse",
    "has_clusters",
    "held_apart",
    "minted_members",
]
