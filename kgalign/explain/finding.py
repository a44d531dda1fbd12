"""Entities by what people call them: an IRI, a CURIE, a label, or the last part of an IRI."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.errors import InputError
from kgalign.links.gold import opened
from kgalign.links.pairs import entity_ids
from kgalign.rdf.names import local_name
from kgalign.rdf.vocabulary import PREFIXES
from kgalign.records import Profile

Side = Literal["left", "right"]
Spaces = Mapping[str, Iterable[str]]
"""Prefix → the namespaces that it stands for, several where files differ."""

_HEAD = 1 << 16
"""Bytes in which prefixes are looked for."""
_TURTLE = re.compile(r"^\s*@?prefix\s+([\w.-]*):\s*<([^<>\s]+)>", re.I | re.M)
_SSSOM = re.compile(r'^#\s+([\w.-]+):\s+"?([^"\s]+:[^"\s]*)"?\s*$', re.M)


def bare(iri: str) -> str:
    """An IRI without the angle brackets that it may have been copied with."""
    return iri[1:-1] if iri.startswith("<") and iri.endswith(">") else iri


def declared(paths: Iterable[Path]) -> dict[str, set[str]]:
    """The prefixes that files of Turtle, TriG, N3 or SSSOM declare at their beginning.

    What is not there or can't be read declares none.
    """
    found: dict[str, set[str]] = {prefix: {space} for prefix, space in PREFIXES.items()}
    for path in paths:
        name = path.name.removesuffix(".gz").lower()
        form = _SSSOM if name.endswith(".sssom.tsv") else _TURTLE
        if not name.endswith((".sssom.tsv", ".ttl", ".trig", ".n3")):
            continue
        try:
            with opened(path) as file:
                head = file.read(_HEAD).decode("utf8", "replace")
        except InputError:
            continue
        for prefix, space in form.findall(head):
            found.setdefault(prefix, set()).add(space)
    return found


def find(profile: Profile, text: str, spaces: Spaces) -> list[int]:
    """The entities of a side that a text may mean, ascending; the first of these that fits anything counts.

    The IRI itself; the CURIE; the label or any other name, or the last part of the IRI; the same whatever the
    case of the letters.
    """
    iri = bare(text)
    prefix, colon, local = iri.partition(":")
    full = [space + local for space in sorted(spaces.get(prefix, ()))] if colon else []
    for iris in ([iri], full):
        there = entity_ids(profile, iris) if iris else np.zeros(0, np.int32)
        if (there >= 0).any():
            return sorted(set(there[there >= 0].tolist()))
    exact = _called(profile, text, fold=False)
    return exact or _called(profile, text, fold=True)


def _called(profile: Profile, text: str, *, fold: bool) -> list[int]:
    """Entities with this name, or with this last part of their IRI."""
    wanted = text.casefold() if fold else text

    def same(texts: pa.LargeStringArray) -> list[int]:
        # The case of letters is folded by Python; what can't be it is sorted out by length before.
        near = pc.less_equal(pc.abs(pc.subtract(pc.utf8_length(texts), len(text))), len(text) if fold else 0)
        rows = np.flatnonzero(near.to_numpy(zero_copy_only=False))
        read = texts.take(pa.array(rows)).to_pylist()
        fits = [wanted == (each.casefold() if fold else each) for each in read]
        return [int(row) for row, fit in zip(rows, fits, strict=True) if fit]

    found = set(same(profile.entity_name))
    naming = [number for number, each in enumerate(profile.attributes) if each.is_name]
    rows = np.isin(profile.value_attribute, naming) & np.isin(profile.value_text, same(profile.texts))
    found.update(profile.value_entity[rows].tolist())
    ends = pc.match_substring(profile.entity_iri, text, ignore_case=fold)
    for row in np.flatnonzero(ends.to_numpy(zero_copy_only=False)).tolist():
        last = local_name(str(profile.entity_iri[row].as_py()))
        if wanted == (last.casefold() if fold else last):
            found.add(row)
    return sorted(found)
