"""What predicates say of their values by their own names: that they name things, or number them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from kgalign.rdf.prefixes import SPLIT
from kgalign.rdf.vocabulary import DCTERMS, FOAF, NAME_PREDICATES, PREFIXES, SKOS

_SPLIT = re.compile(SPLIT)
_USUAL = {namespace: prefix for prefix, namespace in PREFIXES.items()}
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
_OTHER_NAMES = frozenset(
    "alt alternative alternate other former previous old also hidden nick nickname synonym alias variant "
    "related broad narrow exact common trade brand".split()
)
"""Words by which a predicate says that it gives further names, of which there may be many."""
_FURTHER = frozenset(
    {
        SKOS + "hiddenLabel",
        DCTERMS + "alternative",
        FOAF + "nick",
        "http://rdf.freebase.com/ns/common.topic.alias",
        "http://purl.obolibrary.org/obo/IAO_0000118",
    }
)
"""Those of the known predicates that give further names."""
_CODES = frozenset(
    "id ids identifier identifiers identifiant kennung code codes isbn issn doi orcid viaf gnd lccn oclc "
    "isni ean gtin upc asin sku barcode zip zipcode postcode plz phone telephone tel fax mobile email mail "
    "mbox iban bic vat isin lei uuid guid urn uri url homepage website iata icao iso cas inchi smiles".split()
)
"""Words by which a predicate says that its values number things, or lead to them."""


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
    local = _local_name(predicate)
    for rank, word in enumerate(_BEST):
        if local.lower() == word.lower():
            return rank
    words = _words(local)
    named = [word for word in words if word in _PARTS]
    others = [word for word in words if word not in _PARTS and word not in _QUALIFIERS]
    return len(_BEST) + len(words) if named and not others else None


@lru_cache(maxsize=65536)
def names_once(predicate: str) -> bool:
    """Whether the predicate gives the name of a thing, of which there is one in a language: ``rdfs:label``,
    ``title``; not ``skos:altLabel`` or ``synonym``, which give further ones.
    """
    if name_rank(predicate) is None or predicate in _FURTHER:
        return False
    return predicate in NAME_PREDICATES or not _OTHER_NAMES.intersection(_words(_local_name(predicate)))


@lru_cache(maxsize=65536)
def gives_codes(predicate: str) -> bool:
    """Whether the predicate's name says that its values number things: ``isbn``, ``zipCode``."""
    return not _CODES.isdisjoint(_words(_local_name(predicate)))


def path_names(paths: Iterable[Sequence[str]]) -> list[str]:
    """What the attributes of a side are called, no two alike: the local names of their steps, with slashes.

    Those that would be called alike are called by all of their steps: with a usual prefix, or as they are.

    >>> path_names([("http://e.org/born", "http://e.org/at"), ("http://e.org/at",)])
    ['born/at', 'at']
    >>> path_names([("http://xmlns.com/foaf/0.1/name",), ("http://e.org/name",)])
    ['foaf:name', '<http://e.org/name>']

    :param paths: predicate IRIs, a step against the direction of the statements with ``^`` before it.
    """
    listed = list(paths)
    plain = ["/".join(map(_last_part, path)) for path in listed]
    often = Counter(plain)
    used = {name for name in plain if often[name] == 1}
    names = []
    for path, name in zip(listed, plain, strict=True):
        if often[name] > 1:
            name = "/".join(map(_prefixed, path))
            while name in used:  # an IRI may end in what looks like a prefixed name
                name += "'"
            used.add(name)
        names.append(name)
    return names


def _last_part(step: str) -> str:
    return step.rstrip("/#").replace("#", "/").rsplit("/", 1)[-1]


def _prefixed(step: str) -> str:
    """A step with a usual prefix, else in angle brackets; ``^`` before one that is turned."""
    turned, iri = step.startswith("^"), step.removeprefix("^")
    found = _SPLIT.match(iri)
    prefix = _USUAL.get(found["namespace"]) if found else None
    if found and prefix:
        iri = f"{prefix}:{found['local']}"
    elif ":" in iri:
        iri = f"<{iri}>"
    return f"^{iri}" if turned else iri


def _local_name(predicate: str) -> str:
    return re.split(r"[#/:]", predicate.rstrip("/#"))[-1]


def _words(local: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(local.replace("é", "e"))]
