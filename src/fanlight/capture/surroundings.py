"""
Which LangChain run the calling code is in, and who is told about what runs below it.

A runnable leaves its callbacks in a context variable for what it calls. Retrievers do not: theirs are found in the
frame of the method that LangChain hands its `run_manager` to, which is on the stack while the retriever works, in async
code too. Where the work went on to an executor, as it does for a vector store without async code of its own, the
retrieval that began under the callbacks in the context variable is taken, if it is the only one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
from langchain_core.callbacks import BaseCallbackManager
from langchain_core.callbacks.manager import AsyncParentRunManager, ParentRunManager
from langchain_core.runnables.config import var_child_runnable_config

_NAME: Final = "run_manager"
_MAX_FRAMES: Final = 32
_retrievals: Final[WeakKeyDictionary[BaseCallbackManager, dict[UUID, None]]] = WeakKeyDictionary()
"""The retrievals under way, by the callbacks that they began under."""


class Surroundings(msgspec.Struct, frozen=True):
    """What a run that starts here has from the run around it."""

    parent_run_id: UUID | None = None
    handlers: Sequence[Any] = ()
    tags: Sequence[str] = ()
    metadata: dict[str, Any] = {}


def surroundings() -> Surroundings:
    """Return what is around the calling code; nothing where that is no run."""
    manager = _from_stack(sys._getframe(1))  # noqa: SLF001
    if manager is not None:
        return _of(manager, manager.parent_run_id)
    manager = _from_context()
    if manager is None:
        return Surroundings()
    retrievals = list(_retrievals.get(manager, ()))
    return _of(manager, retrievals[0] if len(retrievals) == 1 else manager.parent_run_id)


def retrieval_began(run_id: UUID) -> None:
    """Note that a retriever works under the callbacks of the calling code."""
    manager = _from_context()
    if manager is not None:
        _retrievals.setdefault(manager, {})[run_id] = None


def retrieval_ended(run_id: UUID) -> None:
    """Note that it is done. One that is cancelled never is, and is forgotten with the callbacks it began under."""
    manager = _from_context()
    if manager is not None:
        _retrievals.get(manager, {}).pop(run_id, None)


def _of(manager: BaseCallbackManager, parent_run_id: UUID | None) -> Surroundings:
    return Surroundings(parent_run_id, manager.handlers, manager.tags, manager.metadata)


def _from_context() -> BaseCallbackManager | None:
    config = var_child_runnable_config.get()
    callbacks: Any = config.get("callbacks") if config else None
    return callbacks if isinstance(callbacks, BaseCallbackManager) else None


def _from_stack(frame: FrameType | None) -> BaseCallbackManager | None:
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return None
        code = frame.f_code
        if _NAME in code.co_varnames or _NAME in code.co_cellvars:
            found = frame.f_locals.get(_NAME)
            if isinstance(found, ParentRunManager | AsyncParentRunManager):
                return found.get_child()
        frame = frame.f_back
    return None
