"""
The name under which any process can import a sink's class or function, and the way back.
"""

from __future__ import annotations

import sys
from functools import reduce
from importlib import import_module
from typing import Any

from fanlight.sinks.base import SinkType


def names_of(sink_type: SinkType) -> tuple[str, str]:
    """
    Return the names, `module:qualified.name`, of the factory and the config model of *sink_type*.

    Raises:
        TypeError: with a sentence, where another process could not import them.
    """
    return _name(sink_type.factory, "factory"), _name(sink_type.config_model, "config_model")


def find(name: str) -> Any:
    """Import what *name* stands for."""
    module, _, qualified = name.partition(":")
    return _follow(import_module(module), qualified)


def _name(what: object, role: str) -> str:
    module, qualified = getattr(what, "__module__", None), getattr(what, "__qualname__", None)
    if isinstance(module, str) and isinstance(qualified, str) and _leads_to(module, qualified, what):
        return f"{module}:{qualified}"
    raise TypeError(f"its {role} must be importable by name, from a module that is not the script itself")


def _leads_to(module: str, qualified: str, what: object) -> bool:
    if module == "__main__" or module not in sys.modules:
        return False
    try:
        return _follow(sys.modules[module], qualified) is what
    except AttributeError:  # `<locals>` or `<lambda>`
        return False


def _follow(module: object, qualified: str) -> Any:
    return reduce(getattr, qualified.split("."), module)
