"""Channels: each finds candidates by one thing that two entities may share.

A channel of one's own is a :class:`Channel` that a package brings by an entry point of the group
``kgalign.channels``; it is asked where ``retrieve.channels`` names it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array, csr_array

from kgalign.arrays import distinct, join, unique
from kgalign.base.cores import in_order, slices
from kgalign.base.doors import bring
from kgalign.base.progress import Progress
from kgalign.errors import KgalignError
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.retrieve.lexical import BUDGET, HALF, Rows, common_only, in_content_order, top_rows
from kgalign.retrieve.ranks import Pairs, keep_best
from kgalign.values import day_number, read_date, read_number
from kgalign.values.folding import Words, each_alone, fold_all, grams_of, one_by_one, words_of
from kgalign.values.kinds import ValueKind
from kgalign.values.text import LONG, Grams, idf, rows_of_grams, weigh
from kgalign.values.tokens import Tokens, token_rows, tokens_of
from kgalign.values.vocabulary import Vocabulary

_TEXTS = 1 << 14
"""Names that are read at once."""
_SHOWN = 60
"""Most characters of a word that people are shown."""
__all__ = [
    "CHANNELS",
    "IN_WORDS",
    "Channel",
    "Pairs",
    "Rows",
    "Search",
    "anchor_rows",
    "anchors",
    "both_ways",
    "by_entity",
    "find_by",
    "turned",
]
_ANCHOR_SCORE = 0.6
_DAYS = 10
"""Days that one mark of nearness stands for."""
_RATIO = 0.05
"""Ratio of numbers, as a natural logarithm, that one mark of nearness stands for."""
_LEAST_NUMBER = 20
"""Smaller numbers are counts more often than measures."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a channel is asked for."""

    k: int
    """Most candidates of an entity."""
    found: Mapping[str, Sequence[Pairs]]
    """Channel → what it found, of those before this one: :func:`anchors` makes use of it."""
    progress: Progress
    notes: dict[str, str] = field(default_factory=dict)
    """What a channel has to tell people, by a few words."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to find candidates."""

    about: str
    """What it goes by, for people."""
    find: Callable[[Profile, Profile, Search], Sequence[Pairs]]
    """The ``k`` best right entities of each left one, and the ``k`` best left ones of each right one; nothing
    where it does not apply. :func:`both_ways` makes them of rows whose products are scores;
    :func:`by_entity` says whose these are."""


def both_ways(
    left: Rows, right: Rows, k: int, progress: Progress, name: str, first: int = BUDGET
) -> list[Pairs]:
    """The k best right entities of each left one, and the k best left entities of each right one.

    :param first: see :func:`kgalign.retrieve.lexical.top_rows`.
    """
    back = top_rows(right, left, k, progress=progress, name=name, first=first)
    return [top_rows(left, right, k, progress=progress, name=name, first=first), turned(back)]


def by_entity(rows: csr_array) -> Rows:
    """Rows of which the first is of the first entity, the second of the second, and so on."""
    return rows, np.arange(rows.shape[0], dtype=np.int32)


def turned(pairs: Pairs) -> Pairs:
    """Pairs with their ends swapped."""
    return pairs[1], pairs[0], pairs[2]


def _names(left: Profile, right: Profile, search: Search) -> list[Pairs]:
    """Entities by their most similar names: cosine of rare character trigrams."""
    rows = _rows_of_names(left, right)
    return both_ways(*rows, search.k, search.progress, "retrieve by names", first=HALF)


def _rows_of_names(left: Profile, right: Profile) -> tuple[Rows, Rows]:
    (rows_l, owner_l), (rows_r, owner_r) = (_name_rows(profile) for profile in (left, right))
    return _weighed(rows_l, rows_r, (owner_l, owner_r))


def _owned(left: csr_array, right: csr_array) -> tuple[Rows, Rows]:
    """TF-IDF rows of counts, one for each entity."""
    owners = [np.arange(rows.shape[0], dtype=np.int32) for rows in (left, right)]
    return _weighed(left, right, (owners[0], owners[1]))


