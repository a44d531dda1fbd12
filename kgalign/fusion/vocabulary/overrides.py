"""What the user says of properties and classes: held against the graphs, and against itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from kgalign.errors import ConfigError
from kgalign.rdf.names import local_name
from kgalign.records.vocabularies import INVERSE, Override

_TYPO = 0.75
"""Likeness of local names in one namespace from which the one is taken for a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the user says of properties, or of classes."""

    plural: str
    known: tuple[frozenset[str], frozenset[str]]
    """What each graph uses."""
    overrides: tuple[Override, ...]
    """All that was said."""
    pairs: tuple[Override, ...]
    """What was said of what the graphs use, and of what they don't by a slip of the pen."""
    standard: tuple[tuple[str, str], ...]
    """What a graph uses, and the name for it that neither does."""
    warnings: tuple[str, ...]

    @property
    def to_nothing(self) -> frozenset[str]:
        """What is mapped to nothing."""
        return frozenset(a or b.removeprefix(INVERSE) for a, b in self.overrides if not (a and b))


def said_of(
    overrides: Iterable[Override], singular: str, plural: str, left: frozenset[str], right: frozenset[str]
) -> Said:
    """Sort out what is said: which IRIs the graphs use, which are new names, and which are mistyped."""
    given = tuple(dict.fromkeys(overrides))
    known = left, right
    pairs, standard, warnings = [], [], []
    for pair in given:
        new = _new_name(pair, known)
        if new is not None:
            standard.append(new)
            warnings.append(f"Neither graph has the {singular} {new[1]}: it becomes the name of {new[0]}")
            continue
        pairs.append(pair)
        for side, iri in zip(("left", "right"), pair, strict=True):
            iri, there = iri.removeprefix(INVERSE), known[side == "right"]
            if iri and iri not in there:
                warnings.append(f"The {side} graph has no {singular} {iri}{_hint(iri, there)}")
    return Said(plural, known, given, tuple(pairs), tuple(standard), tuple(warnings))


def _new_name(pair: Override, known: tuple[frozenset[str], frozenset[str]]) -> tuple[str, str] | None:
    """What is renamed, and to what: where one end is used by its graph, and the other by none."""
    for side in (0, 1):
        old, new = pair[side], pair[1 - side]
        if not (old and new) or new.startswith(INVERSE) or old not in known[side]:
            continue
        if new not in known[0] | known[1] and not _is_typo(new, known[1 - side]):
            return old, new
    return None


def _is_typo(iri: str, known: frozenset[str]) -> bool:
    name = local_name(iri)
    space = iri.removesuffix(name)
    names = [each.removeprefix(space).casefold() for each in known if each.startswith(space)]
    return bool(get_close_matches(name.casefold(), names, 1, _TYPO))


def _hint(iri: str, known: Iterable[str]) -> str:
    near = get_close_matches(iri, sorted(known), 1, 0.6)
    return f"; did you mean {near[0]}?" if near else ""


def check(said: Said, keep: frozenset[str], one_to_one: bool) -> None:
    """Refuse what contradicts itself.

    :param keep: what shall stay as it is.
    :param one_to_one: whether two for one are a contradiction.
    :raises ConfigError: two things are said of one.
    """
    faults = []
    for side in (0, 1):
        partners: dict[str, list[str]] = {}
        for pair in said.overrides:
            if key := pair[side].removeprefix(INVERSE):
                partners.setdefault(key, []).append(pair[1 - side])
        for key, others in partners.items():
            named = " and ".join(f"to {other}" if other else "to nothing" for other in others)
            if len(others) > 1 and (one_to_one or "" in others):
                faults.append(f"{key} is mapped {named}")
            elif key in keep and any(others):
                faults.append(f"{key} is mapped {named} and shall stay as it is")
    if any(not a and not b for a, b in said.overrides):
        faults.append("an entry names neither side")
    if faults:
        raise ConfigError(faults, f"The mapping of {said.plural}")


def unknown(keep: Iterable[str], said: Sequence[Said]) -> list[str]:
    """One sentence for each IRI to be kept that no graph uses, with the nearest that one does."""
    known = frozenset().union(*(iris for each in said for iris in each.known))
    return [
        f"Neither graph has a property or class {iri}{_hint(iri, known)}" for iri in sorted(set(keep) - known)
    ]
