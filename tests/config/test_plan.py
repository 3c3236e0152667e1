"""A plan: settings merged, routes parsed, sinks found, and the oddities told."""

import pytest

from fanlight import ConfigError, Detector, Matcher, TelemetryEvent
from fanlight.config.document import read
from fanlight.delivery.settings import LaneSettings
from fanlight.plan import build_plan, load_plan, run_tests
from fanlight.plan.scenarios import event_for
from fanlight.plugins import PluginRegistry
from fanlight.routing import Routing


def warnings(given):
    return [f"{problem.path}: {problem.message}" for problem in load_plan(given).warnings]


def problems(given):
    with pytest.raises(ConfigError) as caught:
        load_plan(given)
    return [str(problem) for problem in caught.value.problems]


def test_the_nearest_word_counts(config):
    """A sink's own setting beats `defaults`, that beats the type's, that beats fanlight's number."""
    registry = PluginRegistry.builtin()
    prefers = registry.sink_types["memory"].defaults
    plan = build_plan(
        read(
            config(
                defaults={"timeout": "7s", "batch": {"linger": "9s"}, "queue": {"max_events": 77}},
                sinks={"lake": {"type": "memory", "batch": {"linger": "1s"}, "queue": {"when_full": "drop_newest"}}},
            )
        ),
        registry,
    )
    settings = plan.sinks[0].settings

    assert (settings.batch_linger, settings.timeout) == (1.0, 7.0)
    assert (settings.bounds.max_events, settings.bounds.when_full) == (77, "drop_newest")
    assert settings.batch_max_events == (prefers.batch_max_events or LaneSettings().batch_max_events)
    assert settings.breaker_failures == LaneSettings().breaker_failures


def test_what_a_type_prefers_counts_where_nothing_is_said(config):
    """A sink type's batch defaults are used."""
    given = config(sinks={"otel": {"type": "otel", "endpoint": "http://127.0.0.1:4318"}}, routes=[{"to": ["otel"]}])
    plan = load_plan(given)

    assert plan.sinks[0].settings.batch_max_events == plan.sinks[0].sink_type.defaults.batch_max_events == 512


def test_short_and_long_forms_are_the_same(config):
    """`service` may be a name, a `to` entry a map, `unmatched` the word `drop`, `delivery` inline."""
    short = load_plan(config(unmatched="drop"))
    long = load_plan(
        config(service={"name": "support-bot"}, routes=[{"to": [{"sink": "lake"}]}], unmatched=[], delivery="inline")
    )

    assert short.service == long.service
    assert [route.to for route in short.table.routes] == [route.to for route in long.table.routes] == [("lake",)]
    assert short.table.unmatched == long.table.unmatched == ()


def test_another_environment_can_be_asked_for(config):
    """`environment=` takes the place of the file's own, and must be declared like it."""
    assert load_plan(config(environment="${env:FANLIGHT_NOT_SET}"), environment="dev").environment == "dev"
    with pytest.raises(ConfigError, match=r'environment = "deb" .*did you mean `dev`'):
        load_plan(config(), environment="deb")


def test_disabled_things_are_checked_and_left_out(config):
    """A disabled sink and a disabled route are in no table, and their mistakes are mistakes."""
    given = config(
        sinks={"lake": {"type": "memory"}, "off": {"type": "memory", "enabled": False}},
        routes=[{"to": ["lake", "off"]}, {"name": "off too", "enabled": False, "to": ["off"]}],
    )
    plan = load_plan(given)

    assert [sink.name for sink in plan.sinks] == ["lake"]
    assert [route.name for route in plan.table.routes] == ["routes[0]"]
    given["sinks"]["off"]["max_event"] = 1
    given["routes"][1]["match"] = {"tenant": "x"}
    assert [problem.partition(" ")[0] for problem in problems(given)] == [
        "routes[1].match.tenant",
        "sinks.off.max_event",
    ]


