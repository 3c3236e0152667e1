"""
What the application says later about a run or a trace, checked and made into a record.

Only here does capture raise: who notes a judgement and says none has a mistake in the program, and finds it at the
first call. What goes wrong after these checks costs the record, as everywhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from numbers import Real
from time import perf_counter_ns, time_ns
from typing import Any, Final, Literal, TypeAlias, get_args
from uuid import UUID, uuid4

import msgspec

from fanlight.capture.record import CallbackRecord
from fanlight.capture.snapshot import own
from fanlight.context import OFF_TAG, ContextValues, current
from fanlight.event import Feedback

Source: TypeAlias = Literal["human", "model", "code"]

CALLBACK: Final = "feedback"
"""What its record says where others name their callback."""
_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
_NOTHING: Final = ContextValues()


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What one call of `Router.feedback` says, checked."""

    run_id: UUID | None
    trace_id: str | None
    said: Feedback
    user_id: object
    metadata: dict[str, Any]
    tags: list[str]

    @property
    def is_off(self) -> bool:
        """Whether it asks not to be captured, or is made where nothing is."""
        context = current()
        return OFF_TAG in self.tags or (context is not None and context.suppressed)

    def record(self) -> CallbackRecord:
        """Return what the router thread is given. Its mark tells this call from every other, of whatever process."""
        sizes = [0]
        kwargs = own({"tags": self.tags, "metadata": self.metadata}, sizes)
        texts = (self.said.name, self.said.label, self.said.explanation)
        return CallbackRecord(
            CALLBACK,
            self.run_id,
            None,
            time_ns(),
            perf_counter_ns(),
            (self.said, uuid4().hex),
            kwargs,
            self._context(),
            self.trace_id,
            size=sum(sizes) + sum(len(text) for text in texts if text),
        )

    def _context(self) -> ContextValues | None:
        around = current()
        if self.user_id is None:
            return around
        return ContextValues(user_id=str(self.user_id)).within(around or _NOTHING)


def judgement(
    run_id: UUID | str | None,
    name: str,
    *,
    score: float | None,
    label: str | None,
    explanation: str | None,
    source: str,
    trace_id: str | None,
    user_id: object,
    metadata: Mapping[str, Any] | None,
    tags: Iterable[str],
) -> Judgement:
    """
    Return what the arguments of `Router.feedback` say.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: one has no usable value, or the call says nothing.
    """
    run, trace = _run(run_id), _trace(trace_id)
    if run is None and trace is None:
        raise ValueError("feedback needs what it is about: give run_id or trace_id")
    if not _text("name is text", name):
        raise ValueError("feedback needs a name: what was judged, such as 'helpful'")
    if source not in get_args(Source):
        raise ValueError(f"source is {source!r:.60}; it is one of {', '.join(get_args(Source))}")
    said = Feedback(
        name=name,
        score=_number(score),
        label=_text("label is text", label) or None,
        explanation=_text("explanation is text", explanation) or None,
        source=source,  # type: ignore[arg-type] # one of them
        target="run" if run is not None else "trace",
    )
    if said.score is None and said.label is None and said.explanation is None:
        raise ValueError("feedback says nothing: give a score, a label or an explanation")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f"metadata is a mapping, not {type(metadata).__name__}")
    listed = [_text("a tag is text", tag) for tag in ((tags,) if isinstance(tags, str) else tags)]
    return Judgement(run_id=run, trace_id=trace, said=said, user_id=user_id, metadata=dict(metadata or {}), tags=listed)


def _run(run_id: UUID | str | None) -> UUID | None:
    if run_id is None or isinstance(run_id, UUID):
        return run_id
    try:
        return UUID(_text("run_id is a UUID or text", run_id))
    except ValueError:
        raise ValueError(f"run_id is no UUID: {run_id!r:.60}") from None


def _trace(trace_id: str | None) -> str | None:
    if trace_id is None:
        return None
    lowered = _text("trace_id is text", trace_id).lower()
    if _TRACE_ID.fullmatch(lowered) is None:
        raise ValueError(f"trace_id is not 32 hex digits: {trace_id!r:.60}")
    return lowered


def _number(score: object) -> float | None:
    if score is None:
        return None
    if not isinstance(score, Real):
        raise TypeError(f"score is a number, not {type(score).__name__}")
    try:
        number = float(score)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"score is not finite: {number}")
    return number


def _text(expected: str, value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{expected}, not {type(value).__name__}")
    return value or ""
