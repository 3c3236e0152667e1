"""
Feedback in Arize's words: Phoenix's annotations, Arize AX's annotations and evaluations.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, TypeAlias, TypeVar
from uuid import UUID

from fanlight import DeliveryError, PermanentError, TelemetryEvent
from fanlight.event import Feedback

Row: TypeAlias = dict[str, Any]
"""What is said of one span: values by the arize SDK's names of columns."""

Way: TypeAlias = Literal["annotation", "evaluation", "trace_annotation"]
"""How feedback goes to Arize AX: `update_annotations` and `update_evaluations` by Flight, `annotate` by REST."""

SPAN_ID: Final = "context.span_id"
"""The column that says which span a row is about."""

T = TypeVar("T")

_KINDS: Final = {"human": "HUMAN", "model": "LLM", "code": "CODE"}
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_\s]")
_LONGEST_LABEL: Final = 100
_LONGEST_AUTHOR: Final = 100
_LONGEST_TEXT: Final = 10_000


def encoded(
    events: Iterable[TelemetryEvent], encode: Callable[[TelemetryEvent], T]
) -> tuple[dict[str, T], dict[str, DeliveryError]]:
    """Return by event id what *encode* makes of each of *events*, and why it makes nothing of some."""
    made: dict[str, T] = {}
    failed: dict[str, DeliveryError] = {}
    for event in events:
        try:
            made[event.event_id] = encode(event)
        except PermanentError as error:
            failed[event.event_id] = error
        except Exception as error:  # one that cannot be encoded must not cost the others, nor the spans beside it
            said = f"the feedback cannot be encoded: {type(error).__name__}"
            failed[event.event_id] = PermanentError(said, reason="encode_failed")
    return made, failed


def feedback_of(event: TelemetryEvent) -> Feedback:
    """
    Return what *event* says.

    Raises:
        PermanentError: it says nothing.
    """
    feedback = event.feedback
    if feedback is None:
        raise PermanentError("the event carries no feedback", reason="unsupported")
    if feedback.score is None and feedback.label is None and feedback.explanation is None:
        raise PermanentError("the feedback has neither score nor label nor explanation")
    if feedback.score is not None and not math.isfinite(feedback.score):
        raise PermanentError("the feedback's score is no finite number")
    return feedback


def phoenix_annotation(event: TelemetryEvent) -> dict[str, Any]:
    """
    Return *event* as an annotation of Phoenix.

    Its identifier says who judged: who judges again replaces what they said, and feedback that comes again itself.
    """
    feedback = feedback_of(event)
    target = {"trace_id": event.trace_id} if feedback.target == "trace" else {"span_id": event.span_id}
    whose = _present(user_id=event.user_id, session_id=event.session_id, environment=event.environment or None)
    return {
        **target,
        "name": feedback.name,
        "annotator_kind": _KINDS[feedback.source],
        "result": _present(score=feedback.score, label=feedback.label, explanation=feedback.explanation),
        "metadata": {**event.metadata, **whose},
        "identifier": f"{feedback.source}:{event.user_id or ''}",
    }


def ax_row(event: TelemetryEvent, *, now_ms: int) -> tuple[Way, Row]:
    """
    Return how *event* goes to Arize AX, and as what: people annotate, models and programs evaluate.

    Args:
        event: Feedback.
        now_ms: Milliseconds since 1970: Arize refuses what was said in the future, and clocks differ.

    Raises:
        PermanentError: Arize takes no such feedback; says why.
    """
    feedback = feedback_of(event)
    if feedback.source != "human":
        return "evaluation", _evaluation(event, feedback)
    if feedback.target == "trace":
        return "trace_annotation", _trace_annotation(event, feedback)
    return "annotation", _annotation(event, feedback, now_ms)


def ax_name(name: str) -> str:
    """Return *name* as Arize AX can take it: letters, digits, spaces and `_`, which replaces all else."""
    return _NOT_IN_A_NAME.sub("_", name)


def root_span_id(event: TelemetryEvent) -> str:
    """Return the span id of *event*'s root run: Arize AX keeps what is said about a trace at its root."""
    return hashlib.sha256(UUID(event.root_run_id).bytes).hexdigest()[:16]


def _annotation(event: TelemetryEvent, feedback: Feedback, now_ms: int) -> Row:
    author = (event.user_id or "fanlight")[:_LONGEST_AUTHOR]
    at = min(event.time_unix_nano // 1_000_000, now_ms)
    said = _present(score=feedback.score, label=_label(feedback), text=_text(feedback))
    return {
        SPAN_ID: event.span_id,
        **_columns("annotation", feedback, {**said, "updated_by": author, "updated_at": at}),
    }


def _trace_annotation(event: TelemetryEvent, feedback: Feedback) -> Row:
    said = _present(score=feedback.score, label=_label(feedback), text=_text(feedback))
    return {SPAN_ID: root_span_id(event), "name": ax_name(feedback.name), **said}


def _evaluation(event: TelemetryEvent, feedback: Feedback) -> Row:
    if feedback.score is None and feedback.label is None:
        raise PermanentError("Arize takes no evaluation without a score or a label")
    said = _present(score=feedback.score, label=_label(feedback), explanation=_text(feedback))
    if feedback.target == "trace":
        return {SPAN_ID: root_span_id(event), **_columns("trace_eval", feedback, said)}
    return {SPAN_ID: event.span_id, **_columns("eval", feedback, said)}


def _columns(kind: str, feedback: Feedback, values: dict[str, Any]) -> Row:
    return {f"{kind}.{ax_name(feedback.name)}.{part}": value for part, value in values.items()}


def _label(feedback: Feedback) -> str | None:
    if feedback.label is not None and not 0 < len(feedback.label) <= _LONGEST_LABEL:
        raise PermanentError(f"Arize takes labels of 1 to {_LONGEST_LABEL} characters")
    return feedback.label


def _text(feedback: Feedback) -> str | None:
    return (feedback.explanation or "")[:_LONGEST_TEXT] or None


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
