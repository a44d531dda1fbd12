"""From two graphs and the links between them to one graph."""

from kgalign.fuse.clusters import Apart, cluster_warnings, has_clusters, held_apart, minted_members
from kgalign.fuse.fusion import fuse
from kgalign.fuse.groups import MINTED, NOTHING_WITHIN
from kgalign.fuse.vocabularies import align_vocabularies

__all__ = [
    "MINTED",
    "NOTHING_WITHIN",
    "Apart",
    "align_vocabularies",
    "cluster_warnings",
    "fuse",
    "has_clusters",
    "held_apart",
    "minted_members",
]
