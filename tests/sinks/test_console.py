"""The console sink prints each trace as one readable tree."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable

import pytest

from fanlight.errors import PermanentError
from fanlight.event import Document, EmbeddingStatistics, ErrorInfo, Feedback, Rollup, TelemetryEvent, Tool
from fanlight.sinks.console import ConsoleConfig, ConsoleSink
from fanlight.sinks.console.facts import clean, duration
from fanlight.sinks.console.forest import Forest
from fanlight.sinks.console.style import columns, fit
from fanlight.testing.batches import make_batch, make_context
from fanlight.testing.events import make_event
from fanlight.testing.traces import make_trace


class Screen(io.TextIOWrapper):
    """A real text stream that may claim to be a terminal."""

    def __init__(self, encoding: str = "utf-8", *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


def on(monkeypatch: pytest.MonkeyPatch, encoding: str = "utf-8", *, terminal: bool = False) -> Screen:
    # Not a fixture: pytest exchanges sys.stdout between a test's set-up and its call.
    made = Screen(encoding, terminal=terminal)
    monkeypatch.setattr(sys, "stdout", made)
    return made


def opened(**settings: object) -> ConsoleSink:
    sink = ConsoleSink(ConsoleConfig.model_validate({"stream": "stdout", **settings}))
    sink.open(make_context("console"))
    return sink


def show(events: Iterable[TelemetryEvent], **settings: object) -> None:
    sink = opened(**settings)
    sink.deliver(make_batch(events))
    sink.close()


def body(screen: Screen) -> list[str]:
    """The lines below the heading, which holds a local time."""
    return screen.text.rstrip("\n").split("\n")[1:]


def test_an_agents_trace_reads_as_a_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, guides, durations, models, tokens and arguments, aligned; one line a run."""
    screen = on(monkeypatch)
    show(make_trace("agent"))
    assert body(screen) == [
        "✓ order_agent      1.50s  672+73 tokens",
        "├─ ✓ ChatOpenAI    600ms  gpt-4o-mini  310+18 tokens  calls find_order(order_id=A-1042)",
        "├─ ✓ find_order     25ms  (order_id=A-1042)",
        "└─ ✓ ChatOpenAI    800ms  gpt-4o-mini  362+55 tokens",
    ]


def test_a_rag_trace_shows_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A retriever's line has the number of documents and the best score; a model's the cached tokens."""
    screen = on(monkeypatch)
    show(make_trace("rag"))
    assert body(screen) == [
        "✓ handbook_rag               900ms  412+31 tokens, 256 cached",
        "├─ ✓ VectorStoreRetriever     40ms  3 documents, best 0.90",
        "├─ ✓ ChatPromptTemplate        1ms",
        "└─ ✓ ChatOpenAI              840ms  gpt-4o-mini  412+31 tokens, 256 cached  first token 210ms",
    ]


def test_the_heading_says_where_and_for_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time, service, environment, tenant, user, session and the whole trace id, to search by."""
    screen = on(monkeypatch)
    events = make_trace("rag", tenant_id="acme", user_id="u1", session_id="s1")
    show(events)
    heading = screen.text.splitlines()[0]
    assert re.fullmatch(
        rf"\d\d:\d\d:\d\d  trace {events[0].trace_id}  made  test  tenant acme  user u1  session s1", heading
    )


def test_nothing_is_printed_before_the_top_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree appears at once and whole, so that concurrent traces do not mix."""
    screen = on(monkeypatch)
    sink, one, two = opened(), make_trace("agent", seed=1), make_trace("rag", seed=2)
    mixed = [event for pair in zip(one, two, strict=True) for event in pair]
    sink.deliver(make_batch(mixed[:-2]))
    assert screen.text == ""
    sink.deliver(make_batch(mixed[-2:]))
    first, second = screen.text.rstrip("\n").split("\n\n")
    assert "order_agent" in first
    assert "handbook_rag" not in first
    assert len(first.splitlines()) == len(second.splitlines()) == 5


def nested(depth: int) -> list[TelemetryEvent]:
    starts = [make_event("chain.start", name="run-0")]
    for number in range(1, depth):
        starts.append(make_event("chain.start", parent=starts[-1], name=f"run-{number}"))
    ends = [
        start.replace(type="chain.end", event_id=start.event_id + "'", status="ok", duration_ms=5.0) for start in starts
    ]
    return [*starts, *reversed(ends)]


def test_an_inner_chain_that_was_routed_alone_has_its_own_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only a subtree is sent here, its top ends the tree, although the trace's root never comes."""
    screen = on(monkeypatch)
    events = nested(3)
    opened().deliver(make_batch([event for event in events if event.name != "run-0"]))
    assert body(screen) == ["✓ run-1         5ms", "└─ ✓ run-2      5ms"]


