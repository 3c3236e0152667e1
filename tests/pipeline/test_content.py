"""`content: metadata` leaves the facts and none of the words."""

from fanlight.event import (
    AgentAction,
    ContentPart,
    Document,
    ErrorInfo,
    Feedback,
    Message,
    Redaction,
    RunEvent,
    TelemetryEvent,
    Tool,
    ToolCall,
)
from fanlight.pipeline import strip_content

SAID = "what was said"
FULL = {
    "inputs": {"question": SAID},
    "outputs": [SAID],
    "custom": {"data": SAID},
    "input_messages": (Message(role="user", id="m1", parts=(ContentPart(type="text", text=SAID),)),),
    "output_messages": (
        Message(
            role="assistant",
            parts=(ContentPart(type="reasoning", text=SAID), ContentPart(type="image", uri=SAID)),
            tool_calls=(ToolCall(name="search", id="c1", arguments={"q": SAID}, error=SAID),),
            finish_reason="tool_calls",
        ),
    ),
    "documents": (Document(rank=0, id="d1", score=0.5, content=SAID, metadata={"title": SAID}),),
    "tool": Tool(name="search", call_id="c1", description=SAID, arguments={"q": SAID}, result=SAID),
    "agent_action": AgentAction(tool="search", tool_input=SAID, log=SAID, output=SAID),
    "feedback": Feedback(name="helpful", score=0.5, label="good", source="model", explanation=SAID),
    "run_events": (RunEvent(type="custom", name="progress", time_unix_nano=5, data=SAID),),
    "error": ErrorInfo(type="ValueError", message=SAID, stack=SAID),
    "tool_definitions": (
        {"type": "function", "function": {"name": "search", "description": SAID}},
        {"name": "fetch", "input_schema": {"description": SAID}},
        SAID,
    ),
    "invocation_params": {"temperature": 0.5, "stop": [SAID], "stop_sequences": SAID, "response_format": {"a": SAID}},
}


def test_nothing_that_was_said_is_left(event):
    """No content field keeps any of its text, wherever in the event it was."""
    assert SAID.encode() not in strip_content(event("llm.end", **FULL)).to_json()


def test_what_happened_is_left(event):
    """Names, ids, roles, counts, scores, labels, ranks, times, the error's type and what was redacted stay."""
    told = {
        "tags": ("vip",),
        "metadata": {"team": "search"},
        "user_id": "u",
        "total_tokens": 30,
        "cost_usd": 0.5,
        "duration_ms": 12.5,
        "finish_reasons": ("stop",),
        "redacted": (Redaction(field="inputs", kind="jwt", count=1),),
    }
    one = event("llm.end", **FULL, **told)
    left = strip_content(one)
    for field, value in told.items():
        assert getattr(left, field) == value
    assert left.output_messages == (
        Message(role="assistant", tool_calls=(ToolCall(name="search", id="c1"),), finish_reason="tool_calls"),
    )
    assert left.documents == (Document(rank=0, id="d1", score=0.5),)
    assert left.tool == Tool(name="search", call_id="c1")
    assert left.agent_action == AgentAction(tool="search")
    assert left.feedback == Feedback(name="helpful", score=0.5, label="good", source="model")
    assert left.run_events == (RunEvent(type="custom", name="progress", time_unix_nano=5),)
    assert left.error == ErrorInfo(type="ValueError")
    assert left.tool_definitions == ({"name": "search"}, {"name": "fetch"})
    assert left.invocation_params == {"temperature": 0.5}


def test_every_field_is_either_content_or_kept(event):
    """A field that is added to the event must be decided upon: it is stripped here, or listed as kept."""
    kept = {
        "schema_version", "event_id", "type", "run_id", "parent_run_id", "root_run_id", "trace_id", "span_id",
        "parent_span_id", "name", "sequence", "time_unix_nano", "start_time_unix_nano", "duration_ms",
        "time_to_first_token_ms", "environment", "service_name", "service_version", "vcs_revision", "attributes",
        "process", "langgraph", "tags", "lc_tags", "metadata", "user_id", "session_id", "tenant_id", "prompt_name",
        "prompt_version", "provider", "request_model", "response_model", "operation", "finish_reasons", "response_id",
        "streamed", "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens",
        "reasoning_tokens", "input_audio_tokens", "output_audio_tokens", "usage_details", "usage_missing",
        "from_cache", "cost_usd", "input_cost_usd", "output_cost_usd", "price_source", "rollup", "links", "status",
        "attempt", "partial", "redacted", "truncated", "embeddings",
    }  # fmt: skip
    assert set(TelemetryEvent.__struct_fields__) == kept | set(FULL)
    assert strip_content(event()) == event()
