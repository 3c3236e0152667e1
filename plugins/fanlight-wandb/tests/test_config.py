"""What a configuration of `type: wandb` may say, and the sentences for what it may not."""

from typing import Any

import pytest
from pydantic import ValidationError

from fanlight_wandb import WandbConfig
from fanlight_wandb.config import isolation_of


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "project is missing"),
        ({"project": "a/b"}, "project 'a/b' has / in it"),
        ({"project": "x" * 129}, "W&B takes 1 to 128 characters as project"),
        ({"project": ""}, "W&B takes 1 to 128 characters as project"),
        ({"project": "p", "entity": "me:you"}, "entity 'me:you' has : in it"),
        ({"project": "p", "mode": "shared"}, "'online' or 'offline'"),
        ({"project": "p", "run": "hour"}, "'current', 'process' or 'day'"),
        ({"project": "p", "run": {"by": []}}, "at least 1 item"),
        ({"project": "p", "run": {"by": ["metadata"]}}, "write metadata.<key>"),
        ({"project": "p", "run": {"by": ["promt_version"]}}, "did you mean prompt_version?"),
        ({"project": "p", "run": {"by": ["colour"]}}, "expected metadata.<path>, attributes.<key>"),
        ({"project": "p", "run": {"by": ["name", "name"]}}, "stands there twice"),
        ({"project": "p", "run": {"by": ["name"], "day": True}}, "Extra inputs are not permitted"),
        ({"project": "p", "base_url": "wandb.example.com"}, "expected the server's address"),
        ({"project": "p", "base_url": "https://[::1"}, "expected the server's address"),
        ({"project": "p", "base_url": "https://me:pw@host"}, "no user or password"),
        ({"project": "p", "base_url": "https://host?x=1"}, "no query"),
        ({"project": "p", "tags": [""]}, "tags of 1 to 64 characters"),
        ({"project": "p", "tags": ["x" * 65]}, "tags of 1 to 64 characters"),
        ({"project": "p", "alert_on": ["warning"]}, "'alert' or 'error'"),
        ({"project": "p", "alert_interval": 5}, "expected a duration with a unit"),
        ({"project": "p", "alert_interval": "0s"}, "expected more than 0s"),
        ({"project": "p", "table": {"max_rows": 0}}, "greater than or equal to 1"),
        ({"project": "p", "table": {"rows": 5}}, "Extra inputs are not permitted"),
        ({"run": "current", "project": "p"}, "so project has no effect"),
        ({"run": "current", "mode": "offline"}, "so mode has no effect"),
        ({"project": "p", "proyect": "q"}, "Extra inputs are not permitted"),
    ],
)
def test_each_mistake_has_its_sentence(settings: dict[str, Any], sentence: str) -> None:
    """A configuration that cannot work is refused before anything starts, and says what to change."""
    with pytest.raises(ValidationError) as caught:
        WandbConfig(**settings)
    assert sentence in str(caught.value)


def test_all_that_does_not_belong_is_said_at_once() -> None:
    """Nobody corrects one key to learn about the next."""
    with pytest.raises(ValidationError) as caught:
        WandbConfig(run="current", project="p", group="g", directory="d")  # type: ignore[arg-type]
    assert [key for key in ("project", "group", "directory") if f"so {key} has no effect" in str(caught.value)] == [
        "project", "group", "directory"
    ]  # fmt: skip


def test_no_secret_is_ever_shown() -> None:
    """Neither a configuration's repr nor an error about it shows the key."""
    secret = "local-very-secret"
    assert secret not in repr(WandbConfig(project="p", api_key=secret))  # type: ignore[arg-type]
    with pytest.raises(ValidationError) as caught:
        WandbConfig(project="a/b", api_key=secret)  # type: ignore[arg-type]
    assert secret not in str(caught.value)


def test_only_the_applications_own_run_is_written_from_its_process() -> None:
    """W&B's global state, threads and exit hooks stay out of the application unless its own run is meant."""
    assert isolation_of(WandbConfig(run="current")) == "thread"
    assert {isolation_of(WandbConfig(project="p", run=run)) for run in ("day", "process", {"by": ["name"]})} == {  # type: ignore[arg-type]
        "process"
    }


def test_every_key_is_described() -> None:
    """The JSON Schema says what each key means."""
    schema = WandbConfig.model_json_schema()
    described = {
        **schema["properties"],
        **schema["$defs"]["RunBy"]["properties"],
        **schema["$defs"]["TableConfig"]["properties"],
    }
    assert not [key for key, value in described.items() if not value.get("description")]
