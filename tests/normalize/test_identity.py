"""Whose run it is: user, session, tenant, tags, metadata, prompt."""

from __future__ import annotations

import threading
import uuid

import msgspec
from langchain_core.runnables import RunnableLambda

from fanlight.capture.record import CallbackRecord
from fanlight.context import context

from .models import Scripted, said


def nested(model=None):
    """A chain with a chain with a model below it."""
    model = model or Scripted(answers=[said("x")])
    return RunnableLambda(
        lambda x: RunnableLambda(lambda y: model.invoke(str(y)), name="inner").invoke(x), name="outer"
    )


def ids(event):
    return (event.user_id, event.session_id, event.tenant_id)


def test_ids_come_from_metadata(traced):
    """The usual keys name user, session and tenant, on every event of the tree."""
    metadata = {"user_id": "u1", "conversation_id": "s1", "tenant_id": 7}
    nested().invoke(1, {**traced.config, "metadata": metadata})
    assert {ids(e) for e in traced.events} == {("u1", "s1", "7")}


def test_the_first_session_key_wins(traced):
    """A session that is named is better than a thread."""
    nested().invoke(1, {**traced.config, "metadata": {"thread_id": "t", "session_id": "s"}})
    assert {e.session_id for e in traced.events} == {"s"}


def test_keys_are_configurable(make_traced):
    """A team that calls its users accounts says so once."""
    traced = make_traced(user_keys=("account", "user_id"))
    nested().invoke(1, {**traced.config, "metadata": {"account": "a1", "user_id": "u1"}})
    assert {e.user_id for e in traced.events} == {"a1"}


def test_the_context_says_it_outright(traced):
    """`fanlight.context` wins over ids read from metadata, and its metadata loses against the run's own."""
    with context(user_id="u1", session_id="s1", tenant_id="t1", metadata={"team": "context", "area": "eu"}):
        config = {**traced.config, "metadata": {"user_id": "other", "thread_id": "thread", "team": "run"}}
        nested().invoke(1, config)
    assert {ids(e) for e in traced.events} == {("u1", "s1", "t1")}
    assert {(e.metadata["team"], e.metadata["area"]) for e in traced.events} == {("run", "eu")}


def test_tags_of_the_context_are_the_users(traced):
    """A context's tags come on top of the run's own."""
    with context(tags=["vip", "a"]):
        nested().invoke(1, {**traced.config, "tags": ["a", "b"]})
    assert {e.tags for e in traced.events} == {("a", "b", "vip")}


def test_a_context_may_name_the_environment(traced):
    """One process may serve several environments."""
    with context(environment="staging"):
        nested().invoke(1, traced.config)
    assert {e.environment for e in traced.events} == {"staging"}


def test_a_thread_that_lost_the_context_inherits_it(traced):
    """A bare thread copies no context; the runs in it have what their parent has."""

    def work(x, config):
        thread = threading.Thread(
            target=lambda: RunnableLambda(lambda y: y, name="in thread").invoke(x, {"callbacks": config["callbacks"]})
        )
        thread.start()
        thread.join()
        return x

    with context(user_id="u1", tenant_id="t1", tags=["vip"], metadata={"area": "eu"}):
        RunnableLambda(work).invoke(1, traced.config)
    event = traced.one("chain.end", name="in thread")
    assert event.parent_run_id == traced.root.run_id
    assert (event.user_id, event.tenant_id, event.tags, event.metadata) == ("u1", "t1", ("vip",), {"area": "eu"})


def test_a_context_inside_a_run_adds_to_what_is_inherited(traced):
    """What is learnt further down holds from there on, beside what is known above."""

    def work(x):
        with context(tenant_id="t1"):
            return RunnableLambda(lambda y: y, name="below").invoke(x)

    with context(user_id="u1"):
        RunnableLambda(work).invoke(1, traced.config)
    assert ids(traced.one("chain.end", name="below")) == ("u1", None, "t1")
    assert ids(traced.root) == ("u1", None, None)


def test_a_childs_own_metadata_is_its_own(traced):
    """A child that says something else about itself is believed."""
    child = RunnableLambda(lambda y: y, name="child").with_config(metadata={"user_id": "u2"})

    def work(x):
        return child.invoke(x)

    RunnableLambda(work).invoke(1, {**traced.config, "metadata": {"user_id": "u1", "tenant_id": "t"}})
    assert ids(traced.one("chain.end", name="child")) == ("u2", None, "t")
    assert ids(traced.root) == ("u1", None, "t")


def test_prompts_are_named(make_traced):
    """Name and version of the prompt come from metadata keys that the configuration names."""
    traced = make_traced(prompt_version_key="pv")
    nested().invoke(1, {**traced.config, "metadata": {"prompt_name": "greet", "pv": 3}})
    assert {(e.prompt_name, e.prompt_version) for e in traced.events} == {("greet", "3")}


def test_langchains_tags_are_kept_apart(traced):
    """Routing must not see `seq:step:1`."""
    (RunnableLambda(lambda x: x) | RunnableLambda(lambda x: x)).invoke(1, {**traced.config, "tags": ["mine"]})
    steps = [e for e in traced.events if e.ends_run and not e.is_root]
    assert [(e.tags, e.lc_tags) for e in steps] == [(("mine",), ("seq:step:1",)), (("mine",), ("seq:step:2",))]


def start_record(configurable, metadata=None):
    kwargs = {"tags": [], "metadata": metadata or {}, "name": "graph"}
    return CallbackRecord("chain_start", uuid.uuid4(), None, 1, 1, (None, {}), kwargs, configurable=configurable)


def test_configurable_values_are_taken_over_by_name(make_traced):
    """What a configuration names of LangGraph's `configurable` counts as metadata; the run's own metadata wins."""
    normalizer = make_traced(configurable_keys=("user_id", "tenant_id", "plan")).normalizer
    record = start_record({"user_id": "u1", "tenant_id": "t1", "plan": "pro", "api_key": "secret"}, {"plan": "free"})
    (event,) = normalizer.feed(record)
    assert ids(event) == ("u1", None, "t1")
    assert event.metadata == {"user_id": "u1", "tenant_id": "t1", "plan": "free"}
    child = CallbackRecord("chain_start", uuid.uuid4(), record.run_id, 2, 2, (None, {}), {"name": "child"})
    (below,) = normalizer.feed(child)
    assert (ids(below), below.metadata["plan"]) == (ids(event), "pro")


def test_metadata_of_any_kind_is_survived(traced):
    """Metadata holds objects, numbers as keys, and megabytes; ids only come from what is one."""
    metadata = {
        "user_id": object(),
        "session_id": ["no"],
        "tenant_id": "",
        "big": "x " * 1_000_000,
        "lock": threading.Lock(),
    }
    nested().invoke(1, {**traced.config, "metadata": metadata})
    assert {ids(e) for e in traced.events} == {(None, None, None)}
    assert all(len(e.to_json()) < 100_000 for e in traced.events)
    assert "metadata" in {cut.field for cut in traced.root.truncated}


def test_an_event_names_its_process_and_attributes(make_traced):
    """Static attributes and the process are on every event."""
    from fanlight.event import Process

    process = Process(host="h", pid=1, instance_id="i")
    traced = make_traced(attributes={"team": "support"}, process=process, service_version="1.2", vcs_revision="abc")
    nested().invoke(1, traced.config)
    event = traced.root
    assert (event.attributes, event.process) == ({"team": "support"}, process)
    assert (event.service_name, event.service_version, event.vcs_revision) == ("svc", "1.2", "abc")
    assert msgspec.json.decode(event.to_json())["process"]["host"] == "h"
