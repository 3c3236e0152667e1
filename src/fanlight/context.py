"""
What the application says about its runs, beside what LangChain says: who, where, and in which trace.

Everything here is values in a `ContextVar`. Nothing is attached to OpenTelemetry's context, and leaving a context in
another execution context than it was entered in (a generator's `finally`, a streaming response) is harmless.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import msgspec

from fanlight.tracecontext import parse_traceparent

OFF_TAG: Final = "fanlight:off"
"""A run that carries this tag is not captured, nor is anything below it."""


class ContextValues(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The values of one `fanlight.context`, merged with those of the contexts around it."""

    user_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    environment: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    traceparent: str | None = None
    suppressed: bool = False
    trace: TraceSlot | None = None

    def within(self, outer: ContextValues) -> ContextValues:
        """Return these values on top of *outer*'s: own values win, tags unite, metadata merge key by key."""
        return ContextValues(
            user_id=self.user_id or outer.user_id,
            session_id=self.session_id or outer.session_id,
            tenant_id=self.tenant_id or outer.tenant_id,
            environment=self.environment or outer.environment,
            tags=tuple(dict.fromkeys((*outer.tags, *self.tags))),
            metadata={**outer.metadata, **self.metadata},
            traceparent=self.traceparent or outer.traceparent,
            suppressed=self.suppressed or outer.suppressed,
            trace=self.trace or outer.trace,
        )


class TraceSlot:
    """Where a context learns which trace its roots belong to; shared by all who see the context."""

    __slots__ = ("_reserved", "_seen")

    def __init__(self) -> None:
        self._reserved: str | None = None
        self._seen: str | None = None

    def reserve(self) -> str:
        """Return the latest root's trace id; before the first root, one that the next root will take."""
        if self._seen is None and self._reserved is None:
            self._reserved = secrets.token_hex(16)
        return self._seen or self._reserved or ""

    def take(self, default: str) -> str:
        """Return the trace id for a root that starts now: the reserved one, once, else *default*."""
        reserved, self._reserved = self._reserved, None
        self._seen = reserved or default
        return self._seen

    def join(self, trace_id: str) -> str:
        """Note that a root joined *trace_id*, which the caller's trace decided, and return it."""
        self._seen = trace_id
        return trace_id


class _Entered(NamedTuple):
    """A context that was entered: its values on top of those around it, by whom, and what was in force before."""

    values: ContextValues
    by: object
    outer: _Entered | None


_EMPTY: Final = ContextValues()
_SUPPRESSED: Final = ContextValues(suppressed=True)
_current: Final[ContextVar[_Entered | None]] = ContextVar("fanlight_context", default=None)


def current() -> ContextValues | None:
    """Return the values in force here, or `None` outside of every context."""
    entered = _current.get()
    return entered.values if entered is not None else None


def _enter(values: ContextValues, by: object) -> ContextValues:
    """Put *values* on top of those in force, until `_leave`, and return what is in force now."""
    outer = _current.get()
    inner = values.within(outer.values if outer is not None else _EMPTY)
    _current.set(_Entered(inner, by, outer))
    return inner


def _leave(by: object) -> None:
    """
    Take back what *by* entered last, also where others were entered since: two generators end in any order.

    Not by a token, which refuses another execution context than its own, and that is where streams end. There
    nothing is found, and nothing is to be taken back.
    """
    since: list[_Entered] = []
    entered = _current.get()
    while entered is not None and entered.by is not by:
        since.append(entered)
        entered = entered.outer
    if entered is None:
        return
    left = entered.outer
    for later in reversed(since):
        left = later._replace(outer=left)
    _current.set(left)


class context:  # noqa: N801 - reads as a statement: `with fanlight.context(user_id="u1"):`
    """
    Say who and what the runs started inside belong to.

    Args:
        user_id: The end user.
        session_id: The conversation.
        tenant_id: The customer whose data this is; what residency rules match on.
        tags: Tags for routing, added to the runs' own.
        metadata: Metadata added to the runs' own, which win.
        environment: Overrides the configured environment.
        traceparent: W3C position to join, `00-<trace id>-<span id>-<flags>`. One that is not valid is ignored.

    The three ids may be given as anything that `str()` makes a text of. Contexts nest; the inner one wins. Works in
    async code, threads that copy their context, and generators; what a generator entered is in force for its caller
    too while the generator is suspended, as any `ContextVar` is.
    """

    def __init__(
        self,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        tenant_id: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        environment: str | None = None,
        traceparent: str | None = None,
    ) -> None:
        self._values = ContextValues(
            user_id=_name(user_id),
            session_id=_name(session_id),
            tenant_id=_name(tenant_id),
            tags=(tags,) if isinstance(tags, str) else tuple(str(tag) for tag in tags),
            metadata=dict(metadata or {}),
            environment=environment,
            traceparent=traceparent if parse_traceparent(traceparent) else None,
            trace=TraceSlot(),
        )
        self._inner = self._values

    def __enter__(self) -> Self:
        self._inner = _enter(self._values, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _leave(self)

    @property
    def trace_id(self) -> str:
        """
        The trace of the runs in here: the joined W3C trace, else that of the latest root started in here.

        Read before the first root it reserves the id that the next root takes, so it can go into a log line first.
        """
        joined = parse_traceparent(self._inner.traceparent)
        if joined:
            return joined[0]
        return self._inner.trace.reserve() if self._inner.trace else ""


class suppress:  # noqa: N801 - reads as a statement: `with fanlight.suppress():`
    """Capture nothing of what starts inside."""

    def __enter__(self) -> None:
        _enter(_SUPPRESSED, self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _leave(self)


def _name(value: object) -> str | None:
    return None if value is None else str(value)
