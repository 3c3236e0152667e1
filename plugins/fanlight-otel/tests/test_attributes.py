"""Which attributes each convention puts on the spans of a recorded agent run: the full lists, fixed as data."""

import json
from pathlib import Path
from typing import Any

import pytest

from fanlight import TelemetryEvent, testing
from fanlight.event import EmbeddingStatistics
from fanlight_otel.config import Convention
from fanlight_otel.encode import SpanEncoder
from fanlight_otel.received import attributes_of

DATA = Path(__file__).parent / "data"
CONVENTIONS: list[tuple[Convention, ...]] = [("genai",), ("openinference",)]


def spans(tree: dict[str, TelemetryEvent], conventions: tuple[Convention, ...]) -> dict[str, Any]:
    """The spans' names and attributes as they are on the wire."""
    encoder = SpanEncoder(conventions=conventions)
    encoded = {name: encoder.span(event) for name, event in tree.items()}
    return {name: {"name": span.name, **attributes_of(span.attributes)} for name, span in encoded.items()}


@pytest.mark.parametrize("conventions", CONVENTIONS, ids=lambda chosen: chosen[0])
def test_attributes_are_those_of_the_convention(
    tree: dict[str, TelemetryEvent], conventions: tuple[Convention, ...]
) -> None:
    """Each run type has exactly the attributes that are written down for the convention."""
    expected = json.loads((DATA / f"attributes_{conventions[0]}.json").read_text())
    assert spans(tree, conventions) == expected


def test_both_conventions_together_are_the_sum_of_both(tree: dict[str, TelemetryEvent]) -> None:
    """No attribute of one convention is lost or changed by the other."""
    both = spans(tree, ("genai", "openinference"))
    genai, openinference = (spans(tree, chosen) for chosen in CONVENTIONS)
    for name, attributes in both.items():
        assert attributes == openinference[name] | genai[name]


@pytest.mark.parametrize("conventions", CONVENTIONS, ids=lambda chosen: chosen[0])
def test_an_event_without_content_has_a_span_without_content(
    tree: dict[str, TelemetryEvent], conventions: tuple[Convention, ...]
) -> None:
    """What `content: metadata` leaves of an event still makes a span, and no text of the run is in it."""
    encoder = SpanEncoder(conventions=conventions)
    for event in tree.values():
        bare = event.replace(
            inputs=None, outputs=None, input_messages=(), output_messages=(), documents=(), custom=None,
            tool=None, tool_definitions=(), run_events=(),
        )  # fmt: skip
        written = encoder.span(bare).SerializeToString()
        for text in (b"order 7", b"shipped", b"ship within", b"approve?", b"You help"):
            assert text not in written


@pytest.mark.parametrize(
    ("provider", "hosted_by", "system"),
    [
        ("openai", "openai", "openai"),
        ("azure.ai.openai", "azure", "openai"),
        ("aws.bedrock", "aws", None),
        ("gcp.gemini", "google", None),
        ("gcp.vertex_ai", "google", "vertexai"),
        ("mistral_ai", "mistralai", "mistralai"),
        ("x_ai", "xai", None),
        ("groq", "groq", None),
        ("our-own", "our-own", None),
    ],
)
def test_providers_have_the_conventions_names(
    chat: TelemetryEvent, provider: str, hosted_by: str, system: str | None
) -> None:
    """OpenTelemetry's name stands as it is, OpenInference has its own; a provider nobody knows keeps its name."""
    attributes = SpanEncoder().attributes(chat.replace(provider=provider))
    assert attributes["gen_ai.provider.name"] == provider
    assert (attributes["llm.provider"], attributes["llm.system"]) == (hosted_by, system)


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ({"response_format": {"type": "json_schema"}}, "json"),
        ({"response_format": "json_object"}, "json"),
        ({"response_mime_type": "application/json"}, "json"),
        ({"format": "json"}, "json"),
        ({"response_format": {"type": "text"}}, "text"),
        ({"response_format": 7}, None),
        ({}, None),
    ],
)
def test_the_kind_of_output_that_was_asked_for(chat: TelemetryEvent, params: dict[str, Any], kind: str | None) -> None:
    """`gen_ai.output.type` is read from whatever the provider calls it."""
    assert SpanEncoder().attributes(chat.replace(invocation_params=params))["gen_ai.output.type"] == kind


def test_odd_parameters_are_left_out(chat: TelemetryEvent) -> None:
    """A parameter of another type than the convention's has no attribute; the span is sent all the same."""
    event = chat.replace(invocation_params={"temperature": "hot", "max_tokens": True, "stop": 7, "n": None})
    attributes = SpanEncoder(conventions=("genai",)).attributes(event)
    assert not [
        name
        for name, value in attributes.items()
        if name.startswith("gen_ai.request") and value not in (None, "gpt-4o", False)
    ]


def test_missing_usage_is_not_zero(chat: TelemetryEvent) -> None:
    """A model call whose provider reported no usage has no token counts, and says so."""
    event = chat.replace(
        input_tokens=None, output_tokens=None, total_tokens=None, cache_read_tokens=None, cache_write_tokens=None,
        reasoning_tokens=None, usage_missing=True,
    )  # fmt: skip
    present = {name for name, value in SpanEncoder().attributes(event).items() if value is not None}
    assert not {name for name in present if "usage.input" in name or "token_count" in name}
    assert "fanlight.usage.missing" in present


def test_costs_appear_only_where_they_are_known(chat: TelemetryEvent) -> None:
    """An unknown cost is no attribute at all, never 0."""
    attributes = SpanEncoder().attributes(chat.replace(cost_usd=None, input_cost_usd=None, output_cost_usd=None))
    assert not [
        name
        for name, value in attributes.items()
        if "cost" in name and value is not None and name != "fanlight.cost.price_source"
    ]
    assert SpanEncoder().attributes(chat)["llm.cost.total"] == chat.cost_usd


def test_embedding_spans_tell_of_their_vectors() -> None:
    """The dimensions that came are the conventions' attribute, the other statistics fanlight's own."""
    statistics = EmbeddingStatistics(count=3, dimensions=1536, norm_mean=1.0, zero_vectors=1, mean_similarity=0.4)
    event = testing.make_event(
        "embedding.end",
        request_model="text-embedding-3-small",
        inputs=["a", "b", "c"],
        operation="embeddings",
        invocation_params={"dimensions": 512},
        embeddings=statistics,
    )
    span = SpanEncoder().span(event)
    attributes = attributes_of(span.attributes)
    assert span.name == "embeddings text-embedding-3-small"
    assert attributes["gen_ai.embeddings.dimension.count"] == 1536
    assert attributes["embedding.model_name"] == "text-embedding-3-small"
    assert attributes["openinference.span.kind"] == "EMBEDDING"
    told = {name: value for name, value in attributes.items() if name.startswith("fanlight.embeddings.")}
    assert told == {
        "fanlight.embeddings.count": 3,
        "fanlight.embeddings.dimensions": 1536,
        "fanlight.embeddings.norm_mean": 1.0,
        "fanlight.embeddings.zero_vectors": 1,
        "fanlight.embeddings.not_finite": 0,
        "fanlight.embeddings.mean_similarity": 0.4,
    }
