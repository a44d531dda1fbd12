"""A decision: what a person says of a pair, or of an entity that nothing corresponds to."""

import hashlib
import json
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum

UNMERGE = "kgalign unmerge"
"""Source of decisions that take a merge back."""


class Verdict(StrEnum):
    """What a person says."""

    SAME = "same"
    """They correspond, by the relation that stands with it."""
    DIFFERENT = "different"
    UNSURE = "unsure"
    """Looked at, and not to be told; nobody is asked again."""
    NOTHING = "nothing"
    """Nothing on the other side corresponds to the one entity that is named."""


class Relation(StrEnum):
    """How two things correspond; only ``exact`` makes them one."""

    EXACT = "exact"
    CLOSE = "close"
    BROAD = "broad"
    """The right one is broader."""
    NARROW = "narrow"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. It is known by its contents: the same one twice is one."""

    left: str
    right: str
    """IRIs, or ``_:label``; one of the two is empty where nothing corresponds to the other."""
    verdict: Verdict
    relation: Relation = Relation.EXACT
    by: str = ""
    """Name or ORCID of who decided, empty where nobody says so."""
    at: str = ""
    """ISO 8601, empty where nobody says so."""
    why: str = ""
    probability: float | None = None
    """What the method gave to the pair when it was decided."""
    blind: bool = False
    """Whether that was hidden."""
    source: str = ""
    """Name of the file that it came from, or :data:`UNMERGE`."""
    undoes: str = ""
    """Id of the decision that is taken back by this one; then nothing else of it counts."""

    @property
    def id(self) -> str:
        """SHA-256 of its contents, in hexadecimal digits."""
        # What `asdict` gives, without the copies that it makes of each value.
        said = {name: getattr(self, name) for name in _NAMES}
        text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def pair(self) -> tuple[str, str]:
        """What it is about."""
        return self.left, self.right

    @property
    def takes_back(self) -> bool:
        """Whether it takes a merge back: it then holds after the assignment, until it is undone."""
        return self.source == UNMERGE and self.verdict is Verdict.DIFFERENT

    def undone(self, by: str = "") -> "Decision":
        """The decision that takes this one back now.

        :param by: who does so, the one who decided if empty.
        """
        return replace(self, by=by or self.by, at=now(), why="", source="", undoes=self.id)


_NAMES = tuple(each.name for each in fields(Decision))


def now() -> str:
    """This moment in ISO 8601, to the millisecond: the same thing said again later is another decision."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
