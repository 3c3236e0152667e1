"""What must not leave does not leave: restrictions against routes, unmatched, late facts, reloads and lost memory."""

import pytest

ALL = {"name": "all", "match": {}, "to": ["otel", "lake", "wandb", "arize"]}
EU = {"name": "eu stays", "match": {"tenant_id": "eu-*"}, "only": ["label:region=eu"]}
TENANT = {"name": "no tenant", "match": {}, "require": ["tenant_id"], "otherwise": {"only": ["lake"]}}
EVERY = ["otel", "lake", "wandb", "arize"]
IN_EU = ["otel", "lake"]


@pytest.mark.parametrize(
    ("restriction", "expected"),
    [
        ({"deny": ["wandb"]}, ["otel", "lake", "arize"]),
        ({"deny": ["type:arize", "wandb"]}, IN_EU),
        ({"deny": ["label:region=us"]}, IN_EU),
        ({"only": ["label:region=eu"]}, IN_EU),
        ({"only": ["lake", "type:wandb"]}, ["lake", "wandb"]),
        ({"only": []}, []),
        ({"only": ["label:region=eu"], "deny": ["otel"]}, ["lake"]),
    ],
)
def test_restrictions_beat_every_route(routing, event, sinks_of, restriction, expected):
    """`deny` and `only` win over `to`, by name, type or label."""
    asked = routing(ALL, {"name": "r", "match": {"tenant_id": "eu-1"}, **restriction})
    assert sinks_of(asked, event(tenant_id="eu-1")) == expected
    assert sinks_of(asked, event(run="b", root="b", tenant_id="us-1")) == EVERY


def test_several_only_leave_what_all_of_them_allow(routing, event, sinks_of):
    """Two `only` intersect."""
    asked = routing(ALL, EU, {"match": {"tags": ["secret"]}, "only": ["lake", "wandb"]})
    assert sinks_of(asked, event(tenant_id="eu-1", tags=["secret"])) == ["lake"]


def test_restrictions_beat_unmatched(routing, event):
    """What no route sends reaches only those `unmatched` sinks that are allowed; with none left it is `restricted`."""
    decision = routing(EU, unmatched=["lake", "wandb"]).decide(event(tenant_id="eu-1"))
    assert ([target.sink for target in decision.targets], decision.outcome) == (["lake"], "unmatched")
    decision = routing(EU, unmatched=["wandb"]).decide(event(tenant_id="eu-1"))
    assert (decision.targets, decision.outcome, decision.routes) == ((), "restricted", ("eu stays",))
    assert routing(EU).decide(event(tenant_id="eu-1")).outcome == "restricted"


def test_an_event_whose_every_sink_is_closed_is_restricted(routing, event):
    """Routes that match and are all overruled leave `restricted`, not `unmatched`."""
    decision = routing({"match": {}, "to": ["wandb"]}, EU, unmatched=["lake"]).decide(event(tenant_id="eu-1"))
    assert (decision.targets, decision.outcome) == ((), "restricted")


def test_a_restriction_holds_for_the_whole_trace(routing, event, sinks_of):
    """What the root said binds every run below, though these say nothing themselves."""
    asked = routing(ALL, EU)
    assert sinks_of(asked, event(tenant_id="eu-1")) == IN_EU
    for kind in ("llm.start", "custom", "llm.end"):
        assert sinks_of(asked, event(kind, run="llm", parent="root")) == IN_EU
    assert sinks_of(asked, event("chain.end")) == IN_EU


def test_a_tenant_learnt_late_closes_the_trace_from_then_on(routing, event):
    """The inner run that names the tenant closes the trace for ancestors too, and says where events are pending."""
    asked = routing(ALL, EU)
    assert len(asked.decide(event()).targets) == 4
    assert len(asked.decide(event("llm.start", run="early", parent="root")).targets) == 4
    learnt = asked.decide(event(run="inner", parent="root", tenant_id="eu-1"))
    assert ([target.sink for target in learnt.targets], learnt.closed) == (IN_EU, ("arize", "wandb"))
    later = [
        event("llm.end", run="early", parent="root"),
        event("chain.end", run="inner", parent="root", tenant_id="eu-1"),
        event("llm.start", run="sibling", parent="root"),
        event("chain.end"),
    ]
    for one in later:
        decision = asked.decide(one)
        assert ([target.sink for target in decision.targets], decision.closed) == (IN_EU, ())


