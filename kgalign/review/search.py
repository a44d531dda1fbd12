"""Finding an entity by what somebody types: one of its names, a part of it, or its IRI."""

from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from kgalign.records import Profile

MOST = 9
"""Entities that are found at most: one for each key."""
_LEAST = 60.0
"""A name that is less similar than this, of 100, is not found."""
_LONGEST = 200
"""Characters of what is typed that are looked for."""


class Search:
    """Names and IRIs of a side, ready to be looked through. What is only mentioned there is not found."""

    def __init__(self, profile: Profile) -> None:
        naming = np.array([each.is_name for each in profile.attributes] + [False])
        rows = naming[profile.value_attribute]
        entities = np.concatenate([np.arange(len(profile), dtype=np.int32), profile.value_entity[rows]])
        texts = pa.concat_arrays(
            [profile.entity_name, profile.texts.take(pa.array(profile.value_text[rows]))]
        )
        here = profile.described[entities]
        self._entities = entities[here]
        self._names = pc.utf8_lower(texts.filter(pa.array(here)))
        self._iris = profile.entity_iri

    @cached_property
    def _listed(self) -> list[str]:
        return [str(each) for each in self._names.to_pylist()]

    def find(self, text: str) -> list[int]:
        """Entities: the one of that IRI, names with the text in them, then similar names; the best first."""
        wanted = " ".join(text.split()).lower()[:_LONGEST]
        if not wanted:
            return []
        exact = np.flatnonzero(pc.equal(self._iris, text.strip()).to_numpy(zero_copy_only=False))
        inside = np.flatnonzero(pc.match_substring(self._names, wanted).to_numpy(zero_copy_only=False))
        shortest = sorted(inside.tolist(), key=lambda each: (len(self._listed[each]), each))
        near = process.extract(wanted, self._listed, scorer=fuzz.ratio, limit=MOST, score_cutoff=_LEAST)
        rows = [*shortest[: MOST**2], *(row for _, _, row in near)]
        found = dict.fromkeys([*exact.tolist(), *self._entities[rows].tolist()] if rows else exact.tolist())
        return list(found)[:MOST]