def test_a_restriction_may_name_a_disabled_sink(config):
    """A policy stays when the sink that it is about is switched off."""
    sinks = {"lake": {"type": "memory"}, "us": {"type": "memory", "enabled": False, "labels": {"region": "us"}}}
    routes = [{"to": ["lake"]}, {"match": {"tenant_id": "eu-*"}, "deny": ["us", "label:region=us"]}]

    assert load_plan(config(sinks=sinks, routes=routes, unmatched=["us"])).warnings == ()


def test_a_label_from_a_placeholder_may_be_any(config, monkeypatch):
    """Where it is not resolved (in CI, or in an environment without the sink) no restriction is said to miss."""
    monkeypatch.delenv("FANLIGHT_NOT_SET", raising=False)
    sinks = {
        "lake": {"type": "memory", "labels": {"region": "us"}},
        "away": {"type": "memory", "labels": {"region": "${env:FANLIGHT_NOT_SET}"}},
    }
    routes = [
        {"match": {"environment": "dev"}, "to": ["lake"]},
        {"match": {"environment": "prod"}, "to": ["away"]},
        {"match": {"tenant_id": "eu-*"}, "only": ["label:region=eu"]},
    ]
    assert warnings(config(sinks=sinks, routes=routes, environment="dev")) == []
    assert load_plan(config(sinks=sinks, routes=routes), secrets=False).warnings == ()
    monkeypatch.setenv("FANLIGHT_NOT_SET", "us")
    assert "no sink is named here" in "".join(problems(config(sinks=sinks, routes=routes)))


def test_an_empty_only_closes_everything(config):
    """`only: []` is said on purpose: nobody gets it."""
    given = config(routes=[{"to": ["lake"]}, {"match": {"tags": ["secret"]}, "only": []}])
    plan = load_plan(given)
    event = event_for(plan, {"tags": ["secret"]})

    assert Routing(plan.table).decide(event).outcome == "restricted"


def test_what_has_no_effect_is_told(config):
    """Sinks that nothing reaches, rules that can never match, names used twice, labels of nobody, contradictions."""
    given = config(
        sinks={"lake": {"type": "memory", "labels": {"region": "eu"}}, "forgotten": {"type": "memory"}},
        routes=[
            {"name": "all", "to": ["lake"]},
            {"name": "all", "match": {"all_of": [{"environment": "dev"}, {"environment": "prod"}]}, "to": ["lake"]},
            {"match": {"tenant_id": "eu-*"}, "deny": ["label:region=uk"]},
            {"match": {"tags": ["x"]}, "to": ["lake"], "deny": ["lake"]},
            {"match": {"status": "error"}, "deny": ["lake"]},
        ],
    )

    assert warnings(given) == [
        "routes[1].match: this can never match",
        "routes[1].name: routes[0] has the same name",
        "routes[2].deny[0]: no sink is `label:region=uk`",
        "routes[3].to[0]: the route's own restriction keeps it from `lake`",
        "routes[4].match: a restriction on `status` is learnt while the trace runs; what was sent before stays sent",
        "sinks.forgotten: no route sends anything here",
    ]


def test_a_rule_for_another_environment_is_not_odd(config):
    """One file serves all environments."""
    routes = [{"match": {"environment": "dev"}, "to": ["lake"]}, {"match": {"environment": "prod"}, "to": ["lake"]}]

    assert warnings(config(routes=routes)) == []


def test_an_environment_that_sends_nothing_is_told(config):
    """Silence on purpose is possible, and said."""
    given = config(routes=[{"match": {"environment": "dev"}, "to": ["lake"]}])

    assert warnings(given) == ["routes: in `prod` nothing is sent anywhere"]
    assert load_plan(given).sinks == ()