def _weighed(left: csr_array, right: csr_array, owners: tuple[Ids, Ids]) -> tuple[Rows, Rows]:
    """TF-IDF rows of counts.

    :param owners: the entity that each left row is of, ascending, and each right one.
    """
    weights = idf(left, right)
    return in_content_order(weigh(left, weights), weigh(right, weights), owners)


def _name_rows(profile: Profile) -> tuple[csr_array, Ids]:
    """A row for each name of each entity, and whose it is."""
    naming = np.array([a.is_name for a in profile.attributes] + [False])
    rows = naming[profile.value_attribute]
    entity, text = distinct(profile.value_entity[rows], profile.value_text[rows])

    def grams(part: slice) -> Grams:
        taken = profile.texts.take(pa.array(text[part]))
        return grams_of(fold_all(pc.utf8_slice_codeunits(taken, 0, LONG)))

    return rows_of_grams(in_order(grams, slices(len(text), _TEXTS))), entity


def _rows_of_values(left: Profile, right: Profile, vocabulary: Vocabulary | None = None) -> tuple[Rows, Rows]:
    """The words of each entity, and where its numbers and days lie: near ones share a mark.

    Marks stand for stretches of a scale, twice, the second time half a stretch on. A link is a word as it is.

    :param vocabulary: is filled with the words, by their columns.
    """
    vocabulary = vocabulary or Vocabulary()
    tokens = [_tokens(profile, vocabulary) for profile in (left, right)]
    rows = [
        token_rows(each, len(profile), vocabulary)
        for each, profile in zip(tokens, (left, right), strict=True)
    ]
    return _owned(rows[0], rows[1])


def _tokens(profile: Profile, vocabulary: Vocabulary) -> list[Tokens]:
    """The values of each entity, by how they are split."""
    kinds = [each.kind for each in profile.attributes]

    def split(wanted: list[bool], into: Callable[[pa.LargeStringArray], Words]) -> Tokens:
        rows = np.flatnonzero(np.array([*wanted, False])[profile.value_attribute])
        of = profile.value_entity[rows], profile.value_text[rows]
        return tokens_of(*of, profile.texts, into, vocabulary)

    def near(kind: ValueKind) -> Tokens:
        return split([each == kind for each in kinds], one_by_one(lambda text: _marks(text, kind)))

    return [
        split([each != ValueKind.LINK for each in kinds], words_of),
        split([each == ValueKind.LINK for each in kinds], each_alone),
        near(ValueKind.NUMBER),
        near(ValueKind.DATE),
    ]


def _marks(text: str, kind: ValueKind) -> list[str]:
    if kind is ValueKind.DATE:
        day = day_number(read_date(text))
        place = None if day is None else day / _DAYS
    else:
        number = read_number(text)
        far = number == number and abs(number) >= _LEAST_NUMBER and abs(number) < float("inf")
        place = math.log(abs(number)) / _RATIO if far else None
    if place is None:
        return []
    return [f"\x00{kind}{math.floor(place)}", f"\x00{kind}'{math.floor(place + 0.5)}"]


def anchors(found: Mapping[str, Sequence[Pairs]]) -> tuple[Ids, Ids]:
    """Pairs that are each other's best in a channel, both ways, and similar: what structure hangs on."""
    chosen: list[tuple[Ids, Ids]] = []
    for name in found:
        forth, back = found[name]
        keys = [_firsts(*forth), _firsts(*turned(back))[::-1]]
        one, other = (a.astype(np.int64) << 32 | b for a, b in keys)
        both = np.intersect1d(one, other)
        chosen.append(((both >> 32).astype(np.int32), (both & 0xFFFFFFFF).astype(np.int32)))
    if not chosen:
        empty = np.zeros(0, dtype=np.int32)
        return empty, empty
    left, right = distinct(*(np.concatenate(each) for each in zip(*chosen, strict=True)))
    return left, right


def _firsts(asking: Ids, asked: Ids, score: Floats) -> tuple[Ids, Ids]:
    rows = np.flatnonzero(score >= _ANCHOR_SCORE)
    a, b, _ = keep_best(asking[rows], asked[rows], score[rows], 1)
    return a, b


