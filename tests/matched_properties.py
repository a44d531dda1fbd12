"""A correspondence of two properties, for tests that fuse or export with some."""

from kgalign.records.vocabularies import SAME, Conversion, PropertyMatch
from kgalign.values import ValueKind


def matched(
    left: str,
    right: str,
    *,
    kind: ValueKind = ValueKind.NUMBER,
    conversion: Conversion = SAME,
    inverse: bool = False,
    given: bool = False,
) -> PropertyMatch:
    """One that is acted on; the user gave it, or nine tenths of what 50 linked pairs say agree."""
    return PropertyMatch(
        left=left,
        right=right,
        relation="exact",
        inverse=inverse,
        score=1.0 if given else 0.9,
        support=50,
        agreement=0.9,
        left_agreement=0.9,
        right_agreement=0.9,
        chance=0.0,
        kinds=(kind, kind),
        conversion=conversion,
        notes=(),
        examples=(),
        chosen=True,
        given=given,
        compared=50,
        left_pairs=50,
        right_pairs=50,
    )
