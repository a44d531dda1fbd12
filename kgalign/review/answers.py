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
        self._all: list[Decision] = []
        self._by_left: dict[str, list[Decision]] = {}
        self._said: dict[str, Said] = {}
        self._made: dict[str, list[Decision]] = {}
        self.version = 0
        """Another one whenever anything was added, here or by another program."""
        self.refresh()

    def refresh(self) -> bool:
        """Read the store again if another program wrote to it; whether that was so."""
        now = self._stamp()
        if now == self._seen:
            return False
        self._seen = now
        self.version += 1
        self._all = decisions = read_all(self._path)
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
        """What holds, of all entities, in the order in which it was said."""
        return list(standing(self._all).said)

    def add(self, *decisions: Decision) -> tuple[Decision, ...]:
        """Keep what one person says of one left entity now, at once.

        :returns: it, with the time: one for all, so that it is taken back together.
        :raises RunError: there is no room, or the file can't be written.
        """
        at = self._now()
        made = tuple(replace(each, at=at) for each in decisions)
        self._store(*made)
        for each in made:
            self._made.setdefault(each.by, []).append(each)
        return made

    def undo(self, by: str) -> Decision | None:
        """Take back what a person decided here last.

        :returns: what was taken back; None where nothing is left.
        :raises RunError: there is no room, or the file can't be written.
        """
        own = self._made.get(by)
        if not own:
            return None
        last = own[-1]
        undone = [each for each in own if (each.at, each.left) == (last.at, last.left)]
        at = self._now()
        self._store(*(replace(each, at=at, why="", undoes=each.id) for each in undone))
        del own[-len(undone) :]
        return last

    def _store(self, *decisions: Decision) -> None:
        """Add decisions on one left entity."""
        before = self._stamp()
        with Decisions.open(self._path) as store:
            store.add(decisions)
        self.version += 1
        left = decisions[0].left
        own = self._by_left.setdefault(left, [])
        own.extend(decisions)
        self._all.extend(decisions)
        said: Said = {}
        for each in standing(own).said:
            said.setdefault(each.by, {})[each.right] = each
        self._said[left] = said
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
