"""Every hook of one plugin, at work in a real router behind a real chain."""

from langchain_core.runnables import RunnableLambda

import fanlight
from fanlight.sinks.memory import store

PLUGIN = """
from fanlight import Detector, Matcher, Processor, SecretResolver, hookimpl

heard = []

@hookimpl
def fanlight_secret_resolvers():
    return [SecretResolver(scheme="vault", resolve={"store": "from-the-vault"}.__getitem__)]

@hookimpl
def fanlight_processors():
    return [Processor(name="louder", process=lambda event: event.replace(name=event.name.upper()))]

@hookimpl
def fanlight_matchers():
    return [Matcher(name="short", value=lambda event: len(event.name) < 6)]

@hookimpl
def fanlight_detectors():
    return [Detector(kind="acme_token", pattern="acme_[0-9a-f]{8}")]

@hookimpl(wrapper=True)
def fanlight_deliver(batch):
    heard.append(("deliver", batch.sink))
    return (yield)

@hookimpl
def fanlight_delivery_outcome(outcome):
    heard.append(("outcome", outcome.sink, outcome.result))

@hookimpl
def fanlight_started(sinks):
    heard.append(("started", *sinks))

@hookimpl
def fanlight_stopped():
    heard.append(("stopped",))
"""


def test_every_hook_does_its_work(module):
    """Enriched, matched, masked, resolved, wrapped and listened to: each part is called where it belongs."""
    module("works", PLUGIN)
    store("from-the-vault").clear()
    config = {
        "version": 1,
        "service": "a",
        "environments": ["test"],
        "environment": "test",
        "plugins": {"modules": ["works"]},
        "sinks": {
            "one": {"type": "memory", "store": "${vault:store}"},
            "two": {"type": "memory", "store": "not-chosen"},
        },
        "routes": [{"match": {"x.short": True}, "to": ["one"]}, {"match": {"x.short": False}, "to": ["two"]}],
    }
    with fanlight.Router.from_config(config) as router:
        chain = RunnableLambda(lambda text: text).with_config(run_name="quiet")
        chain.invoke("key acme_0123abcd", config={"callbacks": [router.handler]})
        assert router.flush(timeout=20)

    import works

    start, end = store("from-the-vault").events
    assert (start.name, start.inputs, end.outputs) == (
        "QUIET",
        "key [redacted:acme_token]",
        "key [redacted:acme_token]",
    )
    assert len(store("not-chosen")) == 0
    assert works.heard[0] == ("started", "one", "two")
    assert works.heard[-1] == ("stopped",)
    assert {("deliver", "one"), ("outcome", "one", "delivered")} == set(works.heard[1:-1])