def test_only_sinks_that_had_events_are_reported_as_closed(routing, event):
    """A restriction known from the first event, or for a sink that had nothing, leaves nothing to drop."""
    asked = routing({"match": {}, "to": ["lake", "wandb"]}, EU)
    assert asked.decide(event(tenant_id="eu-1")).closed == ()
    asked.decide(event(run="b", root="b"))
    assert asked.decide(event(run="c", parent="b", root="b", tenant_id="eu-1")).closed == ("wandb",)


def test_other_traces_are_not_closed(routing, event, sinks_of):
    """A restriction ends with its trace."""
    asked = routing(ALL, EU)
    sinks_of(asked, event(tenant_id="eu-1"))
    assert sinks_of(asked, event(run="b", root="b")) == EVERY


def test_two_roots_of_one_trace_share_its_restrictions(routing, event, sinks_of):
    """Roots that joined the same W3C trace are one trace, whichever learnt the tenant."""
    asked = routing(ALL, EU)
    trace = "ab" * 16
    assert sinks_of(asked, event(run="a", root="a", trace=trace)) == EVERY
    assert sinks_of(asked, event(run="b", root="b", trace=trace, tenant_id="eu-1")) == IN_EU
    assert sinks_of(asked, event("chain.end", run="a", root="a", trace=trace)) == IN_EU


def test_a_root_without_a_required_key_is_restricted_from_its_start(routing, event, sinks_of):
    """A missing tenant keeps the whole trace in the lake, also when an inner run names one later."""
    asked = routing(ALL, TENANT)
    assert sinks_of(asked, event()) == ["lake"]
    assert sinks_of(asked, event(run="inner", parent="root", tenant_id="us-1")) == ["lake"]
    assert sinks_of(asked, event("chain.end")) == ["lake"]


def test_a_required_key_of_the_root_counts_for_its_whole_tree(routing, event, sinks_of):
    """A run below a root that had the key is not held to it again."""
    asked = routing(ALL, TENANT)
    assert sinks_of(asked, event(tenant_id="us-1")) == EVERY
    assert sinks_of(asked, event("llm.start", run="llm", parent="root")) == EVERY
    assert sinks_of(asked, event("custom", run="llm", parent="root")) == EVERY
    assert sinks_of(asked, event("chain.end")) == EVERY


def test_an_empty_required_key_is_a_missing_one(routing, event, sinks_of):
    """An empty tenant does not pass for a tenant."""
    assert sinks_of(routing(ALL, TENANT), event(tenant_id="")) == ["lake"]


def test_a_requirement_that_applies_only_to_some_is_judged_where_it_applies(routing, event, sinks_of):
    """A `require` with a match is judged at the first run that matches, on what it and its ancestors have."""
    rule = {"match": {"tags": ["pii"]}, "require": ["tenant_id"], "otherwise": {"only": ["lake"]}}
    asked = routing(ALL, rule)
    assert sinks_of(asked, event()) == EVERY
    assert sinks_of(asked, event(run="inner", parent="root", tags=["pii"])) == ["lake"]
    assert sinks_of(asked, event("chain.end")) == ["lake"]
    assert sinks_of(asked, event(run="b", root="b", tenant_id="us-1")) == EVERY
    assert sinks_of(asked, event(run="c", parent="b", root="b", tags=["pii"])) == EVERY


def test_a_requirement_on_events_of_a_type_restricts_there(routing, event, sinks_of):
    """A `require` that names a type is judged at that event, with what the run had at its start."""
    rule = {"match": {"type": "llm.end"}, "require": ["user_id"], "otherwise": {"deny": ["wandb"]}}
    asked = routing(ALL, rule)
    assert sinks_of(asked, event("llm.start")) == EVERY
    assert sinks_of(asked, event("llm.end")) == ["otel", "lake", "arize"]
    assert sinks_of(asked, event("llm.start", run="b", root="b", user_id="u")) == EVERY
    assert sinks_of(asked, event("llm.end", run="b", root="b")) == EVERY


