"""What the output of a step depends on besides the steps that it needs: files and parts of the configuration.

Each function is named after its step, and what it gives is a part of the step's fingerprint, as JSON. What
stands in none of them decides nothing that is computed: where files lie, how a server is reached, how fast it
is asked. What asks a student or a language model is imported only where one is asked.
"""

from pathlib import Path
from typing import Any

from kgalign.base.doors import brought
from kgalign.config import CHANNELS, Config
from kgalign.config.fusion import POLICIES
from kgalign.decisions.people import said_in_stores, words_in_stores
from kgalign.rdf.formats import is_table
from kgalign.run.steps import Inputs


def nothing(_: Inputs) -> object:
    """Of a step that the steps before it decide alone."""
    return None


def read(inputs: Inputs, side: str) -> object:
    """The files of a side, by their contents; of tables also their names and metadata, and what says how they
    are read.
    """
    files = inputs.digests(side)
    tables = sorted([path.name for path in inputs.paths(side) if is_table(path)])
    if not tables:
        return files
    config = inputs.config.read
    base = config.left_base if side == "left" else config.right_base
    described = sorted(
        [Path(each.path).name, each.sha256] for each in inputs.files.get(f"{side}-metadata", ())
    )
    return [files, tables, described, config.key, base]


def select(inputs: Inputs, side: str) -> object:
    """All of the section but the types of the other side."""
    other = "right" if side == "left" else "left"
    config = inputs.config.select
    return _with(brought("kgalign.values", config.value_kinds), config.model_dump(exclude={f"{other}_types"}))


def _with(packages: dict[str, str], settings: object) -> object:
    """The settings with the packages that decide too, where there are any."""
    return [settings, packages] if packages else settings


def retrieve(inputs: Inputs) -> object:
    """The section, the seed, and the model that embeds, by its content.

    For the embedder ``auto`` it is the one that is installed: whether it pays follows from the profiles.
    """
    config = inputs.config.retrieve
    settings = [config.model_dump(), inputs.config.seed, inputs.digests("embedder")]
    others = [name for name in config.channels if name not in CHANNELS]
    return _since(inputs, _with(brought("kgalign.channels", others), settings))


def _since(inputs: Inputs, settings: object) -> object:
    """The settings with the run that this one grows from, where there is one."""
    grown = [each.sha256 for each in inputs.files.get("from", ())]
    return [settings, {"from": grown}] if grown else settings


def recall(inputs: Inputs) -> object:
    """The gold, which no other step depends on."""
    return inputs.digests("gold")


def learn(inputs: Inputs) -> object:
    """What the evidence goes by; who is asked later is no part of it."""
    config = inputs.config
    said = said_in_stores(inputs.paths("decisions"))
    decided = [said.as_lists()] if said else []
    settings = [_evidence(config), config.assign.cardinality, inputs.digests("known"), *decided]
    return _since(inputs, settings)


def judge(inputs: Inputs) -> object:
    """As of what is learned: what is certain of the candidates is so for both."""
    return learn(inputs)


def _evidence(config: Config) -> object:
    return config.judge.model_dump(exclude={"known", "judge", "student"})


def student(inputs: Inputs) -> object:
    """What decides what a student is shown and says; where it lies does not."""
    config = inputs.config
    other = config.judge.asks_other
    if config.judge.asks_student is None and other is None:
        return None
    from kgalign.judge.student.model import read_card

    return [
        [other, brought("kgalign.judges", [other.partition(":")[0]])]
        if other
        else read_card(Path(config.judge.asks_student or "")).digest,
        config.votes.model_dump(include={"ask", "doubt", "options"}),
        config.llm.question_tokens,
        config.assign.cardinality,
    ]


def asks(config: Config) -> bool:
    """Whether a language model has a say."""
    return config.judge.asks_model and config.votes.ask != "none"


_WHERE: dict[str, Any] = {
    **dict.fromkeys(("url", "workers", "concurrency", "timeout", "retries", "strict_model"), True),
    "models": {"__all__": {"url"}},
}
"""Where models are and how fast they are asked; of the only one there is no list, either."""


def ask(inputs: Inputs) -> object:
    """What decides the votes; where the server is and how fast it is asked does not."""
    config = inputs.config
    if not asks(config):
        return None
    from kgalign.judge.terms import prompts_digest

    return [
        config.judge.model_dump(exclude={"known", "student"}),
        config.llm.model_dump(exclude=_WHERE if config.llm.models else set(_WHERE)),
        config.votes.model_dump(exclude={"templates"}),
        prompts_digest(config.votes.templates),
        config.assign.cardinality,
        config.seed,
    ]


def gone(inputs: Inputs) -> list[Path]:
    """Files of known links that are no more there: a finished run can be changed without them."""
    return [path for path in inputs.paths("known") if not path.exists()]


def assign(inputs: Inputs) -> object:
    """The section, from where on a pair is a match, what a person took apart; and how large clusters may be,
    where they are cut.
    """
    config = inputs.config
    said = said_in_stores(inputs.paths("decisions"))
    cut = config.assign.cardinality == "auto"
    unheard = [len(gone(inputs))] if gone(inputs) else []
    return [
        config.assign.model_dump(),
        _evidence(config),
        [list(pair) for pair in (*said.taken, *said.apart)],
        config.fuse.model_dump(include={"max_cluster", "same_as_within"}) if cut else None,
        *unheard,
    ]


_OF_VOCABULARIES = {"mapping", "classes", "keep"}


def before(inputs: Inputs) -> object:
    """The run that this one grows from, by what it found."""
    return inputs.digests("from")


def vocabularies(inputs: Inputs) -> object:
    """What the user says of properties and classes."""
    return inputs.config.fuse.model_dump(include=_OF_VOCABULARIES)


def links(inputs: Inputs) -> object:
    """Whose names the properties get, as the mappings between properties say so; and who decided, and why."""
    words = sorted(words_in_stores(inputs.paths("decisions")).items())
    vocabulary = inputs.config.fuse.vocabulary
    return [vocabulary, [[*pair, same, *word] for (pair, same), word in words]] if words else vocabulary


def fuse(inputs: Inputs) -> object:
    """The section, without what the vocabularies, the provenance and the shapes go by."""
    config = inputs.config.fuse
    named = {config.policy, *config.kinds.values(), *(rule.policy for rule in config.properties.values())}
    settings = config.model_dump(exclude={*_OF_VOCABULARIES, "provenance", "shapes", "strict"})
    return _with(brought("kgalign.policies", sorted(named - set(POLICIES))), settings)


def provenance(inputs: Inputs) -> object:
    """The form that it is written in."""
    return inputs.config.fuse.provenance


def shapes(inputs: Inputs) -> object:
    """The files of shapes, by their contents."""
    return inputs.digests("shapes")
