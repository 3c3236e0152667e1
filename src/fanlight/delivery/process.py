"""
A sink in a process of its own: for SDKs that own global state, may hang, or fight over the end of the interpreter.

What is lost with a hang is the process, killed with all of its group, and never a thread of the application. What
ends by itself (a crash, the system short of memory) costs one attempt. Either way the next attempt starts anew. The
process ends with the application, however that ends: see `fanlight.delivery.watch`. An event that no message can hold
is refused for good, as `wrong_type`, and costs no other.

What it costs, on a small two-core machine: 0.15 s and 32 MB for the process before its SDK is imported; for a batch of
200 events of a RAG chain (127 kB) 1 ms until it is there, and 0.3 ms of the application's processor time.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from fanlight.delivery.failure import Failure
from fanlight.delivery.host import SinkInstance
from fanlight.delivery.messages import Close, Deliver, Done, Open, Request, Said
from fanlight.delivery.recipe import recipe_of
from fanlight.delivery.spawn import SinkProcess, ending, unsupported
from fanlight.errors import RetryableError
from fanlight.sinks.base import Batch, Sink, SinkConfig, SinkContext, SinkType
from fanlight.sinks.names import names_of


def obstacle(sink_type: SinkType, config: SinkConfig | None) -> str | None:
    """
    Return in a sentence why a sink of *sink_type* cannot run in a process of its own, `None` where it can.

    Args:
        sink_type: The sink's type.
        config: Its settings; `None` where they are not all known.
    """
    reason = unsupported()
    if reason is not None:
        return reason
    try:
        if config is None:
            names_of(sink_type)
        else:
            recipe_of(sink_type, config)
    except TypeError as error:
        return f"sink type {sink_type.name} cannot run in its own process: {error}"
    return None


class ProcessEndedError(RetryableError):
    """The sink's process is gone; nothing is known of the batch it had."""


class RemoteSink(Sink[SinkConfig]):
    """Stands for a sink in another process: takes the same calls, and raises what that one raises."""

    def __init__(self, sink_type: SinkType, config: SinkConfig) -> None:
        super().__init__(config)
        self._sink_type: Final = sink_type
        self._lock: Final = threading.Lock()
        self._process: SinkProcess | None = None
        self._killed = False
        self.lost = False
        """Whether the process is gone, and with it the sink."""

    @property
    def pid(self) -> int | None:
        """The id of the process, while it runs."""
        process = self._process
        return process.pid if process else None

    def open(self, context: SinkContext) -> None:
        """Start the process, and have it make and open the sink."""
        super().open(context)
        question = Open.of(recipe_of(self._sink_type, self.config), context)
        self._started(SinkProcess(context.name))
        try:
            self._ask(question)
        except BaseException:
            self._end()
            raise

    def deliver(self, batch: Batch) -> None:
        """Have the sink deliver *batch*."""
        self._ask(Deliver.of(batch))

    def close(self) -> None:
        """Have the sink closed, and wait until its process has ended."""
        process = self._process
        if process is None:
            return
        try:
            self._ask(Close())
        finally:
            process.wait()
            self._process = None

    def kill(self) -> None:
        """End the process at once, whatever it is doing. Never waits; from any thread."""
        with self._lock:
            self._killed = True
            process = self._process
        if process is not None:
            process.kill()

    def _started(self, process: SinkProcess) -> None:
        with self._lock:
            self._process = process
            killed = self._killed
        if killed:
            process.kill()

    def _ask(self, question: Request) -> None:
        process = self._process
        if process is None:
            raise ProcessEndedError("its process is gone")
        try:
            process.channel.send(question)
            answer = self._answer(process)
        except OSError:
            answer = None
        except msgspec.MsgspecError:
            self._end()
            raise ProcessEndedError("its process wrote something else than an answer, and was killed") from None
        if answer is None:
            raise ProcessEndedError(f"its process {ending(self._end())}")
        if isinstance(answer, Failure):
            raise answer.error()

    def _answer(self, process: SinkProcess) -> Done | Failure | None:
        while isinstance(answer := process.channel.receive(), Said):
            with contextlib.suppress(Exception):  # a log filter that fails must not cost the answer behind this line
                self.context.logger.log(answer.level, "%s", answer.text)
        return answer

    def _end(self) -> int:
        """Let nothing be left of the process, and return how it ended."""
        process, self.lost = self._process, True
        if process is None:
            return 0
        process.kill()
        code = process.wait()
        self._process = None
        return code


class ProcessInstance(SinkInstance):
    """A sink in a process of its own, from its making to its closing. Plugins' wrappers stay in this one."""

    def __init__(
        self,
        sink_type: SinkType,
        config: SinkConfig,
        context: SinkContext,
        wrappers: Sequence[object],
        after_open: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(sink_type, config, context, wrappers, after_open)
        self._remote: Final = RemoteSink(sink_type, config)

    @property
    def lost(self) -> bool:
        """Whether the process is gone."""
        return self._remote.lost

    @property
    def pid(self) -> int | None:
        """The id of the process, while it runs."""
        return self._remote.pid

    def abandon(self) -> None:
        """Kill the process."""
        self._remote.kill()

    def _make(self) -> Sink[Any]:
        return self._remote
