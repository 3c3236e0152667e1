"""
The arize SDK's logging: not set up by us, and silent about our calls.

Importing the SDK throws out the handlers of its logger and writes to the application's output. A call that fails is
logged with its traceback and all that the server said; what may be said of it is in our exception.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_ours: Final = ContextVar("fanlight_arize_call", default=False)


class _NotOurs(logging.Filter):
    """Lets through what the application's own calls of the SDK log."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        return not _ours.get()


_not_ours: Final = _NotOurs()


@contextmanager
def untouched() -> Iterator[None]:
    """Undo what happens to the SDK's logger inside the block."""
    logger = logging.getLogger("arize")
    handlers, level = logger.handlers[:], logger.level
    try:
        yield
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)


@contextmanager
def silent() -> Iterator[None]:
    """Let the SDK log nothing inside the block; what other threads and tasks do with it is logged as ever."""
    # A logger's filters do not judge what its children log: each has its own.
    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "arize"]:
        logging.getLogger(name).addFilter(_not_ours)
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)
