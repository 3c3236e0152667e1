"""What is written is read back equal, whatever an event holds."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight import TelemetryEvent
from fanlight.event import (
    ContentPart,
    Document,
    ErrorInfo,
    Feedback,
    Message,
    Redaction,
    Rollup,
    RunEvent,
    Tool,
    ToolCall,
    Truncation,
)
from fanlight.testing import make_event
from fanlight_lake.decode import decode
from fanlight_lake.encode import encode
from fanlight_lake.schema import COLUMNS, FIELDS, SCHEMA

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INT64 = st.integers(-(2**63), 2**63 - 1)
NUMBER = st.floats(allow_nan=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
PART = st.builds(ContentPart, type=TEXT, text=st.none() | TEXT, data=JSON)
CALL = st.builds(ToolCall, name=TEXT, id=st.none() | TEXT, arguments=JSON)
MESSAGE = st.builds(Message, role=TEXT, parts=st.tuples(PART), tool_calls=st.tuples(CALL), name=st.none() | TEXT)
DOCUMENT = st.builds(Document, rank=INT64, content=st.none() | TEXT, metadata=OBJECT)
RUN_EVENT = st.builds(RunEvent, type=TEXT, name=TEXT, time_unix_nano=INT64, data=JSON)

EVENTS = st.builds(
    TelemetryEvent,
    event_id=TEXT,
    type=st.sampled_from(["llm.end", "chain.error", "custom", "feedback"]),
    run_id=TEXT,
    root_run_id=TEXT,
    trace_id=TEXT,
    span_id=TEXT,
    name=TEXT,
    sequence=INT64,
    time_unix_nano=INT64,
    start_time_unix_nano=st.none() | INT64,
    duration_ms=st.none() | NUMBER,
    environment=TEXT,
    user_id=st.none() | TEXT,
    attributes=OBJECT,
    metadata=OBJECT,
    tags=st.lists(TEXT, max_size=3).map(tuple),
    tool_definitions=st.lists(JSON, max_size=2).map(tuple),
    streamed=st.none() | st.booleans(),
    input_tokens=st.none() | INT64,
    usage_details=st.dictionaries(TEXT, INT64, max_size=2),
    from_cache=st.booleans(),
    cost_usd=st.none() | NUMBER,
    rollup=st.none() | st.builds(Rollup, runs=INT64, cost_usd=st.none() | st.floats(0, 1e9)),
    inputs=JSON,
    outputs=JSON,
    input_messages=st.lists(MESSAGE, max_size=2).map(tuple),
    documents=st.lists(DOCUMENT, max_size=2).map(tuple),
    tool=st.none() | st.builds(Tool, name=TEXT, arguments=JSON, result=JSON),
    feedback=st.none() | st.builds(Feedback, name=TEXT, score=st.none() | st.floats(-1, 1)),
    run_events=st.lists(RUN_EVENT, max_size=2).map(tuple),
    error=st.none() | st.builds(ErrorInfo, type=TEXT, message=TEXT, stack=st.none() | TEXT),
    redacted=st.lists(st.builds(Redaction, field=TEXT, kind=TEXT, count=INT64), max_size=1).map(tuple),
    truncated=st.lists(st.builds(Truncation, field=TEXT, original_bytes=INT64), max_size=1).map(tuple),
)  # fmt: skip


@given(st.lists(EVENTS, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_event_of_json_values_comes_back_equal(events: list[TelemetryEvent]) -> None:
    """NUL characters, huge and negative numbers, infinities of typed fields, empty and nested values: all survive."""
    encoded = encode(events)
    assert encoded.misfits == {}
    assert list(decode(encoded.table)) == events


def test_recorded_runs_come_back_equal(tree: tuple[TelemetryEvent, ...]) -> None:
    """The events of real LangChain runs survive, and encode to the same bytes as before."""
    back = list(decode(encode(tree).table))
    assert tuple(back) == tree
    assert [event.to_json() for event in back] == [event.to_json() for event in tree]


HOSTILE: list[tuple[str, Any]] = [
    ("input_tokens", "many"),
    ("input_tokens", 2**63),
    ("input_tokens", 3.5),
    ("input_tokens", True),
    ("cost_usd", "0.1"),
    ("cost_usd", False),
    ("cost_usd", 2**70),
    ("streamed", 1),
    ("usage_missing", None),
    ("name", 7),
    ("name", b"bytes"),
    ("name", "half \ud800 pair"),
    ("environment", None),
    ("tags", "ab"),
    ("tags", ("a", 1)),
    ("tags", ["a"]),
    ("metadata", {"a": math.nan}),
    ("metadata", {"a": [1, {"b": -math.inf}]}),
    ("metadata", {"a": "\udfff"}),
    ("metadata", None),
    ("metadata", "a text"),
    ("inputs", object()),
    ("usage_details", {"a": "many"}),
    ("feedback", Feedback(name="helpful", score=math.nan)),
    ("error", {"message": "without a type"}),
    ("time_unix_nano", "noon"),
    ("time_unix_nano", 2**64),
]


@pytest.mark.parametrize(("field", "value"), HOSTILE)
def test_what_does_not_fit_is_left_out_alone(field: str, value: Any) -> None:
    """A value that its column cannot hold costs its own event's row; neighbours are written, and it is said which."""
    good = make_event(name="good")
    encoded = encode([good, make_event(**{field: value}), good])
    assert list(decode(encoded.table)) == [good, good]
    assert list(encoded.misfits) == [1]
    assert str(encoded.misfits[1]).startswith(f"{field}: expected ")


