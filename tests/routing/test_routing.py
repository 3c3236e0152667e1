"""Which sinks get which events: union of routes, subtrees, single events, pins and reloads."""

import pytest

PROD = {"name": "prod", "match": {"environment": "prod"}, "to": ["otel", "arize"]}
EVAL = {"name": "eval", "match": {"tags": ["eval"]}, "to": ["wandb", "otel"]}
FAILED_TOOLS = {"name": "failed tools", "match": {"type": "tool.*", "status": "error"}, "to": ["lake"]}


def test_sinks_of_all_matching_routes_are_united(routing, event):
    """Every route that matches sends; a sink named twice gets one target that lists both routes."""
    decision = routing(PROD, EVAL).decide(event(environment="prod", tags=["eval"]))
    assert [(target.sink, target.routes) for target in decision.targets] == [
        ("otel", ("prod", "eval")),
        ("wandb", ("eval",)),
        ("arize", ("prod",)),
    ]
    assert (decision.outcome, decision.routes, decision.closed) == ("routed", ("prod", "eval"), ())


def test_unmatched_events_go_where_the_configuration_says(routing, event, sinks_of):
    """What no route sends goes to `unmatched`, and is called that."""
    asked = routing(EVAL, unmatched=["lake"])
    decision = asked.decide(event())
    assert [target.sink for target in decision.targets] == ["lake"]
    assert (decision.outcome, decision.routes, decision.targets[0].routes) == ("unmatched", (), ())
    assert routing(EVAL).decide(event()).outcome == "unmatched"


def test_a_route_to_sinks_that_are_not_in_use_leaves_the_event_unmatched(routing, event):
    """A route whose every sink is disabled sends nothing, so the event is not lost to it."""
    decision = routing({"match": {}, "to": ["off"]}, unmatched=["lake"]).decide(event())
    assert [target.sink for target in decision.targets] == ["lake"]


def test_a_match_at_the_root_takes_the_whole_tree(routing, event, sinks_of):
    """What matches at a run's start takes everything below it, whatever the inner runs look like themselves."""
    asked = routing(EVAL)
    assert sinks_of(asked, event(tags=["eval"])) == ["otel", "wandb"]
    inner = {"run": "llm", "parent": "root"}
    for kind in ("llm.start", "custom", "llm.end"):
        assert sinks_of(asked, event(kind, **inner)) == ["otel", "wandb"]
    assert sinks_of(asked, event("chain.end")) == ["otel", "wandb"]


def test_a_tag_that_first_appears_on_an_inner_run_takes_that_run_and_what_is_below(routing, event, sinks_of):
    """Neither the ancestors nor the siblings of a matching run are sent."""
    asked = routing(EVAL)
    assert sinks_of(asked, event()) == []
    assert sinks_of(asked, event(run="inner", parent="root", tags=["eval"])) == ["otel", "wandb"]
    assert sinks_of(asked, event("llm.start", run="llm", parent="inner")) == ["otel", "wandb"]
    assert sinks_of(asked, event("llm.start", run="sibling", parent="root")) == []
    assert sinks_of(asked, event("chain.end", run="inner", parent="root", tags=["eval"])) == ["otel", "wandb"]
    assert sinks_of(asked, event("chain.end")) == []


def test_keys_known_only_later_choose_single_events(routing, event, sinks_of):
    """A route on the outcome takes the events that say so, and nothing of the run before or below."""
    asked = routing(FAILED_TOOLS)
    tool = {"run": "tool", "parent": "root"}
    assert sinks_of(asked, event()) == []
    assert sinks_of(asked, event("tool.start", **tool)) == []
    assert sinks_of(asked, event("llm.start", run="llm", parent="tool")) == []
    assert sinks_of(asked, event("llm.error", run="llm", parent="tool", status="error")) == []
    assert sinks_of(asked, event("tool.error", **tool, status="error")) == ["lake"]
    assert sinks_of(asked, event("chain.end", status="ok")) == []


@pytest.mark.parametrize(
    ("match", "fields", "expected"),
    [
        ({"duration_ms": {"gt": 100}}, {"duration_ms": 101.0}, ["lake"]),
        ({"duration_ms": {"gt": 100}}, {"duration_ms": 99.0}, []),
        ({"cost_usd": {"not": {"exists": True}}}, {}, ["lake"]),
        ({"response_model": "gpt-*"}, {"response_model": "gpt-9"}, ["lake"]),
        ({"error.type": "ValueError"}, {"error": {"type": "ValueError"}}, ["lake"]),
    ],
)
def test_numbers_and_outcomes_are_judged_at_the_end(routing, sinks_of, event, match, fields, expected):
    """The same rule is silent at the start, also when it is a negation, and answers at the end."""
    from fanlight.event import ErrorInfo

    if "error" in fields:
        fields = {"error": ErrorInfo(**fields["error"])}
    asked = routing({"match": match, "to": ["lake"]})
    assert sinks_of(asked, event("llm.start")) == []
    assert sinks_of(asked, event("custom")) == []
    assert sinks_of(asked, event("llm.end", **fields)) == expected


