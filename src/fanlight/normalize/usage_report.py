"""
One usage report, in whichever dialect: LangChain's, OpenAI's, Anthropic's, Google's, Bedrock's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

INPUT_KEYS: Final = ("input_tokens", "prompt_tokens", "prompt_token_count", "inputTokenCount", "prompt_eval_count")
OUTPUT_KEYS: Final = (
    "output_tokens", "completion_tokens", "generated_token_count", "candidates_token_count", "outputTokenCount",
    "eval_count",
)  # fmt: skip
_TOTAL: Final = ("total_tokens", "total_token_count", "totalTokens")
_INPUT_DETAILS: Final = ("input_token_details", "prompt_tokens_details", "input_tokens_details")
_OUTPUT_DETAILS: Final = ("output_token_details", "completion_tokens_details", "output_tokens_details")
_EPHEMERAL: Final = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_CACHE_READ: Final = ("cache_read", "cached_tokens", "priority_cache_read", "flex_cache_read")
"""OpenAI's integration names its service tier in the key."""
_REASONING: Final = ("reasoning", "reasoning_tokens", "priority_reasoning", "flex_reasoning")
_READ_APART: Final = ("cache_read_input_tokens", "cacheReadInputTokenCount")
"""Where the input does not include what was cached: Anthropic's own dialect, and Bedrock's metrics of it."""
_GOOGLES_CACHE_READ: Final = "cached_content_token_count"
_WRITTEN_APART: Final = ("cache_creation_input_tokens", "cacheWriteInputTokenCount")
_TOKEN_FIELDS: Final = (
    "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
    "input_audio_tokens", "output_audio_tokens",
)  # fmt: skip


def read_usage(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return event fields from one usage report, whatever its dialect; empty where it reports nothing."""
    spent, made = _first(raw, INPUT_KEYS), _first(raw, OUTPUT_KEYS)
    if spent is None and made is None:
        return {}
    inputs, outputs = _details(raw, _INPUT_DETAILS), _details(raw, _OUTPUT_DETAILS)
    read = _first(inputs, _CACHE_READ) or _first(raw, (*_READ_APART, _GOOGLES_CACHE_READ))
    lived = [count for key in _EPHEMERAL if (count := _count(inputs.get(key))) is not None]
    written = _first(inputs, ("cache_creation", "cache_write", "cache_write_tokens"))
    written = max(written or 0, sum(lived)) if lived else written
    written = written or _first(raw, _WRITTEN_APART)
    if _is_exclusive(raw, spent, made, (read or 0) + (written or 0)):
        spent = (spent or 0) + (read or 0) + (written or 0)
    reasoning = _reasoning(raw, outputs)
    if _is_beside(reasoning, raw, spent, made):
        made = (made or 0) + (reasoning or 0)
    total = max(_first(raw, _TOTAL) or 0, (spent or 0) + (made or 0))
    counts = (spent, made, total, read, written, reasoning, *_audio(inputs, outputs))
    fields: dict[str, Any] = {
        name: count for name, count in zip(_TOKEN_FIELDS, counts, strict=True) if count is not None
    }
    if details := _provider_details(raw, inputs, outputs):
        fields["usage_details"] = details
    return fields


def _is_exclusive(raw: Mapping[str, Any], spent: int | None, made: int | None, cached: int) -> bool:
    """Whether the input does not include the cached tokens: Anthropic's own dialect, and Bedrock's of old adapters."""
    if not cached:
        return False
    own_dialect = any(key in raw for key in (*_READ_APART, *_WRITTEN_APART))
    told_apart = _first(raw, _TOTAL) == (spent or 0) + (made or 0) + cached
    return own_dialect or cached > (spent or 0) or told_apart


def _is_beside(reasoning: int | None, raw: Mapping[str, Any], spent: int | None, made: int | None) -> bool:
    """Whether the output does not include the reasoning: Google's own dialect, and what its adapters make of it."""
    if not reasoning:
        return False
    told_apart = _first(raw, _TOTAL) == (spent or 0) + (made or 0) + reasoning
    return "candidates_token_count" in raw or reasoning > (made or 0) or told_apart


def _reasoning(raw: Mapping[str, Any], outputs: Mapping[str, Any]) -> int | None:
    found = _first(outputs, _REASONING)
    return found if found is not None else _first(raw, ("thoughts_token_count", "reasoning_tokens"))


def _audio(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[int | None, int | None]:
    names = ("audio", "audio_tokens")
    return _first(inputs, names), _first(outputs, names)


_READ_DETAILS: Final = frozenset(
    {"audio", "audio_tokens", "cache_read", "cached_tokens", "cache_creation", "cache_write", "cache_write_tokens",
     "reasoning", "reasoning_tokens"}
)  # fmt: skip
_READ_TOTALS: Final = frozenset(
    {*INPUT_KEYS, *OUTPUT_KEYS, *_TOTAL, *_READ_APART, *_WRITTEN_APART, _GOOGLES_CACHE_READ, "total_cost",
     "thoughts_token_count", "reasoning_tokens"}
)  # fmt: skip


def _provider_details(raw: Mapping[str, Any], inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, int]:
    found = _counts("input.", inputs, _READ_DETAILS) | _counts("output.", outputs, _READ_DETAILS)
    return found | _counts("", raw, _READ_TOTALS)


def _counts(prefix: str, source: Mapping[str, Any], without: Iterable[str]) -> dict[str, int]:
    return {
        f"{prefix}{key}": count
        for key, value in source.items()
        if key not in without and (count := _count(value)) is not None
    }


def _details(raw: Mapping[str, Any], keys: Iterable[str]) -> Mapping[str, Any]:
    for key in keys:
        if isinstance(found := raw.get(key), Mapping):
            return found
    return {}


def _first(source: Mapping[str, Any], keys: Iterable[str]) -> int | None:
    for key in keys:
        if (count := _count(source.get(key))) is not None:
            return count
    return None


def _count(value: Any) -> int | None:
    """Return a token count; what is not a whole number from 0 up is none."""
    if type(value) is int:
        return value if 0 <= value < 2**53 else None
    if type(value) is float and value.is_integer() and 0 <= value < 2**53:
        return int(value)
    return None
