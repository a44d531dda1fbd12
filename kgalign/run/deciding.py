"""Decisions of people on a finished run: taken in from files, made one by one, taken back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kgalign.decisions import FILE, Decision, Decisions, Relation, Verdict, read_all, read_decisions
from kgalign.decisions.decision import now
from kgalign.errors import InputError
from kgalign.export.curies import Prefixes
from kgalign.export.sssom import prefixes_of_run
from kgalign.links.pairs import PairIndex, entity_ids
from kgalign.pipeline import VOCABULARIES
from kgalign.rdf.uris import as_uri
from kgalign.records import Profile
from kgalign.records.vocabularies import Vocabularies
from kgalign.run.finished import Finished


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What came of a file of decisions."""

    read: int
    predictions: int
    """Mappings beside them that tools made and nobody looked at."""
    added: int
    """Of them, those that were not there yet."""
    strangers: tuple[Decision, ...]
    """Those that name no entity of these graphs; they were not added."""


def take_in(run: Path, path: Path) -> TakenIn:
    """Add the decisions of a file to those of a run, for the entities that it has.

    A pair may be written in either order. SSSOM writes IRIs as URIs: they are found all the same.

    :raises InputError: the file can't be read, or nothing in it is about these graphs.
    :raises RunError: there is no run, or its decisions can't be written.
    """
    finished = Finished(run)
    read = read_decisions(path)
    decisions = read.decisions
    found = _resolved(decisions, (finished.left, finished.right))
    known = [each for each in found if each is not None]
    strangers = tuple(own for own, each in zip(decisions, found, strict=True) if each is None)
    if strangers and not known:
        first = " and ".join(filter(None, strangers[0].pair))
        raise InputError(
            f"None of the {len(strangers)} decisions in {path} is about these graphs; the first: {first}",
            "Check that the file belongs to this run",
        )
    with Decisions.open(finished.folder.file(FILE)) as store:
        added = store.add(known)
    return TakenIn(len(decisions), read.predictions, added, strangers)


def decide(
    run: Path, left: str, right: str, verdict: Verdict, *, relation: Relation, by: str, why: str
) -> Decision:
    """Add one decision, of now.

    :param left: IRI of an entity of the left side; empty where nothing corresponds to the right one.
    :param right: of the right side.
    :raises InputError: a side has no such entity.
    :raises RunError: there is no run, or its decisions can't be written.
    """
    finished = Finished(run)
    wanted = Decision(left, right, verdict, relation, by=by, at=now(), why=why)
    [found] = _resolved([wanted], (finished.left, finished.right))
    if found is None:
        raise InputError(
            f"{' and '.join(filter(None, (left, right)))}: no such entity on each side",
            "Give IRIs as `kgalign explain` and worklist.csv show them",
        )
    decision = _with_probability(finished, found)
    with Decisions.open(finished.folder.file(FILE)) as store:
        store.add([decision])
    return decision


def undo(run: Path, known_by: str, *, by: str) -> tuple[Decision, Decision]:
    """Take a decision back, or an undo.

    :param known_by: its id or how that begins.
    :returns: what was taken back, and the undo.
    :raises InputError: no decision, or several, begin so.
    """
    finished = Finished(run)
    path = finished.folder.file(FILE)
    found = [each for each in read_all(path) if each.id.startswith(known_by)] if known_by else []
    if len(found) != 1:
        many = "no decision" if not found else f"{len(found)} decisions"
        raise InputError(
            f"{many} of {finished.folder} begins with {known_by!r}", "See `kgalign decisions list`"
        )
    made = found[0].undone(by)
    with Decisions.open(path) as store:
        store.add([made])
    return found[0], made


def decisions_of(run: Path) -> list[Decision]:
    """All decisions on a run, in their order.

    :raises RunError: there is no run, or its decisions are damaged.
    """
    return read_all(Finished(run).folder.file(FILE))


def prefixes_in(run: Path) -> Prefixes:
    """The prefixes that the exports of a run have in common.

    :raises RunError: there is no run, or its decisions are damaged.
    """
    finished = Finished(run)
    told = finished.vocabularies() if finished.offers(VOCABULARIES) else Vocabularies()
    return prefixes_of_run(finished.left, finished.right, told, finished.words())


def _resolved(decisions: Sequence[Decision], profiles: tuple[Profile, Profile]) -> list[Decision | None]:
    """The decisions with the IRIs of these graphs, left one first; None where they name no such entities."""
    names = [_by_uri(profile) for profile in profiles]

    def at(side: int, iri: str) -> str | None:
        if not iri:
            return ""
        return iri if entity_ids(profiles[side], [iri])[0] >= 0 else names[side].get(as_uri(iri))

    found: list[Decision | None] = []
    for each in decisions:
        straight = at(0, each.left), at(1, each.right)
        turned = at(0, each.right), at(1, each.left)
        if None not in straight:
            found.append(replace(each, left=str(straight[0]), right=str(straight[1])))
        elif None not in turned:
            swapped = _TURNED.get(each.relation, each.relation)
            found.append(replace(each, left=str(turned[0]), right=str(turned[1]), relation=swapped))
        else:
            found.append(None)
    return found


_TURNED = {Relation.BROAD: Relation.NARROW, Relation.NARROW: Relation.BROAD}


def _by_uri(profile: Profile) -> dict[str, str]:
    """URI → IRI of the entities whose IRI is no URI."""
    iris: list[str] = profile.entity_iri.to_pylist()
    return {uri: iri for iri in iris if (uri := as_uri(iri)) != iri}


def _with_probability(finished: Finished, decision: Decision) -> Decision:
    """The decision with what the run gave to its pair, if it judged it."""
    ends = (
        entity_ids(side, [iri])
        for side, iri in zip((finished.left, finished.right), decision.pair, strict=True)
    )
    verdicts = finished.verdicts
    row = PairIndex(verdicts.left, verdicts.right).rows(*ends)[0]
    return decision if row < 0 else replace(decision, probability=round(float(verdicts.probability[row]), 6))
