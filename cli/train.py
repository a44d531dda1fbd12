"""``kgalign train``: a judge of one's own, from links, decisions and votes."""

import click

from .common import LazyGroup

_COMMANDS = {
    "examples": (".train_examples", "examples", "Make examples to learn from of finished runs."),
    "sft": (".train_sft", "sft", "Train a LoRA adapter on examples."),
    "dpo": (".train_dpo", "dpo", "Train a LoRA adapter on votes that their cases went against."),
    "merge": (".train_merge", "merge", "Make one adapter of several."),
    "student": (".train_student", "student", "Train a small cross-encoder on examples."),
    "encoder": (".train_encoder", "encoder", "Train the dense channel's encoder on links or texts."),
}


class _Commands(LazyGroup):
    commands_by_name = _COMMANDS


@click.group(cls=_Commands)
def train() -> None:
    """Train a judge of your own: from links, from people's decisions, from votes."""
