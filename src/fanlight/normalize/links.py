"""
Spans that belong together without being parent and child.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from fanlight.event import Link, Message, TelemetryEvent

_MAX_REQUESTS: Final = 1024
_MAX_INTERRUPTED: Final = 10_000


class Requests:
    """Which model call asked for which tool call, within one tree; the oldest are forgotten beyond a bound."""

    __slots__ = ("_links",)

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}

    def add(self, messages: Iterable[Message], trace_id: str, span_id: str) -> None:
        """Note the tool calls that a model's answer asks for."""
        for message in messages:
            for call in message.tool_calls:
                if call.id:
                    self._links[call.id] = Link(trace_id=trace_id, span_id=span_id, kind="requested_by")
        while len(self._links) > _MAX_REQUESTS:
            del self._links[next(iter(self._links))]

    def of(self, call_id: Any) -> tuple[Link, ...]:
        """Return the link from a tool's run to the model call that asked for it."""
        link = self._links.get(call_id) if isinstance(call_id, str) else None
        return (link,) if link is not None else ()

    def take_over(self, other: Requests) -> None:
        """Add the requests of the tree that this one goes on from: approved calls run in the resumed trace."""
        self._links |= other._links


class Interrupted(msgspec.Struct, frozen=True):
    """A graph run that paused."""

    link: Link
    requests: Requests


class InterruptedRuns:
    """The graph runs that paused, by thread, for those that resume them; the oldest are forgotten beyond a bound."""

    def __init__(self) -> None:
        self._by_thread: OrderedDict[tuple[str, str], Interrupted] = OrderedDict()

    def paused(self, thread: tuple[str, str] | None, event: TelemetryEvent, requests: Requests) -> None:
        """Note that the graph of *thread* (its id and checkpoint namespace) paused in the run that *event* ended."""
        if thread is None:
            return
        link = Link(trace_id=event.trace_id, span_id=event.span_id, kind="resumes")
        self._by_thread[thread] = Interrupted(link, requests)
        self._by_thread.move_to_end(thread)
        if len(self._by_thread) > _MAX_INTERRUPTED:
            self._by_thread.popitem(last=False)

    def resumed(self, thread: tuple[str, str] | None, requests: Requests) -> tuple[Link, ...]:
        """Return the link to what *thread* goes on from, once; *requests* takes over the tool calls asked for there."""
        paused = self._by_thread.pop(thread, None) if thread is not None else None
        if paused is None:
            return ()
        requests.take_over(paused.requests)
        return (paused.link,)
