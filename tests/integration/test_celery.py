"""A celery task's runs belong to the trace of whoever sent the task."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker
from langchain_core.runnables import RunnableLambda

import fanlight

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

app = Celery("tests", broker="memory://", backend="cache+memory://")
app.conf.task_always_eager = False
chain = RunnableLambda(str.upper)


@signals.setup_logging.connect
def _leave_logging_alone(**_: Any) -> None:
    """Keep celery from replacing the test run's log handlers."""


@app.task(name="answer")
def answer(question: str, carrier: dict[str, str]) -> str:
    with fanlight.extract(carrier):
        return chain.invoke(question)


def _send(question: str) -> Any:
    return answer.delay(question, fanlight.inject({}))


@pytest.mark.filterwarnings("ignore")  # celery's own, from its test worker
def test_a_task_joins_the_trace_of_its_sender(installed: Any) -> None:
    """What the sender injected is the parent of the task's run, with user, tenant and tags."""
    with start_worker(app, perform_ping_check=False, pool="solo"):
        with fanlight.context(traceparent=TRACEPARENT, user_id="u1", tenant_id="eu-7", tags=["batch"]):
            result = _send("hi")
        assert result.get(timeout=20) == "HI"

    (root,) = [event for event in installed.runs() if event.is_root]
    assert (root.trace_id, root.parent_span_id) == tuple(TRACEPARENT.split("-")[1:3])
    assert (root.user_id, root.tenant_id, root.tags) == ("u1", "eu-7", ("batch",))


@pytest.mark.filterwarnings("ignore")
def test_a_task_sent_from_inside_a_run_hangs_below_it(installed: Any) -> None:
    """A task that a node sends is a child of that node's span, in the same trace."""
    sent: list[Any] = []
    step = RunnableLambda(lambda question: sent.append(_send(question)) or question)
    with start_worker(app, perform_ping_check=False, pool="solo"):
        step.invoke("hi")
        assert sent[0].get(timeout=20) == "HI"

    sender, task = sorted((e for e in installed.runs() if e.is_root), key=lambda e: e.start_time_unix_nano or 0)
    assert (task.trace_id, task.parent_span_id) == (sender.trace_id, sender.span_id)
