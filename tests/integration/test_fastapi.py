"""Runs join the trace of the HTTP request that caused them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from langchain_core.runnables import RunnableLambda

import fanlight

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE}-{SPAN}-01"}

chain = RunnableLambda(str.upper) | RunnableLambda(str.strip)


def _app(router: fanlight.Router) -> FastAPI:
    app = FastAPI()

    @app.get("/ask")
    async def ask(request: Request, q: str) -> dict[str, str]:
        with fanlight.extract(dict(request.headers)) as c:
            return {"answer": await chain.ainvoke(q), "trace_id": c.trace_id}

    @app.get("/sync")
    def sync(request: Request, q: str) -> dict[str, str]:
        with fanlight.extract(dict(request.headers)) as c:
            return {"answer": chain.invoke(q), "trace_id": c.trace_id}

    @app.get("/stream")
    def stream(request: Request, q: str) -> StreamingResponse:
        def pieces() -> Iterator[str]:
            with fanlight.extract(dict(request.headers)):
                yield from chain.stream(q)

        return StreamingResponse(pieces())

    return app


@pytest.mark.parametrize("path", ["/ask", "/sync", "/stream"])
def test_a_run_joins_the_request(path: str, installed: Any) -> None:
    """Async, threaded and streaming endpoints: the root run's parent is the caller's span, in the caller's trace."""
    with TestClient(_app(installed.router)) as client:
        response = client.get(path, params={"q": "hi "}, headers=HEADERS)
    assert response.status_code == 200

    root = next(event for event in installed.runs() if event.is_root)
    assert (root.trace_id, root.parent_span_id) == (TRACE, SPAN)
    assert {event.trace_id for event in installed.runs()} == {TRACE}


def test_a_request_without_a_trace_gets_one(installed: Any) -> None:
    """The id that the response names is the id of the trace that the sink received."""
    with TestClient(_app(installed.router)) as client:
        answer = client.get("/ask", params={"q": "hi "}).json()

    assert {event.trace_id for event in installed.runs()} == {answer["trace_id"]}


def test_requests_do_not_mix(installed: Any) -> None:
    """Twenty requests, each with its own caller: twenty traces, each under its own span."""
    with TestClient(_app(installed.router)) as client:
        for n in range(1, 21):
            client.get("/ask", params={"q": "x"}, headers={"traceparent": f"00-{n:032x}-{n:016x}-01"})

    roots = [event for event in installed.runs() if event.is_root]
    assert {(root.trace_id, root.parent_span_id) for root in roots} == {
        (f"{n:032x}", f"{n:016x}") for n in range(1, 21)
    }
