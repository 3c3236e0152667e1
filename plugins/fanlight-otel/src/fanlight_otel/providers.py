"""
What the conventions call the providers that LangChain names in its own way.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Provider(NamedTuple):
    """One provider's names."""

    genai: str
    """`gen_ai.provider.name`."""
    provider: str | None = None
    """OpenInference's `llm.provider`: who hosts the model."""
    system: str | None = None
    """OpenInference's `llm.system`: whose model family it is."""


_OPENAI: Final = Provider("openai", "openai", "openai")
_ANTHROPIC: Final = Provider("anthropic", "anthropic", "anthropic")
_AZURE_OPENAI: Final = Provider("azure.ai.openai", "azure", "openai")
_AZURE: Final = Provider("azure.ai.inference", "azure")
_BEDROCK: Final = Provider("aws.bedrock", "aws")
_GEMINI: Final = Provider("gcp.gemini", "google")
_VERTEX: Final = Provider("gcp.vertex_ai", "google", "vertexai")
_WATSONX: Final = Provider("ibm.watsonx.ai")
_MISTRAL: Final = Provider("mistral_ai", "mistralai", "mistralai")
_XAI: Final = Provider("x_ai", "xai")

_KNOWN: Final[dict[str, Provider]] = {
    "openai": _OPENAI,
    "anthropic": _ANTHROPIC,
    "azure": _AZURE_OPENAI,
    "azure_openai": _AZURE_OPENAI,
    "azure.ai.openai": _AZURE_OPENAI,
    "azure_ai": _AZURE,
    "azure.ai.inference": _AZURE,
    "amazon_bedrock": _BEDROCK,
    "bedrock": _BEDROCK,
    "bedrock_converse": _BEDROCK,
    "aws.bedrock": _BEDROCK,
    "google_genai": _GEMINI,
    "gcp.gemini": _GEMINI,
    "gcp.gen_ai": Provider("gcp.gen_ai", "google"),
    "google_vertexai": _VERTEX,
    "gcp.vertex_ai": _VERTEX,
    "ibm": _WATSONX,
    "watsonx": _WATSONX,
    "ibm.watsonx.ai": _WATSONX,
    "mistral": _MISTRAL,
    "mistralai": _MISTRAL,
    "mistral_ai": _MISTRAL,
    "xai": _XAI,
    "x_ai": _XAI,
    "cohere": Provider("cohere", "cohere", "cohere"),
    "deepseek": Provider("deepseek", "deepseek"),
    "groq": Provider("groq", "groq"),
    "perplexity": Provider("perplexity", "perplexity"),
}


def provider_of(name: str | None) -> Provider | None:
    """Return the names of the provider that LangChain calls *name*; a name nobody knows stands for itself."""
    if not name:
        return None
    return _KNOWN.get(name.lower()) or Provider(name, name)
