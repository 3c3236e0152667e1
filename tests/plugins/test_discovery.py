"""Plugins are found through their entry points, and a broken one is a line in a report."""

import subprocess
import sys

import pytest

from fanlight import ConfigError
from fanlight.plan import load_plan
from fanlight.plugins import PluginRegistry


def info(registry, name):
    return next(found for found in registry.plugins if found.name == name)


def test_fanlights_own_sinks_are_a_plugin_like_any_other():
    """console, jsonl and memory are registered through the hook."""
    registry = PluginRegistry.builtin()

    assert set(registry.sink_types) == {"console", "jsonl", "memory"}
    assert registry.plugins[0].provides == ("sink:console", "sink:jsonl", "sink:memory")
    assert registry.failed == ()


def test_an_installed_distribution_is_found(installed, sink_source):
    """Its sink type can be used, and the report says who brings it."""
    installed("acme-chat", sink_source("chat"))
    registry = PluginRegistry.load()

    assert registry.sink_types["chat"].name == "chat"
    found = info(registry, "acme-chat")
    assert (found.distribution, found.version, found.status) == ("acme-chat", "1.0", "loaded")
    assert found.provides == ("sink:chat",)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import a_module_that_is_not_there", "ModuleNotFoundError: No module named 'a_module_that_is_not_there'"),
        ("raise RuntimeError('first line\\nsecond line')", "RuntimeError: first line second line"),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
        ("def f(:", "SyntaxError"),
        ("x = 1", "TypeError: it implements no hook: is @hookimpl missing?"),
        (
            "from fanlight import hookimpl\n@hookimpl\ndef fanlight_delivr(batch): ...",
            "PluginValidationError: unknown hook 'fanlight_delivr'",
        ),
        (
            "from fanlight import hookimpl\n@hookimpl\ndef fanlight_started(sink): ...",
            "PluginValidationError: Plugin 'acme' for hook 'fanlight_started'",
        ),
        (
            "from fanlight import hookimpl\n@hookimpl\ndef fanlight_deliver(batch): ...",
            "TypeError: fanlight_deliver must be @hookimpl(wrapper=True)",
        ),
        (
            "from fanlight import hookimpl\n@hookimpl\ndef fanlight_register_sinks(): return ['chat']",
            "TypeError: fanlight_register_sinks returned a str, not a SinkType",
        ),
        (
            (
                "from fanlight import hookimpl\n@hookimpl\n"
                "def fanlight_register_sinks():\n    yield\n    raise OSError('x')"
            ),
            "OSError: x",
        ),
        (
            (
                "from fanlight import Detector, hookimpl\n@hookimpl\n"
                "def fanlight_detectors(): return [Detector(kind='acme', pattern='(?=x)')]"
            ),
            "ValueError: the pattern of detector acme is not valid RE2",
        ),
        (
            (
                "from fanlight import SecretResolver, hookimpl\n@hookimpl\n"
                "def fanlight_secret_resolvers(): return [SecretResolver(scheme='env', resolve=str)]"
            ),
            "ValueError: the placeholder `env:` is fanlight's own",
        ),
        (
            (
                "from fanlight import Sink, SinkConfig, SinkType, hookimpl\n"
                "class Config(SinkConfig):\n    timeout: float = 1.0\n"
                "@hookimpl\ndef fanlight_register_sinks():\n"
                "    return [SinkType(name='chat', config_model=Config, factory=Sink)]"
            ),
            "TypeError: Config.timeout can never be set",
        ),
        (
            (
                "from fanlight import Sink, SinkType, hookimpl\n@hookimpl\ndef fanlight_register_sinks():\n"
                "    return [SinkType(name='chat', config_model=dict, factory=Sink)]"
            ),
            "TypeError: the config_model of sink type chat is no SinkConfig",
        ),
        (
            (
                "from fanlight import Sink, SinkConfig, SinkType, hookimpl\n@hookimpl\n"
                "def fanlight_register_sinks():\n"
                "    return [SinkType(name='chat', config_model=SinkConfig, factory=lambda _: 1, isolation='process')]"
            ),
            "TypeError: sink type chat cannot run in its own process: its factory must be importable by name",
        ),
        (
            (
                "from fanlight import Sink, SinkConfig, SinkType, hookimpl\n@hookimpl\n"
                "def fanlight_register_sinks():\n    class Config(SinkConfig): ...\n"
                "    return [SinkType(name='chat', config_model=Config, factory=Sink, isolation=lambda _: 'thread')]"
            ),
            "TypeError: sink type chat cannot run in its own process: its config_model must be importable by name",
        ),
        (
            (
                "from fanlight import Sink, SinkConfig, SinkType, hookimpl\n@hookimpl\n"
                "def fanlight_register_sinks():\n"
                "    return [SinkType(name='chat', config_model=SinkConfig, factory=Sink, isolation='fork')]"
            ),
            "TypeError: sink type chat wants isolation 'fork', neither `thread` nor `process`",
        ),
    ],
)
def test_a_broken_plugin_is_a_line_with_the_reason(installed, source, reason):
    """Whatever a plugin does wrong, the others are there, nothing is raised, and the reason is one line."""
    installed("acme", source)
    registry = PluginRegistry.load()

    assert info(registry, "acme").status == "failed"
    assert info(registry, "acme").reason.startswith(reason)
    assert "\n" not in info(registry, "acme").reason
    assert {"console", "jsonl", "memory"} <= set(registry.sink_types)
    assert "chat" not in registry.sink_types


