"""An entity in words: what an embedder reads of it.

The name comes first, then the attributes that tell most, each with its own name::

    Bunker, The — year: 1981; director: Schaefer, George

Values in words come before codes, numbers and dates: those say little to an embedder, and the channel
of values compares them exactly. Links are left out. Few attributes are enough: with all-MiniLM-L6-v2
four find as much as eight (abt_buy, imdb_tmdb) or more (the countries of ``examples/``: .87 of the pairs
among the first 20, .83 with eight), in less time.
"""

import re
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import run_starts, spread
from kgalign.rdf.graph import Ids
from kgalign.records import Attribute, Profile
from kgalign.values.kinds import ValueKind

BUDGET = 400
"""Most characters of an entity: about a hundred tokens, well below what small models read (256)."""
_ATTRIBUTES = 4
_VALUES = 3
"""Most attributes of an entity, and most values of each."""
_VALUE = 120
"""Most characters of a value."""
_IN_WORDS = (ValueKind.NAME, ValueKind.TEXT)
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]+"
)
"""Control characters, and those that turn the direction of writing; joiners are part of words and emoji."""
_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
_SAYS_NOTHING = {"label", "name", "title", "value"}
"""Last steps of a longer path that add nothing: ``director/label`` reads as ``director``."""


def verbalise(
    profile: Profile, entities: Ids, *, budget: int = BUDGET, attribute_names: bool = True
) -> list[str]:
    """Put a batch of entities in words; each text depends on its entity and the profile's attributes alone.

    :param entities: (n,) entity ids.
    :param budget: most characters of each text.
    :param attribute_names: whether values come with the names of their attributes.
    :returns: n texts without control characters; empty where an entity has neither name nor value.
    """
    labels = [_label(attribute) if attribute_names else "" for attribute in profile.attributes]
    naming = [attribute.is_name for attribute in profile.attributes]
    number, attribute, values = _values(profile, entities)
    names = [_clean(name) for name in profile.entity_name.take(pa.array(entities)).to_pylist()]
    named = [False] * len(entities)
    parts: list[dict[int, list[str]]] = [{} for _ in range(len(entities))]
    for place, column, value in zip(number, attribute, values, strict=True):
        text = _clean(value)
        if naming[column] and text:
            named[place] = True
        if text and not (naming[column] and text == names[place]):
            parts[place].setdefault(column, []).append(text)
    return [
        # A local name of the IRI that is no value is not to be read: the user may have said so.
        _sentence(name if has else "", [(labels[column], found) for column, found in part.items()], budget)
        for name, has, part in zip(names, named, parts, strict=True)
    ]


def _values(profile: Profile, entities: Ids) -> tuple[list[int], list[int], list[str]]:
    """The values to be read, in this order: position in ``entities``, attribute and text of each."""
    low = np.searchsorted(profile.value_entity, entities, "left")
    number, row = spread(low, np.searchsorted(profile.value_entity, entities, "right") - low)
    place = _order(profile.attributes)[profile.value_attribute[row]]
    order = np.lexsort((row, place, number))
    order = order[place[order] >= 0]
    number, row, place = number[order], row[order], place[order]
    starts = run_starts(number, place)
    group = np.cumsum(starts) - 1
    within = np.arange(len(row)) - np.flatnonzero(starts)[group]
    first = group[np.searchsorted(number, number, "left")] if len(row) else group
    # One attribute more than is shown, for a name that is not repeated among them.
    keep = (within < _VALUES) & (group - first <= _ATTRIBUTES)
    row = row[keep]
    # Cut before they become Python texts: one value may hold megabytes.
    texts = pc.utf8_slice_codeunits(profile.texts.take(pa.array(profile.value_text[row])), 0, 2 * _VALUE)
    return number[keep].tolist(), profile.value_attribute[row].tolist(), texts.to_pylist()


def _order(attributes: tuple[Attribute, ...]) -> Ids:
    """(attributes + 1,) the place of each attribute among all, -1 for those that are not read."""
    read = [i for i, attribute in enumerate(attributes) if attribute.kind != ValueKind.LINK]
    read.sort(key=lambda i: _key(attributes[i]))
    place = np.full(len(attributes) + 1, -1, dtype=np.int32)
    place[read] = np.arange(len(read), dtype=np.int32)
    return place


def _key(attribute: Attribute) -> tuple[bool, float, tuple[str, ...]]:
    return attribute.kind not in _IN_WORDS, -attribute.importance, attribute.path


def _sentence(name: str, parts: list[tuple[str, list[str]]], budget: int) -> str:
    read = [(f"{label}: " if label else "") + ", ".join(values) for label, values in parts[:_ATTRIBUTES]]
    listed = "; ".join(read)
    return " — ".join(part for part in (name, listed) if part)[:budget].rstrip()


def _clean(text: str) -> str:
    text = " ".join(_UNSEEN.sub(" ", text).split())
    return text if len(text) <= _VALUE else f"{text[: _VALUE - 1].rstrip()}…"


def _label(attribute: Attribute) -> str:
    """What an attribute is called, in words.

    >>> from kgalign.records import Attribute
    >>> from kgalign.values import ValueKind
    >>> path = ("http://example.org/birthPlace", "http://example.org/name")
    >>> _label(Attribute(path, ValueKind.NAME, 1, 1.0, 1.0, 1.0, 1.0))
    'birth place'
    """
    steps = [_step(step) for step in attribute.path]
    if len(steps) > 1 and steps[-1] in _SAYS_NOTHING:
        steps.pop()
    return " ".join(steps)


def _step(step: str) -> str:
    local = re.split(r"[#/:]", step.rstrip("/#"))[-1].lstrip("@^")
    words = _clean(_CAMEL.sub(" ", unquote(local).replace("_", " ").replace("-", " "))).lower()
    return f"{words} of" if step.startswith("^") else words
