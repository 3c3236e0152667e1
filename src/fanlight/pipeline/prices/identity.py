"""
Under which provider and name the price table knows the model that an event names.

A price is a statement, so nothing is guessed: a provider that the table does not have by exactly this name, or a
name that says no more than whose account it is, has no price.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fanlight.event import TelemetryEvent

_PROVIDERS: Final = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
}
"""OpenTelemetry's names to the table's, where the two differ."""

_LITELLM: Final = {
    "bedrock": "aws", "fireworks_ai": "fireworks", "gemini": "google", "moonshot": "moonshotai",
    "together_ai": "together", "vertex_ai": "google", "xai": "x-ai",
}  # fmt: skip
"""LiteLLM's prefixes to the table's names, where the two differ."""

_PRICED_ARNS: Final = (":foundation-model/", ":inference-profile/")
"""The others name an account's own: a custom model, a throughput that was bought, a profile for whichever model."""
_DATED: Final = re.compile(r"[-@]\d{3,}[\d-]*")


def identities(event: TelemetryEvent) -> Iterator[tuple[str | None, str]]:
    """
    Yield the table's provider, `None` where the event has none, and name of the model of *event*, best first.

    The model that answered comes first, because a deployment or a gateway may be called anything. What was asked for
    is a second choice only where the answer named no model, or the same one with its date. On Bedrock it is the
    other way round: there the request says through which region, at its own price, and the answer does not.
    """
    answered, asked = event.response_model, event.request_model
    if event.provider == "aws.bedrock":
        names = (asked, answered)
    elif asked and (not answered or is_dated(answered, asked)):
        names = (answered, asked)
    else:
        names = (answered, None)
    for name in dict.fromkeys(names):
        if name and (found := _known_as(event.provider, name)) is not None:
            yield found


def is_dated(answered: str, asked: str) -> bool:
    """Return whether *answered* is *asked* with a date or a version behind it."""
    return answered.startswith(asked) and _DATED.fullmatch(answered, len(asked)) is not None


def _known_as(provider: str | None, name: str) -> tuple[str | None, str] | None:
    if provider == "litellm":
        prefix, slash, rest = name.partition("/")
        return (_LITELLM.get(prefix, prefix), rest) if slash else None
    known = _PROVIDERS.get(provider, provider) if provider else None
    if known == "google":
        return known, name.rpartition("models/")[2]  # `models/…` and `publishers/…/models/…`, but not `tunedModels/…`
    if known == "aws" and name.startswith("arn:") and not any(kind in name for kind in _PRICED_ARNS):
        return None
    return known, name
