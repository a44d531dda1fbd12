"""The configuration: one section per stage, pydantic models, defaults the same for every data set.

A TOML file and flags over it (:func:`load_config`); every fault of both is reported at once, with the
file, the dotted key, what is allowed there, and the nearest key that exists.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from kgalign.base.doors import offered
from kgalign.config.engine import EngineConfig
from kgalign.config.fusion import FuseConfig
from kgalign.config.limits import LimitsConfig
from kgalign.config.models import ModelConfig, Urls, is_plain_url
from kgalign.config.section import Section, one_of
from kgalign.config.sparql import SparqlConfig
from kgalign.errors import ConfigError

AUTO = "auto"
"""The embedder that retrieval takes where one is installed and pays."""
CHANNELS = ("names", "values", "structure")
"""The channels of retrieval that kgalign has itself."""
Cardinality = Literal["one-to-one", "one-to-many", "many-to-one", "many-to-many", "auto"]


class ReadConfig(Section):
    """Which files make up each side besides the two arguments, and how tables are read."""

    left_also: tuple[str, ...] = ()
    right_also: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    """Columns whose values name the rows of tables: the first one that a table has; ``FILE#COLUMN`` for a
    single table."""
    left_base: str | None = None
    """Where the IRIs of the left side's tables begin, in place of an address that nobody has."""
    right_base: str | None = None

    @field_validator("left_base", "right_base")
    @classmethod
    def _base_is_plain(cls, value: str | None) -> str | None:
        if value is not None and not (is_plain_url(value) and value.endswith("/")):
            raise ValueError("must be an address that ends in a slash, such as https://example.org/data/")
        return value


class SelectConfig(Section):
    """Which nodes are entities, and which of their values identify them."""

    left_types: tuple[str, ...] = ()
    right_types: tuple[str, ...] = ()
    ignore_iri_names: bool = False
    value_kinds: tuple[Annotated[str, one_of((), "kgalign.values")], ...] = ()
    """Kinds of values that packages bring, in the order in which they are tried."""
    max_hops: int = Field(default=3, ge=1, le=3)


class RetrieveConfig(Section):
    """Which pairs are worth judging."""

    channels: tuple[Annotated[str, one_of(CHANNELS, "kgalign.channels")], ...] = CHANNELS
    """Those of kgalign come first, in this order; others in the order in which they are named."""
    embedder: str | None = None
    """``auto``, or what :func:`kgalign.retrieve.embedders.open_embedder` opens."""
    attribute_names: bool = True
    """Whether what an embedder reads names the attributes that the values are of."""
    k: int = Field(default=15, ge=1, le=1000)

    @property
    def embedder_folder(self) -> Path | None:
        """Folder of the model that embeds in this process, where it is one and no name on the hub."""
        scheme, _, model = (self.embedder or "").partition(":")
        if scheme == "llm2vec":
            model = model.partition("#")[0]
        elif scheme != "sentence-transformers":
            return None
        return Path(model) if os.path.isdir(model) else None  # noqa: PTH112 - whatever the name is

    @field_validator("embedder")
    @classmethod
    def _embedder_is_known(cls, value: str | None) -> str | None:
        if value is not None and not _is_embedder(value):
            raise ValueError(
                "must be auto, sentence-transformers:MODEL, llm2vec:MODEL, llm2vec:MODEL#INSTRUCTION or "
                "openai:URL#MODEL, such as openai:http://localhost:8000/v1#MODEL; a key is no part of it, it "
                "comes from KGALIGN_LLM_KEY"
            )
        return value


def _is_embedder(spec: str) -> bool:
    """Whether this names an embedder; a URL with a password or a query is refused: ``run.json`` keeps it."""
    scheme, _, rest = spec.partition(":")
    if spec == AUTO:
        return True
    if scheme == "sentence-transformers":
        return bool(rest.strip())
    if scheme == "llm2vec":
        return bool(rest.partition("#")[0].strip())
    url, _, model = rest.partition("#")
    return bool(scheme == "openai" and model and is_plain_url(url))


