"""Whether embeddings pay, told from how near the words of two graphs lie.

Where most entities have a candidate that is called nearly the same, words find the partners, and embeddings
take minutes for nothing. The figure is label-free: what it was held against says
``docs/decisions/0020-when-embeddings-pay.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kgalign.base.installed import MODEL
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile

NEAR = 0.85
"""Embeddings are taken below this: the median cosine of words, see :func:`words_alike`."""
_IN_WORDS = ("names", "values")
"""Channels whose scores are cosines of words; one that is switched off finds nothing alike."""
Found = Mapping[str, Sequence[tuple[Ids, Ids, Floats]]]
"""Channel → (left entity, right entity, score) of each pair, once for each side that asked."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What ``auto`` came to."""

    embedder: str | None
    """What ``retrieve.embedder`` would have to say for the same."""
    notes: dict[str, str]
    """``embedder``: what was taken, or ``none``; ``embedder reason``: why."""


def choose(found: Found, left: Profile, right: Profile, model: Path | None) -> Choice:
    """Take the installed model where embeddings pay.

    :param found: what the other channels retrieved.
    :param model: folder of the installed model; None where there is none.
    """
    alike = words_alike(found, left, right)
    side = "left" if _left_asks(left, right) else "right"
    if alike is None:
        return _choice(None, f"no {side} entity has words")
    if alike >= NEAR:
        return _choice(
            None,
            f"half of the {side} entities have a candidate in words as near as {alike:.3f}, "
            f"and embeddings are taken below {NEAR:g}",
        )
    pays = f"half of the {side} entities have no candidate in words nearer than {alike:.3f}"
    if model is None:
        return _choice(
            None, f"{pays}: {MODEL} may help, but is not installed; kgalign doctor says what is missing"
        )
    return _choice(f"sentence-transformers:{model}", f"{pays}, and embeddings are taken below {NEAR:g}")


def _choice(embedder: str | None, reason: str) -> Choice:
    return Choice(embedder, {"embedder": MODEL if embedder else "none", "embedder reason": reason})


def words_alike(found: Found, left: Profile, right: Profile) -> float | None:
    """Median over the entities of the smaller side of the best cosine that words give them, 0 to 1.

    Entities without a candidate count as 0; those without values, and those that are only mentioned, don't
    count.

    :returns: None where none counts.
    """
    here = _left_asks(left, right)
    side = left if here else right
    best = np.zeros(len(side), dtype=np.float32)
    for channel in _IN_WORDS:
        for a, b, cosine in found.get(channel, ()):
            np.maximum.at(best, a if here else b, cosine)
    counts = np.zeros(len(side), dtype=np.bool_)
    counts[side.value_entity] = True
    best = best[counts & side.described]
    return float(np.median(best)) if len(best) else None


def _left_asks(left: Profile, right: Profile) -> bool:
    return len(left) <= len(right)
