"""The demo's parts: they read what is there, and say no where something is wrong."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter

import msgspec
import pytest

from fanlight.demo import agreement
from fanlight.demo.readers import run_of_span, runs_of_events, runs_of_rows
from fanlight.demo.received import Received
from fanlight.demo.report import Report
from fanlight.demo.screen import Screen
from fanlight.demo.script import Expected, expected
from fanlight.demo.tables import Dollars, destinations_table, table, trees_table
from fanlight.event import TelemetryEvent
from fanlight.semconv import Fanlight, GenAI
from fanlight.testing import make_event, make_trace


def held(name: str, *traces: tuple[TelemetryEvent, ...]) -> Received:
    priced = (
        event.replace(cost_usd=0.0005) if event.type == "llm.end" else event for trace in traces for event in trace
    )
    return Received(name=name, look="", runs=tuple(runs_of_events(priced)))


@pytest.fixture
def archive() -> Received:
    eu, us = make_trace("agent", seed=1, tenant_id="eu-1"), make_trace("rag", seed=2, tenant_id="us-1")
    return held("archive", eu, us)


def test_events_are_read_as_runs(archive: Received) -> None:
    """Starts are no runs; sums and trees are those of the events."""
    assert len(archive.runs) == 8
    assert (archive.count("llm"), archive.count("tool"), archive.count("retriever")) == (3, 1, 1)
    assert (archive.input_tokens, archive.output_tokens, archive.cost_usd) == (1084, 104, 0.0015)
    assert archive.statuses == Counter(ok=2)
    assert {root.name for root in archive.roots} == {"order_agent", "handbook_rag"}


def test_the_rows_of_a_table_are_read_as_runs(archive: Received) -> None:
    """What W&B shows as a row says the same as the event; what is not known there is empty, not 0."""
    first = archive.runs[0]
    row = {**msgspec.structs.asdict(first), "type": first.kind, "input_tokens": None, "output_tokens": None}
    [run] = runs_of_rows([row])
    assert run == msgspec.structs.replace(first, input_tokens=0, output_tokens=0)


def test_a_span_that_contradicts_itself_is_not_ok() -> None:
    """Where fanlight's status and the span's own differ, the run equals no other."""
    attributes = {Fanlight.STATUS: "error", Fanlight.NAME: "n", GenAI.USAGE_INPUT_TOKENS: 3}
    assert run_of_span("t", "s", None, attributes, failed=True).status == "error"
    assert run_of_span("t", "s", None, attributes, failed=False).status != "error"


def test_equal_destinations_agree(archive: Received) -> None:
    """Where everything is right, nothing is said."""
    assert list(agreement.with_each_other(archive, msgspec.structs.replace(archive, name="tracing"))) == []


def test_what_is_missing_too_much_or_different_is_said(archive: Received) -> None:
    """One run lost, one invented and one changed are three sentences with their names."""
    first, second, *rest = archive.runs
    changed = msgspec.structs.replace(second, input_tokens=7)
    invented = msgspec.structs.replace(first, span_id="f" * 16, name="invented")
    other = msgspec.structs.replace(archive, name="tracing", runs=(changed, invented, *rest))
    assert list(agreement.with_each_other(archive, other)) == [
        "1 runs are missing in tracing: ChatOpenAI",
        "1 runs are in tracing and not by archive: invented",
        "1 runs differ in tracing: find_order",
    ]


def test_the_rules_are_checked_in_both_directions(archive: Received) -> None:
    """A vendor that has an EU tenant's runs, or lacks somebody else's, is found out."""
    others = tuple(run for run in archive.runs if run.tenant_id == "us-1")
    right = Received(name="vendor", look="", runs=others)
    assert list(agreement.with_the_rules(archive, right)) == []
    assert len(list(agreement.with_the_rules(archive, archive))) == 1
    assert len(list(agreement.with_the_rules(archive, msgspec.structs.replace(right, runs=others[1:])))) == 1


def test_the_script_is_the_measure(archive: Received) -> None:
    """Each figure that differs from the script is a sentence."""
    right = Expected(
        statuses=Counter(ok=2),
        llm_calls=3,
        tool_calls=1,
        retrievals=1,
        input_tokens=1084,
        output_tokens=104,
        cost_usd=0.0015,
    )
    assert list(agreement.against_script(archive, right)) == []
    wrong = msgspec.structs.replace(right, input_tokens=1085, statuses=Counter(ok=1, error=1))
    assert len(list(agreement.against_script(archive, wrong))) == 2


def test_the_scripts_sums() -> None:
    """What the five programs do together."""
    assert expected() == Expected(
        statuses=Counter(ok=4, error=1, interrupted=1),
        llm_calls=7,
        tool_calls=3,
        retrievals=2,
        input_tokens=2337,
        output_tokens=197,
        cost_usd=0.0053645,  # agent 0.0023565, rag and stream 0.000764 each, tool_error 0.000885, approval 0.000595
    )


def test_trees_on_the_screen_are_counted(archive: Received) -> None:
    """A tree that is missing, or there twice, is said."""
    one, two = (f"12:00:00  trace {root.trace_id}\n" for root in archive.roots)
    assert list(agreement.on_the_screen(one + two, archive)) == []
    assert list(agreement.on_the_screen(one, archive)) == ["screen: the tree of handbook_rag was printed 0 times"]
    assert len(list(agreement.on_the_screen(one + two + two, archive))) == 1


def test_a_readable_secret_is_found() -> None:
    """Wherever the key can be read, that place is named; an archive without any mask proves nothing."""
    masked = {"archive": b'{"redacted": []}', "screen": b"..."}
    assert list(agreement.without_secret("sk-1", masked)) == []
    assert list(agreement.without_secret("sk-1", {**masked, "phoenix": b"x sk-1 x"})) == [
        "phoenix: the key can be read there"
    ]
    assert len(list(agreement.without_secret("sk-1", {"archive": b"{}"}))) == 1


def test_content_abroad_is_found() -> None:
    """The scripts' sentences must be in the archive, or their absence abroad proves nothing."""
    sentences = b" ".join(agreement._SENTENCES)
    assert list(agreement.without_content({"archive": sentences, "experiments": b"{}"})) == []
    assert len(list(agreement.without_content({"archive": sentences, "experiments": sentences}))) == 2
    assert len(list(agreement.without_content({"archive": b"{}", "experiments": b"{}"}))) == 2