def test_a_misfit_says_no_content() -> None:
    """The message names the column and the kind of thing that was found, never the value."""
    encoded = encode([make_event(input_tokens="my secret"), make_event(metadata={"k": ["my secret", math.nan]})])
    assert [str(misfit) for misfit in encoded.misfits.values()] == [
        "input_tokens: expected a 64-bit integer, found str",
        "metadata: expected a JSON value, found NaN or an infinity",
    ]


def test_deep_nesting_is_a_misfit_and_no_crash() -> None:
    """A value nested beyond the interpreter's depth is left out."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    encoded = encode([make_event(inputs=deep), make_event(name="good")])
    assert list(encoded.misfits) == [0]
    while deep:  # to free it level by level
        deep = deep.pop()


def test_nothing_is_a_table_too() -> None:
    """No events are no rows, with all columns."""
    assert encode([]).table.num_rows == 0
    assert encode([]).table.schema == SCHEMA


def test_every_field_has_a_column_of_its_name() -> None:
    """No field of the event is left out, whichever are added to it."""
    assert set(FIELDS) == set(TelemetryEvent.__struct_fields__)
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)


def test_columns_have_the_types_an_analyst_wants() -> None:
    """Tokens are integers, cost is a number, times are timestamps, tags are lists; structures are JSON text."""
    types = {name: str(SCHEMA.field(name).type) for name in SCHEMA.names}
    assert {types[name] for name in FIELDS if name.endswith("_tokens")} == {"int64"}
    assert (types["cost_usd"], types["streamed"], types["tags"]) == ("double", "bool", "list<item: string>")
    assert (types["time"], types["date"], types["status"]) == ("timestamp[us, tz=UTC]", "date32[day]", "string")
    assert {types[name] for name in ("inputs", "metadata", "attributes", "rollup")} == {"string"}


def test_made_columns_agree_with_their_fields() -> None:
    """Date, time, host, error and feedback are columns of their own."""
    event = make_event(
        "chain.error",
        time_unix_nano=1_767_614_400_123_456_789,
        error=ErrorInfo(type="ValueError", message="no"),
        feedback=Feedback(name="helpful", score=1.0, label="yes"),
    )
    (row,) = encode([event]).table.to_pylist()
    assert str(row["date"]) == "2026-01-05"
    assert row["time"].isoformat() == "2026-01-05T12:00:00.123456+00:00"
    assert (row["host"], row["pid"], row["instance_id"]) == ("localhost", 1, "made")
    assert (row["error_type"], row["error_message"], row["run_type"]) == ("ValueError", "no", "chain")
    assert (row["feedback_name"], row["feedback_score"], row["feedback_label"]) == ("helpful", 1.0, "yes")


def test_an_older_and_a_newer_table_can_be_read() -> None:
    """A missing column is the field's default; a column that is no field is passed over."""
    event = make_event(cost_usd=0.5, metadata={"a": 1})
    table = encode([event]).table.drop_columns(["cost_usd", "metadata", "tags"])
    table = table.append_column("from_the_future", table.column("name"))
    assert list(decode(table)) == [event.replace(cost_usd=None, metadata={})]


def test_a_row_that_is_no_event_is_an_error() -> None:
    """Damaged JSON raises with the column's name, not with its content."""
    table = encode([make_event(metadata={"a": 1})]).table
    index = table.schema.get_field_index("metadata")
    damaged = table.set_column(index, "metadata", [["{secret"]])
    with pytest.raises(ValueError, match="column metadata holds a value that is no event's: DecodeError"):
        list(decode(damaged))


def test_copies_are_not_aliased() -> None:
    """Two rows without metadata do not share one dict."""
    first, second = decode(encode([make_event(), make_event()]).table)
    first.metadata["a"] = 1
    assert second.metadata == {}
    assert msgspec.structs.fields(TelemetryEvent)  # the declaration itself is untouched
    assert make_event().metadata == {}
