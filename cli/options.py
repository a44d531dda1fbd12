"""The options that decide what comes out, for ``kgalign run`` and for what tells of it beforehand."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .paths import PATH

if TYPE_CHECKING:
    from kgalign.config import Config

Command = TypeVar("Command", bound=Callable[..., Any])

KEYS = {
    "left_also": "read.left_also",
    "right_also": "read.right_also",
    "key": "read.key",
    "left_query": "sparql.left_query",
    "right_query": "sparql.right_query",
    "left_type": "select.left_types",
    "right_type": "select.right_types",
    "ignore_iri_names": "select.ignore_iri_names",
    "embedder": "retrieve.embedder",
    "k": "retrieve.k",
    "known": "judge.known",
    "judge": "judge.judge",
    "student": "judge.student",
    "llm_url": "llm.url",
    "workers": "llm.workers",
    "model": "llm.model",
    "adapter": "llm.adapter",
    "strict_model": "llm.strict_model",
    "ask": "votes.ask",
    "answer": "llm.answer",
    "ask_anyway": "votes.ask_anyway",
    "max_calls": "votes.max_calls",
    "max_tokens": "votes.max_tokens",
    "max_cost": "votes.max_cost",
    "cardinality": "assign.cardinality",
    "precision": "assign.precision",
    "canonical": "fuse.canonical",
    "vocabulary": "fuse.vocabulary",
    "identity": "fuse.identity",
    "policy": "fuse.policy",
    "provenance": "fuse.provenance",
    "shapes": "fuse.shapes",
    "strict": "fuse.strict",
    "memory": "limits.memory",
    "engine": "engine.name",
    "address": "engine.address",
    "seed": "seed",
}
"""Parameter → the key of the configuration that it sets."""

_FUSE_OPTIONS = (
    click.option("--canonical", metavar="WHOSE", help="left, right or mint: the IRI of a merged entity."),
    click.option(
        "--vocabulary",
        metavar="WHOSE",
        help="left, right or both: whose properties and classes the fused graph uses where they correspond.",
    ),
    click.option(
        "--identity",
        metavar="HOW",
        help="same-as, exact-match or none: how the fused graph says which IRIs were merged.",
    ),
    click.option(
        "--policy",
        metavar="NAME",
        help="What decides between rival values where [fuse] has no rule: Auto, Voting, MostRecent …",
    ),
    click.option(
        "--provenance",
        metavar="FORM",
        help="prov, rdf12 or none: named graphs, or annotations of RDF 1.2, in fused.trig.",
    ),
    click.option(
        "--shapes",
        multiple=True,
        metavar="FILE",
        help="SHACL shapes to hold both graphs and the fused one against; repeatable.",
    ),
    click.option(
        "--strict", is_flag=True, default=None, help="Exit with 1 where fusion breaks one of the shapes."
    ),
)
"""What decides about the fused graph alone."""

_CONFIG = click.option("--config", type=PATH, metavar="FILE", help="TOML file; flags go over it.")

_OPTIONS = (
    click.option("--left-also", multiple=True, metavar="FILE", help="More of the left graph; repeatable."),
    click.option("--right-also", multiple=True, metavar="FILE", help="More of the right graph; repeatable."),
    click.option(
        "--key",
        multiple=True,
        metavar="COLUMN",
        help="A column that names the rows of tables; FILE#COLUMN for one table alone; repeatable.",
    ),
    click.option(
        "--left-query",
        metavar="FILE",
        help="CONSTRUCT query for a SPARQL endpoint on the left; else all of it.",
    ),
    click.option("--right-query", metavar="FILE", help="The same for one on the right."),
    click.option("--left-type", multiple=True, metavar="IRI", help="Only nodes of this class; repeatable."),
    click.option(
        "--right-type", multiple=True, metavar="IRI", help="The same for the right graph; repeatable."
    ),
    click.option(
        "--ignore-iri-names", is_flag=True, default=None, help="Never use an IRI's local name as a name."
    ),
    click.option(
        "--embedder",
        metavar="SPEC",
        help="Add the dense channel: auto (all-MiniLM-L6-v2, where it is installed and pays), "
        "sentence-transformers:MODEL, llm2vec:MODEL (a decoder-only language model; #INSTRUCTION after it "
        "for another instruction) or openai:URL#MODEL.",
    ),
    click.option("-k", "k", metavar="K", help="Candidates per entity."),
    click.option(
        "--known",
        multiple=True,
        metavar="FILE",
        help="Links that are certain: left IRI, tab, right IRI, or owl:sameAs in RDF; repeatable.",
    ),
    click.option(
        "--judge",
        metavar="JUDGE",
        help="Who decides where the evidence is not sure: evidence (nobody else), llm (a server), "
        "vllm:MODEL, builtin or builtin:MODEL (taught pairs, in this process), student:DIR, scripted, or "
        "replay (the votes in RUN).",
    ),
    click.option(
        "--student",
        metavar="DIR",
        help="A trained student that is asked first, so that the judge is asked only where it leaves doubt.",
    ),
    click.option(
        "--llm-url",
        multiple=True,
        metavar="URL",
        help="The server's address, such as http://localhost:8000/v1. Repeatable: several servers of one "
        "model.",
    ),
    click.option(
        "--workers",
        metavar="N",
        help="With --judge vllm:MODEL, so many engines on this machine, each with a GPU or cores of its own.",
    ),
    click.option(
        "--model",
        multiple=True,
        metavar="NAME",
        help="The model there; the only one it serves needs no naming. Repeatable: several voters.",
    ),
    click.option("--adapter", metavar="NAME", help="A LoRA adapter on it."),
    click.option(
        "--strict-model",
        is_flag=True,
        default=None,
        help="Stop where the server answers as another model than the one that is asked.",
    ),
    click.option(
        "--ask", metavar="WHOM", help="uncertain, all or none: which entities the model is asked about."
    ),
    click.option(
        "--answer",
        metavar="WAY",
        help="How the model answers: json, choice (a label alone), pair, likelihood (no prompt) or auto.",
    ),
    click.option(
        "--ask-anyway",
        is_flag=True,
        default=None,
        help="Ask a model further that is no better than chance on questions whose answers are known.",
    ),
    click.option("--max-calls", metavar="N", help="Stop asking after so many requests, over all sessions."),
    click.option("--max-tokens", metavar="N", help="Stop asking after so many tokens, read and written."),
    click.option("--max-cost", metavar="AMOUNT", help="Stop asking at this cost; prices stand in [llm]."),
    click.option(
        "--cardinality",
        metavar="HOW",
        help="one-to-one, one-to-many, many-to-one, many-to-many or auto: "
        "how many partners an entity may have.",
    ),
    click.option(
        "--precision",
        metavar="SHARE",
        help="Link what can be linked so that this share of the links is right, by their probabilities: such "
        "as 0.95. The rest is left to people.",
    ),
    *_FUSE_OPTIONS,
    _CONFIG,
    click.option(
        "--memory",
        metavar="SIZE",
        help="Memory that the run may hold, such as 4GB; a share of what is free if not given.",
    ),
    click.option(
        "--engine",
        metavar="NAME",
        help="local (threads of this process) or ray: where heavy work is done. What comes out is the same.",
    ),
    click.option(
        "--address",
        metavar="WHERE",
        help="The Ray cluster: auto, HOST:PORT or ray://HOST:PORT; if not given one is started here.",
    ),
    click.option("--seed", metavar="N", help="Seed of everything random."),
)


def settings_options(command: Command) -> Command:
    """Add every option that stands for a key of the configuration, and ``--config``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def fuse_options(command: Command) -> Command:
    """Add the options of the section ``fuse``, and ``--config``."""
    for option in reversed((*_FUSE_OPTIONS, _CONFIG)):
        command = option(command)
    return command


def settings(config: Path | None, flags: dict[str, str | bool | tuple[str, ...] | None]) -> "Config":
    """The configuration file with the flags over it.

    :raises ConfigError: unknown keys or wrong values, all of them, by the names of the flags they came from.
    """
    from kgalign.config import load_config

    return load_config(config, *named_overrides(flags))


def named_overrides(
    flags: dict[str, str | bool | tuple[str, ...] | None],
) -> tuple[dict[str, str | bool | tuple[str, ...]], dict[str, str]]:
    """Keys of the configuration with the values that were given for them, and what their flags are called."""
    overrides = {KEYS[name]: value for name, value in flags.items() if value not in (None, ())}
    names = {key: "-k" if name == "k" else f"--{name.replace('_', '-')}" for name, key in KEYS.items()}
    named = overrides.pop("llm.model", None)
    if isinstance(named, tuple):
        overrides |= {"llm.model": named[0]} if len(named) == 1 else {"llm.models": named}
    names["llm.models"] = "--model"
    return overrides, {key: names[key] for key in overrides}
