"""
Runs in the arize SDK's own environment: a sink, and Arize's Flight and REST endpoints, ordered about over a pipe.

Each line of input is one delivery; each line of output says what became of it, and what Arize has now. What the SDK
prints is part of the answer: it must print nothing.
"""

import contextlib
import io
import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyarrow import flight

from fanlight import PartialFailure, TelemetryEvent, testing
from fanlight_arize import ArizeConfig, ArizeSink
from fanlight_arize.flight_receiver import ArizeFlight
from fanlight_arize.testing import ArizeApi, ArizeReceiver

PROJECT = "support-bot"
FAULTS = {
    "unavailable": flight.FlightUnavailableError("busy"),
    "unauthenticated": flight.FlightUnauthenticatedError("who are you?"),
    "internal": flight.FlightInternalError("a bug, seen with key ak-0123456789abcdef"),
    "invalid": ValueError("an odd column"),
}


def obey(order: dict[str, Any]) -> dict[str, Any]:
    """Do what *order* says and return what came of it."""
    space, key = order["space_id"], order["api_key"]
    certificate = tuple(map(Path, order["certificate"])) if "certificate" in order else None
    with (
        ArizeReceiver(space_id=space, api_key=key) as spans,
        ArizeFlight(space_id=space, api_key=key, project=PROJECT, certificate=certificate) as arize,
        ArizeApi(api_key=key, project=order.get("known_project", PROJECT)) as api,
    ):
        arize.spans, api.roots = set(order.get("spans", ())), set(order.get("roots", ()))
        arize.faults = [FAULTS[name] for name in order.get("faults", ())]
        api.statuses = list(order.get("statuses", ()))
        settings = {
            "space_id": space,
            "api_key": key,
            "project": PROJECT,
            "endpoint": spans.http_endpoint,
            "api_endpoint": api.endpoint,
            "flight_endpoint": arize.endpoint,
            **order.get("settings", {}),
        }
        with variables(order.get("environment", {})):
            fates = deliver(settings, [TelemetryEvent.from_json(event) for event in order["events"]])
        return {
            "fates": fates,
            "spans": [span.span_id for span in spans.spans],
            "annotations": arize.annotations,
            "evaluations": arize.evaluations,
            "calls": arize.calls,
            "traces": api.annotations,
        }


@contextlib.contextmanager
def variables(added: dict[str, str]) -> Iterator[None]:
    """Add to the environment inside the block."""
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def deliver(settings: dict[str, Any], events: list[TelemetryEvent]) -> dict[str, Any]:
    """Return by event id how those events fared that were not taken."""
    sink = ArizeSink(ArizeConfig(**settings))
    sink.open(testing.make_context("arize", environment="prod"))
    try:
        sink.deliver(testing.make_batch(events, timeout=30.0))
    except PartialFailure as failure:
        return {event_id: fate(error) for event_id, error in failure.errors.items()}
    finally:
        sink.close()
    return {}


def fate(error: Any) -> dict[str, Any]:
    """Return an error as plain values."""
    names = ("reason", "retry_after", "open_breaker")
    return {
        "class": type(error).__name__,
        "message": str(error),
        **{name: getattr(error, name) for name in names if hasattr(error, name)},
    }


def observed() -> dict[str, Any]:
    """Return what the SDK, or we with it, may have changed in this process."""
    logger, heard = logging.getLogger("arize"), io.StringIO()
    ear = logging.StreamHandler(heard)
    logger.addHandler(ear)
    logging.getLogger("arize.spans.client").warning("the application's own")
    logger.removeHandler(ear)
    return {
        "imported": "arize" in sys.modules,
        "handlers": [type(handler).__name__ for handler in logger.handlers],
        "level": logger.level,
        "heard": heard.getvalue(),
        "threads": sorted(thread.name for thread in threading.enumerate()),
    }


def main() -> None:
    """Answer each line until there is none."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            answer = obey(json.loads(line))
        answers.write(json.dumps({**answer, "printed": printed.getvalue(), **observed()}) + "\n")
        answers.flush()


main()
