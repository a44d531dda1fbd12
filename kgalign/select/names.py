"""Names that stand in IRIs: which namespaces carry readable local names, and how they read."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from kgalign.arrays import Flags
from kgalign.rdf.graph import Graph, Ids, TermKind

_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"(?<!\d)(?<![^\W\d_])[^\W\d_]{3,}(?![^\W_])")
_DIGITS = re.compile(r"\d")
_IDENTIFIER = re.compile(r"^[0-9a-fA-F]{8}[0-9a-fA-F-]{8,}$")
_SMALL_NAMESPACE = 5
_MUCH_LARGER = 20
_FEW = 3
_FIRST_WIDE_SCRIPT = "\u2e80"


@dataclass(frozen=True, slots=True)
class LocalNames:
    """What the IRIs of a graph's nodes say by themselves."""

    text: pa.LargeStringArray
    """(terms,) how the local name of an IRI reads; null for everything but the IRIs of nodes."""
    readable: Flags
    """(terms,) whether it can serve as a name."""
    namespace: Ids
    """(terms,) the number of the IRI's namespace; -1 for everything but the IRIs of nodes."""

    @property
    def spoken(self) -> Flags:
        """(terms,) whether an IRI that is a value is read as the name in it.

        Names that share their namespace with others: an address of a page, alone on its host, stays one.
        """
        members = np.bincount(self.namespace + 1)
        members[0] = 0
        return self.readable & (members >= _FEW)[self.namespace + 1]


def find_local_names(graph: Graph, nodes: Flags) -> LocalNames:
    """Read the local names of all nodes that have an IRI.

    :param nodes: (terms,) which terms are nodes.
    """
    terms = len(graph.terms)
    ids = np.flatnonzero(nodes & (graph.terms.kind == TermKind.IRI))
    spaces, locals_ = split_namespaces(graph.terms.value.take(pa.array(ids)).to_pylist())
    spelt = [spell(local) for local in locals_]
    numbers = {space: number for number, space in enumerate(sorted(set(spaces)))}
    code = np.fromiter(map(numbers.__getitem__, spaces), np.int32, len(spaces))
    readable = np.zeros(terms, dtype=bool)
    namespace = np.full(terms, -1, dtype=np.int32)
    namespace[ids] = code
    ends = np.cumsum(np.bincount(code, minlength=len(numbers)))
    for positions in np.split(np.argsort(code, kind="stable"), ends[:-1]) if numbers else ():
        readable[ids[positions]] = are_names([spelt[position] for position in positions.tolist()])
    row = np.full(terms, len(ids), dtype=np.int64)
    row[ids] = np.arange(len(ids))
    text = pa.array([*spelt, None], type=pa.large_string()).take(pa.array(row))
    return LocalNames(text, readable, namespace)


def split_namespaces(iris: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split IRIs into namespaces and local names, with an eye on how often a namespace is used.

    A local name may itself hold a slash (``…/resource/AC/DC``): where what stands before the last
    slash is the namespace of few IRIs, and a shorter prefix is that of many, the shorter one wins.

    :returns: namespaces and local names, each as long as ``iris``.
    """
    # Most have no fragment, and are cut at the last slash.
    found = [iri[: ("#" not in iri and iri.rfind("/", 0, -1) + 1) or _last_cut(iri)] for iri in iris]
    counts = Counter(found)
    large = {space for space, count in counts.items() if count >= _MUCH_LARGER and not space.endswith("://")}
    lengths = sorted({len(space) for space in large}, reverse=True)

    def host_of(space: str, count: int) -> str:
        for length in lengths if count < _SMALL_NAMESPACE else ():
            prefix = space[:length]
            if length < len(space) and prefix in large and counts[prefix] >= _MUCH_LARGER * count:
                return prefix
        return space

    hosts = {space: host_of(space, count) for space, count in counts.items()}
    spaces = [hosts[space] for space in found]
    return spaces, [iri[len(space) :] for iri, space in zip(iris, spaces, strict=True)]


def _last_cut(iri: str) -> int:
    hash_at = iri.rfind("#", 0, len(iri) - 1)
    if hash_at >= 0 and iri[hash_at + 1 :] not in ("id", "this", "it", "me"):
        return hash_at + 1
    end = len(iri) if hash_at < 0 else hash_at
    cut = iri.rfind("/", 0, end - 1) + 1
    return cut or iri.rfind(":") + 1


def spell(local: str) -> str:
    """How a local name reads: percent signs decoded, underscores and camel case as spaces.

    >>> spell("S%C3%A3o_Paulo")
    'São Paulo'
    >>> spell("birthPlace")
    'birth Place'
    """
    if local.isalnum() and (local.isdecimal() or local[1:].islower()):
        return local
    text = _CONTROL.sub(" ", unquote(local)) if "%" in local else local
    text = text.replace("_", " ").strip()
    if " " not in text:
        text = _CAMEL.sub(" ", text)
    return " ".join(text.split())


def are_names(texts: Sequence[str]) -> bool:
    """Whether a namespace's local names, as they read, are names, and not numbers, hashes or serial ids.

    They are where most hold a word, and where most still differ once digits are taken away.
    """
    others = [text for text in texts if not text.isdecimal()]
    runs = [_LETTERS.findall(text) for text in others] + [[]] * (len(others) < len(texts))
    good = sum(_is_word(text, letters) for text, letters in zip(others, runs, strict=False))
    if good < 0.5 * len(texts):
        return False
    words = {"".join(letters).casefold() for letters in runs}
    return len(texts) < _SMALL_NAMESPACE or len(words) >= 0.5 * len(texts)


def _is_word(text: str, runs: Sequence[str]) -> bool:
    if not runs or _IDENTIFIER.match(text):
        return False
    # Letters among digits (``02mjmr``) are an identifier's. Chinese, Japanese and Korean names are
    # short: one character is a word there.
    if not _WORDS.search(text) and not any(max(run) >= _FIRST_WIDE_SCRIPT for run in runs):
        return False
    letters, digits = sum(map(len, runs)), len(_DIGITS.findall(text))
    return digits <= 0.4 * (letters + digits)
