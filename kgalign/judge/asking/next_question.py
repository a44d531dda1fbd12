"""What to ask next about one case, and when to stop: pure functions of the votes so far."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from kgalign.config import VotesConfig
from kgalign.judge.votes.ballots import Ballot, Ballots
from kgalign.judge.votes.model import Standing, VoteModel, standing
from kgalign.records.votes import Direction, QuestionKind, View

VIEWS = {
    (QuestionKind.SELECT, Direction.LEFT_ASKS): (View.ATTRIBUTES, View.BOTH, View.RELATIONS),
    (QuestionKind.VERIFY, Direction.LEFT_ASKS): (View.BOTH, View.ATTRIBUTES, View.RELATIONS),
    (QuestionKind.VERIFY, Direction.RIGHT_ASKS): (View.ATTRIBUTES, View.BOTH, View.RELATIONS),
    (QuestionKind.SELECT, Direction.RIGHT_ASKS): (View.BOTH, View.ATTRIBUTES, View.RELATIONS),
}
"""Views of the first, second and third question of a form, and then again from the first. Relations alone
come last: where attributes differ they mislead, and few cases are asked as often as that."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The next question of a case, before it is put in words."""

    kind: QuestionKind
    direction: Direction
    view: View
    offered: tuple[int, ...]
    """Numbers (from 1) of the options in the order to show them. One number in a verify question, and where
    the right side asks: then it is the option that asks for its partner among the left entities."""
    turn: int
    """0-based count of questions of this form in the case: it decides the phrasing and, where the right
    side asks, where the case's own entity stands among its rivals."""


@dataclass(frozen=True, slots=True)
class Stop:
    """No more is asked."""

    reason: Literal["sure", "most"]


_SELECT, _VERIFY = QuestionKind.SELECT, QuestionKind.VERIFY
_LEFT, _RIGHT = Direction.LEFT_ASKS, Direction.RIGHT_ASKS


def next_step(
    case_ballots: Ballots,
    asked: Sequence[Ask],
    model: VoteModel,
    rules: VotesConfig,
    *,
    seed: int,
    case: str,
    has_relations: bool,
    several: bool = False,
    counted: Sequence[int] | None = None,
    rivals: Collection[int] | None = None,
    kinds: Collection[QuestionKind] = tuple(QuestionKind),
) -> Ask | Stop:
    """What to ask next.

    First the left entity selects among the options. An option that leads is then verified as a pair, both
    ways round, before a link is believed; where "none" leads, the left entity selects again in another
    order. If that doesn't settle it, forms of questions take turns. It stops when the leader is sure, or
    would stay the leader whatever the same voter is asked further, see
    :class:`~kgalign.judge.votes.model.Standing`; or when the most has been asked, usable or not.

    :param case_ballots: prior and usable votes of the case, in the order of ``asked``.
    :param asked: all questions so far.
    :param model: what is known of the voters.
    :param rules: when to stop.
    :param seed: of the run, for the orders.
    :param case: what the case is known by, for the orders.
    :param has_relations: whether there are relations to show.
    :param several: whether the case is one pair of entities that may have several partners: then it is
        verified alone, because a select question can name just one.
    :param counted: numbers, in ``asked``, of the questions that the ballots answer; None to tell it by what
        was offered.
    :param rivals: options that may belong to other left entities as well, so that they can be asked for their
        own partner; None for all of them.
    :param kinds: in which forms the voter is worth asking.
    """
    options = case_ballots.options
    if options == 0:
        return Stop("sure")
    pairs_only = several or options == 1 or _SELECT not in kinds
    if len(asked) >= rules.max_votes or (pairs_only and _VERIFY not in kinds):
        return Stop("most")
    now = standing(case_ballots, model)
    usable = _usable(asked, case_ballots.ballots) if counted is None else [asked[each] for each in counted]
    verifies = _VERIFY in kinds
    wanted = _wanted(now.leader, usable, pairs_only=pairs_only, verifies=verifies)
    if wanted is None and len(usable) >= rules.min_votes and _is_sure(now, rules.confidence):
        return Stop("sure")
    right_selects = not several and _SELECT in kinds and (rivals is None or now.leader in rivals)
    form = wanted or _least_asked(
        now.leader, asked, pairs_only=pairs_only, right_selects=right_selects, verifies=verifies
    )
    return _ask(form, _subject(now), asked, options, seed=seed, case=case, has_relations=has_relations)


