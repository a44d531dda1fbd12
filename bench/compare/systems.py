"""What a comparison compares, and whether all of it can be meant."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kgalign.config import Config
from kgalign.errors import ConfigError, InputError
from kgalign.judge.student import check as check_student
from kgalign.llm.backends import open_backend
from kgalign.run.folder import RUN_FILE
from kgalign.train.base import find_base, require_training
from kgalign.train.recipes import Recipe
from kgalign.train.student import StudentSettings


@dataclass(frozen=True, slots=True)
class Systems:
    """What is compared."""

    runs: tuple[Path, ...] = ()
    """Runs that the examples were made of: they know the evidence and the teacher's votes."""
    judges: tuple[str, ...] = ()
    """Language models, as ``judge.judge`` has them."""
    adapters: tuple[str, ...] = ()
    """Adapters on them: each model is asked without and with each."""
    students: tuple[Path, ...] = ()
    encoder: str | None = None
    """What students begin from that are trained for the comparison; None for none."""
    base: str | None = None
    """Model that adapters are trained on for the comparison, asked as well; None for none."""
    leave_one_out: bool = False
    """Whether students and adapters are trained on all data sets but that of the test, too."""
    training: StudentSettings = field(default_factory=StudentSettings)
    recipe: Recipe = field(default_factory=Recipe)
    """How adapters are trained."""
    templates: Path | None = None
    """Folder of the prompts that adapters learn, if not those of the package."""
    threads: int | None = None


def check_systems(sources: Sequence[Path], systems: Systems, config: Config) -> None:
    """Refuse what can't be meant, or is not there, before anything is made.

    Raises:
        InputError: nothing to compare, or not enough of it.
        ConfigError: an unknown judge.
        KgalignError: a model, a student or what they need is not there.
    """
    _check_meant(sources, systems)
    for judge in systems.judges:
        kind, _, rest = judge.partition(":")
        if not (judge == "llm" or kind == "scripted" or (kind == "vllm" and rest)):
            raise ConfigError(
                [f"--judge: {judge} is no language model: one of llm, vllm:MODEL and scripted"],
                "the command line",
            )
        for adapter in adapters_of(judge, systems, config):
            open_backend(judge, with_adapter(config, adapter).llm)
    for student in systems.students:
        check_student(str(student))
    if systems.base is not None:
        find_base(systems.base)
        require_training()


def _check_meant(sources: Sequence[Path], systems: Systems) -> None:
    if not sources:
        raise InputError("There is nothing to compare on", "Name folders of examples, or finished runs")
    named = {"--encoder": systems.encoder, "--base": systems.base}
    named |= dict.fromkeys(["--adapter"], "") if "" in systems.adapters else {}
    for option, value in named.items():
        if value is not None and not value.strip():
            raise InputError(f"{option} is empty", "Name one, or leave it out")
    trains = systems.encoder is not None or systems.base is not None
    if systems.leave_one_out and not trains:
        raise InputError(
            "Nothing is trained that a data set could be left out of",
            "Give --encoder or --base with --leave-one-out",
        )
    if systems.adapters and not any(_takes_adapters(each) for each in systems.judges):
        raise InputError("An adapter needs a model to be asked on", "Give --judge llm or --judge vllm:MODEL")
    runs = systems.runs or any((each / RUN_FILE).exists() for each in sources)
    if not (runs or systems.judges or systems.students or trains):
        raise InputError(
            "There is nothing to compare: no system is named",
            "Give --run, --judge or --student, or --encoder or --base to train some",
        )


def _takes_adapters(judge: str) -> bool:
    return judge == "llm" or judge.startswith("vllm:")


def adapters_of(judge: str, systems: Systems, config: Config) -> list[str]:
    """What a model is asked with, nothing first."""
    if not _takes_adapters(judge):
        return [""]
    return list(dict.fromkeys(("", config.llm.adapter or "", *systems.adapters)))


def with_adapter(config: Config, adapter: str) -> Config:
    """The same configuration with another adapter, empty for none."""
    return config.model_copy(update={"llm": config.llm.model_copy(update={"adapter": adapter or None})})
