"""What is told of vectors, against cases that can be worked out by hand."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest

from fanlight.capture.vectors import MAX_VECTORS, Vectors
from fanlight.event import EmbeddingStatistics
from fanlight.normalize.vectors import statistics_of


def told(*rows: list[float]) -> EmbeddingStatistics:
    return statistics_of(rows, len(rows))


def test_a_single_vector() -> None:
    """Length and dimensions; what is alone is like nothing else."""
    assert told([3.0, 4.0]) == EmbeddingStatistics(count=1, dimensions=2, norm_min=5.0, norm_mean=5.0, norm_max=5.0)


def test_equal_vectors_are_wholly_alike() -> None:
    """A model that answers the same to everything shows as 1."""
    assert told(*[[0.6, 0.8]] * 4).mean_similarity == 1.0


def test_two_at_right_angles() -> None:
    """Each stands at 45 degrees to the middle."""
    assert told([1.0, 0.0], [0.0, 1.0]).mean_similarity == pytest.approx(math.cos(math.pi / 4))


def test_the_centroid_is_that_of_the_vectors_as_they_are() -> None:
    """Longer vectors pull it: (2, 0) and (0, 1) have it at (2, 1), at which their cosines are 2 and 1 over root 5."""
    found = told([2.0, 0.0], [0.0, 1.0])
    assert found.mean_similarity == pytest.approx((2 + 1) / 2 / math.sqrt(5))
    assert (found.norm_min, found.norm_mean, found.norm_max) == (1.0, 1.5, 2.0)


def test_opposite_vectors_have_no_centre() -> None:
    """Where the centroid has no direction there is nothing to compare with."""
    assert told([1.0, 0.0], [-1.0, 0.0]).mean_similarity is None


def test_zero_and_broken_vectors_are_counted_and_left_out() -> None:
    """A zero vector counts in the norms and has no direction; NaN and infinity count in neither."""
    found = told([0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0], [3.0, 4.0], [3.0, 4.0])
    assert (found.zero_vectors, found.not_finite) == (1, 2)
    assert (found.norm_min, found.norm_max) == (0.0, 5.0)
    assert found.norm_mean == pytest.approx(10 / 3)
    assert found.mean_similarity == pytest.approx(1.0)


def test_nothing_and_broken_alone() -> None:
    """No vector, or none that is sound: counts, and no numbers made up."""
    assert told() == EmbeddingStatistics(count=0)
    assert told([math.nan]) == EmbeddingStatistics(count=1, dimensions=1, not_finite=1)
    assert told([0.0], [0.0]).mean_similarity is None


def test_uneven_lengths() -> None:
    """A model that returns vectors of two lengths is not compared with itself."""
    assert told([1.0, 0.0], [1.0]).mean_similarity is None


@pytest.mark.parametrize("count", [1, MAX_VECTORS, MAX_VECTORS + 1, 3 * MAX_VECTORS - 1, 10 * MAX_VECTORS])
def test_of_many_vectors_evenly_spaced_ones_are_kept(count: int) -> None:
    """Never more than the bound, never only the first, always with the true count."""
    vectors = Vectors.of([[float(index)] for index in range(count)])
    kept = [row[0] for row in vectors.rows]
    assert (vectors.count, kept[0]) == (count, 0.0)
    assert 1 <= len(kept) <= MAX_VECTORS
    assert len({later - earlier for earlier, later in pairwise(kept)}) <= 1
    assert kept[-1] >= count - (count // len(kept) + 1)


def test_the_snapshot_is_a_copy() -> None:
    """Vectors that the application normalises in place afterwards are those that the model returned."""
    returned = [[3.0, 4.0], [1.0, 0.0]]
    vectors = Vectors.of(returned)
    returned[0][:] = [0.0, 0.0]
    returned.clear()
    assert vectors.rows == ([3.0, 4.0], [1.0, 0.0])


def test_against_numpy() -> None:
    """The same numbers as matrix arithmetic gives, for vectors of usual size."""
    numpy = pytest.importorskip("numpy")
    seeded = random.Random(7)
    rows = [[seeded.gauss(0.1, 1.0) for _ in range(384)] for _ in range(40)]
    found = told(*rows)
    matrix = numpy.asarray(rows)
    norms, centre = numpy.linalg.norm(matrix, axis=1), matrix.mean(axis=0)
    assert found.norm_mean == pytest.approx(float(norms.mean()))
    expected = float((matrix @ centre / norms).mean() / numpy.linalg.norm(centre))
    assert found.mean_similarity == pytest.approx(expected)
    assert Vectors.of(matrix).rows == tuple(rows)