def test_a_single_end_is_printed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a route sends only failures here, each is printed as it comes."""
    screen = on(monkeypatch)
    root = make_event("chain.start")
    failed = make_event("tool.error", parent=root, name="charge", tool=Tool(name="charge", arguments={"amount": 9}))
    opened().deliver(make_batch([failed]))
    assert body(screen) == ["✗ charge    120ms  ValueError: made to fail  (amount=9)"]


def test_guides_follow_the_nesting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars lead past open siblings and stop after the last."""
    screen = on(monkeypatch)
    root = make_event("chain.start", name="root")
    left, right = (make_event("chain.start", parent=root, name=name) for name in ("left", "right"))
    leaves = [make_event("tool.start", parent=side, name=f"below {side.name}") for side in (left, right)]
    starts = [root, left, leaves[0], right, leaves[1]]
    order = {event.name: number for number, event in enumerate(starts)}
    starts = [event.replace(time_unix_nano=event.time_unix_nano + order[event.name]) for event in starts]
    ends = [
        event.replace(type="chain.end", status="ok", start_time_unix_nano=event.time_unix_nano)
        for event in reversed(starts)
    ]
    show([*starts, *ends])
    assert body(screen) == [
        "✓ root",
        "├─ ✓ left",
        "│  └─ ✓ below left",
        "└─ ✓ right",
        "   └─ ✓ below right",
    ]


def test_a_very_deep_tree_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Depth costs width, never an error: 2 000 nested runs are 2 000 lines."""
    screen = on(monkeypatch)
    show(nested(2000), width=80)
    assert len(body(screen)) == 2000
    assert max(map(len, body(screen))) <= 80


@pytest.mark.parametrize(
    ("status", "glyph"),
    [("interrupted", "‖"), ("handoff", "→"), ("cancelled", "■"), ("refused", "⊘"), ("abandoned", "?")],
)
def test_what_is_neither_success_nor_error_says_so(monkeypatch: pytest.MonkeyPatch, status: str, glyph: str) -> None:
    """Each status has a glyph of its own and its word on the line."""
    screen = on(monkeypatch)
    show([make_event("chain.end", name="graph", status=status)])
    assert body(screen) == [f"{glyph} graph    120ms  {status}"]


def test_only_the_first_line_of_an_error_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The type and the message's first line; never a stack."""
    screen = on(monkeypatch)
    error = ErrorInfo(type="openai.ApiError", message="too many requests\nbody: {...}", stack="File x, line 1")
    show([make_event("llm.error", name="model", error=error)])
    assert body(screen) == ["✗ model    120ms  ApiError: too many requests"]


def test_an_errors_message_stands_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """On its way up an error is only its type; another error in the same tree has its own message."""
    screen = on(monkeypatch)
    error, other = ErrorInfo(type="E", message="why"), ErrorInfo(type="F", message="else")
    root = make_event("chain.start", name="root")
    inner = make_event("chain.start", parent=root, name="inner")
    show(
        [
            root,
            inner,
            make_event("tool.error", parent=inner, name="tool", error=error),
            make_event("chain.error", parent=root, run_id=inner.run_id, name="inner", error=error),
            make_event("chain.error", run_id=root.run_id, name="root", error=other),
        ]
    )
    assert body(screen) == [
        "✗ root          120ms  F: else",
        "└─ ✗ inner      120ms  E",
        "   └─ ✗ tool    120ms  E: why",
    ]


def test_what_is_unfinished_at_the_end_is_printed_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """`close` prints what is held; runs without an end say that they are still running."""
    screen = on(monkeypatch)
    events = make_trace("agent")
    show(events[:4])
    assert body(screen) == [
        "… order_agent             still running",
        "├─ ✓ ChatOpenAI    600ms  gpt-4o-mini  310+18 tokens  calls find_order(order_id=A-1042)",
        "└─ … find_order           still running",
    ]


