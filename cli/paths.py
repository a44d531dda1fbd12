"""What an argument may name: a path of this machine, an address in a store, an endpoint."""

from pathlib import Path
from typing import Any

import click

from kgalign.base.addresses import is_address, on_this_machine


class Here(click.Path):
    """A path of this machine; an address of a store is refused."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        """The path.

        :raises InputError: it is an address.
        """
        on_this_machine(value)
        return super().convert(value, param, ctx)


class Place(click.Path):
    """A path, or an address of a store, which stays text: a path would lose slashes of it."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        """The path, or the text."""
        return value if is_address(value) else super().convert(value, param, ctx)


class Input(Place):
    """The same, or the address of a SPARQL endpoint."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        """The path, or the text."""
        if isinstance(value, str) and value[:7].lower() == "sparql:":
            return value
        return super().convert(value, param, ctx)


PATH, PLACE, INPUT = Here(), Place(), Input()
