"""
What the callback that ends a run tells, by kind of run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from fanlight.capture.record import CallbackRecord
from fanlight.event import ErrorInfo, Message, Status, TelemetryEvent, Tool
from fanlight.normalize.arguments import argument, text_of
from fanlight.normalize.documents import documents_of
from fanlight.normalize.embedding import embedding_ended
from fanlight.normalize.failure import error_info
from fanlight.normalize.messages import finish_reason_of, message_of
from fanlight.normalize.model import answered
from fanlight.normalize.status import failed_tool_message, status_of
from fanlight.normalize.usage import usage_of
from fanlight.normalize.usage_report import read_usage
from fanlight.normalize.values import Reader

Content: TypeAlias = Callable[[Reader, CallbackRecord, TelemetryEvent], dict[str, Any]]
"""Returns event fields, from a record and the event that started the run."""


def chain_ended(reader: Reader, record: CallbackRecord, _start: TelemetryEvent) -> dict[str, Any]:
    """Return outputs, and the inputs that only a stream's end tells."""
    return {"status": "ok", "outputs": reader.value("outputs", argument(record, 0)), **_late_inputs(reader, record)}


def chain_failed(reader: Reader, record: CallbackRecord, _start: TelemetryEvent) -> dict[str, Any]:
    """Return how a chain, graph or node ended otherwise."""
    return {**_failure(reader, argument(record, 0)), **_late_inputs(reader, record)}


def decision_ended(reader: Reader, record: CallbackRecord, start: TelemetryEvent) -> dict[str, Any]:
    """Return what a decision model decided and what it took."""
    output = argument(record, 0)
    usage = getattr(output, "usage", None)
    found = read_usage(usage) if isinstance(usage, dict) else {}
    model = text_of(getattr(output, "model", None))
    return {**chain_ended(reader, record, start), **(found or {"usage_missing": True}), "response_model": model}


def llm_ended(reader: Reader, record: CallbackRecord, _start: TelemetryEvent) -> dict[str, Any]:
    """Return a model's answer and what it took."""
    response = argument(record, 0)
    generations = _generations(response)
    llm_output = getattr(response, "llm_output", None)
    return {
        "status": "ok",
        "streamed": record.token_count > 0,
        "output_messages": _answers(reader, generations),
        **answered(generations, llm_output),
        **usage_of(generations, llm_output),
    }


def llm_failed(reader: Reader, record: CallbackRecord, _start: TelemetryEvent) -> dict[str, Any]:
    """Return how a model's call ended otherwise, with the part of the answer that had come."""
    response = record.kwargs.get("response")
    generations = [generation for generation in _generations(response) if _holds_something(generation)]
    fields = {**_failure(reader, argument(record, 0)), "streamed": record.token_count > 0}
    if generations or record.token_count:
        fields["output_messages"] = _answers(reader, generations)
        fields |= answered(generations, getattr(response, "llm_output", None)) | usage_of(generations, None)
    return fields


def tool_ended(reader: Reader, record: CallbackRecord, start: TelemetryEvent) -> dict[str, Any]:
    """Return what a tool gave back; an answer with `status="error"` is an error."""
    output = argument(record, 0)
    is_message = getattr(output, "type", None) == "tool" and hasattr(output, "tool_call_id")
    result = reader.value("tool.result", output.content if is_message else output)
    if is_message and getattr(output, "artifact", None) is not None:
        reader.note(0, field="tool.artifact")
    tool = start.tool or Tool(name=start.name)
    call_id = tool.call_id or (text_of(output.tool_call_id) if is_message else None)
    fields: dict[str, Any] = {"status": "ok", "tool": replace(tool, call_id=call_id, result=result)}
    failed = failed_tool_message(output, call_id)
    if failed is not None:
        reader.begin("error")
        read = reader.read(failed.content)
        fields |= {
            "status": "error",
            "error": ErrorInfo(type="ToolError", message=read if isinstance(read, str) else ""),
        }
    return fields


def retriever_ended(reader: Reader, record: CallbackRecord, _start: TelemetryEvent) -> dict[str, Any]:
    """Return what was found."""
    return {"status": "ok", "documents": documents_of(reader, argument(record, 0))}


def run_failed(reader: Reader, record: CallbackRecord, _start: TelemetryEvent) -> dict[str, Any]:
    """Return how a run without anything else to tell ended otherwise."""
    return _failure(reader, argument(record, 0))


def _failure(reader: Reader, error: Any) -> dict[str, Any]:
    """
    Return status and, for what really failed, the error.

    An interrupt or a handoff is how LangGraph works, and a cancelled run did not fail: their exceptions are no errors.
    """
    status: Status = status_of(error)
    fields: dict[str, Any] = {"status": status}
    if status in ("error", "refused"):
        fields["error"] = error_info(reader, error)
    elif status == "interrupted" and (interrupts := getattr(error, "args", None)):
        fields["custom"] = {"interrupts": reader.value("custom", interrupts[0])}
    elif status == "handoff" and (command := getattr(error, "args", None)):
        fields["outputs"] = reader.value("outputs", command[0])
    return fields


def _late_inputs(reader: Reader, record: CallbackRecord) -> dict[str, Any]:
    return {"inputs": reader.value("inputs", record.kwargs["inputs"])} if "inputs" in record.kwargs else {}


def _generations(response: Any) -> list[Any]:
    return [generation for choices in getattr(response, "generations", None) or () for generation in choices]


def _holds_something(generation: Any) -> bool:
    message = getattr(generation, "message", None)
    return bool(generation.text or getattr(message, "content", None) or getattr(message, "tool_calls", None))


def _answers(reader: Reader, generations: list[Any]) -> tuple[Message, ...]:
    reader.begin("output_messages")
    return tuple(_answer(reader, generation) for generation in reader.take(generations, len(generations)))


def _answer(reader: Reader, generation: Any) -> Message:
    message = getattr(generation, "message", None)
    reason = finish_reason_of(getattr(generation, "generation_info", None))
    if message is not None:
        return message_of(reader, message, reason)
    return replace(message_of(reader, str.__str__(generation.text)), role="assistant", finish_reason=reason)


def end_of(record: CallbackRecord, start: TelemetryEvent | None) -> tuple[str, str, Content] | None:
    """Return the kind of run that *record* ends, the phase and what it tells of the end; `None` where it ends none."""
    found = _ENDS.get(record.callback)
    if found is not None and found[0] == "chain" and start is not None and start.run_type == "llm":
        return "llm", found[1], decision_ended if found[1] == "end" else chain_failed
    return found


_ENDS: Final[dict[str, tuple[str, str, Content]]] = {
    "chain_end": ("chain", "end", chain_ended),
    "chain_error": ("chain", "error", chain_failed),
    "llm_end": ("llm", "end", llm_ended),
    "llm_error": ("llm", "error", llm_failed),
    "tool_end": ("tool", "end", tool_ended),
    "tool_error": ("tool", "error", run_failed),
    "retriever_end": ("retriever", "end", retriever_ended),
    "retriever_error": ("retriever", "error", run_failed),
    "embedding_end": ("embedding", "end", embedding_ended),
    "embedding_error": ("embedding", "error", run_failed),
}
