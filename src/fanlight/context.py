"""
What the application says about its runs, beside what LangChain says: who, where, and in which trace.

Everything here is values in a `ContextVar`. Nothing is attached to OpenTelemetry's context, and leaving a context in
another execution context than it was entered in (a generator's `finally`, a streaming response) is harmless.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sys
import weakref
from collections.abc import Iterable, Mapping, MutableMapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol, Self
from urllib.parse import quote, unquote
from uuid import UUID

import msgspec

TRACEPARENT: Final = "traceparent"
CARRIER_KEY: Final = "fanlight-context"
OFF_TAG: Final = "fanlight:off"
"""A run that carries this tag is not captured, nor is anything below it."""

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_MAX_CARRIER_BYTES: Final = 8192


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


class RunPositions(Protocol):
    """Knows where in a trace the calling code is."""

    def current_traceparent(self) -> str | None:
        """Return the W3C position of the LangChain run that this code is called from."""
        ...


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


def inject(carrier: MutableMapping[str, str]) -> MutableMapping[str, str]:
    """
    Write the current position and context into *carrier* (HTTP headers, a celery message, a dict) and return it.

    Writes `traceparent` when there is a position: the LangChain run this is called from, else the caller's
    OpenTelemetry span, else what this context joined. Context values go into `fanlight-context`, as quoted JSON of
    at most 8 KiB; they are not secret from the receiver.
    """
    values = current() or _EMPTY
    position = current_run_traceparent() or otel_traceparent() or values.traceparent
    if position:
        carrier[TRACEPARENT] = position
    encoded = _encode(_portable(values))
    if encoded and len(encoded) <= _MAX_CARRIER_BYTES:
        carrier[CARRIER_KEY] = encoded
    return carrier


def extract(carrier: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None, *, trusted: bool = True) -> context:
    """
    Return the context that `inject` wrote into *carrier*, to be entered with `with`.

    Header names match in any case. What is missing or malformed is ignored: a request never fails for its telemetry.

    Args:
        carrier: Headers as a mapping or as pairs, texts or bytes; `None` for a message without headers.
        trusted: Whether the sender may say who the user and the tenant are. At a public edge say `False`: then only
            the position in the trace is taken over, and nobody chooses the tenant that residency rules see.
    """
    lowered = _headers(carrier)
    fields = _decode(lowered.get(CARRIER_KEY)) if trusted else {}
    return context(
        user_id=_text(fields.get("user_id")),
        session_id=_text(fields.get("session_id")),
        tenant_id=_text(fields.get("tenant_id")),
        environment=_text(fields.get("environment")),
        tags=[tag for tag in _items(fields.get("tags")) if isinstance(tag, str)],
        metadata=fields["metadata"] if isinstance(fields.get("metadata"), dict) else {},
        traceparent=_text(lowered.get(TRACEPARENT)),
    )


def _headers(carrier: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None) -> dict[str, Any]:
    try:
        pairs = carrier.items() if isinstance(carrier, Mapping) else carrier or ()
        return {(_text(name) or "").lower(): value for name, value in pairs}
    except Exception:  # not pairs at all
        return {}


def _portable(values: ContextValues) -> dict[str, Any]:
    names = ("user_id", "session_id", "tenant_id", "environment", "tags", "metadata")
    return {name: value for name in names if (value := getattr(values, name))}


def _encode(fields: dict[str, Any]) -> str:
    try:
        return quote(json.dumps(fields, separators=(",", ":"), default=str), safe="") if fields else ""
    except Exception:  # metadata that no JSON can hold must not cost the application its request
        return ""


def _decode(value: object) -> dict[str, Any]:
    text = _text(value)
    if text is None or len(text) > _MAX_CARRIER_BYTES:
        return {}
    try:
        fields = json.loads(unquote(text))
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(value: object) -> str | None:
    return None if value is None else str(value)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def parse_traceparent(value: str | None) -> tuple[str, str, int] | None:
    """Return trace id, span id and flags of a W3C traceparent, or `None` where it is not a valid one."""
    match = _TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[1] == "ff" or not int(match[2], 16) or not int(match[3], 16):
        return None
    return match[2], match[3], int(match[4], 16)


def span_id_of(run_id: UUID) -> str:
    """Return the span id of a run: the first 8 bytes of SHA-256 over its 16 bytes, as 16 hex digits."""
    return hashlib.sha256(run_id.bytes).hexdigest()[:16]


def otel_traceparent() -> str | None:
    """Return the caller's OpenTelemetry position, if OpenTelemetry is loaded and has one. Never imports it."""
    module = sys.modules.get("opentelemetry.trace")
    if module is None:
        return None
    try:
        span = module.get_current_span().get_span_context()
        return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}" if span.is_valid else None
    except Exception:  # a half-imported or foreign OpenTelemetry must not cost the application its request
        return None


_run_positions: Final[weakref.WeakSet[RunPositions]] = weakref.WeakSet()
"""Who knows the current run's position: the capture side, since this floor knows no LangChain."""


def current_run_traceparent() -> str | None:
    """Return the position of the LangChain run that this code is called from, or `None` outside of one."""
    return next((found for positions in list(_run_positions) if (found := positions.current_traceparent())), None)


def register_run_positions(positions: RunPositions) -> None:
    """Let `inject` ask *positions* for the current run's traceparent, for as long as it lives."""
    _run_positions.add(positions)
