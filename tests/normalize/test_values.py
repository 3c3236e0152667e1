"""Any Python value becomes a JSON value of bounded size, and nothing of the application runs for it."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import enum
import math
import threading
import types
import uuid
import warnings
from collections import ChainMap, OrderedDict, UserDict, defaultdict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.messages.base import TextAccessor
from langgraph.types import Command, Interrupt, Send
from pydantic import BaseModel, Field, SecretStr

from fanlight.capture.snapshot import Cut
from fanlight.normalize.values import FIELD_BUDGET, MAX_DEPTH, MAX_NODES, Reader

KEY = b"a key of sixteen"


def read(value, limit=64 * 1024):
    return Reader(limit, KEY).value("inputs", value)


def read_and_note(value, limit=64 * 1024):
    reader = Reader(limit, KEY)
    return reader.value("inputs", value), reader.truncated


class Hostile:
    """Raises from everything that could be asked of it."""

    def __getattribute__(self, name):
        raise RuntimeError("do not touch")

    def __repr__(self):
        raise RuntimeError("do not print")

    __str__ = __iter__ = __len__ = __repr__
    __hash__ = object.__hash__


class Lazy:
    """Counts who looks at it."""

    looks = 0

    def __repr__(self):
        Lazy.looks += 1
        return "looked"

    __str__ = __repr__

    def __iter__(self):
        Lazy.looks += 1
        return iter(())

    @property
    def secret(self):
        Lazy.looks += 1
        return "x"


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Name(str, enum.Enum):  # noqa: UP042 - the older spelling is what many applications have
    A = "a"


@dataclasses.dataclass
class Point:
    x: int
    y: int
    password: str = dataclasses.field(default="hunter2", repr=False)


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int


class Model(BaseModel):
    name: str
    key: SecretStr
    hidden: str = Field(default="h", exclude=True)


class Record(msgspec.Struct):
    a: int


Pair = namedtuple("Pair", "left right")  # noqa: PYI024


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1, 1),
        (2**64 - 1, 2**64 - 1),
        (2**64, str(2**64)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        ([1 << 16609], ["<integer of 16610 bits>"]),
        (1.5, 1.5),
        (math.nan, "nan"),
        (math.inf, "inf"),
        ("text", "text"),
        ("héllo", "héllo"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        ({1: "a", "1": "b", None: "c"}, {"1": "a", "1'": "b", "None": "c"}),
        ({(1, 2): 3}, {"[1, 2]": 3}),
        ((1, 2), [1, 2]),
        ({1}, [1]),
        (frozenset({2}), [2]),
        (deque([1, 2]), [1, 2]),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (ChainMap({"a": 1}, {"b": 2}), {"b": 2, "a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (UserDict(a=1), {"a": 1}),
        (types.SimpleNamespace(a=1), {"a": 1}),
        (Pair(1, [2]), {"left": 1, "right": [2]}),
        (Color.RED, "red"),
        (Level.HIGH, 3),
        (Name.A, "a"),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Slotted(1), {"x": 1}),
        (Record(1), {"a": 1}),
        (Model(name="n", key="sk-1"), {"name": "n", "key": "**********"}),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00+00:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.timedelta(seconds=1), "0:00:01"),
        (Decimal("1.10"), "1.10"),
        (Fraction(1, 3), "1/3"),
        (1 + 2j, "(1+2j)"),
        (PurePosixPath("/a/b"), "/a/b"),
        (range(3), "range(0, 3)"),
        (ValueError("bad"), "ValueError: bad"),
        (int, "<class builtins.int>"),
        (Lazy(), f"<{__name__}.Lazy>"),
        (Cut([1, 2], 10), [1, 2, "… 8 more"]),
        (Cut({"a": 1}, 10), {"a": 1, "…": "9 more"}),
        (Cut(None, 10), "<10 items, too deep>"),
        (Send("node", {"a": 1}), {"node": "node", "arg": {"a": 1}}),
        (Interrupt("v", id="i"), {"value": "v", "id": "i", "response_schema": None}),
    ],
)
def test_each_kind_of_value_has_its_json(value, expected):
    """What Python programs are made of reads as one expects, and encodes."""
    assert read(value) == expected
    assert msgspec.json.decode(msgspec.json.encode(read(value))) == expected


def test_a_command_shows_what_it_does():
    """A LangGraph `Command` keeps its values in slots beside an empty dict; they show all the same."""
    assert read(Command(goto="b", update={"x": 1}))["update"] == {"x": 1}
    assert read(Command(resume="yes"))["resume"] == "yes"


def test_messages_and_documents_are_short():
    """A message in a graph's state shows role, content and calls; a tool's artifact only its kind."""
    assert read(HumanMessage("hi")) == {"role": "user", "content": "hi"}
    call = {"name": "f", "args": {"a": 1}, "id": "c", "type": "tool_call"}
    assert read(AIMessage("", tool_calls=[call], id="m")) == {
        "role": "assistant",
        "content": "",
        "id": "m",
        "tool_calls": [call],
    }
    message = ToolMessage("no", tool_call_id="c", status="error", artifact=["x" * 100_000])
    assert read(message) == {
        "role": "tool",
        "content": "no",
        "tool_call_id": "c",
        "status": "error",
        "artifact": "<list>",
    }
    assert read(Document("p", id="d", metadata={"a": 1})) == {
        "id": "d",
        "metadata": {"a": 1},
        "page_content": "p",
        "type": "Document",
    }


def test_nothing_of_the_application_runs():
    """No repr, no iterator, no property: a lazy object must not load because somebody watches."""
    Lazy.looks = 0
    read({"a": Lazy(), "b": [Lazy()]})
    assert Lazy.looks == 0


def test_generators_and_coroutines_are_not_consumed():
    """A stream in the payload still has all its items when the application gets to it."""

    async def later():
        return 1

    items = (n for n in range(3))
    pending = later()
    assert "generator" in read(items)
    assert "coroutine" in read(pending)
    assert list(items) == [0, 1, 2]
    assert asyncio.run(pending) == 1


def test_hostile_objects_cost_only_themselves():
    """An object that raises from everything leaves the values around it intact."""
    result = read({"before": 1, "hostile": Hostile(), "after": 2})
    assert result["before"] == 1
    assert result["after"] == 2
    assert isinstance(result["hostile"], str)


def test_an_exception_whose_str_raises_costs_only_itself():
    """`str()` of an exception is the one thing that is called, and it may fail."""

    class Broken(Exception):
        def __str__(self):
            raise RuntimeError("no")

    assert read([Broken(), 1]) == ["<unreadable Broken>", 1]


def test_a_text_accessor_is_text():
    """A callable `str` subclass is not called: calling it warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = read(TextAccessor("hello"))
    assert result == "hello"
    assert type(result) is str


