"""What people answered, entity by entity: read from the store of decisions, added to it, taken back."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kgalign.decisions import Decision, Decisions, Verdict, read_all, standing

SOURCE = "kgalign review"
"""How the source of decisions begins that are made here; what was seen before follows."""

Said = dict[str, dict[str, Decision]]
"""Person → IRI of the right entity (empty where nothing corresponds) → what that person says last of it."""


class Answers:
    """The decisions on a run, as they stand in its store.

    Each that is added is on the disk before the call comes back. What another program adds meanwhile is
    noticed.

    :raises RunError: the store can't be read, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._last = ""
        self._by_left: dict[str, list[Decision]] = {}
        self._said: dict[str, Said] = {}
        self._made: dict[str, list[Decision]] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Read the store again if another program wrote to it; whether that was so."""
        now = self._stamp()
        if now == self._seen:
            return False
        self._seen = now
        decisions = read_all(self._path)
        self._by_left, self._said, self._made = {}, {}, {}
        for each in decisions:
            self._by_left.setdefault(each.left, []).append(each)
        for each in standing(decisions).said:
            self._said.setdefault(each.left, {}).setdefault(each.by, {})[each.right] = each
        gone = _taken_back(decisions)
        for each in decisions:
            if not each.undoes and each.id not in gone and each.source.startswith(SOURCE):
                self._made.setdefault(each.by, []).append(each)
        return True

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_size

    @property
    def lefts(self) -> list[str]:
        """IRIs of the left entities that anything is said of."""
        return list(self._said)

    def said(self, left: str) -> Said:
        """What holds of an entity."""
        return self._said.get(left, {})

    def everything(self) -> list[Decision]:
        """What holds, of all entities."""
        return [each for said in self._said.values() for own in said.values() for each in own.values()]

    def add(self, decision: Decision) -> Decision:
        """Keep a decision of now.

        :returns: it, with the time.
        :raises RunError: there is no room, or the file can't be written.
        """
        made = replace(decision, at=self._now())
        self._store(made)
        self._made.setdefault(made.by, []).append(made)
        return made

    def last(self, by: str) -> Decision | None:
        """What a person decided here last and has not taken back."""
        own = self._made.get(by)
        return own[-1] if own else None

    def undo(self, by: str) -> Decision | None:
        """Take back what a person decided here last.

        :returns: what was taken back; None where nothing is left.
        :raises RunError: there is no room, or the file can't be written.
        """
        own = self._made.get(by)
        if not own:
            return None
        undone = own[-1]
        self._store(replace(undone, at=self._now(), why="", undoes=undone.id))
        own.pop()
        return undone

    def _store(self, decision: Decision) -> None:
        before = self._stamp()
        with Decisions.open(self._path) as store:
            store.add([decision])
        own = self._by_left.setdefault(decision.left, [])
        own.append(decision)
        said: Said = {}
        for each in standing(own).said:
            said.setdefault(each.by, {})[each.right] = each
        self._said[decision.left] = said
        if before == self._seen:
            self._seen = self._stamp()

    def _now(self) -> str:
        """The time, never the same twice: two decisions that are the same but for it are two."""
        now = _iso(datetime.now(UTC))
        self._last = now if now > self._last else _iso(datetime.fromisoformat(self._last), more=1)
        return self._last


def is_settled(own: dict[str, Decision], shown: Iterable[str]) -> bool:
    """Whether what a person says of an entity answers it: all that is shown is different, or any other word.

    :param own: by the right entity.
    :param shown: IRIs of the candidates.
    """
    if any(each.verdict is not Verdict.DIFFERENT for each in own.values()):
        return True
    rights = list(shown)
    return bool(rights) and all(right in own for right in rights)


def _iso(time: datetime, more: int = 0) -> str:
    later = time.timestamp() + more / 1e6
    return datetime.fromtimestamp(later, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _taken_back(decisions: Sequence[Decision]) -> set[str]:
    gone: set[str] = set()
    for each in reversed(decisions):
        if each.undoes and each.id not in gone:
            gone.add(each.undoes)
    return gone
