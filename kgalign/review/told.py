"""What the page is told beside its questions: the estimate, what the run learned, and groups as pictures."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from kgalign.charts import Line, network
from kgalign.decisions import Verdict
from kgalign.estimate import Estimate, Share
from kgalign.evaluate.mistakes import Named
from kgalign.report import Change, Changes
from kgalign.review.groups import Group
from kgalign.review.learning import State
from kgalign.review.session import Review

MOST_CHANGES = 100
"""Links that are named of those that changed; how many there are is said."""


def estimate_lines(found: Estimate) -> list[str]:
    """How good the run is, in sentences."""
    looks = f"after {found.looks:,} {'look' if found.looks == 1 else 'looks'}"
    shares = [("Precision", found.precision), ("recall", found.recall)]
    lines = [f"{', '.join(f'{name} {_interval(each)}' for name, each in shares)}, {looks}", found.certainty]
    if not found.looks:
        lines.append("Nobody looked yet: these are what the run expects")
    if found.outside:
        lines.append(f"{found.outside:,} known outside the order: known, but no sample")
    return [f"{each}." for each in lines]


def _interval(share: Share) -> str:
    if share.low is None or share.high is None:
        return "unknown"
    return f"{share.low:.3f} to {share.high:.3f}"


def learning_told(state: State) -> dict[str, object]:
    """How a learning stands."""
    progress = state.progress
    return {
        "number": state.number,
        "running": state.running,
        "task": progress.task if progress else "",
        "share": progress.done / progress.total if progress and progress.total else None,
        "fault": state.fault,
        "changes": _changes(state.changes) if state.changes else None,
    }


def _changes(changes: Changes) -> dict[str, object]:
    shown = changes.changes[:MOST_CHANGES]
    return {
        "summary": changes.summary,
        "shown": [_change(each) for each in shown],
        "more": len(changes.changes) - len(shown),
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "kind": change.kind.value,
        "left": _name(change.left),
        "right": _name(change.right),
        "was": _name(change.was) if change.was else "",
        "tipped": change.tipped,
    }


def _name(named: Named) -> str:
    return named.name or named.iri


def group_told(review: Review, by: str, group: Group) -> dict[str, object]:
    """A group as a picture with a place on each of its links, and the links."""
    names = [review.left.name(each) for each in group.left], [review.right.name(each) for each in group.right]
    links = [(group.left[one], group.right[other]) for one, other in group.links]
    iris = [(review.left.iri(one), review.right.iri(other)) for one, other in links]
    cut = [_is_cut(review, by, *each) for each in iris]
    lines = [Line(*ends, gone) for ends, gone in zip(group.links, cut, strict=True)]
    drawn = network(*names, lines, "What the run links with each other")
    told = zip(iris, group.links, cut, drawn.handles, strict=True)
    return {
        "picture": tree(drawn.picture),
        "links": [
            {
                "left": {"iri": one, "name": names[0][at]},
                "right": {"iri": other, "name": names[1][to]},
                "cut": gone,
                "place": list(place),
            }
            for (one, other), (at, to), gone, place in told
        ],
        "more": group.more,
    }


def _is_cut(review: Review, by: str, left: str, right: str) -> bool:
    said = review.answers.said(left).get(by, {}).get(right)
    return said is not None and said.verdict is Verdict.DIFFERENT


def tree(picture: str) -> list[Any]:
    """A picture as lists: tag, attributes, and what is inside. The page makes its elements of them one by
    one, and so neither markup nor a style of its own reaches it.
    """
    return _element(ElementTree.fromstring(picture))


def _element(element: ElementTree.Element) -> list[Any]:
    attributes = {name: value for name, value in element.attrib.items() if name != "style"}
    return [element.tag.rpartition("}")[2], attributes, list(_inside(element))]


def _inside(element: ElementTree.Element) -> Iterator[Any]:
    if element.text:
        yield element.text
    for each in element:
        yield _element(each)
        if each.tail:
            yield each.tail