@pytest.mark.parametrize("kind", ["chain.end", "llm.error", "custom", "retry", "text", "agent.action", "feedback"])
def test_events_without_a_start_are_judged_like_one(routing, event, sinks_of, kind):
    """An end, a retry or a custom event whose run was never seen gets no more than a start would."""
    asked = routing(ALL, EU, TENANT)
    assert sinks_of(asked, event(kind, run="a", root="a")) == ["lake"]
    assert sinks_of(asked, event(kind, run="b", root="b", tenant_id="eu-1")) == IN_EU
    assert sinks_of(asked, event(kind, run="c", root="c", tenant_id="us-1")) == EVERY


def test_a_run_under_an_unknown_parent_is_bound_by_its_trace(routing, event, sinks_of):
    """A run whose parent nobody saw, but whose trace is restricted, is restricted; so are strays of that trace."""
    asked = routing(ALL, EU)
    sinks_of(asked, event(tenant_id="eu-1"))
    assert sinks_of(asked, event("llm.start", run="llm", parent="never seen")) == IN_EU
    assert sinks_of(asked, event("retry", run="stray", parent=None)) == IN_EU


def test_a_run_that_lost_its_root_is_bound_by_its_parent(routing, event, sinks_of):
    """Where a child comes with another trace id than its parent's, the parent's restrictions bind all of that too."""
    asked = routing(ALL, EU)
    sinks_of(asked, event(tenant_id="eu-1"))
    assert sinks_of(asked, event("llm.start", run="lost", parent="root", root="lost")) == IN_EU
    assert sinks_of(asked, event("custom", run="stray", root="lost")) == IN_EU


def test_late_events_after_the_root_ended_are_still_restricted(routing, event, sinks_of):
    """A child that ends after its root, and feedback on the trace, find the trace closed."""
    asked = routing(ALL, EU)
    sinks_of(asked, event(tenant_id="eu-1"))
    sinks_of(asked, event("llm.start", run="llm", parent="root"))
    sinks_of(asked, event("chain.end", tenant_id="eu-1"))
    assert sinks_of(asked, event("llm.end", run="llm", parent="root")) == IN_EU
    assert sinks_of(asked, event("feedback", run="root")) == IN_EU


def test_a_vendor_that_is_added_later_is_excluded_by_its_label(routing, table, event):
    """`only` closes sinks that did not exist when it was written: after a reload, also for traces that are open."""
    new = {
        "lake": {"type": "jsonl", "labels": {"region": "eu"}},
        "vendor": {"type": "webhook", "labels": {"region": "us"}},
        "bare": {"type": "webhook", "labels": {}},
    }
    send = {"match": {}, "to": ["lake", "vendor", "bare"]}
    asked = routing(send, EU)
    asked.decide(event())
    asked.decide(event(run="inner", parent="root", tenant_id="eu-1"))
    asked.swap(table(send, EU, sinks=new))
    for one in (event("llm.start", run="llm", parent="root"), event(run="n", root="n", tenant_id="eu-2")):
        assert [target.sink for target in asked.decide(one).targets] == ["lake"]


def test_a_reload_that_restricts_binds_open_runs_at_once(routing, table, event):
    """The next event of an open trace is judged by the new restrictions, and what is pending there is reported."""
    asked = routing(ALL)
    asked.decide(event(tenant_id="eu-1"))
    asked.swap(table(ALL, EU))
    decision = asked.decide(event("llm.start", run="llm", parent="root", tenant_id="eu-1"))
    assert ([target.sink for target in decision.targets], decision.closed) == (IN_EU, ("arize", "wandb"))


def test_a_reload_that_loosens_does_not_reopen_a_trace(routing, table, event, sinks_of):
    """A trace that was closed stays closed when the rule is taken away."""
    asked = routing(ALL, EU)
    sinks_of(asked, event(tenant_id="eu-1"))
    asked.swap(table(ALL))
    assert sinks_of(asked, event("chain.end", tenant_id="eu-1")) == IN_EU