def test_leaving_the_program_is_not_contained(installed):
    """Ctrl-C and a signal handler's exit mean the program, not the plugin that happened to be loading."""
    installed("acme", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        PluginRegistry.load()


def test_a_broken_plugin_is_named_where_its_sink_is_used(installed, config):
    """Who configures a type that could not be loaded is told why."""
    installed("acme-chat", "raise RuntimeError('no license')", entry_point="chat")

    with pytest.raises(ConfigError, match=r"could not be loaded from acme-chat 1\.0; RuntimeError: no license"):
        load_plan(config("chat"))


def test_a_broken_plugin_that_nobody_uses_is_a_warning(installed, config):
    """Everything else works, and it is said: the plugin may have been a detector of secrets."""
    installed("acme-chat", "raise RuntimeError('no license')")

    (warning,) = load_plan(config("memory")).warnings
    assert "acme-chat 1.0 cannot be used: RuntimeError: no license" in warning.message


def test_two_distributions_with_one_name_are_both_refused(installed, sink_source, config):
    """Whoever is found first could be anybody: neither is used, and each names the other."""
    installed("acme-chat", sink_source("chat"))
    installed("evil-chat", sink_source("chat"), version="9.9")
    registry = PluginRegistry.load()

    assert "chat" not in registry.sink_types
    assert info(registry, "acme-chat").reason == "sink:chat is also brought by evil-chat 9.9; disable one of them"
    assert info(registry, "evil-chat").reason == "sink:chat is also brought by acme-chat 1.0; disable one of them"
    with pytest.raises(ConfigError, match="sink:chat is also brought by"):
        load_plan(config("chat"))
    assert load_plan(config("chat", disabled=["evil-chat"])).sinks[0].sink_type.name == "chat"


def test_fanlights_own_names_are_not_up_for_claims(installed, sink_source):
    """A plugin that brings a `console` is refused, and console stays what it is."""
    installed("acme-console", sink_source("console"))
    registry = PluginRegistry.load()

    assert registry.sink_types["console"].config_model.__module__.startswith("fanlight.sinks")
    assert "also brought by fanlight " in info(registry, "acme-console").reason


def test_what_is_disabled_is_not_even_imported(installed, monkeypatch):
    """By the name of the entry point or of the distribution, in the configuration or in the environment."""
    installed("acme-chat", "raise RuntimeError('imported')", entry_point="chat")

    for name in ("chat", "acme-chat"):
        assert info(PluginRegistry.load(disabled=[name]), "chat").status == "disabled"
        monkeypatch.setenv("FANLIGHT_PLUGINS_DISABLED", f"other, {name}")
        assert info(PluginRegistry.load(), "chat").status == "disabled"
        monkeypatch.delenv("FANLIGHT_PLUGINS_DISABLED")
    assert info(PluginRegistry.load(), "chat").status == "failed"


def test_a_module_of_the_application_is_a_plugin_too(module, sink_source, config):
    """`plugins.modules` needs no distribution; one that cannot be imported is an error at its place."""
    module("my_sink", sink_source("chat"))
    plan = load_plan(config("chat", modules=["my_sink"]))

    assert plan.sinks[0].config.room == "lobby"
    with pytest.raises(ConfigError, match=r"plugins\.modules\[1\] .*the module cannot be used; ModuleNotFoundError"):
        load_plan(config("chat", modules=["my_sink", "my_sinc"]))


def test_a_module_that_is_installed_as_well_counts_once(installed, sink_source):
    """Naming an installed plugin's module is harmless."""
    installed("acme-chat", sink_source("chat"))
    registry = PluginRegistry.load(modules=["acme_chat"])

    assert "chat" in registry.sink_types
    assert [found.name for found in registry.plugins].count("acme-chat") == 1


def test_importing_fanlight_looks_for_no_plugin(installed, tmp_path):
    """Plugins are imported when a configuration is read, not by `import fanlight`."""
    installed("acme-chat", "print('imported')")
    script = "import fanlight; fanlight.context; print('done')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(tmp_path)}
    )

    assert done.stdout == "done\n"


@pytest.fixture
def config():
    """A configuration with one sink of a type, and what it says of plugins."""

    def made(kind: str, **plugins: list[str]):
        return {
            "version": 1,
            "service": "a",
            "environments": ["prod"],
            "environment": "prod",
            "plugins": plugins,
            "sinks": {"one": {"type": kind}},
            "routes": [{"to": ["one"]}],
        }

    return made
