"""What an explanation holds: the evidence of pairs line by line, their records, and who said what of them."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from kgalign.base.notebook import Html, html, html_table
from kgalign.evaluate.mistakes import Named
from kgalign.explain.people import Word
from kgalign.explain.values import Fact, ForModels
from kgalign.explain.words import level_in_words

HEADINGS = ("evidence", "level", "left", "right", "adds", "sum", "probability")
"""What a line of the waterfall says, in order; see :meth:`Line.cells`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the waterfall."""

    feature: str
    kind: str
    level: str
    """What the level reached means; empty where there was nothing to compare."""
    left: tuple[str, ...]
    right: tuple[str, ...]
    """Some of the values that were compared, where the feature compares values of attributes."""
    contribution: float
    """Natural log-odds that it adds."""
    running: float
    """Sum of the log-odds so far."""
    probability: float
    """What the sum so far means, ``1 / (1 + exp(-running))``."""

    def cells(self) -> tuple[str, ...]:
        """What stands below :data:`HEADINGS`."""
        return (
            self.feature,
            level_in_words(self.kind, self.level),
            " | ".join(self.left),
            " | ".join(self.right),
            f"{self.contribution:+.2f}",
            f"{self.running:+.2f}",
            f"{self.probability:.3f}",
        )


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Two linked entities that stand next to the two of a pair."""

    left_relation: str
    left: str
    right_relation: str
    right: str
    """IRIs of the relations (``^`` before one that points here), names of the neighbours."""

    def __str__(self) -> str:
        return f"{self.left_relation} {self.left} ~ {self.right_relation} {self.right}"


@dataclass(frozen=True, slots=True)
class PairExplanation:
    """Why one candidate pair has its outcome."""

    role: Literal["chosen", "runner-up", "asked"]
    left: Named
    right: Named
    outcome: str
    given: bool
    """Whether the pair was known from the start."""
    probability: float
    """Calibrated, as the verdict has it; 1 for a pair known from the start, whatever its evidence."""
    log_odds: float
    rank: int
    """Among the left entity's candidates; 0 where it is none of them."""
    ranks: dict[str, int]
    """Channel → rank, 0 where the channel did not retrieve the pair."""
    lines: tuple[Line, ...]
    neighbours: tuple[Neighbour, ...]
    for_models: tuple[ForModels, ...] = ()
    """Values of the two that give orders to a model, or look like a part of its prompt."""
    left_record: tuple[Fact, ...] = ()
    right_record: tuple[Fact, ...] = ()
    """All that the two records say."""
    decided: tuple[Word, ...] = ()
    """Who said what of the two: people, files of known links, the graphs themselves."""

    def headline(self) -> tuple[str, ...]:
        """Its role and outcome, and what was known of the pair before anything was compared, in lines."""
        known = " (known from the start)" if self.given else ""
        ranks = ", ".join(f"{channel} {rank or '-'}" for channel, rank in self.ranks.items())
        return (
            f"{self.role}: {self.outcome}{known}",
            *map(str, self.decided),
            f"left  {self.left.iri}  {self.left.name}",
            f"right {self.right.iri}  {self.right.name}",
            f"log-odds {self.log_odds:+.2f}, probability {self.probability:.4f}",
            f"retrieved at rank {self.rank or '-'} ({ranks})",
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about an entity or a pair."""

    asked: tuple[Named, ...]
    summary: str
    """One sentence."""
    pairs: tuple[PairExplanation, ...]
    decided: tuple[Word, ...] = ()
    """What was said of what was asked for, and stands with none of the pairs."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists, for JSON."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"<Explanation: {self.summary}>"

    def _repr_html_(self) -> str:
        words = "".join(f"<p>{html(each, 1000)}</p>" for each in map(str, self.decided))
        return f"<p>{html(self.summary, 2000)}</p>{words}" + "".join(map(_as_html, self.pairs))


def _as_html(pair: PairExplanation) -> str:
    """A pair for a notebook: what it is, the waterfall with a bar for what each line adds, neighbours."""
    role, *rest = (html(each, 300) for each in pair.headline())
    most = max((abs(line.contribution) for line in pair.lines), default=0.0) or 1.0
    rows = [
        [*map(html, line.cells()[:4]), _bar(line.contribution / most), *line.cells()[4:]]
        for line in pair.lines
    ]
    table = html_table((*HEADINGS[:4], "", *HEADINGS[4:]), rows)
    beside = "".join(f"<br>neighbours: {html(each, 200)}" for each in map(str, pair.neighbours))
    beside += "".join(f"<br>look at: {html(each, 400)}" for each in map(str, pair.for_models))
    return f"<p><b>{role}</b><br>{'<br>'.join(rest)}</p>{table}<p><small>{beside}</small></p>"


def _bar(share: float) -> Html:
    """A bar as long as what a line adds, green for the pair and red against it."""
    colour = "#2a9d4a" if share > 0 else "#c8402f"
    return Html(f'<div style="width:{abs(share) * 6:.2f}em;height:.7em;background:{colour}"></div>')
