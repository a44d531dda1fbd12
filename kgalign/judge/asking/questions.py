"""Questions in words: what is asked of a language model about an entity and its options.

A question has two messages. The first is the same in all questions of a phrasing: the task, the rules, the
form of the answer. The second begins with the record that asks, which the rounds of a question share, and
goes on with the options; a server that keeps what it has read (vLLM's prefix cache) reads both beginnings
once. Every record is one line::

    Record: {"name": "Bose Acoustimass 5", "price": "399"}

    Options
    A: {"title": "Bose Acoustimass 5 Series III", "relations": {"maker": "Bose"}}
    B: {}

In a verify question the two lines are ``First`` and ``Second``. No score and no rank of an earlier stage is
shown, and no IRI.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kgalign.errors import KgalignError
from kgalign.judge.asking.cases import Case
from kgalign.judge.asking.next_question import Ask
from kgalign.judge.asking.pair_form import attributes, pair_prompt, shown_prompt, spelled
from kgalign.judge.asking.quoting import weight
from kgalign.judge.asking.rendering import Record, Side, show
from kgalign.judge.asking.templates import Template, Templates
from kgalign.llm.protocol import Message, Way
from kgalign.records import Profile
from kgalign.records.votes import Direction, Question, QuestionKind, View

LETTERS = "ABCDEFGHIJKLMOPQRSTUVWXYZ"
"""Labels of options. Without N, which would begin "none" for a model that does not mind the case."""
NO_OPTION = "none"
YES, NO = "yes", "no"
PAIR = "pair@1"
"""What votes on pairs record as their template."""
LIKELIHOOD = "likelihood@2"
"""The same where there is no prompt but the records."""
_FORMS: Mapping[Way, tuple[str, str]] = {
    "pair": (PAIR, hashlib.sha256(pair_prompt((), ()).encode()).hexdigest()),
    "likelihood": (LIKELIHOOD, hashlib.sha256(b"").hexdigest()),
}
"""Ways that have no templates: what votes record in place of one, and its hash."""
_AROUND_MESSAGE = 6.0
"""Tokens that a chat template puts around a message."""
_ROOM = 150
"""Fewest tokens for records: with less a question would show next to nothing."""


class Questions:
    """Puts the questions of a run in words; the same arguments always give the same question.

    :param left: the left side after selection.
    :param right: the right side.
    :param templates: the prompts.
    :param budget_tokens: most tokens of a question, both messages together, as
        :func:`~kgalign.judge.asking.quoting.weight` counts them.
    :param seed: decides with which phrasing a case begins.
    :param way: how they are to be answered; as pairs, only verify questions can be put.
    :raises KgalignError: the budget leaves no room for records.
    """

    def __init__(
        self,
        left: Profile,
        right: Profile,
        *,
        templates: Templates,
        budget_tokens: int,
        seed: int,
        way: Way = "json",
    ) -> None:
        self._left, self._right = Side(left), Side(right)
        self._templates = templates
        self.way = way
        self._seed = str(seed).encode()
        self._room = {kind: budget_tokens - _longest(templates.of(kind)) for kind in QuestionKind}
        least = math.ceil(budget_tokens - min(self._room.values())) + _ROOM
        if least > budget_tokens:
            raise KgalignError(
                f"A question of {budget_tokens} tokens is too short: the longest instructions leave no room "
                "for records",
                f"Allow at least {least} tokens (llm.question_tokens, or a model with a longer context), or "
                "shorten the templates",
            )

    @property
    def views(self) -> tuple[View, ...]:
        """The views that are worth asking in: a side without relations, or with names alone, has but one.

        A question in another view is allowed: it shows the same, or names alone.
        """
        sides = (self._left, self._right)
        if not all(side.has_relations for side in sides):
            return (View.ATTRIBUTES,)
        return tuple(View) if all(side.has_attributes for side in sides) else (View.RELATIONS,)

    def question(
        self,
        *,
        case: int,
        number: int,
        kind: QuestionKind,
        direction: Direction,
        view: View,
        turn: int,
        asker: int,
        options: Sequence[int],
    ) -> Question:
        """One question in words.

        :param case: id of the left entity whose partner is sought.
        :param number: 0-based number of the question within its case.
        :param kind: select among the options, or verify the only one.
        :param direction: whose entity asks; the options are entities of the other side.
        :param view: what is shown; where there is nothing of it, attributes and relations are.
        :param turn: count of questions of this form in the case; it decides the phrasing.
        :param asker: id of the entity that asks, on the left side where the left asks.
        :param options: ids of the options in the order to show them; up to 25, one in a verify question.
        :raises ValueError: too many options, or too few.
        """
        labels = _labels(kind, len(options))
        sides = self._left, self._right
        own, other = sides if direction is Direction.LEFT_ASKS else sides[::-1]
        case_iri = self._left.iri(case)
        template = self._template(kind, turn, case_iri)
        above, below = own.entity(asker), [other.entity(each) for each in options]
        records, shortened = show(above, below, view, self._room[kind])
        return Question(
            case=case_iri,
            number=number,
            kind=kind,
            direction=direction,
            view=view,
            asker=above.iri,
            options=tuple(each.iri for each in below),
            labels=labels,
            template=_FORMS.get(self.way, (template.label, ""))[0],
            template_hash=_FORMS.get(self.way, ("", template.sha256))[1],
            messages=_messages(template, records, labels, self.way),
            values=tuple(dict.fromkeys(value for each in records for value in each.values)),
            shortened=shortened,
        )

    def put(self, case: Case, number: int, step: Ask, most_options: int) -> Question:
        """Put a step in words.

        Where the left side asks, the case's entity stands above its options. Where the right side asks, one
        of the options stands above, and the case's entity among its rivals; its place goes round with the
        turns.

        :param number: of the question within its case.
        :param most_options: to show.
        """
        if step.direction is Direction.LEFT_ASKS:
            asker, options = case.left, [case.options[each - 1] for each in step.offered]
        else:
            option = step.offered[0] - 1
            asker, options = case.options[option], [case.left]
            if step.kind is QuestionKind.SELECT:
                others = list(case.rivals[option])[: most_options - 1]
                place = step.turn % (len(others) + 1)
                options = [*others[:place], case.left, *others[place:]]
        question = self.question(
            case=case.left,
            number=number,
            kind=step.kind,
            direction=step.direction,
            # A side that has names alone, or no relations, would be asked the same thing twice.
            view=step.view if step.view in self.views else self.views[0],
            turn=step.turn,
            asker=asker,
            options=options,
        )
        return replace(question, case=case.name)

    def _template(self, kind: QuestionKind, turn: int, case: str) -> Template:
        """Cases begin with different phrasings, so that none of them is always asked first."""
        choices = self._templates.of(kind)
        digest = hashlib.blake2b(case.encode("utf8", "surrogatepass"), key=self._seed[:64], digest_size=4)
        # Views go round in threes as well: the further step keeps a view from always having one phrasing.
        step = turn + turn // len(View)
        return choices[(int.from_bytes(digest.digest(), "little") + step) % len(choices)]


def _labels(kind: QuestionKind, options: int) -> tuple[str, ...]:
    """The words to answer with.

    :raises ValueError: too many options, or too few.
    """
    verify = kind is QuestionKind.VERIFY
    most = 1 if verify else len(LETTERS)
    if not 1 <= options <= most:
        raise ValueError(f"a {kind} question has 1 to {most} options, not {options}")
    return (YES, NO) if verify else (*LETTERS[:options], NO_OPTION)


def _messages(
    template: Template, records: Sequence[Record], labels: tuple[str, ...], way: Way
) -> tuple[Message, ...]:
    if way == "pair":
        return (Message("user", shown_prompt(records[0].text, records[1].text)),)
    if way == "likelihood":
        return tuple(Message("user", spelled(attributes(each.text))) for each in records)
    verify = template.kind is QuestionKind.VERIFY
    first, *others = records
    names = ("Second",) if verify else labels
    user = template.fill(
        {
            "record": f"{'First' if verify else 'Record'}: {first.text}",
            "options": "\n".join(f"{name}: {each.text}" for name, each in zip(names, others, strict=False)),
            "labels": ", ".join(labels),
        }
    )
    return Message("system", template.brief if way == "choice" else template.system), Message("user", user)


def _longest(templates: Sequence[Template]) -> float:
    """Tokens of the longest template without its records: one figure, so that all phrasings show the same."""
    labels = weight(", ".join((*LETTERS, NO_OPTION)))
    return max(weight(each.system) + weight(each.fixed) + labels + 2 * _AROUND_MESSAGE for each in templates)


def is_repeated(question: Question, earlier: Question) -> bool:
    """Whether a question can't be answered otherwise than one before: it is the same, word by word.

    Without a prompt the order of the options makes no difference.
    """
    if question.template == earlier.template == LIKELIHOOD:
        (asker, *options), (other, *others) = question.messages, earlier.messages
        return asker == other and {*options} == {*others}
    return question.messages == earlier.messages


def question_tokens(question: Question) -> int:
    """About how many tokens a question has, rather too many than too few."""
    if question.template == LIKELIHOOD:  # each option is read after the asker and alone
        asker, *options = [weight(message.content) for message in question.messages]
        return math.ceil(sum(asker + 2 * option + _AROUND_MESSAGE for option in options))
    return math.ceil(sum(weight(message.content) + _AROUND_MESSAGE for message in question.messages))
