"""
What a call of an embedding model tells: fanlight's own wrapper captures it, LangChain has no callback for it.
"""

from __future__ import annotations

from typing import Any, Final

from fanlight.capture.record import CallbackRecord
from fanlight.capture.vectors import Vectors
from fanlight.event import EmbeddingStatistics, TelemetryEvent
from fanlight.normalize.arguments import argument, mapping, text_of
from fanlight.normalize.model import provider_by_package, provider_of
from fanlight.normalize.values import Reader
from fanlight.normalize.vectors import statistics_of

_BY_CLASS: Final = {"AzureOpenAI": "azure_openai", "AzureAI": "azure_ai", "Bedrock": "bedrock"}
"""Whose models a class embeds with, where its package is that of several."""


def embedding_started(reader: Reader, record: CallbackRecord, _name: str) -> dict[str, Any]:
    """Return what was to be embedded, with which model."""
    asked = dict(mapping(record.kwargs.get("invocation_params")))
    model = text_of(asked.pop("model", None))
    return {
        "inputs": reader.value("inputs", argument(record, 1)),
        "operation": "embeddings",
        "provider": _provider(mapping(argument(record, 0))),
        "request_model": model,
        "invocation_params": reader.value("invocation_params", asked) if asked else {},
    }


def embedding_ended(reader: Reader, record: CallbackRecord, _start: TelemetryEvent) -> dict[str, Any]:
    """Return the statistics of the vectors. LangChain's embedding models tell nobody what they used."""
    return {"status": "ok", "usage_missing": True, "embeddings": _statistics(reader, argument(record, 0))}


def _statistics(reader: Reader, vectors: Any) -> EmbeddingStatistics | None:
    if not isinstance(vectors, Vectors):
        return None
    if len(vectors.rows) < vectors.count:
        reader.note(0, field="embeddings")
    try:
        return statistics_of(vectors.rows, vectors.count)
    except (TypeError, ValueError, OverflowError):  # the model returned something else than numbers
        return EmbeddingStatistics(count=vectors.count)


def _provider(serialized: dict[str, Any]) -> str | None:
    name = text_of(serialized.get("name")) or ""
    special = next((provider for prefix, provider in _BY_CLASS.items() if name.startswith(prefix)), None)
    return provider_of(special) or provider_by_package(serialized)
