"""Control questions: asked although the answer is known, so as to learn what the word of a voter is worth.

They are made of entities whose partner the evidence, or people, are sure of: with the partner among the
options and without it, with the candidates that look most like it beside it, at all places, as pairs of
partners and of others, asked from both sides. Crowdsourcing calls them gold questions (Le et al., 2010,
"Ensuring quality in crowdsourced search relevance evaluation").
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Flags, run_starts
from kgalign.config import LlmConfig, VotesConfig
from kgalign.judge.asking.cases import Case, related
from kgalign.judge.asking.next_question import VIEWS, Ask, order
from kgalign.judge.votes.ballots import KNOWN
from kgalign.links.cardinality import choose
from kgalign.records import Profile, Verdicts
from kgalign.records.votes import NONE, Direction, QuestionKind, View, control_name

_SURE, _OUT = 0.98, 0.02
"""Probabilities from which on the evidence is sure of a pair, and up to which it is sure that it is none."""
_WITHOUT = 3
"""Every so many-th control has its partner taken away."""
_DRAWN = 4
"""So many times the controls are drawn, and those are taken whose other options are most like the partner:
they come nearest to what is in doubt."""
QUESTIONS_EACH = 2
"""About each control: to select its partner, and to verify one of its options."""


_FEWEST = 12
"""Fewer questions tell nothing of a voter."""
_SHARE = 3
"""At most one part in so many of a limit is spent on controls."""


@dataclass(frozen=True, slots=True)
class Control:
    """A case whose answer is known, and what is asked about it."""

    case: Case
    """Its prior says what is known, as far as that is sure."""
    known: int
    """The right hypothesis: 0 where the partner is not among the options, else the number of the option."""
    steps: tuple[Ask, ...]


def affordable(
    rules: VotesConfig, llm: LlmConfig, *, calls: int = 0, tokens: int = 0, cost: float = 0.0
) -> int:
    """How many questions are asked about what is known: a third at most of what a limit allows for, rounded.

    None where that is too few to tell anything.

    :param calls: that controls have taken of that already.
    :param tokens: the same, read and written.
    :param cost: the same, in the currency of the prices.
    """
    each = llm.question_tokens, llm.answer_tokens
    price = (each[0] * llm.price_in + each[1] * llm.price_out) / 1e6
    most = [rules.controls]
    if rules.max_calls is not None:
        most.append(-(-rules.max_calls // _SHARE) - calls)
    if rules.max_tokens is not None:
        most.append((rules.max_tokens // _SHARE - tokens) // sum(each))
    if rules.max_cost is not None and price:
        most.append(int((rules.max_cost / _SHARE - cost) / price))
    return min(most) if min(most) >= _FEWEST else 0


def find_controls(
    verdicts: Verdicts,
    left: Profile,
    right: Profile,
    rules: VotesConfig,
    cardinality: str = "auto",
    *,
    questions: int,
    pairs_only: bool = False,
    seed: int = 0,
) -> list[Control]:
    """Controls for about so many questions, the same for the same seed; fewer where little is sure.

    :param cardinality: as in the configuration.
    :param questions: to ask, all controls together.
    :param pairs_only: whether nothing but pairs can be asked about.
    """
    wanted = questions // QUESTIONS_EACH
    if not wanted or not len(verdicts):
        return []
    figures = verdicts.notes.get("several_right", 0.0), verdicts.notes.get("several_left", 0.0)
    several = choose(cardinality, *figures)[0] in ("one-to-many", "many-to-many")
    found = _sure(verdicts, rules.options)
    drawn = sorted(found, key=lambda rows: _drawn(verdicts, rows[0], left, seed))[: _DRAWN * wanted]
    hardest = sorted(drawn, key=lambda rows: -float(verdicts.log_odds[rows[1]]))[:wanted]
    # By the draw again: so that those without a partner are neither the hardest nor the easiest.
    hardest.sort(key=lambda rows: _drawn(verdicts, rows[0], left, seed))
    linked = [related(side) for side in (left, right)]
    return [
        _control(number, verdicts, rows, (left, right), linked, seed=seed, pairs=several or pairs_only)
        for number, rows in enumerate(hardest)
    ]


def _sure(verdicts: Verdicts, options: int) -> list[list[int]]:
    """Rows of each left entity that surely has one partner and surely no other, the partner's first, then the
    likeliest others; there is one other at least.
    """
    probability = verdicts.probability.astype(np.float64)
    yes = verdicts.given | (probability >= _SURE)
    open_ = ~yes & (probability > _OUT)
    rows = np.lexsort((verdicts.right, -verdicts.log_odds, ~yes, verdicts.left))
    start = np.flatnonzero(run_starts(verdicts.left[rows]))
    sizes = np.diff(np.append(start, len(rows)))
    partners = np.add.reduceat(yes[rows].astype(np.int64), start)
    open_left = np.add.reduceat(open_[rows].astype(np.int64), start)
    clear = (partners == 1) & (open_left == 0) & (sizes > 1)
    # Nobody else may come into question for the partner either.
    size = int(verdicts.right.max()) + 1
    takers = np.bincount(verdicts.right[yes | open_], minlength=size)
    clear &= takers[verdicts.right[rows[start]]] == 1
    return [
        rows[first : first + min(count, options)].tolist()
        for first, count in zip(start[clear].tolist(), sizes[clear].tolist(), strict=True)
    ]


def _drawn(verdicts: Verdicts, row: int, left: Profile, seed: int) -> bytes:
    iri = str(left.entity_iri[int(verdicts.left[row])].as_py())
    return hashlib.sha256(f"{seed} {iri}".encode("utf8", "surrogatepass")).digest()


def _control(
    number: int,
    verdicts: Verdicts,
    rows: Sequence[int],
    sides: tuple[Profile, Profile],
    linked: Sequence[Flags],
    *,
    seed: int,
    pairs: bool,
) -> Control:
    """The control number so and so: what is asked goes round with the numbers."""
    without = number % _WITHOUT == _WITHOUT - 1
    if pairs:
        shown = [rows[number % 2]]
        without = number % 2 == 1
    else:
        shown = list(rows[1:] if without else rows)
    left = int(verdicts.left[rows[0]])
    iri = str(sides[0].entity_iri[left].as_py())
    options = tuple(int(verdicts.right[row]) for row in shown)
    partner = str(sides[1].entity_iri[int(verdicts.right[rows[0]])].as_py())
    known = 0 if without else 1
    prior = np.full(len(options) + 1, (1 - KNOWN) / len(options))
    prior[known] = KNOWN
    has_relations = bool(linked[0][left]) and any(linked[1][option] for option in options)
    case = Case(
        name=control_name(iri, NONE if without else partner),
        left=left,
        left_iri=iri,
        options=options,
        rows=tuple(shown),
        prior=prior,
        rivals=tuple(() for _ in options),
        has_relations=has_relations,
        several=pairs,
    )
    return Control(case, known, tuple(_steps(case, number, known, seed)))


def _steps(case: Case, number: int, known: int, seed: int) -> list[Ask]:
    """What is asked about a control: a selection and a pair, or the pair from both sides."""
    directions = [Direction.LEFT_ASKS, Direction.RIGHT_ASKS]
    if case.several:
        return [_verify(case, 1, direction) for direction in directions]
    turn = number % max(1, len(case.options))
    shown = order(len(case.options), turn, seed=seed, case=case.name)
    form = (QuestionKind.SELECT, Direction.LEFT_ASKS)
    select = Ask(*form, _view(case, form), shown, turn)
    # Of a partner that is there, every fourth time another option is verified: as many are to be refused.
    option = 1 if number % 4 or not known or len(case.options) == 1 else 2
    return [select, _verify(case, option, directions[number // 2 % 2])]


def _verify(case: Case, option: int, direction: Direction) -> Ask:
    form = (QuestionKind.VERIFY, direction)
    return Ask(*form, _view(case, form), (option,), 0)


def _view(case: Case, form: tuple[QuestionKind, Direction]) -> View:
    return VIEWS[form][0] if case.has_relations else View.ATTRIBUTES
