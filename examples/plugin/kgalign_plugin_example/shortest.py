"""A policy of fusion: the shortest text stays, the counterpart of Longest."""

from collections.abc import Sequence

from kgalign.fusion.policies import Choice, Cluster, Contest, Policy


def _choose(contest: Contest, clusters: Sequence[Cluster]) -> Choice:
    """Of texts as short, the one that more sources say: clusters come in that order."""
    return Choice([min(clusters, key=lambda each: len(each.value.text))], "another value is shorter")


SHORTEST = Policy("Shortest", "the shortest text", _choose)