def test_a_rule_that_is_certain_at_the_start_does_not_wait(routing, event, sinks_of):
    """`any_of` with a part that is already true takes the run; with only the open part it chooses the event."""
    asked = routing({"match": {"any_of": [{"tags": "vip"}, {"status": "error"}]}, "to": ["lake"]})
    assert sinks_of(asked, event(run="a", root="a", tags=["vip"])) == ["lake"]
    assert sinks_of(asked, event("llm.start", run="below", parent="a", root="a")) == ["lake"]
    assert sinks_of(asked, event(run="b", root="b")) == []
    assert sinks_of(asked, event("chain.error", run="b", root="b", status="error")) == ["lake"]


def test_type_chooses_single_events(routing, event, sinks_of):
    """A route on `type` takes the events of that type, not what runs below them."""
    asked = routing({"match": {"type": "tool.start"}, "to": ["lake"]})
    assert sinks_of(asked, event("tool.start", run="tool", parent="root")) == ["lake"]
    assert sinks_of(asked, event("llm.start", run="llm", parent="tool")) == []
    assert sinks_of(asked, event("tool.end", run="tool", parent="root")) == []


def test_start_and_end_go_to_the_same_sinks_across_a_reload(routing, table, event, sinks_of):
    """A run keeps its sinks when the rules change below it, for single-event routes too; new runs take new rules."""
    llm_events = {"name": "llm", "match": {"type": "llm.*"}, "to": ["lake"]}
    asked = routing(PROD, llm_events)
    assert sinks_of(asked, event("llm.start", environment="prod")) == ["otel", "lake", "arize"]
    asked.swap(table({"match": {}, "to": ["wandb"]}))
    assert sinks_of(asked, event("llm.end", environment="prod", status="ok")) == ["otel", "lake", "arize"]
    assert sinks_of(asked, event("llm.start", run="new", root="new", environment="prod")) == ["wandb"]


def test_a_pin_does_not_outlive_its_sink(routing, table, event, sinks_of):
    """After a reload without a sink nothing is sent there, not even the end of a run whose start was."""
    asked = routing(PROD)
    sinks_of(asked, event(environment="prod"))
    asked.swap(table(PROD, sinks={"otel": {"type": "otel", "labels": {}}}))
    assert sinks_of(asked, event("chain.end", environment="prod")) == ["otel"]


def test_a_run_id_that_is_used_again_is_judged_anew(routing, event, sinks_of):
    """An application that repeats run ids gets each start judged by its own tags."""
    asked = routing(EVAL)
    assert sinks_of(asked, event(tags=["eval"])) == ["otel", "wandb"]
    assert sinks_of(asked, event("chain.end", tags=["eval"])) == ["otel", "wandb"]
    assert sinks_of(asked, event()) == []


def test_the_environment_of_the_event_counts(routing, event, sinks_of):
    """An environment that `fanlight.context` overrode is what rules see, though runs before had another."""
    asked = routing(PROD)
    assert sinks_of(asked, event(run="a", root="a", environment="prod")) == ["otel", "arize"]
    assert sinks_of(asked, event(run="b", root="b", environment="dev")) == []
    assert sinks_of(asked, event(run="c", root="c", environment="prod")) == ["otel", "arize"]


def test_values_that_a_dict_confuses_stay_apart(routing, event, sinks_of):
    """The cache does not take `1`, `1.0` and `true` for one another, nor does it fail on lists and maps."""
    asked = routing({"match": {"metadata.n": True}, "to": ["lake"]}, {"match": {"metadata.n": 1}, "to": ["otel"]})
    found = [
        sinks_of(asked, event(run=f"r{index}", root=f"r{index}", metadata={"n": value}))
        for index, value in enumerate([1, True, 1.0, "1", [1], {"a": 1}, None, True, 1])
    ]
    assert found == [["otel"], ["lake"], ["otel"], [], [], [], [], ["lake"], ["otel"]]


def test_a_plugin_key_that_raises_sends_nothing(routing, event):
    """A route on a broken plugin key does not fire, and does not disturb the others."""
    broken = {"match": {"x.broken": {"not": "a"}}, "to": ["wandb"]}
    asked = routing(broken, PROD, extra={"broken": lambda event: 1 / 0})
    for kind in ("chain.start", "chain.end"):
        decision = asked.decide(event(kind, environment="prod"))
        assert decision.routes == ("prod",)


def test_memory_is_bounded_and_open_runs_outlive_finished_ones(routing, event, sinks_of):
    """A long run keeps its pin while any number of short ones pass; what is remembered never exceeds its bounds."""
    asked = routing(EVAL, max_pins=50)
    sinks_of(asked, event(tags=["eval"]))
    for index in range(500):
        name = f"short{index}"
        sinks_of(asked, event(run=name, root=name))
        sinks_of(asked, event("chain.end", run=name, root=name))
    assert sinks_of(asked, event("chain.end")) == ["otel", "wandb"]
    assert len(asked._runs) <= 60
    assert len(asked._traces) <= 60


def test_the_order_of_routes_changes_nothing(routing, event, sinks_of):
    """The sinks are the same whichever route comes first."""
    restriction = {"name": "no us", "match": {"tenant_id": "eu-*"}, "deny": ["label:region=us"]}
    routes = [PROD, EVAL, restriction]
    fields = {"environment": "prod", "tags": ["eval"], "tenant_id": "eu-1"}
    assert sinks_of(routing(*routes), event(**fields)) == sinks_of(routing(*reversed(routes)), event(**fields))
