"""Where feedback goes: with the run while that is known, by its own keys otherwise, and never past a restriction."""

from __future__ import annotations

import pytest

from fanlight.routing import Decision

ALL = {"match": {}, "to": ["otel", "lake", "wandb", "arize"]}
EU = {"name": "eu stays", "match": {"tenant_id": "eu-*"}, "only": ["label:region=eu"]}
IN_EU = ["otel", "lake"]
EVERY = ["otel", "lake", "wandb", "arize"]
VIP = {"match": {"tags": ["vip"]}, "to": ["wandb"]}


def test_it_goes_where_its_run_went(routing, event, sinks_of):
    """A chain that a tag sent to one sink: what is said of a run below it goes there too, and what of others not."""
    asked = routing(VIP)
    sinks_of(asked, event())
    sinks_of(asked, event(run="chosen", parent="root", tags=["vip"]))
    sinks_of(asked, event("llm.start", run="llm", parent="chosen"))
    for kind, run in (("llm.end", "llm"), ("chain.end", "chosen")):
        sinks_of(asked, event(kind, run=run, parent="root"))
    assert sinks_of(asked, event("feedback", run="llm")) == ["wandb"]
    assert sinks_of(asked, event("feedback", run="root")) == []


def test_a_trace_is_rated_where_its_root_went(routing, event, sinks_of):
    """Feedback that names only the trace is that of its root."""
    asked = routing(VIP)
    sinks_of(asked, event(tags=["vip"]))
    sinks_of(asked, event("chain.end"))
    assert sinks_of(asked, event("feedback", run="somewhere", root="root")) == ["wandb"]


def test_its_own_keys_send_it_further(routing, event, sinks_of):
    """Routes that match what the call says apply as well, whether or not the run is known."""
    review = {"match": {"type": ["feedback"]}, "to": ["lake"]}
    named = {"match": {"name": "unsafe"}, "to": ["arize"]}
    asked = routing(VIP, review, named)
    sinks_of(asked, event(tags=["vip"]))
    assert sinks_of(asked, event("feedback", name="unsafe")) == ["lake", "wandb", "arize"]
    assert sinks_of(asked, event("feedback", run="never seen", root="never seen", tags=["vip"])) == ["lake", "wandb"]
    assert sinks_of(asked, event("chain.end")) == ["wandb"]


def test_a_closed_trace_stays_closed(routing, event, sinks_of):
    """What a restriction closed is closed for feedback that says nothing of it, also for runs that nobody knows."""
    asked = routing(ALL, EU)
    sinks_of(asked, event())
    sinks_of(asked, event(run="inner", parent="root", tenant_id="eu-1"))
    sinks_of(asked, event("chain.end"))
    assert sinks_of(asked, event("feedback", run="root")) == IN_EU
    assert sinks_of(asked, event("feedback", run="never seen", trace=event().trace_id)) == IN_EU


def test_it_closes_its_trace_like_any_event(routing, event):
    """A restriction that only the feedback tells of holds for the rest of the trace, and for what is pending."""
    asked = routing(ALL, EU)
    asked.decide(event())
    decision: Decision = asked.decide(event("feedback", run="root", tenant_id="eu-1"))
    assert [target.sink for target in decision.targets] == IN_EU
    assert decision.closed == ("arize", "wandb")
    assert [target.sink for target in asked.decide(event("chain.end")).targets] == IN_EU


def test_a_key_that_is_required_must_be_said_or_known(routing, event, sinks_of):
    """In a process that never saw the run the call must name the tenant; where the run is known it had one."""
    needed = {"match": {}, "require": ["tenant_id"], "otherwise": {"only": ["lake"]}}
    asked = routing(ALL, needed)
    assert sinks_of(asked, event("feedback", run="a", root="a")) == ["lake"]
    assert sinks_of(asked, event("feedback", run="b", root="b", tenant_id="us-1")) == EVERY
    sinks_of(asked, event(run="c", root="c", tenant_id="us-1"))
    assert sinks_of(asked, event("feedback", run="c", root="c")) == EVERY


def test_a_trace_known_by_feedback_alone_stays_closed(routing, event, sinks_of):
    """The second rating of a run that nobody knows here does not reopen what the first one closed."""
    asked = routing(ALL, EU)
    assert sinks_of(asked, event("feedback", run="a", root="a", tenant_id="eu-1")) == IN_EU
    assert sinks_of(asked, event("feedback", run="a", root="a")) == IN_EU
    assert sinks_of(asked, event("feedback", run="b", root="b")) == EVERY