def anchor_rows(left: Profile, right: Profile, a: Ids, b: Ids) -> tuple[Rows, Rows]:
    """Which anchors each entity is linked to, in either direction, as TF-IDF rows: rare anchors say more.

    Exact where a projection is not: on DBP15K FR–EN and on OpenEA D–W neighbours as an inverted
    index retrieve more than propagated features do by dense search, in a third of the time.
    """
    rows = []
    for profile, ends in ((left, a), (right, b)):
        # An entity may be an end of several anchors: its links count for each of them.
        node = np.concatenate([profile.edge_head, profile.edge_tail])
        other = np.concatenate([profile.edge_tail, profile.edge_head])
        edge, column = join(other, ends)
        pairs = unique(node[edge].astype(np.int64) * max(len(ends), 1) + column)
        shape = (len(profile), max(len(ends), 1))
        ones = np.ones(len(pairs), dtype=np.float32)
        rows.append(coo_array((ones, (pairs // shape[1], pairs % shape[1])), shape=shape).tocsr())
    return _owned(rows[0], rows[1])


def _values(left: Profile, right: Profile, search: Search) -> list[Pairs]:
    vocabulary = Vocabulary()
    rows = _rows_of_values(left, right, vocabulary)
    found = both_ways(*rows, search.k, search.progress, "retrieve by values")
    for side, (mine, _), (others, _) in (("left", *rows), ("right", *rows[::-1])):
        common = common_only(mine, others, search.k)
        if common is not None:
            word = vocabulary.names[common.column].as_py()
            said = "a number or a day" if word.startswith("\x00") else f"“{word[:_SHOWN]}”"
            search.notes[f"common words {side}"] = (
                f"{common.rows:,} {side} entities have only words that over {common.most:,} others have, "
                f"such as {said}: each was compared with {common.most:,} of those"
            )
    return found


def _structure(left: Profile, right: Profile, search: Search) -> list[Pairs]:
    if not len(left.edge_head) or not len(right.edge_head):
        return []
    rows = anchor_rows(left, right, *anchors(search.found))
    return both_ways(*rows, search.k, search.progress, "retrieve by structure")


CHANNELS = {
    "names": Channel("the characters of names", _names),
    "values": Channel("the words of all values, near numbers and near days", _values),
    "structure": Channel("neighbours that are each other's best candidates", _structure),
}
"""Name → channel, in the order in which they are asked; others come after them."""


IN_WORDS: dict[str, Callable[[Profile, Profile], tuple[Rows, Rows]]] = {
    "names": _rows_of_names,
    "values": _rows_of_values,
}
"""Name → what the channels of words compare, for who searches among a part of it."""


def find_by(name: str, left: Profile, right: Profile, search: Search) -> list[Pairs]:
    """What a channel finds, from both sides; nothing where it does not apply.

    :raises KgalignError: there is no such channel, or what it gives can't be used.
    """
    if name in CHANNELS:
        return list(CHANNELS[name].find(left, right, search))
    channel: Channel = bring("kgalign.channels", name, Channel)
    try:
        given = channel.find(left, right, search)
    except Exception as error:
        raise _misfit(name, f"nothing but an error: {type(error).__name__}: {error}") from error
    found = [_checked(name, pairs, len(left), len(right)) for pairs in given]
    if len(found) not in (0, 2):
        raise _misfit(name, f"{len(found)} tables of pairs, not one for each direction")
    return found


def _checked(name: str, pairs: Pairs, lefts: int, rights: int) -> Pairs:
    """Pairs of a channel that others bring, in the form that ours have."""
    a, b, score = (np.asarray(column) for column in pairs)
    if not a.shape == b.shape == score.shape or a.ndim != 1:
        raise _misfit(name, "columns of different lengths")
    if len(a) and (min(a.min(), b.min()) < 0 or a.max() >= lefts or b.max() >= rights):
        raise _misfit(name, "entities that there are not")
    if not np.isfinite(score).all():
        raise _misfit(name, "a score that is no number")
    return a.astype(np.int32), b.astype(np.int32), score.astype(np.float32)


def _misfit(name: str, what: str) -> KgalignError:
    return KgalignError(
        f"The channel {name} gives {what}", "Mend the package that brings it, or leave it out"
    )
