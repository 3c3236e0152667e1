"""The commands that plugins bring: installed ones, and the modules of the file that FANLIGHT_CONFIG names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import msgspec

from fanlight.config.document import read
from fanlight.errors import ConfigError
from fanlight.hookspecs import Command
from fanlight.plan.build import load_registry
from fanlight.plugins import KNOWN_PACKAGES, PluginRegistry

_CONFIG: Final = "FANLIGHT_CONFIG"
_WITH_COMMANDS: Final = frozenset({"lake"})
"""Of the known packages those that bring a command, under the name of their sink type."""


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """What there is, and why there is no more."""

    registry: PluginRegistry
    problem: str = ""
    """Why the modules of the file are not among them."""

    @classmethod
    def load(cls) -> Brought:
        """Return all of them. Whatever is wrong with the file or a module, the installed ones are there."""
        path = os.environ.get(_CONFIG)
        if not path:
            return cls(registry=PluginRegistry.load())
        try:
            return cls(registry=load_registry(read(path)))
        except ConfigError as error:
            said = "; ".join(problem.message for problem in error.problems)
        except SystemExit:  # a module that ends the program would end `fanlight --help`
            said = "one of its modules leaves the program when it is imported"
        return cls(registry=PluginRegistry.load(), problem=f"{_CONFIG} ({path}): {said}")

    @property
    def commands(self) -> tuple[Command, ...]:
        """Every command."""
        return self.registry.commands

    def command(self, name: str) -> Command | None:
        """Return the command of this name; it parses its own options."""
        return next((command for command in self.commands if command.name == name), None)

    def needs(self, name: str) -> str:
        """Return which package the command *name* needs, where it is one that is known to bring it; else nothing."""
        if name not in _WITH_COMMANDS:
            return ""
        package = KNOWN_PACKAGES[name]
        there = next((info for info in self.registry.plugins if info.distribution == package), None)
        if there is None:
            return f"fanlight {name} needs {package}: pip install {package}"
        why = f"cannot be used: {there.reason}" if there.status == "failed" else "is disabled"
        return f"fanlight {name} needs {package}, which {why}"

    def reasons(self) -> Iterator[str]:
        """Yield what may be why some command is not there."""
        yield from (f"the plugin {info.origin} cannot be used: {info.reason}" for info in self.registry.failed)
        if self.problem:
            yield self.problem
