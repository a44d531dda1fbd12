"""Where what is learned of the voters begins to apply: at fixed places, whenever answers come.

The cases are cut into parts, each as long as all before it. What was learned from a part applies from the
second part after it on: so a part begins while the last cases of the one before it are still asked about, and
nobody waits at the end of a part.
"""

from kgalign.judge.votes.model import LEARN_AT


def parts(cases: int) -> list[tuple[int, int]]:
    """Where the parts begin, and from how many of the first cases the voters are learned for each of them.

    That is all but the part just before it. The parts end at 64, 128, 256 … cases.

    :param cases: how many there are.
    """
    edges = [0, LEARN_AT[0]]
    while edges[-1] < min(cases, LEARN_AT[-1]):
        edges.append(2 * edges[-1])
    return [(start, edges[max(0, number - 1)]) for number, start in enumerate(edges)]
