"""What stands in the metrics and in the tables."""

import gc
from typing import Any

import pytest
import wandb

from fanlight.event import (
    ContentPart,
    Document,
    ErrorInfo,
    Feedback,
    Message,
    Rollup,
    TelemetryEvent,
    Tool,
    ToolCall,
)
from fanlight.testing import make_event, make_trace
from fanlight.testing.events import START

# The SDK leaves the temporary directories of its artifacts to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")

SECONDS = START / 1e9
PLAIN = (
    "trace_id", "span_id", "parent_span_id", "run_id", "root_run_id", "name", "status", "duration_ms",
    "time_to_first_token_ms", "input_tokens", "output_tokens", "total_tokens", "cost_usd", "session_id", "user_id",
    "tenant_id", "provider",
)  # fmt: skip
"""Columns that are the event's field of that name."""


def said(role: str, text: str, *calls: ToolCall) -> Message:
    return Message(role=role, parts=(ContentPart(type="text", text=text),), tool_calls=calls)


def metrics(run: Any) -> list[dict[str, Any]]:
    """The rows of metrics, without W&B's own keys and the tables."""
    rows = [{key: value for key, value in row.items() if not key.startswith("_")} for row in run.history]
    return [row for row in rows if not {"traces", "feedback"} & row.keys()]


def test_every_metric_is_logged_as_it_was(bench: Any) -> None:
    """A model call, an embedding, a tool, a retrieval and a root each give their metrics, with a step of their own."""
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "cost_usd": 0.00125}
    root = make_event("chain.end", rollup=Rollup(steps=4, errors=1), session_id="s")
    bench.deliver(
        make_event("llm.end", parent=root, duration_ms=800.5, time_to_first_token_ms=200.25, **usage),
        make_event("embedding.end", parent=root, duration_ms=7.0, input_tokens=3, cost_usd=0.5),
        make_event("tool.end", parent=root, duration_ms=25.0),
        make_event("retriever.end", parent=root, duration_ms=40.0),
        make_event("chain.end", parent=root, duration_ms=1.0),
        root,
    )
    assert metrics(bench.only_run) == [
        {
            "fanlight/step": 1,
            "llm/input_tokens": 10,
            "llm/output_tokens": 5,
            "llm/total_tokens": 15,
            "llm/cost_usd": 0.00125,
            "llm/latency_ms": 800.5,
            "llm/time_to_first_token_ms": 200.25,
        },
        {"fanlight/step": 2, "embedding/input_tokens": 3, "embedding/cost_usd": 0.5, "embedding/latency_ms": 7},
        {"fanlight/step": 3, "agent/tool_call_latency_ms": 25},
        {"fanlight/step": 4, "retriever/latency_ms": 40},
        {"fanlight/step": 5, "agent/steps_per_session": 4, "errors": 1},
    ]


def test_metrics_have_fanlights_step_and_the_events_time(bench: Any) -> None:
    """W&B draws them over a step of ours, never over its own; each row is at the time of its event."""
    late, early = (make_event("tool.end", start_time_unix_nano=START + seconds * 10**9) for seconds in (60, 0))
    bench.deliver(late, early)
    run = bench.only_run
    assert {run.metrics[name].step_metric for name in ("llm/cost_usd", "errors", "agent/tool_call_latency_ms")} == {
        "fanlight/step"
    }
    assert run.values("_timestamp") == pytest.approx([SECONDS + 60.12, SECONDS + 0.12, SECONDS + 60.12])
    assert run.values("fanlight/step") == [1, 2, 3]


def test_what_is_not_known_is_absent(bench: Any) -> None:
    """No usage, no price and no first token are no zeros; the totals say how much is missing."""
    bench.deliver(
        make_event("llm.end", duration_ms=9.0, usage_missing=True),
        make_event("llm.end", duration_ms=9.0, input_tokens=1, output_tokens=0, total_tokens=1),
    )
    run = bench.only_run
    assert [row.keys() for row in metrics(run)] == [
        {"fanlight/step", "llm/latency_ms", "errors"},
        {"fanlight/step", "llm/latency_ms", "errors", "llm/input_tokens", "llm/output_tokens", "llm/total_tokens"},
    ]
    assert "totals/cost_usd" not in run.summary
    assert (run.summary["totals/usage_missing"], run.summary["totals/cost_unknown"]) == (1, 2)
    assert [run.tables["traces"].rows[0][column] for column in ("input_tokens", "cost_usd")] == [None, None]


def test_steps_are_summed_by_session(bench: Any) -> None:
    """A session's steps go on with its next trace; another session, and a root without one, begin at 0."""
    sink = bench.open()
    for session, steps in (("a", 2), ("b", 5), ("a", 3), (None, 1), (None, 0)):
        root = make_event("chain.end", rollup=Rollup(steps=steps), session_id=session)
        sink.deliver(make_a_batch(root))
    assert bench.only_run.values("agent/steps_per_session") == [2, 5, 5, 1]


def make_a_batch(*events: TelemetryEvent) -> Any:
    from fanlight.testing import make_batch

    return make_batch(events, sink="runs", timeout=20)


def test_the_totals_are_sums_of_what_ended(bench: Any) -> None:
    """Each run, trace, token, dollar and failure is counted once, a root's rollup not again."""
    events = [event for event in make_trace("agent") if event.ends_run]
    priced = [event.replace(cost_usd=0.1) if event.run_type == "llm" else event for event in events]
    bench.deliver(*priced, make_event("chain.error", rollup=Rollup(errors=2)))
    totals = {
        name.removeprefix("totals/"): value for name, value in bench.only_run.summary.items() if "totals/" in name
    }
    assert totals == {
        "runs": 5,
        "traces": 2,
        "errors": 2,
        "llm_calls": 2,
        "input_tokens": 672,
        "output_tokens": 73,
        "total_tokens": 745,
        "usage_missing": 0,
        "cost_usd": 0.2,
        "cost_unknown": 0,
    }