def test_tables_align() -> None:
    """Words stand to the left, figures to the right, and no line ends in blanks."""
    assert table(("name", "n"), [("a", 1), ("bcdef", 200)]) == "  name      n\n  a         1\n  bcdef   200\n"


def test_each_tree_is_a_line(archive: Received) -> None:
    """Figures, cost and status of every tree that a destination holds."""
    head, *trees = (line.split() for line in trees_table(archive).splitlines())
    agent, rag = sorted(trees, reverse=True)
    figures = ["runs", "models", "tools", "retrievals", "in", "out", "USD", "errors"]
    assert head == ["tree", "tenant", *figures, "status"]
    assert agent == ["order_agent", "eu-1", "4", "2", "1", "0", "672", "73", "0.001000", "0", "ok"]
    assert rag == ["handbook_rag", "us-1", "4", "1", "0", "1", "412", "31", "0.000500", "0", "ok"]


def test_each_destination_is_a_line(archive: Received) -> None:
    """One table for all of them, so that they can be compared at a glance."""
    head, first, second = (line.split() for line in destinations_table([archive, archive.only(())]).splitlines())
    assert head[:3] == ["destination", "trees", "runs"]
    assert first == ["archive", "2", "8", "3", "1", "1", "1084", "104", "0.001500", "0"]
    assert second == ["archive", "0", "0", "0", "0", "0", "0", "0", "0.000000", "0"]
    assert Dollars(0.1234567) == "0.123457"


def test_one_objection_makes_the_verdict_no() -> None:
    """A report is good as long as every promise is kept, and shows every objection."""
    stream = io.StringIO()
    report = Report(stream)
    report.check("kept", [])
    assert report.good
    report.check("broken", ["because"])
    report.check("kept too", [])
    assert not report.good
    assert stream.getvalue() == "  + kept\n  x broken\n      because\n  + kept too\n"


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_without_a_terminal_a_step_is_a_line() -> None:
    """No escape sequence and no animation goes into a file."""
    stream = io.StringIO()
    screen = Screen(stream)
    with screen.in_place_of_stdout(), screen.step("one step"):
        print("in between")
    assert stream.getvalue() == "one step\nin between\n"
    assert screen.printed == "one step\nin between\n"


def test_on_a_terminal_prints_scroll_above_the_status() -> None:
    """What is printed during a step clears the status line first; the step ends as a line with its time."""
    terminal = Terminal()
    screen = Screen(terminal)
    with screen.in_place_of_stdout(), screen.step("one step"):
        print("in between")
    assert "\r\x1b[2Kin between" in terminal.getvalue()
    assert re.search(r"\r\x1b\[2K\+ one step  \d+\.\ds\n$", terminal.getvalue())
    assert "\x1b" not in screen.printed


def test_standard_output_is_given_back() -> None:
    """Also after an error the process prints where it printed before."""
    before = sys.stdout
    with pytest.raises(ZeroDivisionError), Screen(io.StringIO()).in_place_of_stdout():
        raise ZeroDivisionError
    assert sys.stdout is before


def test_a_made_event_of_another_kind_is_no_run() -> None:
    """Feedback and the like are not counted as runs."""
    assert held("archive", (make_event("feedback"),)).runs == ()
