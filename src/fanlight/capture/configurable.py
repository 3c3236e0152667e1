"""
What LangGraph's `configurable` said where a run started: LangChain gives it to its own tracer and to no other handler.

It passes it to its configure step as an argument, though, and that step asks every registered hook for a handler: the
hook reads the argument from its caller's frame. Should a future LangChain name it otherwise, the values still come
from the runs below the root, whose context holds the whole config.

Two kinds of root are not configured with it and have none: the items of a sequence's `batch`, and runs that a callback
manager made by hand starts. Each reader reads what was configured once: such a run never takes another's tenant. Where
a rule hangs on such a value, `metadata` or `fanlight.context` is the place to say it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

from langchain_core.runnables.config import var_child_runnable_config

_ARGUMENT: Final = "langsmith_inheritable_metadata"


class _Configured(NamedTuple):
    values: Mapping[str, Any] | None
    read_by: set[int]


_configured: Final[ContextVar[_Configured | None]] = ContextVar("fanlight_configurable", default=None)


def remember_from_caller(depth: int) -> None:
    """Note the argument of the configure step, *depth* frames up. Called by the hook."""
    _configured.set(_Configured(sys._getframe(depth).f_locals.get(_ARGUMENT), set()))  # noqa: SLF001


def configurable_of_root(keys: Sequence[str], reader: object) -> dict[str, Any] | None:
    """Return what was just configured under *keys*; `None` where *reader* has read it for another root already."""
    configured = _configured.get()
    if configured is None or id(reader) in configured.read_by:
        return None
    configured.read_by.add(id(reader))
    return _chosen(configured.values, keys)


def configurable_of_child(keys: Sequence[str]) -> dict[str, Any] | None:
    """Return what the config around this run says under *keys*."""
    config = var_child_runnable_config.get()
    return _chosen(config.get("configurable") if config else None, keys)


def _chosen(values: Mapping[str, Any] | None, keys: Sequence[str]) -> dict[str, Any] | None:
    return {key: values[key] for key in keys if key in values} or None if values else None
