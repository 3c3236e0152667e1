"""
What callbacks tell that happen inside a run, between its start and its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from fanlight.capture.record import CallbackRecord
from fanlight.event import AgentAction, EventType
from fanlight.normalize.arguments import argument, text_of
from fanlight.normalize.failure import error_info
from fanlight.normalize.values import Reader

Content: TypeAlias = Callable[[Reader, CallbackRecord], dict[str, Any]]
"""Returns event fields, among them the event's `name`."""


def custom_event(reader: Reader, record: CallbackRecord) -> dict[str, Any]:
    """Return name and data of what the application dispatched."""
    name = text_of(argument(record, 0)) or "custom"
    return {"name": name, "custom": reader.value("custom", argument(record, 1))}


def text(reader: Reader, record: CallbackRecord) -> dict[str, Any]:
    """Return the text that a chain showed."""
    return {"name": "text", "custom": reader.value("custom", argument(record, 0))}


def retry(reader: Reader, record: CallbackRecord) -> dict[str, Any]:
    """Return which attempt failed, and why it is tried again."""
    state = argument(record, 0)
    number = getattr(state, "attempt_number", None)
    outcome = getattr(state, "outcome", None)
    error = outcome.exception() if outcome is not None and outcome.done() and outcome.failed else None
    wait = getattr(getattr(state, "next_action", None), "sleep", None)
    custom: dict[str, Any] = {"attempt": number, "wait_seconds": wait}
    if error is not None:
        info = error_info(reader, error)
        custom["error"] = {"type": info.type, "message": info.message}
    return {
        "name": "retry",
        "attempt": number if isinstance(number, int) else None,
        "custom": reader.value("custom", custom),
    }


def agent_action(reader: Reader, record: CallbackRecord) -> dict[str, Any]:
    """Return what a classic agent decided to do."""
    action = argument(record, 0)
    reader.begin("agent_action")
    tool = getattr(action, "tool", None)
    return {
        "name": "agent_action",
        "agent_action": AgentAction(
            tool=reader.text(str.__str__(tool)) if isinstance(tool, str) else None,
            tool_input=reader.read(getattr(action, "tool_input", None)),
            log=_log(reader, action),
        ),
    }


def agent_finish(reader: Reader, record: CallbackRecord) -> dict[str, Any]:
    """Return what a classic agent concluded."""
    finish = argument(record, 0)
    reader.begin("agent_action")
    output = reader.read(getattr(finish, "return_values", None))
    return {"name": "agent_finish", "agent_action": AgentAction(output=output, log=_log(reader, finish))}


def graph_lifecycle(reader: Reader, record: CallbackRecord) -> dict[str, Any]:
    """Return where a graph paused or went on."""
    event = argument(record, 0)
    names = ("status", "checkpoint_id", "checkpoint_ns", "interrupts")
    told = {name: value for name in names if (value := getattr(event, name, None)) is not None}
    return {"name": record.callback, "custom": reader.value("custom", told)}


def _log(reader: Reader, step: Any) -> str | None:
    log = getattr(step, "log", None)
    return reader.text(str.__str__(log)) if isinstance(log, str) else None


HAPPENINGS: Final[dict[str, tuple[EventType, Content]]] = {
    "custom_event": ("custom", custom_event),
    "text": ("text", text),
    "retry": ("retry", retry),
    "agent_action": ("agent.action", agent_action),
    "agent_finish": ("agent.finish", agent_finish),
    "interrupt": ("interrupt", graph_lifecycle),
    "resume": ("resume", graph_lifecycle),
}
"""The type of event that a callback becomes, and what it tells."""
