"""The demo's parts: they read what is there, and say no where something is wrong."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from fanlight.demo import agreement
from fanlight.demo.received import Received, read_jsonl, run_of_span
from fanlight.demo.report import Report
from fanlight.demo.screen import Screen
from fanlight.demo.script import Expected, expected
from fanlight.demo.tables import received_table, table
from fanlight.event import TelemetryEvent
from fanlight.semconv import Fanlight, GenAI
from fanlight.testing import make_event, make_trace


def held(name: str, path: Path, *traces: tuple[TelemetryEvent, ...]) -> Received:
    path.write_bytes(b"".join(event.to_json() + b"\n" for trace in traces for event in trace))
    return read_jsonl(name, path)


@pytest.fixture
def archive(tmp_path: Path) -> Received:
    eu, us = make_trace("agent", seed=1, tenant_id="eu-1"), make_trace("rag", seed=2, tenant_id="us-1")
    return held("archive", tmp_path / "archive.jsonl", eu, us)


def test_a_file_is_read_as_runs(archive: Received) -> None:
    """Starts are no runs; sums and trees are those of the events."""
    assert len(archive.runs) == 8
    assert (archive.count("llm"), archive.count("tool"), archive.count("retriever")) == (3, 1, 1)
    assert (archive.input_tokens, archive.output_tokens) == (1084, 104)
    assert archive.statuses == Counter(ok=2)
    assert {root.name for root in archive.roots} == {"order_agent", "handbook_rag"}


def test_a_file_that_is_missing_holds_nothing(tmp_path: Path) -> None:
    """A sink that was sent nothing has no file, and that is not an error."""
    assert read_jsonl("vendor", tmp_path / "none.jsonl").runs == ()


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
    right = Received(name="vendor", where="", runs=others)
    assert list(agreement.with_the_rules(archive, right)) == []
    assert len(list(agreement.with_the_rules(archive, archive))) == 1
    assert len(list(agreement.with_the_rules(archive, msgspec.structs.replace(right, runs=others[1:])))) == 1


def test_the_script_is_the_measure(archive: Received) -> None:
    """Each figure that differs from the script is a sentence."""
    right = Expected(
        statuses=Counter(ok=2), llm_calls=3, tool_calls=1, retrievals=1, input_tokens=1084, output_tokens=104
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


def test_content_at_the_vendor_is_found() -> None:
    """The scripts' sentences must be in the archive, or their absence at the vendor proves nothing."""
    sentences = b" ".join(agreement._SENTENCES)
    assert list(agreement.without_content({"archive": sentences, "vendor": b"{}"})) == []
    assert len(list(agreement.without_content({"archive": sentences, "vendor": sentences}))) == 2
    assert len(list(agreement.without_content({"archive": b"{}", "vendor": b"{}"}))) == 2


def test_tables_align() -> None:
    """Words stand to the left, figures to the right, and no line ends in blanks."""
    assert table(("name", "n"), [("a", 1), ("bcdef", 200)]) == "  name      n\n  a         1\n  bcdef   200\n"


def test_a_destinations_table_ends_in_its_sums(archive: Received) -> None:
    """One line for each tree, then all of them."""
    head, *trees, total = (line.split() for line in received_table(archive).splitlines())
    agent, rag = sorted(trees, reverse=True)
    assert head == ["tree", "tenant", "runs", "models", "tools", "retrievals", "in", "out", "errors", "status"]
    assert agent == ["order_agent", "eu-1", "4", "2", "1", "0", "672", "73", "0", "ok"]
    assert rag == ["handbook_rag", "us-1", "4", "1", "0", "1", "412", "31", "0", "ok"]
    assert total == ["2", "trees", "8", "3", "1", "1", "1084", "104", "0", "2", "ok"]


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


def test_a_made_event_of_another_kind_is_no_run(tmp_path: Path) -> None:
    """Feedback and the like in a file are not counted as runs."""
    assert held("archive", tmp_path / "a.jsonl", (make_event("feedback"),)).runs == ()
