"""Commands that are imported when they are called: help and a typing error wait for none of them.

A command stands in its group by name and one line of help. What it does is in a module of its own,
with an `app` of Typer, and most of them import compiled kernels, Arrow and SQL.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Final, final

import typer
from typer.core import TyperCommand, TyperGroup


@final
class Later(TyperCommand):
    """A command, or a group of commands, that has not been imported."""

    def __init__(self, name: str, *modules: str, says: str) -> None:
        """
        Args:
            name: the word that calls it.
            modules: below `mercer`, without "cli_"; the first has the command of that name among
                its own, or all of its commands are the group; the others have more of the group.
            says: the first sentence of its help.
        """
        super().__init__(name=name, callback=None, help=says)
        self.modules: Final = modules

    def load(self) -> Any:
        """The command itself, imported: a TyperCommand or a TyperGroup."""
        made = _group(self.modules)
        return made.commands.get(self.name, made)


class LateGroup(TyperGroup):
    """A group whose commands are imported when they are called; `late` names them."""

    late: ClassVar[Sequence[Later]] = ()

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for command in self.late:
            self.add_command(command)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is called, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, loaded(command), rest


def loaded(command: Any) -> Any:
    """The command, imported if it has not been."""
    return command.load() if isinstance(command, Later) else command


@cache
def _group(modules: tuple[str, ...]) -> Any:
    """The commands of some modules as one group."""
    first, *more = [import_module(f"mercer.cli_{name}").app for name in modules]
    for app in more:
        first.add_typer(app)
    return typer.main.get_group(first)
