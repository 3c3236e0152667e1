"""
The program of a sink's own process; its arguments are the number of a socket, and the sink's name.

It ignores what a terminal or a supervisor sends to the whole application (SIGINT, SIGTERM): its end comes from the
application, after the last batch.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from fanlight.delivery.failure import Failure
from fanlight.delivery.frames import Channel
from fanlight.delivery.messages import Close, Deliver, Done, Open, Request
from fanlight.delivery.relay import LogRelay
from fanlight.delivery.suppression import suppressed
from fanlight.delivery.watch import watch
from fanlight.errors import PartialFailure, PermanentError
from fanlight.sinks.base import Sink


class Child:
    """The sink behind one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection: Final = connection
        self._channel: Final[Channel[Request]] = Channel(connection, Request)
        self._relay: Final = LogRelay(self._channel.send)
        self._sink: Sink[Any] | None = None

    def serve(self) -> None:
        """Do what the application asks for until it asks for the end, or is gone; then the sink is closed too."""
        with contextlib.suppress(OSError, msgspec.MsgspecError):  # the application is gone, or beside itself
            self._answer_all()
        _outcome(self._close)

    def _answer_all(self) -> None:
        while (request := self._channel.receive()) is not None:
            with self._relay.listening():
                answer = _outcome(partial(self._perform, request))
            self._channel.send(answer)
            if isinstance(request, Close):
                return
            del request  # a batch; the next one may be long in coming

    def _perform(self, request: Request) -> None:
        match request:
            case Open():
                self._open(request)
            case Deliver() if self._sink is not None:
                _deliver(self._sink, request)
            case Close():
                self._close()
            case _:
                raise RuntimeError("the sink is not open")

    def _open(self, request: Open) -> None:
        watch(self._connection, request.parent)
        sink = _made(request)
        sink.open(request.context(self._logger(request)))
        self._sink = sink

    def _close(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()

    def _logger(self, request: Open) -> logging.Logger:
        logger = logging.getLogger(f"fanlight.sinks.{request.name}")
        logger.setLevel(request.log_level)
        logger.propagate = False
        logger.addHandler(self._relay)
        return logger


def _made(request: Open) -> Sink[Any]:
    try:
        return request.recipe.make()
    except ImportError as error:
        missing = error.name or request.recipe.factory
        raise PermanentError(f"{missing} cannot be imported in the sink's process: {type(error).__name__}") from None


def _deliver(sink: Sink[Any], request: Deliver) -> None:
    batch, misfits = request.batch()
    try:
        if batch.deliveries:
            sink.deliver(batch)
    except PartialFailure as error:
        error.errors.update(misfits)
        raise
    if misfits:
        raise PartialFailure(misfits, message=f"{len(misfits)} events hold a value of a wrong type")


def _outcome(call: Callable[[], None]) -> Done | Failure:
    try:
        with suppressed():
            call()
    except BaseException as error:  # SystemExit, KeyboardInterrupt and CancelledError of a sink end here too
        return Failure.of(error)
    return Done()


def main() -> None:
    """Serve the connection whose number the first argument is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Not SIG_IGN, which what the SDK starts would inherit: it could not end its own programs with SIGTERM any more.
    signal.signal(signal.SIGTERM, lambda *_: None)
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.set_inheritable(False)  # what the SDK starts has no part in it
    Child(connection).serve()