class LlmConfig(Section):
    """Where the language model is and how it is called. Nothing here is a secret: keys come from the
    environment.
    """

    url: Urls = "http://localhost:8000/v1"
    """Its server, or a list of several that serve the same model."""
    model: str | None = None
    adapter: str | None = None
    models: tuple[ModelConfig, ...] = ()
    """Several models in place of one: each is asked by itself, and its word has a weight of its own."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    answer: Literal["auto", "json", "choice", "pair", "likelihood"] = "auto"
    """How the model answers: with JSON that cites what it relies on, with a label alone, with yes or no to a
    short text about one pair, or not at all: ``likelihood`` is by how much the text of one record makes that
    of another more probable. ``auto`` asks a model that was trained to one way in that way, and
    others in the cheapest way that works, as the controls tell."""
    answer_tokens: int = Field(default=256, ge=16, le=4096)
    question_tokens: int = Field(default=1500, ge=200)
    """What a question may be long; longer ones are shortened."""
    unstructured: bool = False
    """Whether to ask a server that does not hold answers to a form: many of its answers can't be read."""
    strict_model: bool = False
    """Whether it is an error that a server answers as another model than the one that is asked."""
    concurrency: int = Field(default=32, ge=1, le=4096)
    """Most requests under way at once at each server; the pool finds out how many it takes."""
    workers: int = Field(default=1, ge=1, le=256)
    """Servers of the model that are started on this machine for the run, each with a GPU or cores of its own;
    1 to have it in this process."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds after which a call is given up; None to learn from the answers how long it may take."""
    retries: int = Field(default=5, ge=0, le=100)
    price_in: float = Field(default=0.0, ge=0)
    price_out: float = Field(default=0.0, ge=0)
    """Price of a million tokens read and written, in any currency."""

    @model_validator(mode="after")
    def _models_differ(self) -> "LlmConfig":
        names = [(each.model, each.adapter) for each in self.models]
        if len(set(names)) < len(names):
            raise ValueError("models: the same model twice is one voter; name each once")
        if self.models and (self.model or self.adapter):
            raise ValueError("models: give either these or one model with its adapter, not both")
        return self

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the servers, one or several."""
        return (self.url,) if isinstance(self.url, str) else self.url

    def voters(self) -> "tuple[LlmConfig, ...]":
        """The configuration of each model, in the order given; of the only one, this."""
        return tuple(
            self.model_copy(
                update={
                    "models": (),
                    "model": each.model,
                    "url": each.url or self.url,
                    "adapter": each.adapter,
                }
            )
            for each in self.models
        ) or (self,)


Reducer = Literal["majority", "adaptive", "weighted", "dawid_skene", "unanimous"]


class VotesConfig(Section):
    """Which pairs a language model is asked about, how often, and how its votes are counted."""

    ask: Literal["uncertain", "all", "none"] = "uncertain"
    doubt: float = Field(default=0.1, gt=0, lt=1)
    """An entity is asked about if the evidence gives less than ``1 - doubt`` to its likeliest partner
    or to its having none."""
    options: int = Field(default=4, ge=1, le=20)
    """Most candidates in one question."""
    min_votes: int = Field(default=2, ge=1, le=50)
    max_votes: int = Field(default=7, ge=1, le=50)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """No more is asked once the leader's probability is this high."""
    reducer: Reducer = "adaptive"
    controls: int = Field(default=24, ge=0, le=1000)
    """Questions about what is known already, which are asked first to learn what the model's word is worth; 0
    for none."""
    ask_anyway: bool = False
    """Whether a model is asked further that is no better than chance on these."""
    max_calls: int | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=0)
    max_cost: float | None = Field(default=None, ge=0)
    templates: str | None = None
    """Folder of prompts that replace those of the package, file by file."""

    @model_validator(mode="after")
    def _votes_in_order(self) -> Self:
        if self.min_votes > self.max_votes:
            raise ValueError("min_votes must not be above max_votes")
        return self