def test_every_finished_run_is_a_row_as_it_was(bench: Any) -> None:
    """Ids, type, status, times, tokens and cost are the event's own."""
    events = [event for event in make_trace("rag", session_id="s", user_id="u", tenant_id="t") if event.ends_run]
    bench.deliver(*events)
    rows = {row["event_id"]: row for row in bench.only_run.tables["traces"].rows}
    assert rows.keys() == {event.event_id for event in events}
    for event in events:
        row = rows[event.event_id]
        assert {name: row[name] for name in PLAIN} == {name: getattr(event, name) for name in PLAIN}
        assert row["type"] == event.run_type
        assert row["model"] == event.response_model
    assert min(row["start"] for row in rows.values()) == "2026-01-05T12:00:00.000+00:00"


def test_prompts_outputs_tool_calls_and_errors_can_be_read(bench: Any) -> None:
    """Messages stand there as text with their roles; arguments and results as JSON; documents by rank."""
    wanted = ToolCall(name="find", id="c1", arguments={"order": 7})
    bench.deliver(
        make_event("llm.end", name="model", input_messages=(said("system", "Be brief."), said("user", "Where?")),
                   output_messages=(said("assistant", "Looking.", wanted),)),
        make_event("tool.error", name="tool", tool=Tool(name="find", arguments={"order": 7}),
                   error=ErrorInfo(type="ValueError", message="no such order")),
        make_event("retriever.end", name="pages", inputs="refund", documents=(Document(rank=0, content="page one"),)),
        make_event("chain.end", name="chain", inputs={"question": "é"}, outputs=["a"], tags=("x", "y"),
                   metadata={"k": 1}),
    )  # fmt: skip
    rows = {row["name"]: row for row in bench.only_run.tables["traces"].rows}
    assert rows["model"]["prompt"] == "system: Be brief.\n\nuser: Where?"
    assert rows["model"]["output"] == "assistant: Looking."
    assert rows["model"]["tool_calls"] == '[{"name":"find","id":"c1","arguments":{"order":7}}]'
    assert (rows["tool"]["prompt"], rows["tool"]["error"]) == ('{"order":7}', "ValueError: no such order")
    assert (rows["pages"]["prompt"], rows["pages"]["output"]) == ("refund", "[0] page one")
    assert (rows["chain"]["prompt"], rows["chain"]["output"]) == ('{"question":"é"}', '["a"]')
    assert (rows["chain"]["tags"], rows["chain"]["metadata"]) == ("x, y", '{"k":1}')


def test_a_cell_is_cut_where_a_browser_could_not_show_it(bench: Any) -> None:
    """Nobody's browser is to load a megabyte for one cell; how much is missing stands there."""
    bench.deliver(make_event("chain.end", inputs="x" * 100_000))
    (row,) = bench.only_run.tables["traces"].rows
    assert row["prompt"] == "x" * 32_768 + " … (67232 more characters)"


def test_feedback_is_a_metric_and_a_row_of_its_own_table(bench: Any) -> None:
    """A score is drawn under the feedback's name; label and explanation stand in the table."""
    judged = Feedback(name="help ful?", score=0.5, label="so so", explanation="too long", source="model")
    bench.deliver(
        make_event("feedback", feedback=judged), make_event("feedback", feedback=Feedback(name="seen", label="y"))
    )
    run = bench.only_run
    assert run.values("feedback/help ful_") == [0.5]
    assert run.metrics["feedback/help ful_"].step_metric == "fanlight/step"
    first, second = run.tables["feedback"].rows
    assert [first[column] for column in ("feedback", "score", "label", "explanation", "source")] == [
        "help ful?", 0.5, "so so", "too long", "model"
    ]  # fmt: skip
    assert second["score"] is None
    assert "traces" not in run.tables


def test_tables_can_be_left_out(bench: Any) -> None:
    """Metrics and configuration are logged all the same, and delivered means the same."""
    bench.deliver(make_event("llm.end", input_tokens=3), table={"enabled": False})
    assert bench.only_run.tables == {}
    assert bench.only_run.values("llm/input_tokens") == [3]


@pytest.mark.parametrize(
    ("table", "begun"), [({"max_rows": 4}, [0, 1, 0, 1, 0]), ({"max_increments": 3}, [0, 1, 2, 0, 1])]
)
def test_a_table_is_begun_anew_before_it_grows_too_large(bench: Any, table: dict[str, int], begun: list[int]) -> None:
    """Each table names a bounded number of increments and holds a bounded number of rows; none is lost."""
    sink = bench.open(table=table)
    for _ in range(5):
        sink.deliver(make_a_batch(make_event("chain.end"), make_event("chain.end")))
    run = bench.only_run
    logged = run.values("traces")
    assert [each["increment_num"] for each in logged] == begun
    assert [len(each["previous_increments_paths"]) for each in logged] == begun
    assert len({row["event_id"] for row in run.tables["traces"].rows}) == 10


def test_rows_that_were_logged_are_not_kept_in_memory(bench: Any) -> None:
    """However many rows a table and its predecessors have, none is held once it is on disk."""
    sink = bench.open(table={"max_rows": 100})
    for number in range(5):
        sink.deliver(make_a_batch(*(make_event("chain.end", inputs=f"kept {number}") for _ in range(50))))
    gc.collect()
    tables = [each for each in gc.get_objects() if isinstance(each, wandb.Table) and "event_id" in each.columns]
    assert sorted(len(table.data) for table in tables) == [50, 100, 100]
    assert [row for table in tables for row in table.data if row] == []
    assert len(bench.only_run.tables["traces"].rows) == 250
