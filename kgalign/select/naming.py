"""Predicates that name things: known ones, and those that say so in their own name."""

import re
from functools import lru_cache

from kgalign.rdf.vocabulary import NAME_PREDICATES

_WORDS = re.compile(r"[A-Z]?[a-zß-öø-ÿ]+|[A-Z]+(?![a-z])")
_BEST = ("prefLabel", "label", "name", "title", "altLabel", "literalForm", "synonym", "alias")
_PARTS = frozenset(
    "label name title caption synonym alias nickname surname forename lastname firstname fullname "
    "nom titre libelle prenom bezeichnung titel vorname nachname nombre titulo nome titolo naam "
    "appellation headline".split()
)
_QUALIFIERS = frozenset(
    "has pref preferred alt alternative alternate full short long given first last family middle sur "
    "official original common native local other former birth maiden display main exact related broad "
    "narrow international english scientific legal trade brand product is the sub uniform variant "
    "officiel complet court usuel p rdfs skos".split()
)


@lru_cache(maxsize=65536)
def name_rank(predicate: str) -> int | None:
    """How good a name the predicate's values are, 0 the best; None where they are no names.

    ``shortTitle`` and ``given_name`` name the entity; ``director_name`` names another.

    :param predicate: IRI, a leading ``^`` for the inverse.
    """
    if predicate.startswith("^"):
        return None
    if predicate in NAME_PREDICATES:
        return len(_BEST) + 1
    local = re.split(r"[#/:]", predicate.rstrip("/#"))[-1]
    for rank, word in enumerate(_BEST):
        if local.lower() == word.lower():
            return rank
    words = [word.lower() for word in _WORDS.findall(local.replace("é", "e"))]
    named = [word for word in words if word in _PARTS]
    others = [word for word in words if word not in _PARTS and word not in _QUALIFIERS]
    return len(_BEST) + len(words) if named and not others else None