def test_much_feedback_forgets_no_open_trace(routing, event, sinks_of):
    """A flood of ratings of runs long gone takes no room from what is open, and closes nothing for anybody else."""
    asked = routing(VIP, {"match": {}, "to": ["lake"]}, EU, max_pins=5)
    sinks_of(asked, event(tags=["vip"]))
    for index in range(50):
        sinks_of(asked, event("feedback", run=f"r{index}", root=f"r{index}"))
    assert sinks_of(asked, event("llm.start", run="llm", parent="root")) == ["lake", "wandb"]


def test_after_traces_were_forgotten_it_goes_by_what_it_says(routing, event, sinks_of):
    """One that names its tenant is judged by that; one that does not gets no more than any forgotten trace might."""
    asked = routing(ALL, EU, max_pins=5)
    for index in range(50):
        sinks_of(asked, event(run=f"r{index}", root=f"r{index}", tenant_id=f"eu-{index}"))
    assert sinks_of(asked, event("feedback", run="a", root="a", tenant_id="us-1")) == EVERY
    assert sinks_of(asked, event("feedback", run="b", root="b", tenant_id="eu-1")) == IN_EU
    assert sinks_of(asked, event("feedback", run="c", root="c")) == IN_EU


def test_a_run_that_was_forgotten_before_its_trace_stays_closed(routing, event, sinks_of):
    """Of a tree's many runs the first is forgotten first: its trace is then not known by it, and not open either."""
    asked = routing(ALL, EU, max_pins=25)
    sinks_of(asked, event(tenant_id="eu-1"))
    for index in range(20):
        for kind in ("llm.start", "llm.end"):
            sinks_of(asked, event(kind, run=f"llm{index}", parent="root", tenant_id="eu-1"))
    assert sinks_of(asked, event("feedback", run="llm0", root="llm0")) == IN_EU
    assert sinks_of(asked, event("feedback", run="llm0", root="llm0", tenant_id="us-1")) == IN_EU
    assert sinks_of(asked, event("feedback", run="other", root="other", tenant_id="us-1")) == EVERY
    assert sinks_of(asked, event(run="next", root="next")) == EVERY


@pytest.mark.parametrize(
    "rule", [{"match": {"tags": ["pii"]}, "deny": ["wandb"]}, {"match": {"metadata.class": "pii"}, "deny": ["wandb"]}]
)
def test_tags_of_its_own_say_nothing_of_the_run(routing, event, sinks_of, rule):
    """After a trace was forgotten, tags and metadata that a call brings do not lift what the run's own forbade."""
    asked = routing(ALL, {"name": "pii", **rule}, max_pins=5)
    for index in range(50):
        run = f"r{index}"
        sinks_of(asked, event(run=run, root=run, tags=["pii"], metadata={"class": "pii"}))
    rated = event("feedback", run="a", root="a", tags=["web"], metadata={"class": "none"})
    assert sinks_of(asked, rated) == ["otel", "lake", "arize"]


@pytest.mark.parametrize(
    ("had", "says"),
    [
        ({"environment": "eu-prod"}, {"environment": "prod"}),  # the process's own
        ({"user_id": "eu-ann"}, {"user_id": "a-reviewer"}),
        ({"session_id": "eu-1"}, {"session_id": "of-the-reviewer"}),
    ],
    ids=lambda keys: next(iter(keys)),
)
def test_who_rates_and_where_says_nothing_of_the_run(routing, event, sinks_of, had, says):
    """After a trace was forgotten, the rater's own user, session and process do not lift what the run's forbade."""
    rule = {"name": "eu", "match": dict.fromkeys(had, "eu-*"), "only": ["label:region=eu"]}
    asked = routing(ALL, rule, max_pins=5)
    for index in range(50):
        sinks_of(asked, event(run=f"r{index}", root=f"r{index}", **had))
    assert sinks_of(asked, event("feedback", run="a", root="a", **says)) == IN_EU


def test_another_tenant_is_another_whatever_else_a_rule_asks(routing, event, sinks_of):
    """Of a rule that asks for more than the tenant, the tenant alone may decide that it does not apply."""
    rule = {"name": "eu", "match": {"tenant_id": "eu-*", "tags": ["pii"]}, "only": ["label:region=eu"]}
    asked = routing(ALL, rule, max_pins=5)
    for index in range(50):
        sinks_of(asked, event(run=f"r{index}", root=f"r{index}", tenant_id="eu-1", tags=["pii"]))
    assert sinks_of(asked, event("feedback", run="a", root="a", tenant_id="us-1")) == EVERY
    assert sinks_of(asked, event("feedback", run="b", root="b", tenant_id="eu-1")) == IN_EU


def test_a_rule_that_cannot_be_evaluated_is_in_force(routing, event, sinks_of):
    """Fails closed here too."""
    deny = {"name": "r", "match": {"x.broken": "a"}, "deny": ["wandb"]}
    asked = routing(ALL, deny, extra={"broken": lambda event: 1 / 0})
    assert "wandb" not in sinks_of(asked, event("feedback", run="a", root="a"))
