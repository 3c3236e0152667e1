"""
What a retrieval found: id, score, rank.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from fanlight.event import Document
from fanlight.normalize.arguments import full_length, identifier, is_sequence, sequence
from fanlight.normalize.values import Reader

SCORE_KEYS: Final = ("score", "relevance_score", "_score", "similarity_score", "similarity", "distance", "_distance")
"""Where in a document's metadata vector stores and rerankers put the score; the first that is there counts."""
_NO_SCORES: Final = (bool, str, bytes)


def documents_of(reader: Reader, found: Any) -> tuple[Document, ...]:
    """Return the documents of a retrieval, in its order."""
    reader.begin("documents")
    items = sequence(found) if is_sequence(found) else (found,)
    documents = tuple(_document(reader, rank, item) for rank, item in enumerate(reader.take(items, len(items))))
    reader.left_out(full_length(items, found), len(documents))
    return documents


def _document(reader: Reader, rank: int, item: Any) -> Document:
    content = getattr(item, "page_content", None)
    if content is None:
        read = reader.read(item)
        return Document(rank=rank, content=read if isinstance(read, str) else None, metadata=_object(read))
    raw = item.metadata if isinstance(item.metadata, dict) else {}
    identity = item.id if getattr(item, "id", None) is not None else raw.get("id")
    return Document(
        rank=rank,
        content=reader.text(str.__str__(content)) if isinstance(content, str) else None,
        id=identifier(identity),
        score=_score(raw),
        metadata=_object(reader.read(raw)),
    )


def _score(metadata: dict[str, Any]) -> float | None:
    for key in SCORE_KEYS:
        value = metadata.get(key)
        if value is None or isinstance(value, _NO_SCORES):
            continue
        try:
            score = float(value)  # numpy's scalars too
        except (TypeError, ValueError, OverflowError):
            continue
        if isfinite(score):
            return score
    return None


def _object(read: Any) -> dict[str, Any]:
    return read if isinstance(read, dict) else {}
