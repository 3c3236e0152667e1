"""What plugins contribute is taken once; what they listen to is called, each in its own try."""

import inspect
import re
import textwrap
from pathlib import Path

import pytest

from fanlight import DeliveryOutcome
from fanlight.hookspecs import FanlightSpecs
from fanlight.plugins import PluginRegistry

OUTCOME = DeliveryOutcome(sink="a", batch_id="b", events=3, attempt=1, result="delivered", duration_ms=1.0)
GUIDE = (Path(__file__).parents[2] / "plugins" / "README.md").read_text()
HOOKS = [name for name in vars(FanlightSpecs) if name.startswith("fanlight_")]


def example(hook):
    """Return the code block of a hook's docstring."""
    return textwrap.dedent(re.search(r"```python\n(.*?)```", getattr(FanlightSpecs, hook).__doc__, re.DOTALL)[1])


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_every_hook_is_a_plugin(module, hook):
    """What the documentation shows can be loaded as it stands, and brings what it says."""
    registry = PluginRegistry.load(modules=[module("shown", example(hook))])
    (shown,) = [info for info in registry.plugins if info.name == "shown"]

    assert (shown.status, shown.reason) == ("loaded", "")
    assert len(shown.provides) == 1


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_in_the_guide(hook):
    """The guide for authors lists each hook with its exact signature."""
    written = str(inspect.signature(getattr(FanlightSpecs, hook))).replace("'", "")

    assert f"| `{hook}{re.sub(r'self(, )?', '', written)}` |" in GUIDE


def test_the_examples_do_what_they_say(module, capsys):
    """The examples' listeners are called with what they ask for."""
    names = ("fanlight_delivery_outcome", "fanlight_started", "fanlight_stopped")
    registry = PluginRegistry.load(modules=[module(f"shown_{name}", example(name)) for name in names])
    registry.call_started(("console", "lake"))
    registry.call_delivery_outcome(OUTCOME)
    registry.call_stopped()

    assert capsys.readouterr().out == "delivering to console, lake\na delivered 3\nclosed\n"


def test_everything_that_can_be_contributed_is_taken(module):
    """Processors, matchers, detectors, resolvers and wrappers are there under their own names."""
    names = ("processors", "matchers", "detectors", "secret_resolvers", "deliver")
    modules = [module(f"shown_{name}", example(f"fanlight_{name}")) for name in names]
    registry = PluginRegistry.load(modules=modules)

    assert [processor.name for processor in registry.processors] == ["lower_names"]
    assert [matcher.name for matcher in registry.matchers] == ["long_name"]
    assert [detector.kind for detector in registry.detectors] == ["acme_token"]
    assert [resolver.scheme for resolver in registry.secret_resolvers] == ["vault"]
    assert [wrapper.__name__ for wrapper in registry.wrappers] == ["shown_deliver"]


def test_one_that_raises_silences_nobody(module, caplog):
    """A listener that raises is logged by name, without its text, and the next one hears."""
    source = "from fanlight import hookimpl\n@hookimpl\ndef fanlight_delivery_outcome(outcome):\n    {}\n"
    registry = PluginRegistry.load(
        modules=[
            module("first", "heard = []\n" + source.format("heard.append(outcome.sink)")),
            module("second", source.format("raise RuntimeError('a secret')")),
            module("third", "heard = []\n" + source.format("heard.append(outcome.sink)")),
        ]
    )
    registry.call_delivery_outcome(OUTCOME)

    import first
    import third

    assert (first.heard, third.heard) == (["a"], ["a"])
    assert "plugin second: fanlight_delivery_outcome raised RuntimeError" in caplog.text
    assert "a secret" not in caplog.text


def test_a_listener_takes_what_it_needs(module):
    """An implementation may leave arguments out; that is how hooks can grow."""
    source = "from fanlight import hookimpl\nheard = []\n@hookimpl\ndef fanlight_started():\n    heard.append(1)\n"
    registry = PluginRegistry.load(modules=[module("frugal", source)])
    registry.call_started(("a",))

    import frugal

    assert frugal.heard == [1]
