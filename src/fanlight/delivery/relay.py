"""
Carries what a sink logs in its own process to the application's log.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from fanlight.delivery.describe import describe
from fanlight.delivery.messages import Said
from fanlight.unicode import encodable

WINDOW: Final = 60.0
LINES: Final = 60
"""Lines a window; more are counted and left out."""
MAX_LENGTH: Final = 1000
"""Characters of a line."""


class LogRelay(logging.Handler):
    """
    Sends records as finished text.

    The application listens only while it waits for an answer: what is logged in between waits for the next question.
    """

    def __init__(self, send: Callable[[Said], None]) -> None:
        super().__init__()
        self._send: Final = send
        self._waiting: Final[deque[Said]] = deque(maxlen=LINES)
        self._listening = False
        self._window_begin = time.monotonic()
        self._lines = 0
        self._left_out = 0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Send what waits, and what is logged from now on, until the end of the block."""
        self._listen(True)
        try:
            yield
        finally:
            self._listen(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Send *record*, or keep it, or leave it out; called with the handler's lock held."""
        if not self._may_say():
            self._left_out += 1
            return
        said = Said(level=record.levelno, text=self._text(record))
        self._left_out = 0
        if self._listening:
            self._tell(said)
        else:
            self._waiting.append(said)

    def _listen(self, listening: bool) -> None:
        self.acquire()
        try:
            self._listening = listening
            while listening and self._waiting:
                self._tell(self._waiting.popleft())
        finally:
            self.release()

    def _tell(self, said: Said) -> None:
        with contextlib.suppress(OSError):  # nobody is there any more
            self._send(said)

    def _text(self, record: logging.LogRecord) -> str:
        try:
            text = record.getMessage()
        except Exception as error:  # arguments that do not fit the message
            text = f"a line could not be formatted: {describe(error)}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({describe(record.exc_info[1])})"
        left_out = f" ({self._left_out} lines before this one were left out)" if self._left_out else ""
        return encodable(text[:MAX_LENGTH]) + left_out

    def _may_say(self) -> bool:
        now = time.monotonic()
        if now - self._window_begin >= WINDOW:
            self._window_begin, self._lines = now, 0
        self._lines += 1
        return self._lines <= LINES