_JUDGES = ("evidence", "llm", "vllm", "builtin", "scripted", "replay", "student")


def _is_judge(spec: str) -> bool:
    kind, _, rest = spec.partition(":")
    if kind not in _JUDGES:
        return kind in offered("kgalign.judges")
    named = kind in ("vllm", "builtin", "student") and bool(rest.strip())
    return spec in ("evidence", "llm", "builtin", "replay") or kind == "scripted" or named


class JudgeConfig(Section):
    """How pairs are judged."""

    judge: str = "evidence"
    """``evidence`` alone; or what is asked where the evidence is unsure: ``llm``, ``vllm:MODEL``,
    ``builtin``, a small model that comes with kgalign, or ``builtin:MODEL``, one trained alike; ``scripted``
    or ``scripted:accuracy=0.9,…``, ``replay``; ``student:DIR``, a trained student; or one that a package
    brings, by its name."""
    student: str | None = None
    """Folder of a student that is asked before, so that ``judge`` is asked only where it leaves doubt."""
    known: tuple[str, ...] = ()
    match_probability: float = Field(default=0.5, gt=0, lt=1)
    undecided_probability: float = Field(default=0.2, gt=0, lt=1)
    iterations: int = Field(default=3, ge=1, le=20)

    @field_validator("judge")
    @classmethod
    def _judge_is_known(cls, value: str) -> str:
        if not _is_judge(value):
            brought = "".join(f", {name}" for name in offered("kgalign.judges"))
            raise ValueError(
                f"must be evidence, llm, vllm:MODEL, builtin, student:DIR{brought}, scripted or replay"
            )
        return value

    @property
    def asks_student(self) -> str | None:
        """Folder of the student that is asked, if any."""
        kind, _, folder = self.judge.partition(":")
        return folder if kind == "student" else self.student or None

    @property
    def asks_other(self) -> str | None:
        """The judge that is asked in a student's place, where a package brings it."""
        return None if self.judge.partition(":")[0] in _JUDGES else self.judge

    @property
    def asks_model(self) -> bool:
        """Whether a language model has a say besides."""
        return self.judge.partition(":")[0] not in ("evidence", "student") and self.asks_other is None

    @model_validator(mode="after")
    def _one_student(self) -> Self:
        if self.judge.startswith("student:") and self.student:
            raise ValueError("judge and student both name a student: name it in one of them")
        if self.asks_other and self.student:
            raise ValueError(f"{self.judge} is asked in the place of a student: name one of them")
        return self

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        if self.undecided_probability > self.match_probability:
            raise ValueError("undecided_probability must not be above match_probability")
        return self


class AssignConfig(Section):
    """How many partners an entity may have, and how many of the links have to be right."""

    cardinality: Cardinality = "auto"
    precision: float | None = Field(default=None, gt=0, lt=1)
    """Share of the links that has to be right, by their probabilities: pairs that would bring it below that
    are left to people. None to link whatever is likelier right than ``judge.match_probability``."""


class Config(Section):
    """Everything that decides what comes out."""

    read: ReadConfig = ReadConfig()
    select: SelectConfig = SelectConfig()
    retrieve: RetrieveConfig = RetrieveConfig()
    judge: JudgeConfig = JudgeConfig()
    llm: LlmConfig = LlmConfig()
    votes: VotesConfig = VotesConfig()
    assign: AssignConfig = AssignConfig()
    fuse: FuseConfig = FuseConfig()
    engine: EngineConfig = EngineConfig()
    limits: LimitsConfig = LimitsConfig()
    sparql: SparqlConfig = SparqlConfig()
    seed: int = Field(default=0, ge=0, lt=2**32)


PATH_KEYS = ("read.left_also", "read.right_also", "judge.known", "fuse.shapes")
"""Keys that hold lists of paths: in a file they are relative to that file's folder."""
_FILE_KEYS = ("sparql.left_query", "sparql.right_query")
"""Keys that hold one path, which is relative in the same way."""


