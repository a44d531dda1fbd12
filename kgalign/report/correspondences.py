"""What corresponds in the two vocabularies, what was in conflict, and whom was trusted."""

from collections import Counter
from collections.abc import Iterator

from kgalign.base.notebook import Html
from kgalign.rdf.names import local_name
from kgalign.records.conflicts import index_of
from kgalign.records.fused import Fusion, SourceTrust
from kgalign.records.vocabularies import Target, Vocabularies, class_objection, objection
from kgalign.report.findings import Findings
from kgalign.report.page import Section, joined, paragraph, table

_PROPERTIES, _CLASSES, _TRUSTED, _FAULTS, _COUNTED = 30, 15, 16, 10, 12


def correspondences(found: Findings) -> Section:
    """Properties and classes of the two graphs that say the same."""
    known = found.vocabularies
    chosen = [each.chosen for each in known.properties] + [each.chosen for each in known.classes]
    if not any(chosen):
        words = "No property and no class was found to correspond: there are too few links."
        return Section("vocabularies", "Properties and classes", paragraph(words))
    parts = [
        *_table("properties", list(_properties(known, found.target)), _PROPERTIES),
        *_table("classes", list(_classes(known, found.target)), _CLASSES),
    ]
    return Section("vocabularies", "Properties and classes", joined(parts))


def _table(what: str, rows: list[tuple[object, ...]], most: int) -> Iterator[Html]:
    if rows:
        shown = (
            f"{most} of {len(rows):,} {what} that correspond"
            if len(rows) > most
            else f"{what} that correspond"
        )
        headings = ("left", "", "right", "score", "pairs", "in the fused graph", "example")
        yield table(shown.capitalize(), headings[: len(rows[0])], rows[:most])


def _properties(known: Vocabularies, target: Target) -> Iterator[tuple[object, ...]]:
    for each in known.properties:
        if each.chosen:
            right = f"inverse of {local_name(each.right)}" if each.inverse else local_name(each.right)
            example = " = ".join(text[:40] for text in each.examples[0]) if each.examples else ""
            fate = _fate(each.left == each.right and not each.inverse, objection(each, target))
            yield local_name(each.left), each.relation, right, float(each.score), each.support, fate, example


def _classes(known: Vocabularies, target: Target) -> Iterator[tuple[object, ...]]:
    for each in known.classes:
        if each.chosen:
            fate = _fate(each.left == each.right, class_objection(each, target))
            ends = local_name(each.left), each.relation, local_name(each.right)
            yield (*ends, float(each.score), each.support, fate)


def _fate(same: bool, against: str) -> str:
    if same:
        return "one name on both sides"
    return f"two names: {against}" if against else "renamed"


def disagreements(found: Findings) -> Section:
    """Where the graphs say different things of one node, what decided, and how far each is trusted."""
    fusion = found.fusion
    count = fusion.counts
    words = paragraph(
        f"{count.conflicts:,} conflicts: {count.lost:,} statements lost, {count.counted:,} went into a "
        f"computed value; {count.duplicates:,} say the same as another one, and {count.agreeing:,} say it in "
        "another form."
    )
    parts = [words, *_conflicts(fusion), *_trust(fusion), *_faults(fusion)]
    return Section("conflicts", "Conflicts and trust", joined(parts))


def _conflicts(fusion: Fusion) -> Iterator[Html]:
    if not fusion.counts.conflicts:
        return
    index = index_of(fusion)
    pairs = Counter(zip(index.property.tolist(), index.rule.tolist(), strict=True))
    rows = [
        (local_name(fusion.text(term)), fusion.rules[rule] if rule >= 0 else "", number)
        for (term, rule), number in sorted(pairs.items(), key=lambda each: (-each[1], each[0]))[:_COUNTED]
    ]
    shown = f" ({_COUNTED} of {len(pairs):,})" if len(pairs) > _COUNTED else ""
    yield table(f"Conflicts by property and rule{shown}", ("property", "decided by", "conflicts"), rows)


def _trust(fusion: Fusion) -> Iterator[Html]:
    learned = [each for each in fusion.trust if each.compared]
    if learned:
        ordered = sorted(learned, key=lambda each: -each.compared)
        rows = [_trusted(each) for each in ordered[:_TRUSTED]]
        shown = f" ({_TRUSTED} of {len(learned):,})" if len(learned) > _TRUSTED else ""
        headings = ("property", "source", "claims", "compared", "right", "near")
        yield table(f"How far each source was trusted, learned without gold{shown}", headings, rows)


def _trusted(each: SourceTrust) -> tuple[object, ...]:
    names = ", ".join(map(local_name, each.properties))
    return names, each.source, each.claims, round(each.compared), float(each.right), float(each.near)


def _faults(fusion: Fusion) -> Iterator[Html]:
    if fusion.faults:
        rows = [
            (", ".join(map(local_name, each.properties)), each.source, each.text)
            for each in fusion.faults[:_FAULTS]
        ]
        yield table("Systematic faults of a source", ("property", "source", "fault"), rows, 160)
