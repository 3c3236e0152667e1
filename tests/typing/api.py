"""The public API as a user types it. Checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableLambda
from pydantic import SecretStr

import fanlight
from fanlight import (
    Batch,
    ConfigError,
    Delivery,
    PartialFailure,
    PermanentError,
    RetryableError,
    Router,
    Sink,
    SinkConfig,
    SinkContext,
    SinkType,
    TelemetryEvent,
    hookimpl,
)


class AcmeConfig(SinkConfig):
    """A plugin's settings."""

    endpoint: str
    api_key: SecretStr


class AcmeSink(Sink[AcmeConfig]):
    """A plugin's sink."""

    def open(self, context: SinkContext) -> None:
        self.endpoint: str = self.config.endpoint

    def deliver(self, batch: Batch) -> None:
        lines: list[bytes] = [event.to_json() for event in batch]
        delivery: Delivery = batch.deliveries[0]
        if not lines:
            raise RetryableError("busy", retry_after=1.5)
        if batch.attempt > 3:
            raise PermanentError("no", reason="too_large")
        raise PartialFailure({delivery.event.event_id: PermanentError("bad")}, unidentified=1)

    def close(self) -> None:
        pass


@hookimpl
def fanlight_register_sinks() -> Iterator[SinkType]:
    """Register the sink."""
    yield SinkType(name="acme", config_model=AcmeConfig, factory=AcmeSink)


def use() -> None:
    """Use a router as the README does."""
    try:
        router = Router.from_config("fanlight.yaml")
    except ConfigError as error:
        places: list[int | None] = [problem.line for problem in error.problems]
        print(places)
        return
    chain = RunnableLambda(str)
    chain.invoke("x", config={"callbacks": [router.handler]})
    if not router.flush(timeout=1.0):
        print(router.health().balanced)
    with Router.from_config({"version": 1}) as other:
        other.close(timeout=1)


def rate(router: Router, run_id: UUID, trace_id: str) -> None:
    """Say later what a run was worth."""
    router.feedback(run_id, "helpful", score=1.0)
    router.feedback(str(run_id), "helpful", score=True, user_id="u", metadata={"k": 1}, tags=["a"])
    fanlight.feedback(trace_id=trace_id, name="grounded", label="no", explanation="made up", source="model")


def embed(model: Embeddings) -> list[float]:
    """Wrap an embedding model."""
    wrapped: Embeddings = fanlight.embeddings(model, name="handbook")
    return wrapped.embed_query("refunds")


def carry() -> dict[str, str]:
    """Use the context."""
    with fanlight.context(user_id="u", tags=["a"], metadata={"k": 1}) as c:
        trace_id: str = c.trace_id
        print(trace_id)
    with fanlight.extract({"traceparent": "x"}), fanlight.suppress():
        headers: dict[str, str] = {}
        fanlight.inject(headers)
    return headers


def read(event: TelemetryEvent) -> tuple[int | None, str, Any]:
    """Read an event."""
    again = TelemetryEvent.from_json(event.to_json())
    return again.input_tokens, again.trace_id, again.replace(name="x").inputs
