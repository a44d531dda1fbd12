"""The figures on a judging's votes: how far they can be relied upon and what they cost.

All of them are plain numbers, texts and tables of these, so that ``dataclasses.asdict`` gives JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flips:
    """How often the same question in another order, view or wording got another answer."""

    cases: int
    """Cases that were asked to select among the same options by the same asker at least twice."""
    flipped: int
    """Those of them where the counted answers are not all the same."""
    rate: float | None
    """``flipped / cases``."""
    pairs: int
    """Pairs of such answers."""
    pairs_apart: int
    pairwise: float | None
    """``pairs_apart / pairs``: the chance that two answers to the same question differ."""
    contradicted: int
    """Cases where one vote speaks for what another one speaks against, in whatever form both were asked."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place in the order of the options."""

    place: int
    """1-based."""
    chosen: int
    """Counted answers that chose what stood here."""
    expected: float
    """What it would be if the place made no difference: the same for each place, since the orders that a
    case is asked in are balanced over the places."""
    winner_stood: int
    """How often the option that was decided for in the end stood here."""
    winner_chosen: int
    """How often it was chosen when it stood here: without a bias about the same share at each place."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Select questions with a number of options: does the place decide? Pearson's chi-square says.

    It takes votes as independent. Those on the same case are not quite, so that a p-value just below a
    threshold says little.
    """

    options: int
    votes: int
    """Counted answers, those for none of them among them."""
    none: int
    """Those for none of them."""
    places: tuple[Place, ...]
    chi_square: float | None
    """None where no option was chosen."""
    degrees: int
    p: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """What became of the questions of one template, put to one model."""

    model: str
    adapter: str
    template: str
    votes: int
    status: Mapping[str, int]
    """Number of votes by status, all statuses."""
    hallucinated: float
    """Share of the answers that chose what was not offered or rely on a value that was not shown."""
    unusable: float
    """Share of the answers that were cut off or could not be read."""
    failed: float
    """Share of the questions that got no answer."""
    shortened: int
    """Questions that were shortened to fit."""
    cut_short: int = 0
    """Answers that count though they were cut off, since their choice had been made."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Figures of one kind, one per case."""

    total: float
    mean: float
    median: float
    most: float


@dataclass(frozen=True, slots=True)
class Spending:
    """What the cases cost that somebody was asked about."""

    cases: int
    calls: Spread
    """Questions, an answer that several cases share counted for each."""
    prompt_tokens: Spread
    completion_tokens: Spread
    cached_tokens: Spread
    tokens: Spread
    """Read and written."""
    seconds: Spread
    """From sending to the answer; calls that ran at once are added up."""
    attempts: int
    """Requests that were sent, those among them that had to be sent again."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What stopping early saved."""

    cases: int
    """Cases that were asked to their end: until they were clear, or as often as allowed."""
    early: int
    """Those that were clear before."""
    asked: int
    most: int
    """Questions that all these cases would have had without stopping early."""
    saved: int
    share: float | None
    """``saved / most``."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the votes changed in what the evidence had chosen; cases that they settled."""

    same_link: int
    both_none: int
    link_to_none: int
    """The evidence had a partner, the votes say that there is none."""
    none_to_link: int
    changed_partner: int
    unsettled: int
    """Cases that were asked about and stayed open."""
    share: float | None
    """Of the settled cases, those where both say the same."""


@dataclass(frozen=True, slots=True)
class Controls:
    """How questions were answered whose answers are known."""

    kind: str
    votes: int
    counted: int
    right: int


@dataclass(frozen=True, slots=True)
class Round:
    """The questions with one number in their cases."""

    number: int
    """0-based."""
    votes: int
    counted: int
    none: int
    """Counted votes for none of them."""
    settled: int
    """Counted votes on cases that were settled."""
    with_decision: int
    """Those of them that say what was decided in the end."""
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Everything that ``kgalign votes stats`` shows."""

    votes: int
    cases: int
    """Cases with votes."""
    outcomes: Mapping[str, int]
    """Decisions by outcome."""
    stopped: Mapping[str, int]
    """Decisions by why no more was asked."""
    flips: Flips
    positions: tuple[Positions, ...]
    """By the number of options, from two on."""
    rates: tuple[Rates, ...]
    """By model, adapter and template."""
    spending: Spending
    saved: Saved
    agreement: Agreement
    rounds: tuple[Round, ...]
    controls: tuple[Controls, ...] = ()
    """By kind of question; all other figures leave controls out."""
