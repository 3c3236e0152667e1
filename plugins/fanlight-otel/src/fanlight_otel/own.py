"""
An event's attributes that are on every span, whatever the conventions chosen: identity, context, outcome.
"""

from __future__ import annotations

from fanlight import TelemetryEvent
from fanlight.semconv import Fanlight, Otel
from fanlight_otel.values import Attributes, scalar_or_json, text_or_json


def own_attributes(event: TelemetryEvent) -> Attributes:
    """Return what OpenTelemetry's general conventions and fanlight's own names say about *event*."""
    attributes: Attributes = {
        Fanlight.NAME: event.name,
        Fanlight.RUN_ID: event.run_id,
        Fanlight.ROOT_RUN_ID: event.root_run_id,
        Fanlight.RUN_TYPE: event.run_type,
        Fanlight.EVENT_ID: event.event_id,
        Fanlight.STATUS: event.status,
        Fanlight.ATTEMPT: event.attempt,
        Fanlight.PARTIAL: event.partial or None,
        Otel.ERROR_TYPE: event.error.type if event.error and event.status == "error" else None,
        Otel.USER_ID: event.user_id,
        Otel.SESSION_ID: event.session_id,
        Fanlight.TENANT_ID: event.tenant_id,
        Fanlight.PROMPT_NAME: event.prompt_name,
        Fanlight.PROMPT_VERSION: event.prompt_version,
        Fanlight.TAGS: event.tags or None,
        Fanlight.LC_TAGS: event.lc_tags or None,
        Fanlight.USAGE_MISSING: event.usage_missing or None,
        Fanlight.FROM_CACHE: event.from_cache or None,
        Fanlight.TIME_TO_FIRST_TOKEN_MS: event.time_to_first_token_ms,
        Fanlight.CUSTOM: text_or_json(event.custom),
        Fanlight.COST_USD: event.cost_usd,
        Fanlight.PRICE_SOURCE: event.price_source,
        Fanlight.REDACTED: sorted({f"{entry.field}:{entry.kind}" for entry in event.redacted}) or None,
        Fanlight.TRUNCATED: [entry.field for entry in event.truncated] or None,
    }
    for key, value in event.metadata.items():
        attributes[f"{Fanlight.METADATA}.{key}"] = scalar_or_json(value)
    for key, count in event.usage_details.items():
        attributes[f"{Fanlight.USAGE_DETAILS}.{key}"] = count
    _langgraph(attributes, event)
    _embeddings(attributes, event)
    _rollup(attributes, event)
    return attributes


def _langgraph(attributes: Attributes, event: TelemetryEvent) -> None:
    place = event.langgraph
    if place is None:
        return
    attributes[Fanlight.LANGGRAPH_NODE] = place.node
    attributes[Fanlight.LANGGRAPH_STEP] = place.step
    attributes[Fanlight.LANGGRAPH_THREAD_ID] = place.thread_id
    attributes[Fanlight.LANGGRAPH_CHECKPOINT_ID] = place.checkpoint_id
    attributes[Fanlight.LANGGRAPH_CHECKPOINT_NS] = place.checkpoint_ns
    attributes[Fanlight.LANGGRAPH_GRAPH_ID] = place.graph_id


def _embeddings(attributes: Attributes, event: TelemetryEvent) -> None:
    if event.embeddings is None:
        return
    for name in event.embeddings.__struct_fields__:
        attributes[f"{Fanlight.EMBEDDINGS}.{name}"] = getattr(event.embeddings, name)


def _rollup(attributes: Attributes, event: TelemetryEvent) -> None:
    if event.rollup is None:
        return
    for name in event.rollup.__struct_fields__:
        attributes[f"{Fanlight.ROLLUP}.{name}"] = getattr(event.rollup, name)
