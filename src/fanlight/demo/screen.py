"""
The demo's standard output: what is printed scrolls by above a status line that says what is going on.

It takes the place of `sys.stdout`, so that lines from other threads (the console sink's trees) do not run into the
status. Where the output is no terminal there is no status line, and each step is a line of its own.
"""

from __future__ import annotations

import io
import itertools
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

_CLEAR: Final = "\r\x1b[2K"
_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_SPINNER: Final = "|/-\\"
_FRAME: Final = 0.08


class Screen(io.TextIOBase):
    """A text stream in front of another one, with a status line; it remembers what was printed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: Final = stream
        self._lock: Final = threading.Lock()
        self._status = ""
        self._printed: list[str] = []
        self._stopped: Final = threading.Event()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in the base class
        """The encoding of the stream behind."""
        return self._stream.encoding or "ascii"

    @property
    def printed(self) -> str:
        """Everything that was printed, without the status lines."""
        return "".join(self._printed)

    def isatty(self) -> bool:
        """Whether the stream behind is a terminal."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Print *text* above the status line."""
        with self._lock:
            self._printed.append(text)
            self._stream.write((_CLEAR if self._status else "") + text)
            self._stream.flush()
        return len(text)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show *title* as under way, and as done with its time when the block ends."""
        started = time.monotonic()
        if not self.isatty():
            self.write(f"{title}\n")
            yield
            return
        self._status = title
        try:
            yield
        except BaseException:
            self._end("")
            raise
        self._end(f"{'✓' if self._fancy() else '+'} {title}  {time.monotonic() - started:.1f}s\n")

    def _end(self, line: str) -> None:
        with self._lock:
            self._status = ""
            self._printed.append(line)
            self._stream.write(_CLEAR + line)
            self._stream.flush()

    def _fancy(self) -> bool:
        return self.encoding.lower().replace("-", "").startswith("utf")

    @contextmanager
    def in_place_of_stdout(self) -> Iterator[None]:
        """Be `sys.stdout`, and keep the status line moving."""
        before, sys.stdout = sys.stdout, self
        animation = threading.Thread(target=self._animate, name="fanlight-demo-status", daemon=True)
        animation.start()
        try:
            yield
        finally:
            self._stopped.set()
            animation.join()
            sys.stdout = before

    def _animate(self) -> None:
        for frame in itertools.cycle(_SPINNER if self._fancy() else _PLAIN_SPINNER):
            if self._stopped.wait(_FRAME):
                return
            with self._lock:
                if self._status:
                    line = f"{frame} {self._status}"[: shutil.get_terminal_size().columns - 1]
                    self._stream.write(_CLEAR + line)
                    self._stream.flush()
