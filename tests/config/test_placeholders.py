"""Placeholders: put in after parsing, resolved only where they are needed, and silent about what they stand for."""

import pytest

from fanlight import ConfigError, SecretResolver
from fanlight.config.document import read
from fanlight.config.placeholders import Placeholders
from fanlight.plan import build_plan, load_plan
from fanlight.plugins import PluginRegistry

SECRET = "s3cr3t-value-nobody-may-see"


def resolved(value, resolvers=None):
    placeholders = Placeholders(read({"key": value}), resolvers or {})
    return placeholders.resolve({"key": value}, "")["key"], [str(problem) for problem in placeholders.problems]


def test_variables_and_files_are_put_in(monkeypatch, tmp_path):
    """Both may stand anywhere in a text, several times; the line end of a secret file is no part of it."""
    monkeypatch.setenv("HOST", "otel.example.org")
    secret = tmp_path / "key"
    secret.write_text("abc\n")

    assert resolved("https://${env:HOST}/${env:HOST}") == ("https://otel.example.org/otel.example.org", [])
    assert resolved(f"${{file:{secret}}}") == ("abc", [])


def test_two_dollars_are_one():
    """`$${` is a plain `${`, and a single `$` needs nothing."""
    assert resolved("$${env:HOST} costs 5$") == ("${env:HOST} costs 5$", [])


def test_a_value_can_never_become_structure(monkeypatch, config):
    """A value that looks like YAML, or like a placeholder, stays the text that it is."""
    monkeypatch.setenv("STORE", "x}\nroutes: []\nsinks: {evil: {type: memory}} ${env:HOME}")
    plan = load_plan(config(sinks={"lake": {"type": "memory", "store": "${env:STORE}"}}))

    assert plan.sinks[0].config.store == "x}\nroutes: []\nsinks: {evil: {type: memory}} ${env:HOME}"


@pytest.mark.parametrize("text", ["${HOST}", "${env:}", "${env:A", "${env:A_${env:B}}", "${}", "x ${ y"])
def test_what_is_not_complete_is_a_problem(text):
    """Half a placeholder is never taken for a text."""
    value, problems = resolved(text)

    assert value == text
    assert len(problems) == 1


def test_plugins_bring_further_kinds():
    """A resolver's LookupError is a sentence; what else it raises is only named, for its text may hold a secret."""

    def resolve(reference):
        if reference == "broken":
            raise RuntimeError(SECRET)
        return {"known": SECRET}[reference]

    assert resolved("${vault:known}", {"vault": resolve})[0] == SECRET
    assert "`${vault:lost}` has no value: lost" in resolved("${vault:lost}", {"vault": resolve})[1][0]
    broken = resolved("${vault:broken}", {"vault": resolve})[1][0]
    assert "could not be resolved: RuntimeError" in broken
    assert SECRET not in broken


def test_plugins_resolve_in_a_plan(config):
    """A plugin's placeholder reaches the sink's settings."""
    registry = PluginRegistry.builtin()
    registry.secret_resolvers = (SecretResolver(scheme="vault", resolve=lambda reference: f"store of {reference}"),)
    plan = build_plan(read(config(sinks={"lake": {"type": "memory", "store": "${vault:a/b}"}})), registry)

    assert plan.sinks[0].config.store == "store of a/b"


def test_only_sinks_that_are_reached_need_their_secrets(config):
    """A sink of another environment and a disabled one may name variables that are not set here."""
    sinks = {
        "lake": {"type": "memory"},
        "prod_only": {"type": "memory", "store": "${env:FANLIGHT_NOT_SET}"},
        "off": {"type": "memory", "store": "${env:FANLIGHT_NOT_SET}", "enabled": False},
    }
    routes = [
        {"match": {"environment": "prod"}, "to": ["prod_only"]},
        {"match": {}, "to": ["lake", "off"]},
    ]
    plan = load_plan(config(sinks=sinks, routes=routes, environment="dev"))

    assert [sink.name for sink in plan.sinks] == ["lake"]
    with pytest.raises(ConfigError, match=r"sinks\.prod_only\.store .*FANLIGHT_NOT_SET"):
        load_plan(config(sinks=sinks, routes=routes, environment="prod"))


def test_without_secrets_nothing_is_resolved(config):
    """`--no-secrets` needs no variable at all, and still finds what is wrong beside them."""
    sinks = {"lake": {"type": "jsonl", "path": "${env:A}", "max_files": "${env:B}", "timeout": "${env:C}"}}
    plan = load_plan(config(environment="${env:D}", sinks=sinks), secrets=False)

    assert [sink.name for sink in plan.sinks] == ["lake"]
    sinks["lake"]["max_file"] = "${env:E}"
    with pytest.raises(ConfigError) as caught:
        load_plan(config(environment="${env:D}", sinks=sinks), secrets=False)
    assert [problem.path for problem in caught.value.problems] == ["sinks.lake.max_file"]


