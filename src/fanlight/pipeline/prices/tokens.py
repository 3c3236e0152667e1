"""The tokens of one call, sorted by what they are charged as."""

from __future__ import annotations

from typing import Final

import msgspec

from fanlight.event import TelemetryEvent

_ONE_HOUR: Final = "input.ephemeral_1h_input_tokens"


class Tokens(msgspec.Struct, frozen=True):
    """
    Each token of a call in exactly one place, where an event's counts overlap: its input includes what was cached.

    What was cached and was audio too cannot be told from the counts that providers report: it counts as cached.
    """

    plain_input: int
    cache_read: int
    cache_write: int
    """Kept for five minutes, or for as long as the provider keeps what nobody asked to be kept longer."""
    cache_write_1h: int
    input_audio: int
    plain_output: int
    reasoning: int
    output_audio: int

    @property
    def input(self) -> int:
        """All tokens of the prompt."""
        return self.plain_input + self.cache_read + self.cache_write + self.cache_write_1h + self.input_audio

    @property
    def output(self) -> int:
        """All tokens of the answer."""
        return self.plain_output + self.reasoning + self.output_audio


def tokens_of(event: TelemetryEvent) -> Tokens | None:
    """Return what *event* tells of a call's tokens, or `None` where it tells of none."""
    if event.input_tokens is None:
        return None
    rest, cache_read = _split(event.input_tokens, event.cache_read_tokens)
    rest, written = _split(rest, event.cache_write_tokens)
    plain_input, input_audio = _split(rest, event.input_audio_tokens)
    cache_write, cache_write_1h = _split(written, event.usage_details.get(_ONE_HOUR))
    rest, reasoning = _split(event.output_tokens or 0, event.reasoning_tokens)
    plain_output, output_audio = _split(rest, event.output_audio_tokens)
    return Tokens(
        plain_input, cache_read, cache_write, cache_write_1h, input_audio, plain_output, reasoning, output_audio
    )


def is_charged(event: TelemetryEvent) -> bool:
    """Return whether *event* ended a call that had a cost: it told of tokens, or ran and should have."""
    return event.usage_missing or event.input_tokens is not None or event.output_tokens is not None


def _split(whole: int, part: int | None) -> tuple[int, int]:
    """Return what is left of *whole* without *part*, and the part, which is never more than the whole."""
    taken = min(part or 0, whole)
    return whole - taken, taken