def test_a_sink_whose_labels_change_does_not_reopen(routing, table, event, sinks_of):
    """A sink that a reload moves into the allowed region gets new traces, not what is left of closed ones."""
    moved = {
        "lake": {"type": "jsonl", "labels": {"region": "eu"}},
        "wandb": {"type": "wandb", "labels": {"region": "eu"}},
    }
    send = {"match": {}, "to": ["lake", "wandb"]}
    asked = routing(send, EU)
    sinks_of(asked, event(tenant_id="eu-1"))
    asked.swap(table(send, EU, sinks=moved))
    assert sinks_of(asked, event("chain.end", tenant_id="eu-1")) == ["lake"]
    assert sinks_of(asked, event(run="b", root="b", tenant_id="eu-1")) == ["lake", "wandb"]


def test_a_run_between_two_traces_is_bound_by_both(routing, event, sinks_of):
    """A child whose trace id is that of another, restricted trace than its parent's gets what both allow."""
    asked = routing(ALL, EU, {"match": {"tags": ["secret"]}, "deny": ["otel"]})
    sinks_of(asked, event(run="a", root="a", tenant_id="eu-1"))
    sinks_of(asked, event(run="b", root="b", tags=["secret"]))
    assert sinks_of(asked, event("llm.start", run="child", parent="b", root="a")) == ["lake"]


def test_a_restriction_that_cannot_be_evaluated_is_in_force(routing, event, sinks_of):
    """A plugin key that raises closes what its restriction names; a part that is certain still decides."""
    extra = {"broken": lambda event: 1 / 0}
    deny = {"name": "r", "match": {"x.broken": "a"}, "deny": ["wandb"]}
    assert sinks_of(routing(ALL, deny, extra=extra), event()) == ["otel", "lake", "arize"]
    certain = {"name": "r", "match": {"environment": "prod", "x.broken": "a"}, "deny": ["wandb"]}
    assert sinks_of(routing(ALL, certain, extra=extra), event(environment="dev")) == EVERY
    needed = {"match": {}, "require": ["x.broken"], "otherwise": {"only": ["lake"]}}
    assert sinks_of(routing(ALL, needed, extra=extra), event()) == ["lake"]


def test_traces_beyond_memory_stay_closed(routing, event, sinks_of):
    """When a restricted trace was forgotten, what still comes of it gets no more than any forgotten trace might."""
    asked = routing(ALL, EU, max_pins=5)
    sinks_of(asked, event())
    sinks_of(asked, event(run="inner", parent="root", tenant_id="eu-1"))
    for index in range(50):
        sinks_of(asked, event(run=f"r{index}", root=f"r{index}"))
    assert sinks_of(asked, event("llm.start", run="late", parent="root")) == IN_EU
    assert asked.decide(event("custom", run="later", parent="root")).closed == ()
    assert sinks_of(asked, event(run="fresh", root="fresh")) == EVERY
    assert sinks_of(asked, event(run="inner attached", parent="not captured", root="inner attached")) == EVERY


def test_what_is_learnt_after_a_trace_was_forgotten_binds_the_rest_of_it(routing, event, sinks_of):
    """One run of the trace is still remembered and learns a restriction; another one was forgotten, and is bound."""
    failed = {"name": "no errors to wandb", "match": {"status": "error"}, "deny": ["wandb"]}
    asked = routing(ALL, failed, max_pins=5)
    for run, parent in (("root", None), ("inner", "root"), ("failing", "inner")):
        sinks_of(asked, event(run=run, parent=parent))
    sinks_of(asked, event("chain.end"))
    for kind in ("chain.start", "chain.end"):
        sinks_of(asked, event(kind, run="other", root="other"))  # its end takes the place of the first trace
    assert "wandb" not in sinks_of(asked, event("chain.error", run="failing", parent="inner", status="error"))
    for index in range(5):
        sinks_of(asked, event(run=f"r{index}", root=f"r{index}"))
    assert "wandb" not in sinks_of(asked, event("chain.end", run="inner", parent="root"))


def test_forgotten_traces_report_every_sink_as_closed(routing, event):
    """Nobody knows what a forgotten trace has pending, so all closed sinks are named."""
    asked = routing(ALL, EU, max_pins=5)
    asked.decide(event())
    asked.decide(event(run="inner", parent="root", tenant_id="eu-1"))
    for index in range(50):
        asked.decide(event(run=f"r{index}", root=f"r{index}"))
    assert asked.decide(event("llm.start", run="late", parent="root")).closed == ("arize", "wandb")