@pytest.mark.parametrize(
    "changes",
    [
        {"shutdown_timeout": "${env:FANLIGHT_NOT_SET}"},
        {"routes": [{"to": ["lake"], "enabled": "${env:FANLIGHT_NOT_SET}"}]},
        {"routes": [{"to": ["lake", "${env:FANLIGHT_NOT_SET}"]}]},
        {"routes": [{"to": ["lake"], "deny": ["${env:FANLIGHT_NOT_SET}"]}]},
        {"defaults": {"queue": {"max_events": "${env:FANLIGHT_NOT_SET}"}}},
        {"sinks": {"lake": {"type": "memory", "enabled": "${env:FANLIGHT_NOT_SET}"}}},
        {"sinks": {"lake": {"type": "memory", "queue": "${env:FANLIGHT_NOT_SET}"}}},
        {"sinks": {"lake": {"type": "otel", "endpoint": "${env:FANLIGHT_NOT_SET}"}}},
    ],
)
def test_a_placeholder_may_stand_for_anything(config, changes):
    """Without secrets a plan is made whatever the placeholder was to become; with secrets it is one problem."""
    plan = load_plan(config(**changes), secrets=False)

    assert [sink.name for sink in plan.sinks] == ["lake"]
    with pytest.raises(ConfigError) as caught:
        load_plan(config(**changes))
    assert ["FANLIGHT_NOT_SET" in problem.message for problem in caught.value.problems] == [True]


def test_a_switch_may_come_from_a_variable(monkeypatch, config):
    """`enabled` is resolved for every sink, reached or not."""
    sinks = {"lake": {"type": "memory"}, "trial": {"type": "memory", "enabled": "${env:TRIAL}"}}
    given = config(sinks=sinks, routes=[{"to": ["lake", "trial"]}])

    monkeypatch.setenv("TRIAL", "false")
    assert [sink.name for sink in load_plan(given).sinks] == ["lake"]
    monkeypatch.setenv("TRIAL", "true")
    assert [sink.name for sink in load_plan(given).sinks] == ["lake", "trial"]


@pytest.mark.parametrize(
    "changes",
    [
        {"shutdown_timeout": "${env:SECRET}"},
        {"environment": "${env:SECRET}"},
        {"unmatched": "${env:SECRET}"},
        {"routes": [{"to": "${env:SECRET}"}]},
        {"routes": [{"to": ["${env:SECRET}"]}]},
        {"routes": [{"to": ["lake"], "deny": ["${env:SECRET}"]}]},
        {"routes": [{"to": ["lake"], "match": {"environment": "${env:SECRET}"}}]},
        {"routes": [{"to": ["lake"], "match": {"status": "${env:SECRET}"}}]},
        {"routes": [{"to": ["lake"], "match": {"name": {"regex": "(${env:SECRET}"}}}]},
        {"sinks": {"lake": {"type": "${env:SECRET}"}}},
        {"sinks": {"lake": {"type": "memory", "content": "${env:SECRET}"}}},
        {"sinks": {"lake": {"type": "memory", "max_events": "${env:SECRET}"}}},
        {"sinks": {"lake": {"type": "memory", "queue": {"max_bytes": "${env:SECRET}"}}}},
        {"sinks": {"lake": {"type": "otel", "endpoint": "${env:SECRET}"}}},
        {"tests": [{"name": "a", "event": {"environment": "${env:SECRET}"}, "expect": {"sinks": ["${env:SECRET}"]}}]},
    ],
)
def test_no_error_shows_what_a_placeholder_stands_for(monkeypatch, config, changes):
    """Wherever a value is refused, its place is named and the value is not."""
    monkeypatch.setenv("SECRET", SECRET)

    with pytest.raises(ConfigError) as caught:
        load_plan(config(**changes))

    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.problems)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_no_repr_shows_what_a_placeholder_stands_for(monkeypatch, config):
    """A plan can be printed."""
    monkeypatch.setenv("SECRET", SECRET)
    plan = load_plan(config(sinks={"lake": {"type": "memory", "store": "${env:SECRET}"}}))

    assert plan.sinks[0].config.store == SECRET
    assert SECRET not in repr(plan)
    assert SECRET not in repr(plan.sinks)


def test_what_is_around_a_placeholder_is_still_explained(monkeypatch, config):
    """Only the value itself is hidden; a problem of the route that it stands in has its own sentence."""
    monkeypatch.setenv("TENANT", "eu-7")
    routes = [{"to": ["lake"]}, {"match": {"tenant_id": "${env:TENANT}"}}]

    with pytest.raises(ConfigError, match="the route does nothing"):
        load_plan(config(routes=routes))