def load_config(
    path: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    names: Mapping[str, str] | None = None,
) -> Config:
    """Read a TOML file and put single values over it.

    :param path: the file; None for the defaults.
    :param overrides: dotted keys, such as ``retrieve.k``, and the values that replace the file's.
    :param names: what the overrides are called in messages, such as ``{"retrieve.k": "-k"}``.
    :raises ConfigError: the file can't be read, or has unknown keys or wrong values; it lists them all.
    """
    overrides = overrides or {}
    data = _read_toml(path) if path else {}
    for key, value in overrides.items():
        section, _, last = key.rpartition(".")
        target = data.setdefault(section, {}) if section else data
        if isinstance(target, dict):
            target[last] = value
    return _validate(data, str(path) if path else "the command line", names or {})


def as_config(config: Config | Mapping[str, Any] | Path | str | None) -> Config:
    """Accept what the Python API accepts: a :class:`Config`, nested dictionaries, a TOML file, or nothing.

    :raises ConfigError: unknown keys or wrong values; it lists them all.
    """
    if config is None:
        return Config()
    if isinstance(config, Config):
        return config
    if isinstance(config, Mapping):
        return _validate(dict(config), "the configuration", {})
    return load_config(Path(config))


def known_keys() -> tuple[str, ...]:
    """Every dotted key of the configuration, in the order of the stages."""
    return tuple(_keys(Config, ""))


def _keys(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise ConfigError([f"it can't be read: {error.strerror or error}"], str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(["it is not UTF-8 text"], str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"it is not TOML: {error}"], str(path)) from error
    for key in (*PATH_KEYS, *_FILE_KEYS):
        section, _, last = key.partition(".")
        table = data.get(section)
        told = table.get(last) if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(told, list):
            table[last] = [_below(path.parent, each) for each in told]
        elif isinstance(table, dict) and isinstance(told, str) and key in _FILE_KEYS:
            table[last] = _below(path.parent, told)
    return data


def _below(folder: Path, told: object) -> object:
    """A path that is relative to a folder; what is an endpoint, or no text, stays as it is."""
    return str(folder / told) if isinstance(told, str) and not told.startswith("sparql:") else told


def _validate(data: dict[str, Any], source: str, names: Mapping[str, str]) -> Config:
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        faults = [_fault(each, names) for each in error.errors(include_url=False)]
        raise ConfigError(sorted(set(faults)), source) from error


def _fault(error: ErrorDetails, names: Mapping[str, str]) -> str:
    place = ".".join(str(part) for part in error["loc"] if not isinstance(part, int))
    shown = names.get(place, place)
    if error["type"] == "extra_forbidden":
        near = _nearest(place)
        return f"{shown} is no key" + (f" (did you mean {near}?)" if near else "")
    if error["type"] == "model_type":
        return f"{shown} must be a table of keys, not {_short(error['input'])}"
    if error["type"] in ("byte_size", "byte_size_unit"):
        return f"{shown} must be a size such as 4GB, not {_short(error['input'])}"
    if error["type"] == "value_error":
        return f"{shown}: {error['ctx']['error']}"
    wanted = (
        error["msg"].removeprefix("Input ").replace("should", "must", 1).replace("a valid tuple", "a list")
    )
    return f"{shown} {wanted[:1].lower()}{wanted[1:]}, not {_short(error['input'])}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _nearest(place: str) -> str | None:
    """The known key or section that was probably meant."""
    keys = known_keys()
    sections = sorted({key.rpartition(".")[0] for key in keys} - {""})
    close = difflib.get_close_matches(place, [*keys, *sections], n=1, cutoff=0.75)
    if close:
        return close[0]
    by_last = {key.rpartition(".")[2]: key for key in keys}
    close = difflib.get_close_matches(place.rpartition(".")[2], list(by_last), n=1, cutoff=0.75)
    return by_last[close[0]] if close else None