_Form = tuple[QuestionKind, Direction]


def _is_sure(now: Standing, confidence: float) -> bool:
    return max(float(now.posterior[now.leader]), now.settled) >= confidence


def _subject(now: Standing) -> int:
    """The option that a question about one option is about: the likeliest."""
    return 1 + int(now.posterior[1:].argmax())


def _wanted(leader: int, usable: Sequence[Ask], *, pairs_only: bool, verifies: bool) -> _Form | None:
    """What must be answered before the leader is believed."""
    if not pairs_only and not any(_form(ask) == (_SELECT, _LEFT) for ask in usable):
        return _SELECT, _LEFT
    if leader and verifies:
        done = {ask.direction for ask in usable if ask.kind is _VERIFY and ask.offered == (leader,)}
        for direction in (_LEFT, _RIGHT):
            if direction not in done:
                return _VERIFY, direction
    return None


def _least_asked(
    leader: int, asked: Sequence[Ask], *, pairs_only: bool, right_selects: bool, verifies: bool
) -> _Form:
    """The form that was asked least so far; the first of equal ones."""
    forms: list[_Form] = []
    if leader and right_selects:
        forms.append((_SELECT, _RIGHT))
    if not pairs_only:
        forms.append((_SELECT, _LEFT))
    if verifies and (leader or pairs_only):
        forms += [(_VERIFY, _LEFT), (_VERIFY, _RIGHT)]
    times = [sum(_form(ask) == form and _is_about(ask, leader) for ask in asked) for form in forms]
    return forms[times.index(min(times))]


def _form(ask: Ask) -> _Form:
    return ask.kind, ask.direction


def _is_about(ask: Ask, leader: int) -> bool:
    return leader == 0 or leader in ask.offered


def _usable(asked: Sequence[Ask], ballots: Sequence[Ballot]) -> list[Ask]:
    """The questions that the ballots answer, told by what was offered; of equal ones the first."""
    found: list[Ask] = []
    rest = iter(asked)
    for ballot in ballots:
        for ask in rest:
            if ask.offered == ballot.offered:
                found.append(ask)
                break
    return found


def _ask(
    form: _Form,
    subject: int,
    asked: Sequence[Ask],
    options: int,
    *,
    seed: int,
    case: str,
    has_relations: bool,
) -> Ask:
    turn = sum(_form(ask) == form for ask in asked)
    views = VIEWS[form] if has_relations else (View.ATTRIBUTES,)
    shown = order(options, turn, seed=seed, case=case) if form == (_SELECT, _LEFT) else (subject,)
    return Ask(*form, views[turn % len(views)], shown, turn)


def order(options: int, turn: int, *, seed: int, case: str) -> tuple[int, ...]:
    """The options, by number from 1, in the order in which the question number ``turn`` shows them.

    Orders are rows of a Williams design: a Latin square whose rows also vary who stands next to whom
    (Williams 1949, "Experimental designs balanced for the estimation of residual effects of treatments").
    So among turns ``k * options`` to ``(k + 1) * options - 1`` each option stands at each place exactly
    once; and over a whole design (``options`` turns for an even number, twice as many for an odd one) no
    order comes twice and each option has each other one right behind it equally often. Which option is
    which in the design is drawn for each design from the seed and the case: so the first order is as good
    as random from case to case, and owes nothing to the rank of the options.

    :param options: how many there are.
    :param turn: 0-based number of the question.
    :param seed: of the run.
    :param case: what the case is known by.
    """
    rows = options if options % 2 == 0 else 2 * options
    design, row = divmod(turn, max(1, rows))
    names = _drawn(options, f"{seed} {design} {case}")
    return tuple(names[each] + 1 for each in _design_row(options, row))


def _design_row(options: int, row: int) -> list[int]:
    """One row of the design; from ``options`` on the rows are those of the square read backwards."""
    back, shift = divmod(row, options) if options else (0, 0)
    zigzag = [(place + 1) // 2 if place % 2 else -(place // 2) for place in range(options)]
    shown = [(each + shift) % options for each in zigzag]
    return shown[::-1] if back else shown


def _drawn(options: int, text: str) -> list[int]:
    """A permutation that the text decides, whatever the version of a library."""
    key = text.encode("utf8", "surrogatepass")
    return sorted(range(options), key=lambda each: hashlib.sha256(b"%d " % each + key).digest())
