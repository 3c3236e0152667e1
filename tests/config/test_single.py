"""`sink_config`: the settings of one sink, without a router and without the other sinks' secrets."""

import pytest
from pydantic import SecretStr

from fanlight import ConfigError, SinkConfig, SinkType, hookimpl, sink_config

SECRET = "s3cr3t-value-nobody-may-see"


class ShelfConfig(SinkConfig):
    """Settings of a sink type of this test."""

    path: str
    key: SecretStr | None = None
    depth: int = 1


@hookimpl
def fanlight_register_sinks():
    return [SinkType(name="shelf", config_model=ShelfConfig, factory=lambda config: None)]


@pytest.fixture
def file(write, monkeypatch):
    """Write a configuration with these sinks, whose plugin is this module; its environment is not known here."""

    def written(sinks):
        import sys

        monkeypatch.setitem(sys.modules, "shelf_plugin", sys.modules[__name__])
        return write(
            f"""
            version: 1
            service: support-bot
            environments: [dev, prod]
            environment: "${{env:APP_ENV_THAT_IS_NOT_SET}}"
            plugins: {{modules: [shelf_plugin]}}
            sinks: {sinks}
            """
        )

    return written


def problems(*arguments, **options):
    with pytest.raises(ConfigError) as caught:
        sink_config(*arguments, **options)
    return [str(problem) for problem in caught.value.problems]


def test_the_settings_come_with_their_secrets(file, monkeypatch):
    """The sink of the type is found without its name, wherever it goes, and its own placeholders are resolved."""
    monkeypatch.setenv("SHELF_KEY", SECRET)
    path = file('{archive: {type: shelf, path: /a, key: "${env:SHELF_KEY}", enabled: false, queue: {max_events: 10}}}')

    found = sink_config(ShelfConfig, path)

    assert found.path == "/a"
    assert found.key.get_secret_value() == SECRET
    assert SECRET not in repr(found)


def test_the_other_sinks_secrets_are_not_needed(file):
    """A job that looks after one destination runs without the keys of the others, and without the environment."""
    path = file('{archive: {type: shelf, path: /a}, other: {type: jsonl, path: "${env:NOT_SET_ANYWHERE}"}}')

    assert sink_config(ShelfConfig, path).path == "/a"


def test_the_file_may_be_named_by_the_environment(file, monkeypatch):
    """As for `fanlight.install`, `FANLIGHT_CONFIG` names the file where nothing else does."""
    monkeypatch.setenv("FANLIGHT_CONFIG", str(file("{archive: {type: shelf, path: /a}}")))
    assert sink_config(ShelfConfig).path == "/a"

    monkeypatch.delenv("FANLIGHT_CONFIG")
    assert problems(ShelfConfig) == ["no configuration was given; pass a path, or set FANLIGHT_CONFIG"]


def test_one_of_several_is_named(file):
    """Nothing is guessed."""
    path = file("{first: {type: shelf, path: /a}, second: {type: shelf, path: /b}, log: {type: console}}")

    assert sink_config(ShelfConfig, path, sink="second").path == "/b"
    assert problems(ShelfConfig, path)[0].endswith(
        "2 sinks are of type shelf; name one with --sink (in Python: sink=…); known: first, second"
    )
    assert problems(ShelfConfig, path, sink="secnd")[0].endswith("there is no sink `secnd`; did you mean `second`?")
    assert problems(ShelfConfig, path, sink="log")[0].endswith(
        'sinks.log.type = "console"  expected a sink of type shelf'
    )


def test_only_what_is_about_a_key_says_where_keys_are_described(file):
    """Which sink was meant is no matter of the file; a key that is wrong is."""
    path = file("{first: {type: shelf, path: /a}, second: {type: shelf, pth: /b}}")

    for sink, closing in (("third", "."), (None, "."), ("second", ". Every key is described in config/README.md")):
        with pytest.raises(ConfigError) as caught:
            sink_config(ShelfConfig, path, sink=sink)
        assert str(caught.value).splitlines()[-1] == f"Nothing was started{closing}"


def test_without_such_a_sink_there_are_no_settings(file):
    """One sentence; also where the type of a sink is no text at all."""
    path = file("{log: {type: console}, odd: {type: [shelf]}}")

    assert problems(ShelfConfig, path)[0].endswith("sinks  there is no sink of type shelf")


def test_what_is_wrong_is_said_with_its_line_and_without_the_secret(file, monkeypatch):
    """All problems of this sink at once; none shows what a placeholder stands for."""
    monkeypatch.setenv("SHELF_DEPTH", SECRET)
    path = file('{archive: {type: shelf, pth: /a, depth: "${env:SHELF_DEPTH}", key: "${env:NOT_SET_ANYWHERE}"}}')

    found = problems(ShelfConfig, path)

    assert all(problem.startswith("line 7:") for problem in found)
    assert SECRET not in "".join(found)
    assert {problem.split()[2] for problem in found} == {
        "sinks.archive.pth",
        "sinks.archive.path",
        "sinks.archive.depth",
        "sinks.archive.key",
    }


def test_a_key_that_stands_there_twice_is_refused(file):
    """It may be the path of the destination that is about to be worked on."""
    path = file("{archive: {type: shelf, path: /a, path: /b}}")

    assert "twice" in problems(ShelfConfig, path)[0] or "duplicate" in problems(ShelfConfig, path)[0]
