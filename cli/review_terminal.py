"""The queue of a review in a terminal: a question, a line with the answer, the next question."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from kgalign.decisions import Relation, Verdict
from kgalign.errors import InputError
from kgalign.review.record import Shown, path_name

from .common import console, line, plural, say, table

if TYPE_CHECKING:
    from rich.text import Text

    from kgalign.review import Question, Review

_CELL = 300
"""Characters of a value."""
_KEYS = (
    "1-9 the same · n N candidate N is different · 0 none of them · u unsure · s skip · z undo · "
    "N? show candidate N · e N evidence · v votes · /TEXT search · c TEXT comment · r RELATION · q stop"
)


class _Asking:
    """What is kept between two lines."""

    def __init__(self, review: "Review", by: str) -> None:
        self.review, self.by = review, by
        self.question: Question | None = None
        self.why = ""
        self.relation = Relation.EXACT
        self.shown = 0

    def next(self) -> bool:
        """Show what comes next; whether there is anything."""
        turn = self.review.turn(self.by)
        self.question, self.shown = turn.question, 0
        if turn.question is None:
            more = f"; {turn.skipped:,} skipped" if turn.skipped else ""
            say(f"Nothing is left: {plural(turn.answered, 'answer')} by you{more}")
            return False
        say("", f"{turn.left:,} open, {turn.answered:,} answered by you")
        self.show()
        return True

    def show(self) -> None:
        """Show what is asked, with the candidate that is chosen in full."""
        question = self._asked
        say(f"{question.name}  <{question.iri}>")
        for number, each in enumerate(question.candidates, start=1):
            said = f"  ({each.said})" if each.said else ""
            say(f"  {number}  {each.name}  <{each.iri}>{said}")
        if question.candidates:
            _show_records(question, self.shown)

    @property
    def _asked(self) -> "Question":
        if self.question is None:
            raise InputError("Nothing is asked")
        return self.question

    def take(self, text: str) -> bool:
        """Do what a line says; whether the question is answered."""
        key, rest = text[:1], text[1:].strip()
        if text.endswith("?") and text[:-1].isdigit():
            self.shown = self._number(text[:-1])
            self.show()
            return False
        if text.isdigit() and text != "0":
            return self._answer(Verdict.SAME, self._number(text))
        if key not in self._ways:
            say(_KEYS)
            return False
        return self._ways[key](self, rest)

    def _number(self, text: str) -> int:
        count = len(self._asked.candidates)
        if not text.isdigit() or not 1 <= int(text) <= count:
            raise InputError(f"There is no candidate {text or 'of no number'!r}", f"There are {count}")
        return int(text) - 1

    def _answer(self, verdict: Verdict, place: int) -> bool:
        question = self._asked
        right = "" if verdict is Verdict.NOTHING else question.candidates[place].iri
        made, done = self.review.answer(
            self.by, question.iri, right, verdict, relation=self.relation, why=self.why
        )
        self.why, self.relation = "", Relation.EXACT
        gave = "" if made.probability is None else f"; the run gave it {made.probability:.3f}"
        say(f"Kept: {made.verdict}{gave}")
        if not done:
            self.question = self.review.beside(self.by, question.iri, "")
        return done

    def _different(self, rest: str) -> bool:
        return self._answer(Verdict.DIFFERENT, self._number(rest) if rest else self.shown)

    def _unsure(self, rest: str) -> bool:
        return self._answer(Verdict.UNSURE, self._number(rest) if rest else self.shown)

    def _skip(self, _: str) -> bool:
        self.review.skip(self.by, self._asked.iri)
        return True

    def _undo(self, _: str) -> bool:
        undone = self.review.undo(self.by)
        say(f"Undone: {undone}" if undone else "Nothing is left to undo")
        return bool(undone)

    def _evidence(self, rest: str) -> bool:
        candidate = self._asked.candidates[self._number(rest) if rest else self.shown]
        found = self.review.see(self.by, self._asked.iri, candidate.iri)
        if found is None:
            say("The run did not judge this pair")
            return False
        say(f"Probability {found.probability:.3f}")
        for each in found.lines:
            say(f"  {each.contribution:+.2f}  {each.feature}: {each.level or 'nothing to compare'}")
        return False

    def _votes(self, _: str) -> bool:
        found = self.review.see_votes(self.by, self._asked.iri)
        for each in found:
            say(f"  {each.choice} ({each.asked}, {each.model}) {each.reason}")
            for text, there in each.cited:
                say(f"    cites {text}{'' if there else ' (not in the question)'}")
        if not found:
            say("No model was asked about this entity")
        return False

    def _search(self, rest: str) -> bool:
        question = self._asked
        found = [iri for _, _, iri in self.review.search(rest)]
        known = {each.iri for each in question.candidates}
        more = [
            self.review.beside(self.by, question.iri, iri).candidates[-1] for iri in found if iri not in known
        ]
        self.question = type(question)(
            question.entity,
            question.iri,
            question.name,
            question.type,
            (*question.candidates, *more),
            question.drawn,
        )
        say(f"{len(found):,} found")
        self.show()
        return False

    def _comment(self, rest: str) -> bool:
        self.why = rest
        return False

    def _relation(self, rest: str) -> bool:
        if rest not in set(Relation):
            raise InputError(f"{rest!r} is no relation", f"Give one of {', '.join(Relation)}")
        self.relation = Relation(rest)
        return False

    _ways: ClassVar["dict[str, Callable[[_Asking, str], bool]]"] = {
        "0": lambda self, _: self._answer(Verdict.NOTHING, 0),
        "n": _different,
        "u": _unsure,
        "s": _skip,
        "z": _undo,
        "e": _evidence,
        "v": _votes,
        "/": _search,
        "c": _comment,
        "r": _relation,
    }


def ask(review: "Review", by: str) -> None:
    """Ask until nothing is left, the lines end, or somebody says q."""
    asking = _Asking(review, by)
    say(_KEYS)
    while asking.next():
        done = False
        while not done:
            print("> ", end="", flush=True)
            text = sys.stdin.readline()
            if not text or text.strip() == "q":
                say("", "Stopped; what is answered is kept")
                return
            try:
                done = asking.take(text.strip())
            except InputError as error:
                say(str(error))


def _show_records(question: "Question", place: int) -> None:
    candidate = question.candidates[place]
    made = table(["", line(question.name), f"{place + 1}  {line(candidate.name)}"])
    for row in candidate.rows:
        names = dict.fromkeys(filter(None, (path_name(row.left), path_name(row.right))))
        made.add_row(line(" = ".join(names)), _values(row.left_values), _values(row.right_values))
    console().print(made)


def _values(values: Sequence[Shown]) -> "Text":
    from rich.text import Text

    text = Text()
    for number, shown in enumerate(values):
        text.append("; " if number else "")
        left = _CELL
        for words, differs in shown.pieces:
            text.append(line(words[:left]), style="bold yellow underline" if differs else "")
            left = max(left - len(words), 0)
        text.append("" if left else "…")
        if shown.value.language:
            text.append(f" @{shown.value.language}", style="dim")
    return text
