"""Groups whose commands are imported when they are called, so that listing them imports none."""

import importlib
from collections.abc import Mapping
from typing import ClassVar

import click

Commands = Mapping[str, tuple[str, str, str]]
"""Name → module, the click command in it, and a line on it."""


class LazyGroup(click.Group):
    """Finds its commands by name, and imports one when it is called."""

    commands_by_name: ClassVar[Commands] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in their order."""
        return list(self.commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, None for none."""
        if cmd_name not in self.commands_by_name:
            return None
        module, attribute, _ = self.commands_by_name[cmd_name]
        command = getattr(importlib.import_module(module, __package__), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with a line on each."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self.commands_by_name.items()])
