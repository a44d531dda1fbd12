"""Who said what of a pair or an entity: people by decisions, files of known links, merges taken back."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from kgalign.decisions import Decision, Relation, Verdict, read_all, read_decisions, standing
from kgalign.errors import InputError
from kgalign.links.unmerged import read_unmerged

_WHAT = {
    (Verdict.SAME, Relation.EXACT): "the two are the same",
    (Verdict.SAME, Relation.CLOSE): "the two are close, and not the same",
    (Verdict.SAME, Relation.BROAD): "the right one is broader, and not the same",
    (Verdict.SAME, Relation.NARROW): "the right one is narrower, and not the same",
    (Verdict.DIFFERENT, Relation.EXACT): "the two are different",
    (Verdict.UNSURE, Relation.EXACT): "it can't be told whether the two are the same",
}
_TURNED = {Relation.BROAD: Relation.NARROW, Relation.NARROW: Relation.BROAD}


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody said of a pair, or of an entity to which nothing corresponds."""

    left: str
    right: str
    """IRIs, or ``_:label``; one of the two is empty where nothing corresponds to the other."""
    verdict: str
    """``same``, ``different``, ``unsure`` or ``nothing``."""
    relation: str
    """``exact``, ``close``, ``broad`` or ``narrow``."""
    by: str
    at: str
    why: str
    """Who, when and why; each empty where nobody says so."""
    source: str
    """Name of the file in which it stands."""
    note: str = ""
    """Why the run does not hold to it, empty where it does."""

    def __str__(self) -> str:
        if self.verdict == Verdict.NOTHING:
            what = f"nothing corresponds to {self.left or self.right}"
        else:
            exact = Relation.EXACT if self.verdict != Verdict.SAME else Relation(self.relation)
            what = _WHAT[Verdict(self.verdict), exact]
        when = f" on {self.at}" if self.at else ""
        why = f": {self.why}" if self.why else ""
        note = f"; {self.note}" if self.note else ""
        return f"{self.by or 'somebody'}{when} said that {what}{why} ({self.source}){note}"


class People:
    """What was said, to be looked up by pairs and by entities."""

    def __init__(self, words: Iterable[Word] = (), unread: Iterable[str] = ()) -> None:
        """Take what was said.

        :param unread: names of files of known links that can't be read any more.
        """
        self._pairs: defaultdict[tuple[str, str], list[Word]] = defaultdict(list)
        for word in words:
            self._pairs[word.left, word.right].append(word)
        self._unread = ", ".join(unread)

    def of_pair(self, left: str, right: str, *, given: bool = False) -> tuple[Word, ...]:
        """What was said of a pair, in either order, and that nothing corresponds to one of the two.

        :param given: whether the pair was known from the start; then there is a word that says by what.
        """
        turned = [_turned(each) for each in self._of(right, left)] if left != right else []
        found = *self._of(left, right), *turned, *self.of_entity(left, 0), *self.of_entity(right, 1)
        if not given or any(each.verdict == Verdict.SAME for each in found):
            return found
        by, source = "a graph itself", "owl:sameAs or skos:exactMatch"
        if self._unread:
            by, source = "", f"{self._unread}, which can't be read any more, or a graph itself"
        return *found, Word(left, right, Verdict.SAME.value, Relation.EXACT.value, by, "", "", source)

    def of_entity(self, iri: str, side: int) -> tuple[Word, ...]:
        """That nothing corresponds to an entity of the left side (0) or of the right one (1)."""
        return self._of(iri, "") if side == 0 else self._of("", iri)

    def _of(self, left: str, right: str) -> tuple[Word, ...]:
        return tuple(self._pairs.get((left, right), ()))


def read_people(stores: Iterable[Path], unmerged: Iterable[Path], known: Iterable[Path]) -> People:
    """What stands in the files of a run; those that are not there hold nothing.

    :param stores: of decisions.
    :param unmerged: of merges that were taken back.
    :param known: of known links, which may have changed or gone since.
    :raises RunError: a store of decisions is damaged.
    :raises InputError: a line of the merges that were taken back is broken.
    """
    words = [word for path in stores for word in _words(read_all(path), path.name)]
    for path in unmerged:
        kind = Verdict.DIFFERENT.value, Relation.EXACT.value
        words += [Word(*each.pair, *kind, "", "", each.reason, path.name) for each in read_unmerged(path)]
    unread = []
    for path in known:
        try:
            words += _words(read_decisions(path).decisions, path.name)
        except InputError:
            unread.append(path.name)
    return People(words, unread)


def _words(decisions: Iterable[Decision], source: str) -> list[Word]:
    """What holds of decisions in a file: the last word of each person on each pair."""
    found = standing(decisions)
    disagreed = {each.id for several in found.disagreements for each in several}
    note = "people disagree, so that nothing counts"
    return [
        Word(
            *each.pair,
            each.verdict.value,
            each.relation.value,
            each.by,
            each.at,
            each.why,
            source if each.source in ("", source) else f"{source}, from {each.source}",
            note if each.id in disagreed else "",
        )
        for each in found.said
    ]


def _turned(word: Word) -> Word:
    """The same word of the pair in the other order."""
    relation = Relation(word.relation)
    turned = _TURNED.get(relation, relation).value
    return replace(word, left=word.right, right=word.left, relation=turned)
