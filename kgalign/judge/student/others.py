"""Judges that others bring: asked as a trained student is, about what the evidence leaves in doubt.

A package brings an :class:`OtherJudge` by an entry point of the group ``kgalign.judges``; it is asked where
``judge.judge`` is its name, or its name, a colon, and what it needs to be told. How far it is to be trusted
on these graphs nobody has to say: that is fitted as it is for a student.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles
from kgalign.base.doors import bring, offered, package_of
from kgalign.errors import KgalignError
from kgalign.judge.student.model import Question

Probabilities = Callable[[Sequence[Question]], Sequence[Doubles]]
"""Questions → (options + 1,) of each: that none of the options is the same thing, then of each option."""


@dataclass(frozen=True, slots=True)
class OtherJudge:
    """A judge."""

    about: str
    """What it goes by, for people."""
    open: Callable[[str], Probabilities]
    """What follows the colon in the configuration, empty for nothing → what is asked."""


def open_other(spec: str) -> tuple[Probabilities, dict[str, str]]:
    """Open a judge that a package brings.

    :param spec: its name, or its name, a colon, and the rest.
    :returns: what is asked, which checks what it says, and notes for the run's report.
    :raises KgalignError: nobody brings it, or it can't be opened.
    """
    name, _, rest = spec.partition(":")
    judge: OtherJudge = bring("kgalign.judges", name, OtherJudge)
    try:
        ask = judge.open(rest)
    except KgalignError:
        raise
    except Exception as error:
        raise _failed(name, "can't be opened", error) from error

    def asked(questions: Sequence[Question]) -> list[Doubles]:
        try:
            said = [np.asarray(each, dtype=np.float64) for each in ask(questions)]
        except Exception as error:
            raise _failed(name, "failed", error) from error
        sizes = [len(options) + 1 for _, options in questions]
        if [each.shape for each in said] != [(size,) for size in sizes]:
            raise _misfit(name, "as many probabilities as there are options, and one for none of them")
        if any(not np.isfinite(each).all() or each.min() < 0 or each.sum() <= 0 for each in said):
            raise _misfit(name, "probabilities: numbers from 0 on, not all of them 0")
        return [each / each.sum() for each in said]

    return asked, {"judge": spec, "package": package_of(offered("kgalign.judges")[name])}


def _failed(name: str, what: str, error: Exception) -> KgalignError:
    remedy = "Mend the package that brings it, or choose another judge"
    return KgalignError(f"The judge {name} {what}: {type(error).__name__}: {error}", remedy)


def _misfit(name: str, wanted: str) -> KgalignError:
    remedy = "Mend the package that brings it, or choose another judge"
    return KgalignError(f"The judge {name} does not give {wanted}", remedy)
