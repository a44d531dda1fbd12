"""From labelled entities to examples: each question with the answer that is wanted, read back at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from kgalign.records.votes import NONE, Question, QuestionKind, Status
from kgalign.train.data import Example, Origin, Split, example_id
from kgalign.train.labels import Label
from kgalign.train.perturb import Change, Copy, Perturber
from kgalign.train.questions import Posed, Poser
from kgalign.train.runs import Run
from kgalign.train.settings import Settings
from kgalign.train.splitting import drawn
from kgalign.train.targets import Structured, answer_text, read_back
from kgalign.train.teacher import Teacher, right_label

_TRIED = 4
"""Records that are changed for each one wanted: some share nothing that identifies."""


class Writer:
    """Writes examples.

    :param runs: the runs, by their numbers in the labels.
    :param splits: IRI → split.
    :param teachers: one for each run where the target is a teacher's explanation.
    :param counts: what was left out is added here.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        settings: Settings,
        splits: Mapping[str, Split],
        teachers: Sequence[Teacher],
        counts: Counter[str],
    ) -> None:
        self._runs, self._settings, self._counts = runs, settings, counts
        self._teachers = teachers
        self._posers = [Poser(run, splits, settings.seed, counts) for run in runs]
        self._structured = [Structured(run) for run in runs]
        self._seen: set[str] = set()

    def write(self, pairs: Sequence[tuple[Label, bool]]) -> list[Example]:
        """Examples on some labels, in their order, and none that was written before.

        :param pairs: each with whether its partner is offered.
        """
        found: list[Example] = []
        for label, positive in pairs:
            made = list(self._explained(label) if self._settings.target == "explained" else
                        self._asked(label, positive))  # fmt: skip
            self._counts["entities_without_questions"] += not made
            found += self._new(made)
        return found

    def synthetic(self, pairs: Sequence[tuple[Label, bool]], count: int) -> list[Example]:
        """So many questions in which a changed copy of the partner stands in its place: none, or no."""
        settings = self._settings
        can = [label for label, _ in pairs if label.partners and label.closed]
        can.sort(key=lambda each: self._draw("synthetic", each))
        can = can[: _TRIED * count]
        found: dict[int, Example] = {}
        for number, run in enumerate(self._runs):
            labels = [(place, each) for place, each in enumerate(can) if each.run == number]
            poser = self._posers[number]
            right, copies = Perturber(run, settings.seed).copies(
                [(each.left, each.partners[0], poser.others(each)) for _, each in labels]
            )
            questions = run.questions(right)
            for (place, label), copy in zip(labels, copies, strict=True):
                if copy is None:
                    continue
                for kind in _in_turn(settings.kinds, self._draw("kind", label)):
                    posed = poser.with_copy(kind, label, copy.entity, questions)
                    if posed is not None and _differs(posed.question, copy):
                        found[place] = self._example(posed, "synthetic", copy.change)
                        break
        made = self._new([found[place] for place in sorted(found)])[:count]
        self._counts["synthetic_missing"] += count - len(made)
        return made

    def _asked(self, label: Label, positive: bool) -> Iterator[Example]:
        for kind in self._settings.kinds:
            posed = self._posers[label.run].pose(kind, label, positive=positive)
            if posed is not None:
                yield self._example(posed, label.origin, None)

    def _explained(self, label: Label) -> Iterator[Example]:
        """The teacher's own questions on an entity, one of each kind, where its answer is the right one."""
        run, poser = self._runs[label.run], self._posers[label.run]
        case = run.iri(label.left)
        for kind in self._settings.kinds:
            for told in self._teachers[label.run].of(case):
                question = told.question
                if question.kind is not kind or right_label(run, label, question) != told.answer:
                    continue
                if not poser.in_one_split(label, (question.asker, *question.options)):
                    self._counts["questions_across_splits_left_out"] += 1
                    continue
                yield _made(question, told.text, told.answer, label.origin, label.weight, case)
                break

    def _example(self, posed: Posed, origin: Origin, change: Change | None) -> Example:
        run, question = self._runs[posed.label.run], posed.question
        values: tuple[str, ...] = ()
        reason = ""
        if self._settings.target == "structured" and change is None:
            values, reason = self._structured[posed.label.run].explain(posed)
            values = self._found(question, posed.answer, values)
        elif self._settings.target == "structured" and change is not None:
            values = (change.old, change.new)
            reason = f"{change.kind}|-1.00|{change.old} ~ {change.new}|0.00"
        elif self._settings.target == "explained" and change is not None:
            values = (change.old, change.new)
            reason = f"{change.new} contradicts {change.old}"
        text = answer_text(posed.answer, values, reason)
        return _made(question, text, posed.answer, origin, posed.label.weight, run.iri(posed.label.left))

    def _found(self, question: Question, answer: str, values: Sequence[str]) -> tuple[str, ...]:
        """Those of the values that stand in the question."""
        self._counts["citations"] += len(values)
        kept = tuple(
            value for value in values if read_back(question, answer_text(answer, [value])).status is Status.OK
        )
        self._counts["citations_dropped"] += len(values) - len(kept)
        return kept

    def _new(self, made: Sequence[Example]) -> list[Example]:
        """Those whose question was not asked before: two entities may look the same."""
        new = []
        for each in made:
            if each.id in self._seen:
                self._counts["duplicates_left_out"] += 1
            else:
                self._seen.add(each.id)
                new.append(each)
        return new

    def _draw(self, what: str, label: Label) -> int:
        return drawn(self._settings.seed, what, self._runs[label.run].iri(label.left))


def _made(question: Question, text: str, answer: str, origin: Origin, weight: float, case: str) -> Example:
    """The example of a question, once its answer is read back as what it shall be.

    Raises:
        ValueError: the judge would read something else.
    """
    read = read_back(question, text)
    place = len(question.labels) - 1 if read.choice == NONE else read.place - 1
    if read.status is not Status.OK or question.labels[place] != answer:
        raise ValueError(f"the answer {text!r} is read as {read.status}")
    messages = tuple({"role": each.role, "content": each.content} for each in question.messages)
    asker, *options = records(question)
    return Example(
        id=example_id(messages),
        kind=question.kind.value,
        case=case,
        entities=tuple(dict.fromkeys((case, question.asker, *question.options))),
        origin=origin,
        messages=(*messages, {"role": "assistant", "content": text}),
        labels=question.labels,
        answer=answer,
        weight=round(weight, 6),
        asker=asker,
        options=tuple(options),
        template=question.template,
    )


def records(question: Question) -> list[str]:
    """The records of a question as they are shown, the asker's first.

    Templates have each record on a line of its own, and no other line that reads like one.
    """
    lines = question.messages[-1].content.split("\n")
    return [text for label, _, text in (line.partition(": ") for line in lines)
            if label.isidentifier() and text.startswith("{") and text.endswith("}")]  # fmt: skip


def _in_turn(kinds: Sequence[QuestionKind], draw: int) -> list[QuestionKind]:
    """The kinds, beginning with the one that is drawn."""
    first = draw % len(kinds)
    return [*kinds[first:], *kinds[:first]]


def _differs(question: Question, copy: Copy) -> bool:
    """Whether the question shows what was changed, and what it was changed from."""
    text = answer_text(question.labels[-1], [copy.change.old, copy.change.new])
    return read_back(question, text).status is Status.OK
