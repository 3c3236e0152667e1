"""Which trace a run belongs to, and how code inside a run says where it is."""

from __future__ import annotations

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from opentelemetry.sdk.trace import TracerProvider

import fanlight
from fanlight.tracecontext import parse_traceparent, span_id_of

PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def _roots(captured: Any) -> list[Any]:
    return [record for record in captured.records() if record.trace_id]


def test_a_root_takes_its_run_id_as_trace(captured: Any) -> None:
    """Without a caller's trace, the trace is the root run's UUID: a run can be found by its id."""
    RunnableLambda(str).invoke("x", captured.config)

    (root,) = _roots(captured)
    assert root.trace_id == root.run_id.hex
    assert root.traceparent is None


def test_an_opentelemetry_span_is_joined_and_not_touched(captured: Any) -> None:
    """A root inside a span joins its trace; nothing is attached to OpenTelemetry's context."""
    tracer = TracerProvider().get_tracer("app")
    with tracer.start_as_current_span("request") as span:
        RunnableLambda(str).invoke("x", captured.config)
        context = span.get_span_context()

    (root,) = _roots(captured)
    assert root.trace_id == f"{context.trace_id:032x}"
    assert parse_traceparent(root.traceparent)[1] == f"{context.span_id:016x}"


def test_an_explicit_traceparent_wins(captured: Any) -> None:
    """What `fanlight.context` says is joined, also inside another span."""
    with TracerProvider().get_tracer("app").start_as_current_span("request"), fanlight.context(traceparent=PARENT):
        RunnableLambda(str).invoke("x", captured.config)

    assert _roots(captured)[0].traceparent == PARENT


def test_the_trace_id_is_known_before_and_after(captured: Any) -> None:
    """`c.trace_id` read before the run is the id that the run takes, and stays so."""
    with fanlight.context(user_id="u1") as c:
        before = c.trace_id
        RunnableLambda(str).invoke("x", captured.config)
        after = c.trace_id

    assert before == after == _roots(captured)[0].trace_id


def test_each_item_of_a_batch_is_a_trace_of_its_own(captured: Any) -> None:
    """A context names no trace for its runs unless it was asked for one: three items, three traces."""
    with fanlight.context(user_id="u1"):
        (RunnableLambda(str) | RunnableLambda(str)).batch(["a", "b", "c"], captured.config)

    assert len({record.trace_id for record in _roots(captured)}) == 3


def test_inject_names_the_run_it_is_called_from(captured: Any) -> None:
    """Inside a run, `inject` writes the run's own span, so that what is called belongs below it."""
    carriers: list[dict[str, str]] = []
    RunnableLambda(lambda x: carriers.append(fanlight.inject({})) or x).invoke("x", captured.config)

    (root,) = _roots(captured)
    assert parse_traceparent(carriers[0]["traceparent"]) == (root.trace_id, span_id_of(root.run_id), 1)


def test_inject_and_extract_carry_everything(captured: Any) -> None:
    """Who, which session, which tenant, tags, metadata and position survive a carrier with odd header cases."""
    with fanlight.context(
        user_id="ü1", session_id="s", tenant_id="eu-7", tags=["vip"], metadata={"team": "a,b;c"}, traceparent=PARENT
    ):
        carrier = fanlight.inject({})
    assert all(isinstance(value, str) and value.isascii() for value in carrier.values())

    with fanlight.extract({key.title(): value for key, value in carrier.items()}):
        RunnableLambda(str).invoke("x", captured.config)

    (root,) = _roots(captured)
    assert (root.context.user_id, root.context.session_id, root.context.tenant_id) == ("ü1", "s", "eu-7")
    assert (root.context.tags, root.context.metadata) == (("vip",), {"team": "a,b;c"})
    assert root.traceparent == PARENT


def test_a_broken_carrier_is_ignored() -> None:
    """Malformed, huge and hostile carriers give an empty context, never an exception."""
    for value in ("%", "[1]", "{", "null", "x" * 10_000, "%7B%22tags%22%3A5%7D", '{"metadata":3,"user_id":7}'):
        with fanlight.extract({"fanlight-context": value, "traceparent": "00-zz"}) as c:
            assert len(c.trace_id) == 32


def test_leaving_a_context_elsewhere_is_harmless() -> None:
    """A stream's generator may be closed in another context than it was begun in."""

    def stream() -> Any:
        with fanlight.context(user_id="u1"):
            yield 1
            yield 2

    async def abandon() -> None:
        generator = stream()
        next(generator)
        await asyncio.to_thread(generator.close)

    asyncio.run(abandon())
    with ThreadPoolExecutor(1) as pool:
        generator = stream()
        pool.submit(next, generator).result()
        generator.close()


def test_contexts_nest() -> None:
    """The inner context wins, tags unite, metadata merge."""
    from fanlight.context import current

    with (
        fanlight.context(user_id="outer", tenant_id="t", tags=["a"], metadata={"k": 1, "o": 1}),
        fanlight.context(user_id="inner", tags=["b"], metadata={"k": 2}),
    ):
        values = current()
    assert values is not None
    assert (values.user_id, values.tenant_id, values.tags) == ("inner", "t", ("a", "b"))
    assert values.metadata == {"k": 2, "o": 1}
    assert current() is None


async def test_open_traces_are_forgotten(captured: Any) -> None:
    """Nothing is kept of a run after its end, sync or async."""
    for _ in range(20):
        await (RunnableLambda(str) | RunnableLambda(str)).ainvoke("x", captured.config)

    assert captured.capture._traces._of == {}


def test_a_decision_not_to_sample_is_passed_on(captured: Any) -> None:
    """Code inside a run that joined a trace which is not sampled hands on that it is not."""
    positions: list[Any] = []
    with fanlight.context(traceparent=PARENT[:-2] + "00"):
        RunnableLambda(lambda _: positions.append(fanlight.inject({}))).invoke("x", captured.config)

    _, _, flags = parse_traceparent(positions[0]["traceparent"])
    assert flags == 0


def test_an_untrusted_sender_chooses_no_tenant() -> None:
    """At a public edge only the position is taken over."""
    from fanlight.context import current

    with fanlight.context(tenant_id="us-1", traceparent=PARENT):
        carrier = fanlight.inject({})
    with fanlight.context(tenant_id="eu-7"), fanlight.extract(carrier, trusted=False) as c:
        values = current()

    assert values is not None
    assert (values.tenant_id, c.trace_id) == ("eu-7", "a" * 32)


@pytest.mark.parametrize(
    "carrier", [None, {}, [], [(b"traceparent", PARENT.encode())], {b"Traceparent": PARENT}, 7, "headers", [1, 2]]
)
def test_carriers_come_in_many_forms(carrier: Any) -> None:
    """Celery's missing headers, ASGI's pairs of bytes and plain nonsense are all read, and never raise."""
    with fanlight.extract(carrier) as c:
        joined = c.trace_id == "a" * 32

    assert joined == ("traceparent" in str(carrier).lower())


def test_ids_become_texts() -> None:
    """An id that is a number or a UUID is the text that rules are written in; one tag is one tag."""
    from fanlight.context import current

    with fanlight.context(tenant_id=4711, user_id=uuid.UUID(int=7), tags="vip"):  # type: ignore[arg-type]
        values = current()

    assert values is not None
    assert (values.tenant_id, values.user_id, values.tags) == ("4711", str(uuid.UUID(int=7)), ("vip",))
