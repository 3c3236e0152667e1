"""What was said to a model and by it: roles, parts, tool calls, and nothing binary."""

from __future__ import annotations

import pytest
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from fanlight.normalize.messages import message_of, messages_of
from fanlight.normalize.values import Reader

from .models import Scripted, Streaming, asks, said


def read(message):
    return message_of(Reader(64 * 1024, b"k" * 16), message)


def part(block):
    (only,) = read(AIMessage([block])).parts
    return only


def test_a_conversation_keeps_roles_and_order(traced):
    """Each message has OpenTelemetry's word for its role, in order, and the model's answer."""
    history = [
        SystemMessage("be kind"),
        HumanMessage("hi"),
        AIMessage("", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "c1"}]),
        ToolMessage("42", tool_call_id="c1", name="f"),
        ChatMessage("psst", role="critic"),
    ]
    Scripted(answers=[said("done", response_metadata={"finish_reason": "stop"})]).invoke(history, traced.config)
    start, end = traced.one("llm.start"), traced.one("llm.end")
    assert [message.role for message in start.input_messages] == ["system", "user", "assistant", "tool", "critic"]
    assert [message.text for message in start.input_messages] == ["be kind", "hi", "", "42", "psst"]
    assert start.input_messages[2].tool_calls[0].arguments == {"a": 1}
    assert (start.input_messages[3].tool_call_id, start.input_messages[3].name) == ("c1", "f")
    assert end.input_messages == start.input_messages
    (answer,) = end.output_messages
    assert (answer.role, answer.text, answer.finish_reason) == ("assistant", "done", "stop")
    assert end.finish_reasons == ("stop",)


def test_a_streamed_answer_is_an_assistants(traced):
    """A merged chunk is a message like any other."""
    list(Streaming(chunks=[AIMessageChunk("a"), AIMessageChunk("b")]).stream("x", traced.config))
    (answer,) = traced.one("llm.end").output_messages
    assert (answer.role, answer.text) == ("assistant", "ab")


@pytest.mark.parametrize(
    ("message", "role"),
    [
        (FunctionMessage("r", name="f"), "tool"),
        (RemoveMessage(id="m"), "remove"),
        (AIMessageChunk("x"), "assistant"),
    ],
)
def test_every_kind_of_message_has_a_role(message, role):
    """No message of LangChain's is without one."""
    assert read(message).role == role


def test_a_tool_call_that_is_no_json_keeps_its_text():
    """What the model wrote is there, with why it could not be parsed."""
    message = AIMessage("", invalid_tool_calls=[{"name": "f", "args": "{oops", "id": "c", "error": "not JSON"}])
    (call,) = read(message).tool_calls
    assert (call.name, call.id, call.arguments, call.error) == ("f", "c", "{oops", "not JSON")


def test_a_call_is_told_once():
    """A content block that repeats a tool call is left out."""
    blocks = [{"type": "text", "text": "look"}, {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]
    message = read(AIMessage(blocks, tool_calls=[{"name": "f", "args": {"a": 1}, "id": "c"}]))
    assert [item.type for item in message.parts] == ["text"]
    assert len(message.tool_calls) == 1


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"type": "reasoning", "reasoning": "hmm"}, "hmm"),
        ({"type": "thinking", "thinking": "hmm", "signature": "s"}, "hmm"),
        ({"type": "reasoning_content", "reasoning_content": {"text": "hmm"}}, "hmm"),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}, {"text": "m"}]}, "hm\nm"),
    ],
)
def test_reasoning_is_a_part_of_its_own(block, text):
    """However a provider spells its thoughts."""
    assert (part(block).type, part(block).text) == ("reasoning", text)


def test_reasoning_and_refusal_beside_the_content():
    """What adapters put into `additional_kwargs` is not lost."""
    message = read(AIMessage("x", additional_kwargs={"reasoning_content": "hmm", "refusal": "no"}))
    assert [(item.type, item.text) for item in message.parts] == [
        ("reasoning", "hmm"),
        ("text", "x"),
        ("refusal", "no"),
    ]


IMAGE = "QUJD" * 400
URI = f"data:image/png;base64,{IMAGE}"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": URI}},
        {"type": "image_url", "image_url": URI},
        {"type": "input_image", "image_url": URI},
        {"type": "image", "base64": IMAGE, "mime_type": "image/png"},
        {"type": "image", "source_type": "base64", "data": IMAGE, "mime_type": "image/png"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}},
    ],
)
def test_an_image_is_described(block):
    """Every provider's way of sending an image gives the same part: kind, type, size, digest."""
    image = part(block)
    assert (image.type, image.mime_type, image.uri, image.text) == ("image", "image/png", None, None)
    assert image.data["bytes"] == 1200
    assert image.data["digest"] == part({"type": "image", "base64": IMAGE}).data["digest"]


def test_a_medium_elsewhere_keeps_its_address():
    """A URL or a file id is what it is."""
    assert part({"type": "image", "url": "https://x/y.png"}).uri == "https://x/y.png"
    assert part({"type": "file", "file_id": "file-1"}).uri == "file-1"
    assert part({"type": "media", "file_uri": "gs://b/o", "mime_type": "video/mp4"}).mime_type == "video/mp4"
    assert part({"type": "audio", "base64": "QUJD", "mime_type": "audio/wav"}).data["bytes"] == 3


def test_a_block_nobody_knows_keeps_its_data():
    """A provider's own block is shown under its own name."""
    assert part({"type": "server_tool_result", "content": [1]}).data == {"content": [1]}
    assert part({"type": "server_tool_result", "content": [1]}).type == "server_tool_result"


def test_prompts_are_messages_of_the_user(traced):
    """A completion model has no roles; its prompt is what the user said."""
    FakeListLLM(responses=["pong"]).invoke("ping", traced.config)
    end = traced.one("llm.end")
    assert end.operation == "text_completion"
    assert [(message.role, message.text) for message in end.input_messages] == [("user", "ping")]
    assert [(message.role, message.text) for message in end.output_messages] == [("assistant", "pong")]


def test_a_long_conversation_is_bounded():
    """A thousand messages of a megabyte are cut, and it is said where and how much."""
    reader = Reader(1000, b"k" * 16)
    messages = messages_of(reader, "input_messages", [[HumanMessage("word " * 200_000)] * 1000])
    assert len(messages) == 1000
    assert sum(len(message.text) for message in messages) < 100_000
    assert reader.truncated[0].field == "input_messages"
    assert reader.truncated[0].original_bytes == 1_000_000


def test_an_event_says_what_was_cut_of_it(make_traced):
    """Inputs cut at the start and outputs cut at the end are both told at the end, once each."""
    traced = make_traced(max_field_bytes=1000)
    Scripted(answers=[said("word " * 1000)]).invoke("word " * 2000, traced.config)
    start, end = traced.one("llm.start"), traced.one("llm.end")
    assert [(cut.field, cut.original_bytes) for cut in start.truncated] == [("input_messages", 10_000)]
    assert [(cut.field, cut.original_bytes) for cut in end.truncated] == [
        ("input_messages", 10_000),
        ("output_messages", 5000),
    ]


def test_a_request_for_a_tool_is_an_answer(traced):
    """An answer without text has its calls, and no empty part."""
    Scripted(answers=[asks("add", a=1, b=2)]).invoke("1+2", traced.config)
    (answer,) = traced.one("llm.end").output_messages
    assert answer.parts == ()
    assert [(call.name, call.id, call.arguments) for call in answer.tool_calls] == [("add", "c1", {"a": 1, "b": 2})]
