"""
What LangGraph's `configurable` said where a run started: LangChain gives it to its own tracer and to no other handler.

It passes it to its configure step as an argument, though, and that step asks every registered hook for a handler: the
hook reads the argument from its caller's frame. Should a future LangChain name it otherwise, the values still come
from the runs below the root, whose context holds the whole config.

Two kinds of root are not configured with it: the items of a sequence's `batch`, which have none then, and runs that a
callback manager made by hand starts, which have what was configured before them in the same context. Where a rule
hangs on such a value, `metadata` or `fanlight.context` is the place to say it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final

from langchain_core.runnables.config import var_child_runnable_config

_ARGUMENT: Final = "langsmith_inheritable_metadata"
_configured: Final[ContextVar[Mapping[str, Any] | None]] = ContextVar("fanlight_configurable", default=None)


def remember_from_caller(depth: int) -> None:
    """Note the argument of the configure step, *depth* frames up. Called by the hook."""
    _configured.set(sys._getframe(depth).f_locals.get(_ARGUMENT))  # noqa: SLF001


def configurable_of_root(keys: Sequence[str]) -> dict[str, Any] | None:
    """Return what was just configured under *keys*."""
    return _chosen(_configured.get(), keys)


def configurable_of_child(keys: Sequence[str]) -> dict[str, Any] | None:
    """Return what the config around this run says under *keys*."""
    config = var_child_runnable_config.get()
    return _chosen(config.get("configurable") if config else None, keys)


def _chosen(values: Mapping[str, Any] | None, keys: Sequence[str]) -> dict[str, Any] | None:
    return {key: values[key] for key in keys if key in values} or None if values else None
