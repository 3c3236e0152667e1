"""
How many tokens a model's call took, as the provider reported them, each counted once.

LangChain's `usage_metadata` on the message comes first, streaming or not, because it is the only place that is always
inclusive and detailed; what a provider put elsewhere is read where the message says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fanlight.normalize.usage_report import INPUT_KEYS, OUTPUT_KEYS, read_usage

_PLACES: Final = ("token_usage", "usage", "usage_metadata", "amazon-bedrock-invocationMetrics")


def usage_of(generations: list[Any], llm_output: Any) -> dict[str, Any]:
    """
    Return the usage fields of the event that ends a model's call.

    Args:
        generations: All generations of the call; more than one where the caller asked for several choices.
        llm_output: What the provider said about the call as a whole.
    """
    messages = [message for generation in generations if (message := getattr(generation, "message", None)) is not None]
    reported = [usage for message in messages if (usage := getattr(message, "usage_metadata", None))]
    if any(usage.get("total_cost") == 0 for usage in reported):
        return {"from_cache": True}
    found = _combined([read_usage(usage) for usage in reported]) or _elsewhere(generations, messages, llm_output)
    if found:
        return found
    # A call with several prompts reports once for all of them, with the first prompt; LangChain marks the others so.
    counted_with_first = not messages and isinstance(llm_output, dict) and llm_output.get("token_usage") == {}
    return {} if counted_with_first else {"usage_missing": True}


def _elsewhere(generations: list[Any], messages: list[Any], llm_output: Any) -> dict[str, Any]:
    if whole := _from_places(llm_output):
        return whole
    for holders in (
        [getattr(message, "response_metadata", None) for message in messages],
        [getattr(generation, "generation_info", None) for generation in generations],
    ):
        if found := _combined([usage for holder in holders if (usage := _from_places(holder))]):
            return found
    return {}


def _from_places(holder: Any) -> dict[str, Any]:
    if not isinstance(holder, Mapping):
        return {}
    for place in _PLACES:
        if isinstance(raw := holder.get(place), Mapping) and (usage := read_usage(raw)):
            return usage
    return read_usage({key: holder[key] for key in (*INPUT_KEYS, *OUTPUT_KEYS) if key in holder})


def _combined(usages: list[dict[str, Any]]) -> dict[str, Any]:
    """
    Return the usage of one call from what its choices say.

    Providers repeat the call's usage on each choice (then it counts once), or give each choice its own output for
    the one input (then outputs add up and the input counts once).
    """
    distinct = [usage for index, usage in enumerate(usages) if usage and usage not in usages[:index]]
    if len(distinct) <= 1:
        return distinct[0] if distinct else {}
    result: dict[str, Any] = {"usage_details": {}}
    for usage in distinct:
        for name, count in usage.items():
            if name == "usage_details":
                result[name] = {**result[name], **count}
            elif "output" in name or name == "reasoning_tokens":
                result[name] = result.get(name, 0) + count
            else:
                result[name] = max(result.get(name, 0), count)
    result["total_tokens"] = result.get("input_tokens", 0) + result.get("output_tokens", 0)
    return result
