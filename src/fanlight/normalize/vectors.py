"""
What can be told of vectors without them: how many, how long, how alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, isfinite
from operator import add, mul

from fanlight.event import EmbeddingStatistics

Vector = Sequence[float]


def statistics_of(rows: Sequence[Vector], count: int) -> EmbeddingStatistics:
    """Return the statistics of a call's *count* vectors, of which *rows* were kept to be looked at."""
    norms = [hypot(*row) for row in rows]
    sound = [(row, norm) for row, norm in zip(rows, norms, strict=True) if isfinite(norm)]
    lengths = [norm for _, norm in sound]
    return EmbeddingStatistics(
        count=count,
        dimensions=len(rows[0]) if rows else None,
        norm_min=min(lengths, default=None),
        norm_mean=sum(lengths) / len(lengths) if lengths else None,
        norm_max=max(lengths, default=None),
        zero_vectors=lengths.count(0.0),
        not_finite=len(rows) - len(sound),
        mean_similarity=_mean_similarity([(row, norm) for row, norm in sound if norm]),
    )


def _mean_similarity(directed: list[tuple[Vector, float]]) -> float | None:
    """Return the mean cosine of each vector to the centroid; `None` for a single one, which is its own centroid."""
    rows = [row for row, _ in directed]
    if len(rows) < 2 or len(set(map(len, rows))) > 1:
        return None
    total = _sum_of(rows)
    length = hypot(*total)
    if not length or not isfinite(length):
        return None
    cosines = [float(sum(map(mul, row, total))) / (norm * length) for row, norm in directed]
    return min(1.0, sum(cosines) / len(cosines))


def _sum_of(rows: Sequence[Vector]) -> list[float]:
    # Row by row: summed up in one call of C, a large batch would keep the application's threads waiting for 30 ms.
    total = [0.0] * len(rows[0])
    for row in rows:
        total = list(map(add, total, row))
    return total
