"""Short forms of IRIs: which prefixes a set of IRIs gets, and each IRI's CURIE."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from kgalign.base.cores import in_order, slices
from kgalign.links.sssom_names import FIXED
from kgalign.rdf.prefixes import free_name
from kgalign.rdf.uris import as_uris
from kgalign.rdf.vocabulary import PREFIXES as CUSTOMARY

_NAMES = {space: name for name, space in (CUSTOMARY | FIXED | {"orcid": "https://orcid.org/"}).items()}
_MOST = 200
"""Namespaces of one kind that get a prefix; IRIs of rarer ones take the next shorter form."""

_BATCH = 1 << 16
"""IRIs that are looked at at once."""

_HIERARCHICAL = r"^(?P<space>[^:]*://.*[/#])[^/#]+$"
_OTHER = r"^(?P<space>.*[:/#])[^:/#]+$"
_BASE = r"^(?:(?P<host>[^:]*://[^/?#]*/).|(?P<scheme>[^:]*:)(?:[^/]|/[^/]|/$))"
_NO_SPACE = pa.scalar("", pa.large_string())


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Prefixes for a set of IRIs."""

    names: dict[str, str]
    """Namespace → prefix."""

    @classmethod
    def for_iris(cls, iris: Iterable[str] | pa.LargeStringArray) -> "Prefixes":
        """Choose prefixes: usual names where there are, and others as ``fused.ttl`` names them.

        Names follow the order of the namespaces. Only the most frequent namespaces get one, so that
        a million hosts do not make a million prefixes; what is left over is cut after its host, and
        given in full where that is rare too.
        """
        return cls({}).extended(iris)

    def extended(self, iris: Iterable[str] | pa.LargeStringArray) -> "Prefixes":
        """The same prefixes, and further ones for the IRIs that none of them fits."""
        column = _column(iris)
        places: Counter[tuple[str, str]] = Counter()
        # Copied, each for itself: a slice goes to others with all of the column.
        some = (pa.concat_arrays([column[rows]]) for rows in slices(len(column), _BATCH))
        for found in in_order(lambda iris: self._unfit(as_uris(iris)), some, heavy=True):
            places.update(found)
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

    def used_by(self, iris: Iterable[str] | pa.LargeStringArray) -> "Prefixes":
        """Those that the CURIEs of some IRIs begin with."""
        column = _column(iris)

        def places(rows: slice) -> list[int | None]:
            return self._places(as_uris(column[rows])).unique().to_pylist()  # type: ignore[no-any-return]

        used = set(chain.from_iterable(in_order(places, slices(len(column), _BATCH))))
        numbered = enumerate(self.names.items())
        return Prefixes({space: name for place, (space, name) in numbered if place in used})

    def curie(self, iri: str) -> str:
        """The CURIE of an IRI, or its URI in full where no prefix fits."""
        return self.curies([iri])[0]

    def curies(self, iris: Iterable[str] | pa.LargeStringArray) -> list[str]:
        """The CURIE of each IRI, or its URI in full where no prefix fits."""
        uris = as_uris(_column(iris))
        heads = [*(f"{name}:" for name in self.names.values()), ""]
        sizes = [*map(len, self.names), 0]
        places = self._places(uris).fill_null(len(self.names)).to_pylist()
        found = zip(places, uris.to_pylist(), strict=True)
        return [heads[place] + uri[sizes[place] :] for place, uri in found]

    def _places(self, uris: pa.LargeStringArray) -> pa.Int32Array:
        """(n,) number of the namespace that each URI is shortened by, null for none."""
        known = pa.array(self.names, pa.large_string())
        places = pc.index_in(_spaces(uris), known)
        return places if not places.null_count else pc.coalesce(places, pc.index_in(_bases(uris), known))

    def _unfit(self, uris: pa.LargeStringArray) -> Counter[tuple[str, str]]:
        """How often each namespace with each base is that of a URI which no prefix fits."""
        uris = uris.filter(pc.is_null(self._places(uris)))
        found = pa.table({"space": _spaces(uris), "base": _bases(uris)}).group_by(["space", "base"])
        told = found.aggregate([([], "count_all")]).to_pydict()
        pairs = zip(told["space"], told["base"], strict=True)
        return Counter(dict(zip(pairs, told["count_all"], strict=True)))


def _column(iris: Iterable[str] | pa.LargeStringArray) -> pa.LargeStringArray:
    return iris if isinstance(iris, pa.Array) else pa.array(iris, pa.large_string())


def _most_frequent(spaces: Counter[str]) -> set[str]:
    ordered = sorted(spaces.keys() - {""}, key=lambda space: (-spaces[space], space))
    return set(ordered[:_MOST])


def _spaces(uris: pa.LargeStringArray) -> pa.LargeStringArray:
    """All up to the last ``#``, ``/`` or ``:`` that something follows; nothing where there is none.

    Of a URI with a host, something is what comes after the host's slashes.
    """
    host = pc.match_substring_regex(uris, "^[^:]*://")
    space = pc.struct_field(pc.extract_regex(uris, _HIERARCHICAL), "space")
    if not pc.all(host, min_count=0).as_py():
        other = pc.struct_field(pc.extract_regex(uris, _OTHER), "space")
        space = pc.if_else(host, space, other)
    return pc.coalesce(space, _NO_SPACE)


def _bases(uris: pa.LargeStringArray) -> pa.LargeStringArray:
    """Scheme and host, or the scheme alone; nothing where nothing follows."""
    found = pc.extract_regex(uris, _BASE)
    host, scheme = (pc.struct_field(found, each) for each in ("host", "scheme"))
    return pc.coalesce(pc.if_else(pc.equal(host, _NO_SPACE), scheme, host), _NO_SPACE)
