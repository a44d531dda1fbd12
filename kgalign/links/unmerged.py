r"""Merges that a person took back, in an alignment; and ``unmerged.tsv``, the file in which they once stood.

One pair a line: an IRI, the IRI that it was merged with, and a reason, with tabs between; ``_:label`` stands
for a blank node. The first of a link is of the left side, the second of the right one; where a graph itself
says ``owl:sameAs`` of two of its nodes, both are of one side. A backslash begins an escape, as in N-Triples:
``\t``, ``\n``, ``\r``, ``\\``.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kgalign.errors import InputError
from kgalign.links.gold import Pair
from kgalign.links.pairs import PairIndex, pair_ids
from kgalign.records import Alignment, Outcome, Profile, Verdicts

log = logging.getLogger(__name__)

FILE = "unmerged.tsv"
LONGEST_REASON = 1000
"""Characters."""

_HEADING = ("left", "right", "reason")
_TEXTS = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}
_ESCAPE = re.compile(r"\\.?", re.DOTALL)
_REMEDY = "Mend the line or take it out: left IRI, tab, right IRI, tab, reason"


@dataclass(frozen=True, slots=True, order=True)
class Unmerged:
    """A merge that was taken back."""

    left: str
    right: str
    """IRIs, or ``_:label``."""
    reason: str = ""
    by: str = ""
    """Who did so."""

    @property
    def pair(self) -> tuple[str, str]:
        """The two that are not the same."""
        return self.left, self.right


def read_unmerged(path: Path) -> tuple[Unmerged, ...]:
    """Read the file, if there is one: distinct pairs, sorted; of a pair that is there twice, the last line.

    :raises InputError: it can't be read, or a line is broken; its number is in the message.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line} is not UTF-8", "Save the file as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}", "Check the path") from error
    found: dict[tuple[str, str], Unmerged] = {}
    for number, row in enumerate(text.split("\n"), start=1):
        columns = row.removesuffix("\r").split("\t")
        if columns == [""] or (number == 1 and tuple(columns) == _HEADING):
            continue
        each = _of(columns, f"{path}, line {number}")
        found[each.pair] = each
    return tuple(sorted(found.values()))


def _of(columns: Sequence[str], where: str) -> Unmerged:
    if len(columns) not in (2, 3):
        raise InputError(f"{where} has {len(columns)} columns, not 2 or 3", _REMEDY)
    left, right, reason = (_unescaped(each, where) for each in (*columns, "")[:3])
    if not left or not right:
        raise InputError(f"{where} names only one IRI", _REMEDY)
    if len(reason) > LONGEST_REASON:
        raise InputError(f"{where} has a reason of {len(reason):,} characters", f"{LONGEST_REASON:,} will do")
    return Unmerged(left, right, reason)


def without_unmerged(
    alignment: Alignment, verdicts: Verdicts, profiles: tuple[Profile, Profile], pairs: Sequence[Pair]
) -> Alignment:
    """The alignment with the pairs rejected, as a person said; nothing else changes.

    A pair that was judged and is in the alignment for nothing gets a row all the same: it was reviewed. What
    was never judged, or names no entity of each side, is passed over.
    """
    if not pairs:
        return alignment
    left, right = pair_ids(*profiles, pairs)
    judged = PairIndex(verdicts.left, verdicts.right).rows(left, right)
    _warn_of_strangers(pairs, profiles)
    left, right, judged = left[judged >= 0], right[judged >= 0], judged[judged >= 0]
    rows = PairIndex(alignment.left, alignment.right).rows(left, right)
    outcome = alignment.outcome.copy()
    outcome[rows[rows >= 0]] = Outcome.REJECTED
    new = judged[rows < 0]
    columns = [
        np.concatenate([old, more])
        for old, more in (
            (alignment.left, verdicts.left[new]),
            (alignment.right, verdicts.right[new]),
            (alignment.probability, verdicts.probability[new]),
            (outcome, np.full(len(new), Outcome.REJECTED, np.uint8)),
            (alignment.verdict, new.astype(np.int32)),
        )
    ]
    order = np.lexsort((columns[1], columns[0]))
    lefts, rights, probability, outcome, verdict = (column[order] for column in columns)
    return replace(
        alignment, left=lefts, right=rights, probability=probability, outcome=outcome, verdict=verdict
    )


def _warn_of_strangers(pairs: Sequence[Pair], profiles: tuple[Profile, Profile]) -> None:
    """Say which pairs fit nowhere: both IRIs must be entities, be it of one side."""
    ends = [pair_ids(a, b, pairs) for a in profiles for b in profiles]
    strange = np.flatnonzero(~np.logical_or.reduce([(a >= 0) & (b >= 0) for a, b in ends]))
    if len(strange):
        log.warning(
            "Taken apart by people: %d of %d pairs are no entities of these graphs; the first is %s and %s",
            len(strange),
            len(pairs),
            *pairs[int(strange[0])],
        )


def _unescaped(text: str, where: str) -> str:
    def plain(match: re.Match[str]) -> str:
        if match[0] not in _TEXTS:
            raise InputError(f"{where} has {match[0]!r}, which is no escape", _REMEDY)
        return _TEXTS[match[0]]

    return _ESCAPE.sub(plain, text)
