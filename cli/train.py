"""``kgalign train``: a judge of one's own, from links, decisions and votes."""

import importlib

import click

_COMMANDS = {
    "examples": (".train_examples", "examples", "Make examples to learn from of finished runs."),
    "sft": (".train_sft", "sft", "Train a LoRA adapter on examples."),
    "dpo": (".train_dpo", "dpo", "Train a LoRA adapter on votes that their cases went against."),
    "merge": (".train_merge", "merge", "Make one adapter of several."),
    "student": (".train_student", "student", "Train a small cross-encoder on examples."),
}
"""Name → module, the click command in it, and a line on it: one that isn't called is not imported."""


class _Commands(click.Group):
    """Finds commands by name and imports them late."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module, __package__), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items()])


@click.group(cls=_Commands)
def train() -> None:
    """Train a judge of your own: from links, from people's decisions, from votes."""
