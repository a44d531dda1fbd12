"""From the next step of a case to a question in words."""

from dataclasses import replace

from kgalign.judge.asking.cases import Case
from kgalign.judge.asking.next_question import Ask
from kgalign.judge.asking.questions import Questions
from kgalign.records.votes import Direction, Question, QuestionKind


def put(questions: Questions, case: Case, number: int, step: Ask, most_options: int) -> Question:
    """Put a step in words.

    Where the left side asks, the case's entity stands above its options. Where the right side asks, one of
    the options stands above, and the case's entity among its rivals; its place goes round with the turns.

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
    question = questions.question(
        case=case.left,
        number=number,
        kind=step.kind,
        direction=step.direction,
        # A side that has names alone, or no relations, would be asked the same thing twice.
        view=step.view if step.view in questions.views else questions.views[0],
        turn=step.turn,
        asker=asker,
        options=options,
    )
    return replace(question, case=case.name)
