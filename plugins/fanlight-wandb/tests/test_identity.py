"""Which W&B run an event belongs to."""

from typing import Any

import pytest

from fanlight.testing import make_event
from fanlight_wandb import WandbConfig
from fanlight_wandb.identity import Identity, Writer, identity_of, run_id, run_name, value_of

WRITER = Writer(service="bot", environment="prod", host="web-1")
EVENT = make_event(
    "llm.end",
    metadata={"prompt_version": "v2", "a.b": "whole", "a": {"b": "inner", "c": {"d": 3}}, "flag": True, "empty": ""},
    attributes={"team": "support"},
    session_id="s-1",
)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("metadata.prompt_version", "v2"),
        ("metadata.a.b", "whole"),
        ("metadata.a.c.d", "3"),
        ("metadata.a.c", '{"d":3}'),
        ("metadata.flag", "true"),
        ("metadata.empty", "none"),
        ("metadata.missing.deeper", "none"),
        ("attributes.team", "support"),
        ("session_id", "s-1"),
        ("tenant_id", "none"),
        ("environment", "test"),
        ("langgraph.node", "none"),
    ],
)
def test_a_key_is_read_as_routes_read_it(key: str, value: str) -> None:
    """The whole path as one key counts before its steps; what is missing is a value of its own."""
    assert value_of(EVENT, key) == value


def config(**settings: Any) -> WandbConfig:
    return WandbConfig(**{"project": "shop", **settings})


def test_a_days_run_is_of_the_day_on_which_the_event_happened() -> None:
    """Not of the day on which it is delivered: a backlog goes to where it belongs."""
    assert identity_of(EVENT, config()) == Identity(day="2026-01-05")


def test_runs_are_told_apart_by_the_values_of_keys() -> None:
    """Each combination is a run."""
    by = config(run={"by": ["metadata.prompt_version", "tenant_id"]})
    assert identity_of(EVENT, by).values == (("metadata.prompt_version", "v2"), ("tenant_id", "none"))


def test_the_id_is_the_same_after_a_restart_and_another_for_everything_else() -> None:
    """Same project, service, environment, machine, place and identity: same run. Any other: another run."""
    identity = Identity(day="2026-01-05")
    ids = [
        run_id(identity, WRITER, config()),
        run_id(Identity(day="2026-01-06"), WRITER, config()),
        run_id(Identity(values=(("day", "2026-01-05"),)), WRITER, config()),
        run_id(identity, WRITER, config(project="other")),
        run_id(identity, WRITER, config(entity="team")),
        *(
            run_id(identity, Writer(**{"service": "bot", "environment": "prod", "host": "web-1", **other}), config())
            for other in ({"service": "b"}, {"environment": "dev"}, {"host": "web-2"}, {"slot": 1}, {"instance": "x"})
        ),
    ]
    assert len(set(ids)) == len(ids)
    assert run_id(Identity(day="2026-01-05"), WRITER, config(tags=["x"])) == ids[0]


def test_names_tell_people_what_the_run_is() -> None:
    """Service, identity, machine; a second process of the machine has a number."""
    second = Writer(service="bot", environment="prod", host="web-1", slot=1)
    assert run_name(Identity(day="2026-01-05"), WRITER) == "bot 2026-01-05 (web-1)"
    assert run_name(Identity(values=(("metadata.prompt_version", "v2"),)), second) == "bot prompt_version=v2 (web-1#2)"
