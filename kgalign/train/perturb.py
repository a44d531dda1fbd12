"""Synthetic hard negatives: copies of a right record in which one value that identifies was changed.

A digit of a model code, a number, a year, a word of a name: something that both records of a match share, so
that the changed copy contradicts where the original agreed. It is another thing then, and the answer is
"none" or "no" (TailorMatch, 2409.08185, section 5 has a model write such examples; here nothing is asked).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from kgalign.rdf.graph import Ids
from kgalign.records import Profile
from kgalign.train.runs import Run
from kgalign.train.splitting import drawn
from kgalign.train.targets import entity_values
from kgalign.values.kinds import ValueKind
from kgalign.values.text import fold, words

_TOKEN = re.compile(r"[^\W_]+(?:[-/.][^\W_]+)*")
_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_IDENTIFIES = 0.9
"""Inverse functionality from which a number is taken for a name of its entity."""
_COMMON = 0.02
"""A word or number that a larger share of the entities has does not identify."""
_SHORTEST_WORD, _SHORTEST_CODE = 4, 3


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed in a record."""

    kind: str
    """``code``, ``number``, ``year`` or ``word``."""
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A changed copy of a right entity."""

    entity: int
    """Its id in the profile that has the copies after the entities of the run."""
    change: Change


class Perturber:
    """Changes records of one run.

    :param seed: draws what is changed, and to what.
    """

    def __init__(self, run: Run, seed: int) -> None:
        self._run, self._seed = run, seed

    def copies(self, pairs: Sequence[tuple[int, int, Sequence[int]]]) -> tuple[Profile, list[Copy | None]]:
        """The right side with changed copies of some of its entities after its own.

        :param pairs: left entity, its partner, and the right entities that came near: words come from them.
        :returns: the profile, and a copy for each pair; None where nothing that identifies is shared.
        """
        right = self._run.right
        found: list[Copy | None] = []
        originals: list[int] = []
        values: list[list[tuple[int, str]]] = []
        for left, partner, near in pairs:
            change = self._change(left, partner, near)
            changed = None if change is None else self._changed(partner, change)
            if change is None or changed is None:
                found.append(None)
                continue
            found.append(Copy(len(right) + len(originals), change))
            originals.append(partner)
            values.append(changed)
        return _extended(right, originals, values), found

    def _change(self, left: int, partner: int, near: Sequence[int]) -> Change | None:
        """A change of something that both records share; the kind of it is drawn among those that can be."""
        own = _words(self._run.left, left)
        other = _words(self._run.right, partner)
        kinds: dict[str, list[str]] = {}
        for attribute, text in entity_values(self._run.right, partner):
            for token in _TOKEN.findall(text):
                kind = self._kind(attribute, token)
                if kind and _joined(token) in own and token not in kinds.setdefault(kind, []):
                    kinds[kind].append(token)
        for kind in sorted((k for k in kinds if kinds[k]), key=lambda k: self._draw(left, "kind", k)):
            for old in sorted(kinds[kind], key=lambda token: self._draw(left, "token", token)):
                new = self._new(kind, old, left, near)
                if new and _joined(new) not in own and _joined(new) not in other:
                    return Change(kind, old, new)
        return None

    def _kind(self, attribute: int, token: str) -> str:
        """What a token is, where it identifies; empty where it does not."""
        about = self._run.right.attributes[attribute]
        digits = sum(each.isdecimal() for each in token)
        letters = any(each.isalpha() for each in token)
        if about.kind in (ValueKind.LINK, ValueKind.BOOLEAN) or not (digits or letters):
            return ""
        if self._is_common(token):
            return ""
        if digits and letters and len(token) >= _SHORTEST_CODE:
            return "code"
        names = about.is_name or about.kind in (ValueKind.CODE, ValueKind.NAME)
        if digits and not letters:
            identifies = names or about.inverse_functionality >= _IDENTIFIES
            if _YEAR.fullmatch(token) and (identifies or about.kind is ValueKind.DATE):
                return "year"
            return "number" if identifies and about.kind is not ValueKind.TEXT else ""
        return "word" if about.is_name and not digits and len(token) >= _SHORTEST_WORD else ""

    @cached_property
    def _frequency(self) -> Counter[str]:
        """Word or number → entities of the right side that have it."""
        right = self._run.right
        tokens = [{_joined(token) for token in _TOKEN.findall(text)} for text in right.texts.to_pylist()]
        found: set[tuple[int, str]] = set()
        for entity, text in zip(right.value_entity.tolist(), right.value_text.tolist(), strict=True):
            found.update((entity, token) for token in tokens[text])
        return Counter(token for _, token in found)

    def _new(self, kind: str, old: str, left: int, near: Sequence[int]) -> str:
        """What stands in place of a token; empty where there is nothing to put there."""
        draw = self._draw(left, "new", old)
        if kind == "word":
            return self._other_word(old, left, near)
        if kind == "year":
            return str(int(old) + (-1, 1, -2, 2, -3, 3)[draw % 6])
        places = [i for i, each in enumerate(old) if each.isdecimal()]
        # A leading zero would be the same number.
        place = places[draw % len(places)] if kind == "code" else places[-1]
        digit = (int(old[place]) + 1 + draw // 64 % 8) % 10
        if place == places[0] and digit == 0:
            digit = 9 if old[place] != "9" else 1
        return f"{old[:place]}{digit}{old[place + 1 :]}"

    def _other_word(self, old: str, left: int, near: Sequence[int]) -> str:
        """A word of the name of an entity that came near, written as the old one."""
        right = self._run.right
        found = dict.fromkeys(
            token
            for entity in near
            for attribute, text in entity_values(right, entity)
            if right.attributes[attribute].is_name
            for token in _TOKEN.findall(text)
            if token.isalpha() and len(token) >= _SHORTEST_WORD and _joined(token) != _joined(old)
        )
        rare = [each for each in found if not self._is_common(each)]
        if not rare:
            return ""
        word: str = min(rare, key=lambda token: self._draw(left, "word", token))
        return word.upper() if old.isupper() else word.lower() if old.islower() else word.title()

    def _is_common(self, token: str) -> bool:
        """Whether so many entities have a token that it identifies none of them; years do in any case."""
        most = max(3.0, _COMMON * len(self._run.right))
        return not _YEAR.fullmatch(token) and self._frequency[_joined(token)] > most

    def _changed(self, entity: int, change: Change) -> list[tuple[int, str]] | None:
        """The values of the copy; None where the old token stands in them still."""
        pattern = re.compile(rf"(?<![^\W_]){re.escape(change.old)}(?![^\W_])", re.IGNORECASE)
        values = [
            (attribute, pattern.sub(lambda _: change.new, text))
            for attribute, text in entity_values(self._run.right, entity)
        ]
        left_over = {word for _, text in values for word in _token_words(text)}
        return None if _joined(change.old) in left_over else values

    def _draw(self, left: int, *parts: object) -> int:
        return drawn(self._seed, "perturb", self._run.iri(left), *parts)


def _joined(token: str) -> str:
    return fold(token).replace(" ", "")


def _token_words(text: str) -> set[str]:
    return {*(_joined(each) for each in _TOKEN.findall(text)), *words(text)}


def _words(profile: Profile, entity: int) -> set[str]:
    return {word for _, text in entity_values(profile, entity) for word in _token_words(text)}


def _extended(
    profile: Profile, originals: Sequence[int], values: Sequence[Sequence[tuple[int, str]]]
) -> Profile:
    """The profile with copies of some entities after its own: other values, the same relations."""
    if not originals:
        return profile
    rows = [
        (len(profile) + number, attribute, text)
        for number, each in enumerate(values)
        for attribute, text in sorted(each)
    ]
    new = {text: len(profile.texts) + i for i, text in enumerate(dict.fromkeys(t for _, _, t in rows))}
    taken = pa.array(originals)

    def grown(column: "pa.LargeStringArray", more: "pa.Array") -> "pa.LargeStringArray":
        return pa.concat_arrays([column, more.cast(pa.large_string())])

    head, relation, tail = _edges(profile, originals)
    return replace(
        profile,
        edge_head=head,
        edge_relation=relation,
        edge_tail=tail,
        entity_iri=grown(profile.entity_iri, profile.entity_iri.take(taken)),
        entity_term=np.concatenate([profile.entity_term, profile.entity_term[list(originals)]]),
        entity_name=grown(profile.entity_name, profile.entity_name.take(taken)),
        entity_type=np.concatenate([profile.entity_type, profile.entity_type[list(originals)]]),
        described=np.concatenate([profile.described, profile.described[list(originals)]]),
        value_entity=np.concatenate(
            [profile.value_entity, np.array([row[0] for row in rows], profile.value_entity.dtype)]
        ),
        value_attribute=np.concatenate(
            [profile.value_attribute, np.array([row[1] for row in rows], profile.value_attribute.dtype)]
        ),
        value_text=np.concatenate(
            [profile.value_text, np.array([new[row[2]] for row in rows], profile.value_text.dtype)]
        ),
        texts=grown(profile.texts, pa.array(list(new), pa.large_string())),
    )


def _edges(profile: Profile, originals: Sequence[int]) -> tuple[Ids, Ids, Ids]:
    """The edges of the profile, and those of the originals once more for the copies."""
    columns = [profile.edge_head], [profile.edge_relation], [profile.edge_tail]
    for number, entity in enumerate(originals):
        copy = np.int32(len(profile) + number)
        for own in (profile.edge_head, profile.edge_tail):
            rows = np.flatnonzero(own == entity)
            for column, ids in zip(
                columns, (profile.edge_head, profile.edge_relation, profile.edge_tail), strict=True
            ):
                column.append(np.full(len(rows), copy, np.int32) if ids is own else ids[rows])
    head, relation, tail = (np.concatenate(column) for column in columns)
    order = np.lexsort((tail, relation, head))
    return head[order], relation[order], tail[order]