def test_cycles_end():
    """A container inside itself is named, once per place."""
    loop: dict = {"a": 1}
    loop["self"] = loop
    loop["list"] = [loop]
    assert read(loop) == {"a": 1, "self": "<cycle>", "list": ["<cycle>"]}


def test_a_value_that_appears_twice_is_no_cycle():
    """The same list in two places is shown in both."""
    shared = [1]
    assert read({"a": shared, "b": shared}) == {"a": [1], "b": [1]}


def test_depth_is_bounded():
    """A list a thousand deep ends after a while, and the cut is noted."""
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    result, notes = read_and_note(deep)
    depth = 0
    while isinstance(result, list):
        result, depth = result[0], depth + 1
    assert depth == MAX_DEPTH
    assert result == "<list, too deep>"
    assert [note.field for note in notes] == ["inputs"]


def test_width_is_bounded():
    """A list of a million ends after a while, says how many are missing, and the cut is noted."""
    result, notes = read_and_note(list(range(1_000_000)))
    assert result[:MAX_NODES] == list(range(MAX_NODES))
    assert result[MAX_NODES:] == [f"… {1_000_000 - MAX_NODES} more"]
    assert notes


def test_shared_structure_cannot_explode():
    """A small graph of shared lists with billions of paths costs no more than any other field."""
    value: list = ["leaf"]
    for _ in range(18):
        value = [value] * 10
    encoded = msgspec.json.encode(read(value))
    assert len(encoded) < 1_000_000


def test_fifty_megabytes_are_cut_and_recognisable():
    """A long text keeps its beginning, its size and a digest that is the same for the same text only."""
    text = "word " * 10_000_000
    result, notes = read_and_note(text)
    assert len(result) < 65 * 1024
    assert result.startswith("word word")
    assert result.endswith("… [cut, 50000000 bytes]")
    again, other = read_and_note(text)[1], read_and_note(text + "!")[1]
    assert notes[0].original_bytes == 50_000_000
    assert notes == again
    assert notes[0].digest != other[0].digest
    assert notes[0].digest != read_and_note_with(b"another key 1234", text)[0].digest