def test_costs_cache_hits_and_missing_usage_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cost where it is known; an answer from the cache and unknown usage are words and not zeroes."""
    screen = on(monkeypatch)
    root = make_event("chain.start", name="r")
    show(
        [
            root,
            make_event("llm.end", parent=root, name="a", cost_usd=0.00123, input_tokens=1200, output_tokens=3),
            make_event("llm.end", parent=root, name="b", from_cache=True),
            make_event("llm.end", parent=root, name="c", usage_missing=True, finish_reasons=("length",)),
            make_event("chain.end", run_id=root.run_id, name="r", rollup=Rollup(input_tokens=1200, cost_usd=0.00123)),
        ]
    )
    assert body(screen) == [
        "✓ r       120ms  1 200+0 tokens  $0.0012",
        "├─ ✓ a    120ms  1 200+3 tokens  $0.0012",
        "├─ ✓ b    120ms  from cache",
        "└─ ✓ c    120ms  length  usage unknown",
    ]


def test_a_sum_that_lacks_something_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside known costs, a call without one says that it is unknown, and so does the sum over it."""
    screen = on(monkeypatch)
    root = make_event("chain.start", name="r")
    tokens = {"input_tokens": 1200, "output_tokens": 3}
    show(
        [
            root,
            make_event("llm.end", parent=root, name="a", request_model="m", **tokens),
            make_event("llm.end", parent=root, name="b", cost_usd=0.0035, **tokens),
            make_event("llm.end", parent=root, name="c", from_cache=True, **tokens),
            make_event("tool.end", parent=root, name="d"),
            make_event("chain.end", run_id=root.run_id, name="r", rollup=Rollup(cost_usd=0.0035, cost_unknown=1)),
        ]
    )
    assert body(screen) == [
        "✓ r       120ms  $0.0035 + unknown",
        "├─ ✓ a    120ms  m  1 200+3 tokens  cost unknown",
        "├─ ✓ b    120ms  1 200+3 tokens  $0.0035",
        "├─ ✓ c    120ms  from cache  1 200+3 tokens",
        "└─ ✓ d    120ms",
    ]


def test_where_nothing_is_priced_nothing_is_said_of_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for no prices is told of none."""
    screen = on(monkeypatch)
    root = make_event("chain.start", name="r")
    show(
        [
            root,
            make_event("llm.end", parent=root, name="a", input_tokens=1200),
            make_event("chain.end", run_id=root.run_id, name="r", rollup=Rollup(input_tokens=1200, cost_unknown=1)),
        ]
    )
    assert body(screen) == ["✓ r       120ms  1 200+0 tokens", "└─ ✓ a    120ms  1 200+0 tokens"]


def test_content_is_shown_only_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """`show_content` adds the beginning of answers; without it no answer is printed."""
    screen = on(monkeypatch)
    show(make_trace("rag"))
    assert "Five days" not in screen.text
    show(make_trace("rag"), show_content=True)
    assert "“Five days after the return.”" in screen.text


def test_no_control_character_reaches_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, arguments, errors and documents cannot move the cursor, set a title or hide text."""
    screen = on(monkeypatch)
    evil = "\x1b]0;owned\x07\x1b[2J\r\u202e"
    root = make_event("chain.start", name=evil, session_id=evil, service_name=evil)
    tool = Tool(name=evil, arguments={evil: evil})
    error = ErrorInfo(type=evil, message=evil)
    document = Document(rank=0, content=evil, id=evil)
    show(
        [
            root,
            make_event("tool.error", parent=root, name=evil, tool=tool, error=error),
            make_event("retriever.end", parent=root, name=evil, documents=(document,), request_model=evil),
            make_event("feedback", parent=root, name=evil),
            make_event("chain.end", run_id=root.run_id, name=evil, outputs=evil, finish_reasons=(evil,)),
        ],
        show_content=True,
        color="never",
    )
    assert {letter for letter in screen.text if not letter.isprintable()} == {"\n"}


def test_colour_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` colours a terminal and nothing else; NO_COLOR and `never` turn it off, `always` on."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def coloured(color: str, *, terminal: bool) -> bool:
        screen = on(monkeypatch, terminal=terminal)
        show(make_trace("rag"), color=color)
        return "\x1b[" in screen.text

    assert coloured("auto", terminal=True)
    assert not coloured("auto", terminal=False)
    assert not coloured("never", terminal=True)
    assert coloured("always", terminal=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured("auto", terminal=True)


def test_colour_does_not_move_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its colours, a coloured tree is the plain one."""
    plain, coloured = on(monkeypatch), None
    show(make_trace("agent"), color="never")
    coloured = on(monkeypatch)
    show(make_trace("agent"), color="always")
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.text).split("\n") == plain.text.split("\n")


def test_a_poor_encoding_gets_poor_glyphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a stream that has only ASCII, guides are ASCII and foreign letters are replaced; nothing raises."""
    screen = on(monkeypatch, "ascii")
    root = make_event("chain.start", name="größe")
    show(
        [root, make_event("tool.end", parent=root, name="t"), make_event("chain.end", run_id=root.run_id, name="größe")]
    )
    assert body(screen) == ["+ gr??e    120ms", "`- + t     120ms"]


