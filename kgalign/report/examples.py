"""A few pairs in full: one of each kind that a person would ask for, both records and every comparison."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa

from kgalign.base.notebook import Html, html
from kgalign.charts import step_bar
from kgalign.explain import Line, PairExplanation
from kgalign.rdf.names import local_name
from kgalign.records import Outcome, Profile
from kgalign.records.conflicts import Conflict, conflicts, index_of
from kgalign.records.votes import Status, Vote
from kgalign.report.findings import Findings
from kgalign.report.page import Figure, Section, beside, joined, paragraph, table, value

_ROWS = 10
"""Properties of a record that are shown ..."""
_VALUES = 3
"""... and values of each."""
_LINES = 9
"""Comparisons that are shown one by one; the others are added up."""
_NOTHING = 0.005
"""Log-odds below which a comparison adds nothing that is to be seen."""
_VOTES = 8
_STATEMENTS = 6
_IRI = 100
"""Characters of an IRI."""
_CASES = 500
"""Cases that are looked through for an answer that was made up."""
_MADE_UP = {Status.NOT_OFFERED: "chose what was not offered", Status.INVENTED: "cited what it was not shown"}
_ALWAYS = ("prior", "rivals", "student")


@dataclass(frozen=True, slots=True)
class Example:
    """A pair to look at."""

    kind: str
    why: str
    left: int
    right: int
    conflict: Conflict | None = None


def examples(found: Findings) -> Section:
    """One pair of each kind that there is."""
    shown: list[Html] = []
    seen: set[tuple[int, int]] = set()
    for each in _chosen(found):
        if (each.left, each.right) not in seen:
            seen.add((each.left, each.right))
            shown.append(_article(found, each))
    return Section("examples", "Examples", joined(shown) or paragraph("There is no pair to show."))


def _chosen(found: Findings) -> Iterator[Example]:
    yield from _sure(found)
    yield from _doubtful(found)
    yield from _in_conflict(found)
    yield from _outvoted(found)
    yield from _made_up(found)


def _sure(found: Findings) -> Iterator[Example]:
    """Of the links that were found, the one in the middle by the sum of its evidence."""
    verdicts, alignment = found.verdicts, found.alignment
    rows = np.flatnonzero((alignment.outcome == Outcome.MATCH) & (alignment.verdict >= 0))
    if len(rows):
        judged = alignment.verdict[rows]
        middle = judged[np.lexsort((judged, verdicts.log_odds[judged]))][len(rows) // 2]
        why = "Of all links that were found, half have more evidence and half have less."
        yield Example("A usual link", why, int(verdicts.left[middle]), int(verdicts.right[middle]))


def _doubtful(found: Findings) -> Iterator[Example]:
    """The likeliest mistakes: a link, and one that was not linked; and what is widest open."""
    listed = found.worklist
    for linked, kind, why in (
        (
            True,
            "The most doubtful link",
            "The likeliest of all links to be wrong, and the first of them in the worklist.",
        ),
        (False, "The likeliest miss", "Not linked, and the likeliest to have a partner all the same."),
    ):
        rows = np.flatnonzero(listed.linked == linked)
        if len(rows):
            yield Example(kind, why, int(listed.left[rows[0]]), int(listed.right[rows[0]]))
    alignment = found.alignment
    rows = np.flatnonzero(found.waiting & (alignment.verdict >= 0))
    if len(rows):
        place = rows[np.argmin(np.abs(alignment.probability[rows] - 0.5))]
        why = "Of what is left to people, the pair that is nearest to one half."
        yield Example("Undecided", why, int(alignment.left[place]), int(alignment.right[place]))


def _in_conflict(found: Findings) -> Iterator[Example]:
    """The first linked pair whose records say different things of which one lost."""
    fusion, alignment = found.fusion, found.alignment
    linked = np.flatnonzero(found.linked)
    if not fusion.counts.conflicts or not len(linked):
        return
    nodes = fusion.left_term[found.left.entity_term[alignment.left[linked]]]
    numbers = np.flatnonzero(np.isin(index_of(fusion).subject, nodes))
    if len(numbers):
        [conflict] = conflicts(fusion, numbers[:1])
        node = index_of(fusion).subject[numbers[0]]
        place = linked[np.flatnonzero(nodes == node)[0]]
        why = f"The two are one, and say different things of {local_name(conflict.property)}."
        yield Example("A conflict", why, int(alignment.left[place]), int(alignment.right[place]), conflict)


def _outvoted(found: Findings) -> Iterator[Example]:
    """Where votes moved a pair furthest over the threshold."""
    hearing, half = found.hearing, found.match_probability
    decided = np.isin(hearing.outcome, (Outcome.MATCH, Outcome.NO_MATCH))
    crossed = np.flatnonzero(decided & ((hearing.prior >= half) != (hearing.probability >= half)))
    if len(crossed):
        moved = np.abs(hearing.probability[crossed] - hearing.prior[crossed])
        row = int(hearing.row[crossed[np.argmax(moved)]])
        before, after = (
            float(each[crossed[np.argmax(moved)]]) for each in (hearing.prior, hearing.probability)
        )
        why = f"The evidence gave {before:.3f}, and after the votes of a model it is {after:.3f}."
        yield Example("Voted against the evidence", why, *_pair(found, row))


def _made_up(found: Findings) -> Iterator[Example]:
    """The first case in which a model chose or cited what it was not shown."""
    seen: set[str] = set()
    for row, case in zip(found.hearing.row.tolist(), found.hearing.case.to_pylist(), strict=True):
        if case in seen:
            continue
        seen.add(case)
        for vote in found.votes(case):
            if vote.answer.status in _MADE_UP:
                yield Example("A hallucination", _told(vote), *_pair(found, row))
                return
        if len(seen) >= _CASES:
            return


def _told(vote: Vote) -> str:
    """What was made up, in words."""
    cited = (each.value for each in vote.answer.citations if not each.found)
    said = next(cited, "") or vote.reply
    return (
        f"In vote {vote.question.number + 1} {vote.model[:_IRI]} {_MADE_UP[vote.answer.status]}: "
        f"{said[:_IRI]}. Such a vote does not count."
    )


def _pair(found: Findings, row: int) -> tuple[int, int]:
    return int(found.verdicts.left[row]), int(found.verdicts.right[row])


def _article(found: Findings, example: Example) -> Html:
    """The pair: why it is shown, both records side by side, the waterfall, and what was in conflict."""
    iris = found.left.entity_iri[example.left].as_py(), found.right.entity_iri[example.right].as_py()
    explained = found.explainer.pair(*iris, side="left").pairs
    names = found.left.entity_name[example.left].as_py(), found.right.entity_name[example.right].as_py()
    records = [
        _record(found.left, example.left, f"left: {iris[0]}"),
        _record(found.right, example.right, f"right: {iris[1]}"),
    ]
    parts = [
        Html(f"<article><h3>{html(example.kind)}: {value(names[0])} and {value(names[1])}</h3>"),
        paragraph(example.why),
        beside(*records),
        *(_waterfall(each) for each in explained),
        *([_conflict(example.conflict)] if example.conflict else []),
        Html("</article>"),
    ]
    return joined(parts)


def _record(profile: Profile, entity: int, caption: str) -> Html:
    """The values of an entity, property by property."""
    start, end = np.searchsorted(profile.value_entity, [entity, entity + 1])
    places = profile.value_attribute[start:end].tolist()
    texts = profile.texts.take(pa.array(profile.value_text[start:end])).to_pylist()
    rows: list[tuple[object, object]] = []
    for attribute, group in groupby(zip(places, texts, strict=True), key=lambda each: each[0]):
        values = [text for _, text in group]
        path = " / ".join(local_name(step) for step in profile.attributes[attribute].path)
        more = f" and {len(values) - _VALUES:,} more" if len(values) > _VALUES else ""
        rows.append((path, joined([Html("<br>".join(value(text) for text in values[:_VALUES])), html(more)])))
    more = f" ({_ROWS} of {len(rows):,} properties)" if len(rows) > _ROWS else ""
    return table(f"{caption[:_IRI]}{more}", ("property", "value"), rows[:_ROWS])


def _waterfall(pair: PairExplanation) -> Html:
    """What each comparison adds, and the sum so far; that first, which a phone has room for."""
    lines = list(_short(pair.lines))
    sums = [0.0, *(line.running for line in pair.lines)]
    low, high = min(sums), max(sums)
    rows = [
        (
            line.feature,
            Figure(f"{line.contribution:+.2f}"),
            step_bar(line.running - line.contribution, line.running, low, high),
            Figure(f"{line.probability:.3f}"),
            line.level or "nothing to compare",
            " | ".join(line.left),
            " | ".join(line.right),
        )
        for line in lines
    ]
    sure = f"probability {pair.probability:.3f}, sum {pair.log_odds:+.2f}"
    headings = ("comparison", "adds", "sum", "probability", "level", "left", "right")
    return table(f"Why: {pair.outcome}, {sure}", headings, rows)


def _short(lines: Sequence[Line]) -> Iterator[Line]:
    """The lines in their order; of comparisons and votes the first ones, the others of each run in one."""
    left = {"vote": _VOTES, "": _LINES}
    shown: list[tuple[bool, Line]] = []
    for line in lines:
        kind = "vote" if line.kind == "vote" else ""
        adds = bool(kind) or abs(line.contribution) >= _NOTHING
        left[kind] -= line.kind not in _ALWAYS
        shown.append((line.kind in _ALWAYS or (adds and left[kind] >= 0), line))
    for whole, group in groupby(shown, key=lambda each: each[0]):
        listed = [line for _, line in group]
        if whole or len(listed) == 1:
            yield from listed
        else:
            total = math.fsum(line.contribution for line in listed)
            last = listed[-1]
            yield Line(f"{len(listed)} more", "", "added up", (), (), total, last.running, last.probability)


def _conflict(conflict: Conflict) -> Html:
    """What the sources say, and what became of it."""
    rows = [
        (each.source or "computed", each.value, each.role, each.reason or "")
        for each in conflict.statements[:_STATEMENTS]
    ]
    return table(f"In conflict: {local_name(conflict.property)}", ("source", "value", "fate", "why"), rows)