def read_and_note_with(key, value):
    reader = Reader(64 * 1024, key)
    reader.value("inputs", value)
    return reader.truncated


def test_a_cut_does_not_leave_half_a_secret():
    """The word that the cut would split is left out: no detector would know what is left of it."""
    text = "x " * 495 + "sk-proj-" + "A" * 200
    assert "sk-" not in read(text, limit=1000)


def test_multibyte_text_is_cut_between_characters():
    """Bytes are what is bounded, and no character is broken."""
    result = read("é" * 2000, limit=1001)
    assert result.startswith("é" * 500)
    assert result.endswith("… [cut, 4000 bytes]")


def test_a_field_as_a_whole_is_bounded():
    """A thousand texts that each fit do not make a field of a thousand times their size."""
    result, notes = read_and_note(["a" * 1000] * 1000, limit=1000)
    assert len(msgspec.json.encode(result)) < 1000 * FIELD_BUDGET + 1000 * 40
    assert 0 < len(notes) <= 32


def test_binary_content_is_described():
    """Bytes, data URIs and base64 under the usual keys become size and digest; text around them stays."""
    uri = "data:image/png;base64," + "QUJD" * 1000
    assert read(b"abc")["bytes"] == 3
    assert set(read(bytearray(b"abc"))) == {"bytes", "digest"}
    assert read(memoryview(b"abc")) == read(b"abc")
    described = read({"url": uri})["url"]
    assert (described["mime_type"], described["bytes"]) == ("image/png", 3000)
    assert read({"type": "image", "base64": "QUJD" * 1000})["base64"] == {
        "bytes": 3000,
        "digest": described["digest"],
    }
    embedded = read(f"look: ![x]({uri}) nice")
    assert embedded.startswith("look: ![x](<image/png, 3000 bytes, ")
    assert embedded.endswith(">) nice")
    assert read({"data": "plain text, however long " * 20})["data"].startswith("plain text")


def test_numpy_is_read_without_being_imported():
    """Small arrays show their numbers, large ones their shape; scalars are numbers."""
    numpy = pytest.importorskip("numpy")
    assert read(numpy.float32(1.5)) == 1.5
    assert read(numpy.int64(3)) == 3
    assert read(numpy.array([1, 2])) == [1, 2]
    assert read(numpy.zeros((100, 3))) == {"type": "ndarray", "shape": [100, 3], "dtype": "float64"}


def test_a_dict_that_changes_meanwhile_is_survived():
    """The application may go on with its dict while it is read in another thread."""
    value: dict = {}
    done = threading.Event()

    def change():
        for n in range(200_000):
            value[n] = n
            value.pop(n - 50, None)
        done.set()

    thread = threading.Thread(target=change)
    thread.start()
    readings = []
    while not done.is_set():
        readings.append(read({"state": value})["state"])
    thread.join()
    assert all(isinstance(reading, dict) for reading in readings)


def test_classes_made_on_the_fly_do_not_fill_the_table():
    """An application that makes a class per request must not fill fanlight's memory."""
    from fanlight.normalize.kinds import converters

    for n in range(5000):
        read(type(f"Made{n}", (), {})())
    assert len(converters) < 4200
    assert read({"a": "still works"}) == {"a": "still works"}


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(alphabet=st.characters()),  # lone surrogates too
    st.binary(),
    st.decimals(),
    st.datetimes(),
    st.timedeltas(),
    st.uuids(),
    st.complex_numbers(),
    st.builds(Hostile),
    st.builds(lambda: (n for n in ())),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(alphabet=st.characters()), st.integers(), st.floats(), st.none()), inner),
        st.builds(Point, inner, inner),
        st.builds(Cut, st.lists(inner), st.integers(0, 10**6)),
    ),
    max_leaves=50,
)


@given(anything)
@settings(max_examples=300, deadline=None)
def test_whatever_it_is_it_encodes_and_comes_back(value):
    """Any nested value becomes JSON that decodes to the same, in JSON and in MessagePack, within its bound."""
    limit = 512
    result = read(value, limit=limit)
    encoded = msgspec.json.encode(result)
    assert msgspec.json.decode(encoded) == result
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(result)) == result
    assert len(encoded) < 100 * 1024
