"""Short forms of IRIs: which prefixes a set of IRIs gets, and each IRI's CURIE."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from kgalign.links.sssom_names import FIXED
from kgalign.rdf.prefixes import free_name
from kgalign.rdf.uris import as_uri
from kgalign.rdf.vocabulary import PREFIXES as CUSTOMARY

_NAMES = {space: name for name, space in (CUSTOMARY | FIXED | {"orcid": "https://orcid.org/"}).items()}
_MOST = 200
"""Namespaces of one kind that get a prefix; IRIs of rarer ones take the next shorter form."""

_HIERARCHICAL = re.compile(r"[^:]*://")
_BASE = re.compile(r"[^:]*://[^/?#]*/|[^:]*:(?!//)")


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Prefixes for a set of IRIs."""

    names: dict[str, str]
    """Namespace → prefix."""

    @classmethod
    def for_iris(cls, iris: Iterable[str]) -> "Prefixes":
        """Choose prefixes: usual names where there are, and others as ``fused.ttl`` names them.

        Names follow the order of the namespaces. Only the most frequent namespaces get one, so that
        a million hosts do not make a million prefixes; what is left over is cut after its host, and
        given in full where that is rare too.
        """
        return cls({}).extended(iris)

    def extended(self, iris: Iterable[str]) -> "Prefixes":
        """The same prefixes, and further ones for the IRIs that none of them fits."""
        uris = (uri for uri in map(as_uri, iris) if self._place(uri) is None)
        places: Counter[tuple[str, str]] = Counter((_space(uri), _base(uri)) for uri in uris)
        spaces: Counter[str] = Counter()
        for (space, _), count in places.items():
            spaces[space] += count
        chosen = _most_frequent(spaces)
        bases: Counter[str] = Counter()
        for (space, base), count in places.items():
            if space not in chosen:
                bases[base] += count
        # Without ``//`` a whole URI would be taken for a CURIE: these always get a prefix.
        chosen |= _most_frequent(bases) | {base for base in bases if "//" not in base} - {""}
        names = {space: _NAMES[space] for space in sorted(chosen & _NAMES.keys())}
        taken = {*self.names.values(), *_NAMES.values()}
        for space in sorted(chosen - _NAMES.keys()):
            names[space] = free_name(space, taken)
            taken.add(names[space])
        return Prefixes(self.names | names)

    def used_by(self, iris: Iterable[str]) -> "Prefixes":
        """Those that the CURIEs of some IRIs begin with."""
        used = {self._place(as_uri(iri)) for iri in iris}
        return Prefixes({space: name for space, name in self.names.items() if space in used})

    def _place(self, uri: str) -> str | None:
        """The namespace that a URI is shortened by, None for none."""
        return next((space for space in (_space(uri), _base(uri)) if space in self.names), None)

    def curie(self, iri: str) -> str:
        """The CURIE of an IRI, or its URI in full where no prefix fits."""
        uri = as_uri(iri)
        space = self._place(uri)
        return uri if space is None else f"{self.names[space]}:{uri[len(space) :]}"


def _most_frequent(spaces: Counter[str]) -> set[str]:
    ordered = sorted(spaces.keys() - {""}, key=lambda space: (-spaces[space], space))
    return set(ordered[:_MOST])


def _space(uri: str) -> str:
    """All up to the last ``#``, ``/`` or ``:`` that something follows; nothing where there is none."""
    host = _HIERARCHICAL.match(uri)
    end = max(uri.rfind(mark) for mark in ("#/" if host else "#/:")) + 1
    return uri[:end] if end < len(uri) and (host is None or end > host.end()) else ""


def _base(uri: str) -> str:
    """Scheme and host, or the scheme alone; nothing where nothing follows."""
    found = _BASE.match(uri)
    return found[0] if found and found.end() < len(uri) else ""
