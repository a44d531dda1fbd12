"""The order of the stages, what each step needs, and what a run leaves behind.

This package alone knows the order::

    read ─▶ select ─▶ retrieve ─▶ judge (evidence, student, votes) ─▶ assign ─▶ fuse ─▶ export

Stages are cut into steps, each side of ``read`` and ``select`` and each group of output files on its own,
so that a changed option redoes as little as possible. Each imports its stage when it runs: who only reads a
finished run waits for none. What else a step depends on says
:mod:`kgalign.run.settings`, what it tells of its output :mod:`kgalign.run.reports`, and
:mod:`kgalign.run.executing` runs the steps. Each module holds the steps of a part of the way, and knows those
before.
"""

from kgalign.pipeline.fusing import (
    CONFLICTS_FILE,
    FUSE,
    FUSED_FILE,
    LINKS_FILES,
    NAMES,
    PROVENANCE_FILE,
    VIOLATIONS_FILE,
    VOCABULARIES,
)
from kgalign.pipeline.judging import (
    ASK,
    JUDGE,
    LEARN,
    STUDENT,
    judged_of,
    ledger_of,
    open_ledger,
    verdicts_of,
)
from kgalign.pipeline.linking import ASSIGN, VERDICTS_FILE, WORKLIST, WORKLIST_FILE
from kgalign.pipeline.retrieving import CANDIDATES_FILE, RECALL, RETRIEVE
from kgalign.pipeline.sides import PROFILE_FILE, READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT
from kgalign.pipeline.telling import CHANGES_FILES, REPORT_FILE, findings_of
from kgalign.run.steps import AnyStep

__all__ = [
    "ASK",
    "ASSIGN",
    "CANDIDATES_FILE",
    "CHANGES_FILES",
    "CONFLICTS_FILE",
    "FUSE",
    "FUSED_FILE",
    "JUDGE",
    "LEARN",
    "LINKS_FILES",
    "NAMES",
    "PROFILE_FILE",
    "PROVENANCE_FILE",
    "READ_LEFT",
    "READ_RIGHT",
    "RECALL",
    "REPORT_FILE",
    "RETRIEVE",
    "SELECT_LEFT",
    "SELECT_RIGHT",
    "STAGES",
    "STAGE_OF",
    "STEPS_TO_GROW_FROM",
    "STUDENT",
    "VERDICTS_FILE",
    "VIOLATIONS_FILE",
    "VOCABULARIES",
    "WORKLIST",
    "WORKLIST_FILE",
    "findings_of",
    "judged_of",
    "ledger_of",
    "open_ledger",
    "step_named",
    "steps",
    "verdicts_of",
]


def steps(
    *, with_gold: bool = False, with_shapes: bool = False, with_changes: bool = False
) -> tuple[AnyStep, ...]:
    """All steps in order: each after those it needs, files for people as soon as they can be written."""
    return (
        READ_LEFT,
        READ_RIGHT,
        SELECT_LEFT,
        SELECT_RIGHT,
        PROFILE_FILE,
        RETRIEVE,
        *((RECALL,) if with_gold else ()),
        CANDIDATES_FILE,
        LEARN,
        JUDGE,
        STUDENT,
        ASK,
        ASSIGN,
        VERDICTS_FILE,
        WORKLIST,
        WORKLIST_FILE,
        VOCABULARIES,
        LINKS_FILES,
        NAMES,
        FUSE,
        FUSED_FILE,
        PROVENANCE_FILE,
        CONFLICTS_FILE,
        *((VIOLATIONS_FILE,) if with_shapes else ()),
        *((CHANGES_FILES,) if with_changes else ()),
        REPORT_FILE,
    )


STEPS_TO_GROW_FROM = (
    *(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, RETRIEVE, LEARN, JUDGE),
    *(STUDENT, ASK, ASSIGN, FUSE),
)
"""What a run must have finished for another one to grow from it; nothing else of it is looked at."""

STAGES = ("read", "select", "retrieve", "judge", "assign", "fuse", "export")
"""The stages in order."""

_EVERY = {step.name: step for step in steps(with_gold=True, with_shapes=True, with_changes=True)}


def step_named(name: str) -> AnyStep:
    """A step by its name."""
    return _EVERY[name]


STAGE_OF = {name: step.stage for name, step in _EVERY.items()}
"""Step → the stage that it is part of."""
