"""Durations and sizes are written with their unit, and spelled as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.units import ByteSize, Duration, spell_duration, spell_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("10s", 10), ("1.5m", 90), ("24h", 86400), ("7d", 604800), (" 2 s ", 2), ("0s", 0)],
)
def test_durations(text, seconds):
    """A number and its unit."""
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("512B", 512), ("64KiB", 65536), ("2MiB", 2 * 1024**2), ("1GB", 10**9), ("1.5kB", 1500)]
)
def test_sizes(text, size):
    """Decimal and binary units are what they say."""
    assert ByteSize.parse(text) == size


@pytest.mark.parametrize("value", [5, 1.5, True, None, "", "5", "5 sec", "-5s", "s", "366d", "9" * 400 + "s", ["5s"]])
def test_what_is_no_duration(value):
    """A bare number has no unit; what is beyond a year is a mistake."""
    with pytest.raises(ValueError, match="expected"):
        Duration.parse(value)


@pytest.mark.parametrize("value", [5, True, None, "5", "5 bytes", "0B", "0.5B", "1025GiB", "9" * 400 + "B"])
def test_what_is_no_size(value):
    """Nothing and more than a terabyte are mistakes."""
    with pytest.raises(ValueError, match="expected"):
        ByteSize.parse(value)


@given(milliseconds=st.integers(0, 365 * 86_400_000), size=st.integers(1, 1024**4))
def test_what_is_spelled_can_be_read(milliseconds, size):
    """Spelling and reading are each other's reverse, to the microsecond and to the byte."""
    assert Duration.parse(spell_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-6)
    assert ByteSize.parse(spell_size(size)) == size
