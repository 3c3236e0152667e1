"""The sink: reads the lane's batches, prints the trees that are complete."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Final, Literal, TextIO

from pydantic import Field

from fanlight.errors import PermanentError
from fanlight.event import Feedback, TelemetryEvent
from fanlight.sinks.base import Batch, DeliveryDefaults, Sink, SinkConfig, SinkContext, SinkType
from fanlight.sinks.console.facts import clean
from fanlight.sinks.console.forest import Forest, Tree
from fanlight.sinks.console.style import glyphs_for
from fanlight.sinks.console.tree import render

_WIDTH_OF_A_FILE: Final = 160


class ConsoleConfig(SinkConfig):
    """Settings of a console sink."""

    stream: Literal["stdout", "stderr"] = "stderr"
    """Where it prints."""
    color: Literal["auto", "always", "never"] = "auto"
    """`auto` colours a terminal, unless NO_COLOR is set."""
    width: int | None = Field(default=None, ge=40)
    """Columns of a line; the terminal's, or 160 where the stream is none."""
    show_content: bool = False
    """Whether the beginning of answers and tool results is shown."""


class ConsoleSink(Sink[ConsoleConfig]):
    """
    Prints each tree at once when the run at its top has ended, so that concurrent traces do not mix.

    It takes starts too: only they tell which runs will still end.
    """

    def open(self, context: SinkContext) -> None:
        """Begin with no tree."""
        super().open(context)
        self._forest = Forest(content=self.config.show_content)

    def deliver(self, batch: Batch) -> None:
        """Print what the batch completed."""
        now, printed = time.monotonic(), []
        for event in batch:
            if event.starts_run or event.ends_run:
                printed += [self._render(tree) for tree in self._forest.add(event, now)]
            elif event.type in {"feedback", "audit", "alert"}:
                printed.append(_standalone(event, content=self.config.show_content))
        self._print([*printed, *map(self._render, self._forest.overdue(now))])

    def close(self) -> None:
        """Print what is held, unfinished as it is."""
        self._print(map(self._render, self._forest.rest()))

    @property
    def _stream(self) -> TextIO:
        # Asked for each time: pytest, notebooks and servers exchange sys.stdout under us.
        stream: TextIO | None = getattr(sys, self.config.stream)
        if stream is None or stream.closed:
            raise PermanentError(f"this process has no {self.config.stream}")
        return stream

    def _render(self, tree: Tree) -> str:
        stream = self._stream
        return render(tree, glyphs=glyphs_for(stream.encoding), width=self._width(stream), colour=self._colour(stream))

    def _width(self, stream: TextIO) -> int:
        if self.config.width is not None:
            return self.config.width
        return shutil.get_terminal_size().columns if stream.isatty() else _WIDTH_OF_A_FILE

    def _colour(self, stream: TextIO) -> bool:
        if self.config.color != "auto":
            return self.config.color == "always"
        return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def _print(self, texts: Iterable[str]) -> None:
        text = "".join(texts)
        if not text:
            return
        stream = self._stream
        encoding = stream.encoding or "ascii"
        try:
            stream.write(text.encode(encoding, "replace").decode(encoding))
            stream.flush()
        except (OSError, ValueError) as error:
            raise PermanentError(f"{self.config.stream} does not take text: {type(error).__name__}") from error


def _standalone(event: TelemetryEvent, *, content: bool) -> str:
    said = _said(event.feedback, content=content) if event.feedback is not None else ()
    return "  ".join((event.type, clean(event.name), *said, f"trace {event.trace_id}")) + "\n"


def _said(feedback: Feedback, *, content: bool) -> Iterator[str]:
    if feedback.score is not None:
        yield f"{feedback.score:g}"
    if feedback.label is not None:
        yield clean(feedback.label)
    if content and feedback.explanation is not None:
        yield f"“{clean(feedback.explanation)}”"
    yield f"by {feedback.source}"


SINK_TYPE: Final = SinkType(
    name="console",
    config_model=ConsoleConfig,
    factory=ConsoleSink,
    delivered_means="The event is part of a tree that is printed, or will be when the run at its top ends.",
    network=False,
    defaults=DeliveryDefaults(batch_linger=0.1),
)
