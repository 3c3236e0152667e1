"""
What OpenInference calls the providers, by the name that events and OpenTelemetry have for them.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Provider(NamedTuple):
    """One provider in OpenInference's words."""

    provider: str
    """`llm.provider`: who hosts the model."""
    system: str | None = None
    """`llm.system`: whose API it speaks, where OpenInference has a word for it."""


_KNOWN: Final = {
    "openai": Provider("openai", "openai"),
    "anthropic": Provider("anthropic", "anthropic"),
    "aws.bedrock": Provider("aws"),
    "azure.ai.inference": Provider("azure"),
    "azure.ai.openai": Provider("azure", "openai"),
    "cohere": Provider("cohere", "cohere"),
    "gcp.gemini": Provider("google"),
    "gcp.gen_ai": Provider("google"),
    "gcp.vertex_ai": Provider("google", "vertexai"),
    "mistral_ai": Provider("mistralai", "mistralai"),
    "moonshot_ai": Provider("moonshot"),
    "x_ai": Provider("xai"),
}


def openinference_provider(name: str | None) -> Provider | None:
    """Return OpenInference's words for *name*; a provider that both call the same, or nobody knows, keeps its name."""
    return (_KNOWN.get(name) or Provider(name)) if name else None
