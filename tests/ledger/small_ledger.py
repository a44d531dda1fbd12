"""A small ledger with every status and every outcome, written through the real one."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from kgalign.ledger import FILE, Ledger, key_of
from kgalign.llm.protocol import Message, Sampling
from kgalign.records.votes import (
    NONE,
    Answer,
    Citation,
    Decision,
    Direction,
    Judging,
    Question,
    QuestionKind,
    Status,
    View,
    Vote,
)

BERLIN, PARIS, ROME, OSLO, LIMA = (f"http://l/{name}" for name in ("berlin", "paris", "rome", "oslo", "lima"))
R1, R2, R3, R4 = (f"http://r/{number}" for number in range(1, 5))
BLANK = "_:b0"
HOSTILE = 'http://r/> . <http://r/evil> <http://r/p> "<script>\x1b[31m'
PAIR = f"{BERLIN} {R4}"
"""A case of one pair, as there are where entities may have several partners."""
TEXT = 'Berlin "quoted" <b>[bold]\x1b[31m\x00\u202e\nsecond line é 😀'
ADVERSE = "=cmd|' /C calc'!A0"

LEFT_ASKS, RIGHT_ASKS = Direction.LEFT_ASKS, Direction.RIGHT_ASKS
SYSTEM = Message("system", "Which of these is it, or none of them?")


def question(
    case: str,
    number: int,
    options: Iterable[str],
    *,
    asker: str | None = None,
    direction: Direction = LEFT_ASKS,
    kind: QuestionKind = QuestionKind.SELECT,
    view: View = View.ATTRIBUTES,
    text: str = TEXT,
) -> Question:
    """A question on a case."""
    options = tuple(options)
    own = case.partition(" ")[0]
    return Question(
        case=case,
        number=number,
        kind=kind,
        direction=direction,
        view=view,
        asker=asker or own,
        options=options,
        labels=(*(chr(ord("A") + place) for place in range(len(options))), "none"),
        template=f"{kind.value}-1",
        template_hash=f"{number % 2}" * 64,
        messages=(SYSTEM, Message("user", f"{text} {case} {' '.join(options)}")),
        values=(text, "3.7 million", text),
        shortened=number == 1,
    )


def answer(
    asked: Question,
    choice: str | None,
    status: Status = Status.OK,
    *,
    given: bool = True,
    reason: str = "same",
) -> Answer:
    """An answer to a question; the model gives .8 to what it chose."""
    order = (*asked.options, NONE)
    share = 0.2 / (len(order) - 1)
    citations = [Citation("3.7 million", True)]
    if status is Status.INVENTED:
        citations.append(Citation("a river \x1b[31m[red]", False))
    return Answer(
        status=status,
        choice=choice,
        place=asked.options.index(choice) + 1 if choice in asked.options else 0,
        citations=tuple(citations),
        reason=reason,
        probabilities=tuple(0.8 if each == choice else share for each in order)
        if given and choice in order
        else None,
    )


def vote(judging: Judging, asked: Question, answered: Answer, reply: str = '{"choice": "A"}') -> Vote:
    """A vote that cost 100 tokens and half a second."""
    sampling = Sampling(seed=asked.number)
    failed = answered.status is Status.FAILED
    return Vote(
        key=key_of(asked, judging.model, judging.adapter, sampling),
        judging=judging.name,
        model=judging.model,
        adapter=judging.adapter,
        question=asked,
        answer=answered,
        sampling=sampling,
        reply="" if failed else reply,
        finish="no server" if failed else "length" if answered.status is Status.CUT_OFF else "stop",
        prompt_tokens=0 if failed else 80,
        completion_tokens=0 if failed else 20,
        cached_tokens=0 if failed else 16,
        seconds=0.5,
        attempts=6 if failed else 1,
        asked_at=f"2025-05-01T12:00:0{asked.number}.250+00:00",
    )


def decision(
    judging: Judging, case: str, outcome: str, chosen: str, probabilities: Mapping[str, float], **more: object
) -> Decision:
    """A decision; the evidence chose the first option at .6 unless ``evidence`` says otherwise."""
    options = tuple(each for each in probabilities if each != NONE)
    asked, counted = int(str(more.get("asked", 0))), int(str(more.get("counted", 0)))
    return Decision(
        judging=judging.name,
        case=case,
        outcome=outcome,
        chosen=chosen,
        probability=probabilities[chosen],
        evidence_choice=str(more.get("evidence", options[0])),
        evidence_probability=0.6,
        options=options,
        probabilities=(probabilities[NONE], *(probabilities[each] for each in options)),
        asked=asked,
        counted=counted,
        most=7,
        stopped=str(more.get("stopped", "sure")),
    )


def write(folder: Path) -> Path:
    """Make a folder with a ledger in it: an older judging of one vote, and one with everything."""
    folder.mkdir(parents=True, exist_ok=True)
    with Ledger.open(folder / FILE, write=True) as ledger:
        older = ledger.begin("small model", "", {"reducer": "majority"})
        asked = question(BERLIN, 0, [R1, R2], text="older")
        assert ledger.keep(vote(older, asked, answer(asked, R2, given=False)))
        ledger.decide(
            [decision(older, BERLIN, "match", R2, {NONE: 0.1, R1: 0.1, R2: 0.8}, asked=1, counted=1)]
        )
        judging = ledger.begin("model/1 [b]", "adapter", {"reducer": "adaptive", "seed": 3})
        for each in _votes(judging):
            assert ledger.keep(each)
        ledger.decide(_decisions(judging))
    return folder


def _votes(judging: Judging) -> list[Vote]:
    verify = QuestionKind.VERIFY
    found = []

    def add(
        asked: Question, choice: str | None, status: Status = Status.OK, reply: str = "{}", **more: str
    ) -> None:
        found.append(vote(judging, asked, answer(asked, choice, status, **more), reply))  # type: ignore[arg-type]

    # All agree.
    add(question(BERLIN, 0, [R1, R2]), R1)
    add(question(BERLIN, 1, [R2, R1], view=View.BOTH), R1, reason=ADVERSE)
    add(question(BERLIN, 2, [BERLIN, ROME], asker=R1, direction=RIGHT_ASKS, view=View.RELATIONS), BERLIN)
    add(question(BERLIN, 3, [R1], kind=verify), R1)
    # They contradict each other: each chooses what stands first.
    add(question(PARIS, 0, [R2, R3]), R2)
    add(question(PARIS, 1, [R3, R2]), R3)
    add(question(PARIS, 2, [ROME, PARIS], asker=R2, direction=RIGHT_ASKS), ROME)
    # Against the evidence, with what is not counted between.
    add(question(ROME, 0, [R4, R1]), NONE)
    add(question(ROME, 1, [R1, R4]), R4, Status.INVENTED, reply=TEXT)
    add(question(ROME, 2, [R4, R1]), None, Status.NOT_OFFERED, reply="\ud800 E")
    add(question(ROME, 3, [PARIS, ROME], asker=R4, direction=RIGHT_ASKS), NONE)
    # Nobody answers.
    add(question(OSLO, 0, [R3]), None, Status.FAILED)
    # Names that are no IRIs.
    add(question(BLANK, 0, [HOSTILE, BLANK]), None, Status.CUT_OFF, reply='{"choice": ')
    add(question(BLANK, 1, [BLANK, HOSTILE]), None, Status.UNREADABLE, reply="I think that A")
    add(question(BLANK, 2, [BLANK, HOSTILE]), HOSTILE)
    add(question(BLANK, 3, [BLANK], asker=HOSTILE, direction=RIGHT_ASKS, kind=verify), BLANK)
    add(question(PAIR, 0, [R4], kind=verify), NONE)
    return found


def _decisions(judging: Judging) -> list[Decision]:
    return [
        decision(judging, BERLIN, "match", R1, {NONE: 0.02, R1: 0.97, R2: 0.01}, asked=4, counted=4),
        decision(
            judging, PARIS, "undecided", R2, {NONE: 0.3, R2: 0.4, R3: 0.3}, asked=3, counted=3, stopped="most"
        ),
        decision(judging, ROME, "no_match", NONE, {NONE: 0.9, R4: 0.06, R1: 0.04}, asked=4, counted=2),
        decision(judging, OSLO, "failed", R3, {NONE: 0.4, R3: 0.6}, stopped="failed"),
        decision(judging, LIMA, "not_asked", R4, {NONE: 0.4, R4: 0.6}, stopped="not-asked"),
        decision(
            judging, BLANK, "match", HOSTILE, {NONE: 0.02, BLANK: 0.03, HOSTILE: 0.95}, asked=4, counted=2
        ),
        decision(judging, PAIR, "no_match", NONE, {NONE: 0.8, R4: 0.2}, asked=1, counted=1, evidence=NONE),
    ]
