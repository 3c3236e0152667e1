"""
LangChain's configure hook: how one handler reaches every run without being passed to any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler

from fanlight.capture.configurable import remember_from_caller


class _Attached:
    """
    Stands where LangChain expects a `ContextVar`, of which it only calls `get`.

    A real one would hold a value per context, and detaching would not reach the contexts that exist already.
    """

    def __init__(self) -> None:
        self.handler: Callable[[], BaseCallbackHandler | None] | None = None
        self.watches_configurable = False

    def get(self) -> BaseCallbackHandler | None:
        """Return the handler for the run that is being configured."""
        try:
            if self.watches_configurable:
                remember_from_caller(2)
            handler = self.handler
            return handler() if handler is not None else None
        except Exception:  # LangChain contains what handlers raise, but nothing that a hook does
            return None


_attached = _Attached()
_registered: list[bool] = []


def attach_everywhere(handler: Callable[[], BaseCallbackHandler | None] | None) -> None:
    """Let every run that starts from now on have the handler that *handler* returns; `None` detaches."""
    _attached.handler = handler
    _register()


def attached() -> BaseCallbackHandler | None:
    """Return the handler that every run is given, where there is one."""
    return _attached.handler() if _attached.handler is not None else None


def watch_configurable() -> None:
    """See what `configurable` every run is configured with, from now on."""
    _attached.watches_configurable = True
    _register()


def _register() -> None:
    if not _registered:  # LangChain's list of hooks only grows
        # Imported here: it brings LangSmith's client along, which costs more than all of fanlight.
        from langchain_core.tracers.context import register_configure_hook  # noqa: PLC0415

        register_configure_hook(cast("Any", _attached), inheritable=True)
        _registered.append(True)
