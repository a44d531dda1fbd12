"""Which view each question of a form shows: the judge asks by it, and examples are posed by it."""

from kgalign.records.votes import Direction, QuestionKind, View

VIEWS = {
    (QuestionKind.SELECT, Direction.LEFT_ASKS): (View.ATTRIBUTES, View.BOTH, View.RELATIONS),
    (QuestionKind.VERIFY, Direction.LEFT_ASKS): (View.BOTH, View.ATTRIBUTES, View.RELATIONS),
    (QuestionKind.VERIFY, Direction.RIGHT_ASKS): (View.ATTRIBUTES, View.BOTH, View.RELATIONS),
    (QuestionKind.SELECT, Direction.RIGHT_ASKS): (View.BOTH, View.ATTRIBUTES, View.RELATIONS),
}
"""Views of the first, second and third question of a form, and then again from the first. Relations alone
come last: where attributes differ they mislead, and few cases are asked as often as that."""
