"""What `content: metadata` leaves of an event: what happened, when, how long, how much; nothing of what was said."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from fanlight.event import AgentAction, Document, ErrorInfo, Feedback, Message, RunEvent, TelemetryEvent, Tool, ToolCall

_STOPS: Final = ("stop", "stop_sequences")


def strip_content(event: TelemetryEvent) -> TelemetryEvent:
    """
    Return *event* without prompts, answers, documents' text, arguments, results, custom data, explanations and
    exception messages.

    Names, ids, counts, scores, labels, ranks, models, usage, times, tags and metadata stay: they are what an operator
    reads.
    """
    return event.replace(
        inputs=None,
        outputs=None,
        custom=None,
        input_messages=tuple(map(_message, event.input_messages)),
        output_messages=tuple(map(_message, event.output_messages)),
        documents=tuple(map(_document, event.documents)),
        invocation_params={name: value for name, value in event.invocation_params.items() if _is_setting(name, value)},
        tool_definitions=tuple(filter(None, map(_definition, event.tool_definitions))),
        tool=event.tool and Tool(name=event.tool.name, call_id=event.tool.call_id),
        agent_action=event.agent_action and AgentAction(tool=event.agent_action.tool),
        feedback=event.feedback and _feedback(event.feedback),
        run_events=tuple(map(_run_event, event.run_events)),
        error=event.error and ErrorInfo(type=event.error.type),
    )


def _is_setting(name: str, value: Any) -> bool:
    # A response schema or a stop sequence is text of the application; a temperature is not.
    return isinstance(value, str | int | float) and name not in _STOPS


def _message(message: Message) -> Message:
    calls = tuple(ToolCall(name=call.name, id=call.id) for call in message.tool_calls)
    return msgspec.structs.replace(message, parts=(), tool_calls=calls)


def _document(document: Document) -> Document:
    return Document(rank=document.rank, id=document.id, score=document.score)


def _feedback(feedback: Feedback) -> Feedback:
    return msgspec.structs.replace(feedback, explanation=None)


def _run_event(happened: RunEvent) -> RunEvent:
    return msgspec.structs.replace(happened, data=None)


def _definition(definition: Any) -> dict[str, str] | None:
    # OpenAI's shape nests the name under `function`.
    if not isinstance(definition, dict):
        return None
    inner = definition.get("function")
    name = (inner if isinstance(inner, dict) else definition).get("name")
    return {"name": name} if isinstance(name, str) else None