def test_environments_are_found_wherever_a_match_names_them(config):
    """Below any_of, all_of, not and lists; globs must fit one, and a regex is not read."""
    match = {
        "any_of": [{"environment": "dve"}, {"not": {"environment": ["prod", "stgaing"]}}],
        "all_of": [{"environment": {"not": "prd"}}, {"environment": "d*"}, {"environment": {"regex": "^x"}}],
        "environment": "stag*",
    }

    assert [problem.partition(" ")[0] for problem in problems(config(routes=[{"match": match, "to": ["lake"]}]))] == [
        "routes[0].match.all_of[0].environment.not",
        "routes[0].match.any_of[0].environment",
        "routes[0].match.any_of[1].not.environment[1]",
        "routes[0].match.environment",
    ]


def test_a_plugins_key_can_be_matched_on(config):
    """`x.<name>` is the key that a plugin brings, and any other is an error."""
    registry = PluginRegistry.builtin()
    registry.matchers = (Matcher(name="long", value=lambda event: len(event.name) > 5),)
    given = read(config(routes=[{"match": {"x.long": True}, "to": ["lake"]}]))
    plan = build_plan(given, registry)

    assert Routing(plan.table).decide(event_for(plan, {"name": "a long name"})).outcome == "routed"
    with pytest.raises(ConfigError, match=r"no plugin brings the key x\.long"):
        build_plan(given, PluginRegistry.builtin())


def test_the_files_own_tests_see_the_real_floor(config):
    """`redacted` holds only if the floor masked exactly that, plugins' detectors included."""
    registry = PluginRegistry.builtin()
    registry.detectors = (Detector(kind="acme", pattern="acme_[0-9]{4}"),)
    tests = [
        {"name": "a", "event": {"inputs": "acme_1234"}, "expect": {"redacted": {"lake": ["inputs"]}}},
        {"name": "b", "event": {"inputs": "acme"}, "expect": {"redacted": {"lake": ["inputs"]}}},
        {"name": "c", "event": {}, "expect": {"sinks": [], "not_sinks": ["lake"], "routes": []}},
    ]
    plan = build_plan(read(config(tests=tests)), registry)

    assert [scenario.failures for scenario in run_tests(plan)] == [
        (),
        ("redacted: expected inputs; what was masked is none",),
        (
            "sinks: expected none; it goes to lake",
            "not_sinks: it goes to lake",
            "routes: expected none; those that apply are routes[0]",
        ),
    ]


def test_an_event_of_a_test_is_one_of_the_service(config):
    """Environment, service and attributes are the configuration's where the test says nothing."""
    event = event_for(load_plan(config(attributes={"team": "a"})), {"tenant_id": "eu-7"})

    assert isinstance(event, TelemetryEvent)
    assert (event.environment, event.service_name, event.attributes) == ("prod", "support-bot", {"team": "a"})


def test_a_type_that_is_not_needed_here_may_be_missing(config, uninstall):
    """A laptop without the vendor's package runs what it needs, and is told what was not checked."""
    uninstall("fanlight-wandb")
    sinks = {"lake": {"type": "memory"}, "wandb": {"type": "wandb", "project": "x"}}
    routes = [{"to": ["lake"]}, {"match": {"environment": "prod"}, "to": ["wandb"]}]

    assert warnings(config(sinks=sinks, routes=routes, environment="dev")) == [
        "sinks.wandb.type: this sink type is not installed, so the sink was not checked"
    ]
    assert problems(config(sinks=sinks, routes=routes)) == [
        'sinks.wandb.type = "wandb"  this sink type is not installed; pip install fanlight-wandb'
    ]


def test_a_password_in_a_url_is_not_shown(config):
    """Of an address with a login, the error names the place only."""
    given = config(sinks={"lake": {"type": "otel", "endpoint": "ftp://user:hunter2@host"}})

    assert "hunter2" not in "".join(problems(given))


@pytest.mark.parametrize("key", ["api_key", "headers"])
def test_a_secret_that_was_typed_in_is_not_shown(config, key):
    """Of a literal secret with the wrong shape, the error names the place only."""
    given = config(sinks={"lake": {"type": "otel", "preset": "phoenix", key: 12345678}})

    (problem,) = problems(given)
    assert f"sinks.lake.{key}" in problem
    assert "12345678" not in problem
