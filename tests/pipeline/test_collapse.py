"""Left-out runs are gone for one sink, and what ran below them hangs where it should."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanlight.pipeline import Collapser


def shown(collapser, *events):
    """(run, parent) of the events that are left, in order."""
    left = [collapser.apply(one) for one in events]
    return [(one.run_id, one.parent_run_id) for one in left if one is not None]


def test_children_hang_on_the_nearest_run_that_is_shown(event):
    """With chains left out, runs below two of them are children of the root, with its span."""
    collapser = Collapser(False, ["chain"])
    events = [
        event(),
        event(run="a", parent="root"),
        event(run="b", parent="a"),
        event("llm.start", run="llm", parent="b"),
        event("llm.end", run="llm", parent="b"),
        event("chain.end", run="b", parent="a"),
        event("tool.start", run="tool", parent="a"),
        event("llm.start", run="inner", parent="tool"),
        event("chain.end"),
    ]
    left = [found for found in map(collapser.apply, events) if found]
    assert [(one.run_id, one.type, one.parent_run_id, one.parent_span_id) for one in left] == [
        ("root", "chain.start", None, None),
        ("llm", "llm.start", "root", "span-root"),
        ("llm", "llm.end", "root", "span-root"),
        ("tool", "tool.start", "root", "span-root"),
        ("inner", "llm.start", "tool", "span-tool"),
        ("root", "chain.end", None, None),
    ]


def test_hidden_runs_are_left_out_by_their_tag(event):
    """`hidden` leaves out what LangChain tags so, whatever its type, and nothing else."""
    collapser = Collapser(True, [])
    hidden = {"lc_tags": ("langsmith:hidden",)}
    assert shown(
        collapser,
        event(**hidden),
        event(run="writes", parent="root", **hidden),
        event("llm.start", run="llm", parent="writes"),
        event(run="node", parent="root"),
    ) == [("root", None), ("llm", "root"), ("node", "root")]


def test_what_happens_inside_a_left_out_run_is_left_out_with_it(event):
    """Custom events and retries of a run share its fate, also when only its start carried the tag."""
    collapser = Collapser(True, ["tool"])
    assert shown(
        collapser,
        event(),
        event(run="a", parent="root", lc_tags=("langsmith:hidden",)),
        event("custom", run="a", parent="root"),
        event("chain.end", run="a", parent="root"),
        event("custom"),
    ) == [("root", None), ("root", None)]


def test_the_topmost_run_of_what_the_sink_gets_stays(event):
    """A subtree that a route took has a top that is no root; it stays, so that the subtree stays in one piece."""
    collapser = Collapser(False, ["chain"])
    assert shown(
        collapser,
        event(run="inner", parent="not sent here"),
        event(run="below", parent="inner"),
        event("llm.start", run="llm", parent="below"),
    ) == [("inner", "not sent here"), ("llm", "inner")]


@pytest.mark.parametrize("kind", ["feedback", "audit", "alert"])
def test_what_stands_alone_is_never_left_out(event, kind):
    """Feedback on a left-out run still arrives."""
    collapser = Collapser(False, ["chain"])
    assert shown(collapser, event(), event(run="a", parent="root"), event(kind, run="a", parent="root")) == [
        ("root", None),
        ("a", "root"),
    ]


def test_events_that_need_no_change_are_the_same_objects(event):
    """A run whose parent is shown is passed on as it is."""
    collapser = Collapser(True, ["tool"])
    collapser.apply(event())
    one = event(run="a", parent="root")
    assert collapser.apply(one) is one


def test_memory_is_bounded_and_forgetting_leaves_nothing_out(event):
    """Under a run that was forgotten, runs are shown where they are rather than lost."""
    collapser = Collapser(False, ["chain"], max_runs=3)
    collapser.apply(event())
    for index in range(10):
        collapser.apply(event(run=f"other{index}"))
    assert shown(collapser, event(run="late", parent="root")) == [("late", "root")]
    assert len(collapser._runs) == 3


def test_a_run_in_use_is_not_the_one_that_is_forgotten(event):
    """A root whose children keep coming is remembered however many other runs pass."""
    collapser = Collapser(False, ["chain"], max_runs=3)
    collapser.apply(event())
    for index in range(10):
        assert shown(collapser, event(run=f"inner{index}", parent="root")) == []
        collapser.apply(event("llm.start", run=f"other{index}"))


def test_a_run_id_that_is_used_again_is_judged_anew(event):
    """A second start under the same id is another run."""
    collapser = Collapser(True, [])
    hidden = event(run="a", parent="root", lc_tags=("langsmith:hidden",))
    assert shown(collapser, event(), hidden, event(run="a", parent="root")) == [("root", None), ("a", "root")]


@settings(max_examples=200, deadline=None)
@given(
    tree=st.lists(
        st.tuples(st.integers(0, 100), st.sampled_from(["chain", "llm", "tool"]), st.booleans()), max_size=15
    ),
    hidden=st.booleans(),
    types=st.sets(st.sampled_from(["chain", "tool", "llm"])),
)
def test_any_tree_stays_one_tree(event, tree, hidden, types):
    """Of any tree, exactly the chosen runs are missing, and every other hangs on its nearest remaining ancestor."""
    runs = [("root", None, "chain", False)]
    for position, kind, is_hidden in tree:
        runs.append((f"r{len(runs)}", runs[position % len(runs)][0], kind, is_hidden))
    parents = {name: parent for name, parent, _, _ in runs}
    gone = {name for name, parent, kind, tag in runs if parent and (kind in types or (hidden and tag))}

    def nearest(name):
        above = parents[name]
        return nearest(above) if above in gone else above

    expected = [(name, nearest(name)) for name, _, _, _ in runs if name not in gone]
    collapser = Collapser(hidden, types)
    for phase in ("start", "end"):
        events = [
            event(f"{kind}.{phase}", run=name, parent=parent, lc_tags=("langsmith:hidden",) if tag else ())
            for name, parent, kind, tag in runs
        ]
        assert shown(collapser, *events) == expected