def test_lines_fit_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider than `width`; what is cut ends in an ellipsis, also with letters two columns wide."""
    screen = on(monkeypatch)
    root = make_event("chain.start", name="充電カード" * 20)
    tool = Tool(name="t", arguments={"text": "長い" * 100})
    show(
        [
            root,
            make_event("tool.end", parent=root, name="t", tool=tool),
            make_event("chain.end", run_id=root.run_id, name=root.name),
        ],
        width=60,
    )
    assert [columns(line) <= 60 for line in screen.text.splitlines()] == [True] * 4
    assert all("…" in line for line in body(screen))


def test_the_terminals_width_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal lines are as long as it is wide."""
    monkeypatch.setenv("COLUMNS", "50")
    screen = on(monkeypatch, terminal=True)
    show(make_trace("agent"), color="never")
    assert max(map(len, screen.text.splitlines())) == 50


def test_feedback_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that belong to no run's end are one line each."""
    screen = on(monkeypatch)
    event = make_event("feedback", name="helpful")
    show([event])
    assert screen.text == f"feedback  helpful  trace {event.trace_id}\n"


def test_feedback_says_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Score, label and who judged are shown, on one line without control characters; prose only as content."""
    said = Feedback(name="helpful", score=0.5, label="go\x1bod\nlabel", explanation="because\nso", source="model")
    event = make_event("feedback", name="helpful", feedback=said)
    plain = on(monkeypatch)
    show([event])
    assert plain.text == f"feedback  helpful  0.5  go\ufffdod label  by model  trace {event.trace_id}\n"
    whole = on(monkeypatch)
    show([event], show_content=True)
    assert "  “because so”  by model" in whole.text


def test_embeddings_are_told_by_their_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many vectors of which size, and what is odd about them."""
    screen = on(monkeypatch)
    odd = EmbeddingStatistics(count=100, dimensions=1536, zero_vectors=2, not_finite=1)
    for told in (odd, EmbeddingStatistics(count=1, dimensions=8)):
        run = make_event("embedding.start")
        show([run, make_event("embedding.end", run_id=run.run_id, request_model="embed-small", embeddings=told)])
    assert "embed-small  100 vectors of 1536, 2 zero, 1 not finite" in screen.text
    assert "embed-small  1 vector of 8\n" in screen.text


def test_a_closed_stream_is_said_to_the_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is gone will not come back: PermanentError, and nothing else."""
    screen = on(monkeypatch)
    sink = opened()
    screen.close()
    with pytest.raises(PermanentError, match="no stdout"):
        sink.deliver(make_batch(make_trace("rag")))


def test_the_stream_of_the_moment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that exchanges sys.stdout gets its trees there."""
    first, sink = on(monkeypatch), opened()
    sink.deliver(make_batch(make_trace("rag")))
    second = on(monkeypatch)
    sink.deliver(make_batch(make_trace("agent")))
    assert "handbook_rag" in first.text
    assert "order_agent" in second.text


def test_what_is_held_is_bounded_by_count() -> None:
    """Beyond the limit the oldest tree is given out unfinished, and its late ends stand alone."""
    forest = Forest(max_runs=3)
    starts = [make_event("chain.start", name=f"top-{number}") for number in range(4)]
    given = [tree for start in starts for tree in forest.add(start, 0.0)]
    assert [(tree.top.name, tree.complete) for tree in given] == [("top-0", False)]
    late = make_event("chain.end", run_id=starts[0].run_id, name="top-0")
    assert [tree.complete for tree in forest.add(late, 0.0)] == [True]


def test_what_is_held_is_bounded_by_age() -> None:
    """A tree of which nothing is heard for too long is given out; one that is alive is not."""
    forest = Forest(max_age=60.0)
    quiet, alive = make_event("chain.start", name="quiet"), make_event("chain.start", name="alive")
    assert [*forest.add(quiet, 0.0), *forest.add(alive, 0.0)] == []
    assert list(forest.add(make_event("tool.end", parent=alive), 50.0)) == []
    assert list(forest.overdue(60.0)) == []
    assert [tree.top.name for tree in forest.overdue(61.0)] == ["quiet"]
    assert [tree.top.name for tree in forest.rest()] == ["alive"]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0.2, "<1ms"), (1, "1ms"), (999, "999ms"), (1234, "1.23s"), (61_000, "1m01s"), (12_345, "12.3s")],
)
def test_durations_are_written_for_people(milliseconds: float, text: str) -> None:
    """Three digits are enough."""
    assert duration(milliseconds) == text


def test_text_is_cut_by_columns() -> None:
    """Cutting counts columns and not letters."""
    assert fit("カード", 4, "…") == "カ…"
    assert fit("abc", 3, "…") == "abc"
    assert clean("a\n\tb  c") == "a b c"
