"""`fanlight.testing.capture` tries the real rules on real runs and sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda

import fanlight
from fanlight import ConfigError
from fanlight.demo.workloads import WORKLOADS
from fanlight.testing import capture


def config(**changes: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "service": "tested",
        "environments": ["dev", "prod"],
        "environment": "${env:FANLIGHT_TEST_NOT_SET}",
        "sinks": {
            "arize": {
                "type": "arize",
                "space_id": "${env:NOT_SET_EITHER}",
                "api_key": "${env:NOT_SET_EITHER}",
                "project": "support",
                "labels": {"region": "us"},
            },
            "lake": {"type": "lake", "path": "s3://bucket/${env:NOT_SET_EITHER}", "labels": {"region": "eu"}},
            "tracing": {"type": "otel", "endpoint": "http://127.0.0.1:9", "content": "metadata"},
        },
        "routes": [
            {"name": "production", "match": {"environment": "prod"}, "to": ["arize", "tracing"]},
            {"name": "all", "match": {}, "to": ["lake"]},
            {"name": "EU stays", "match": {"tenant_id": "eu-*"}, "only": ["label:region=eu"]},
        ],
        **changes,
    }


def test_rules_are_tried_without_secrets_network_or_packages() -> None:
    """Every sink gets what its rules say, under its own name, although no secret is set and no package installed."""
    with capture(config(), environment="prod") as captured:
        WORKLOADS["rag"]({"callbacks": [captured.handler]})
        assert captured.sinks.keys() == {"arize", "lake", "tracing"}
        names = [run.name for run in captured.sinks["lake"].runs]
        assert names[-1] == "handbook_rag"
        assert [run.name for run in captured.sinks["arize"].runs] == names


def test_the_environment_chooses_the_routes() -> None:
    """The same run in another environment goes elsewhere."""
    with capture(config(), environment="dev") as captured:
        WORKLOADS["rag"]({"callbacks": [captured.handler]})
        assert captured.sinks["arize"].events == ()
        assert len(captured.sinks["lake"].runs) > 5


def test_restrictions_by_type_and_label_are_real() -> None:
    """A sink that became a memory is still restricted by its label and by its type."""
    rules = config(
        routes=[*config()["routes"], {"name": "no arize", "match": {"tags": ["secret"]}, "deny": ["type:arize"]}]
    )
    with capture(rules, environment="prod") as captured:
        with fanlight.context(tenant_id="eu-7"):
            WORKLOADS["rag"]({"callbacks": [captured.handler]})
        assert (captured.sinks["arize"].events, captured.sinks["tracing"].events) == ((), ())
        assert len(captured.sinks["lake"].runs) > 5
        WORKLOADS["rag"]({"callbacks": [captured.handler], "tags": ["secret"]})
        assert captured.sinks["arize"].events == ()
        assert len(captured.sinks["tracing"].runs) > 5


def test_content_metadata_and_what_a_type_consumes_are_real() -> None:
    """A sink of `content: metadata` gets no prompts; one whose type takes only finished runs gets no starts."""
    with capture(config(plugins={"modules": ["fanlight_otel"]}), environment="prod") as captured:
        WORKLOADS["rag"]({"callbacks": [captured.handler]})
        [model] = [run for run in captured.sinks["tracing"].runs if run.type == "llm.end"]
        assert (model.input_tokens, model.inputs, model.outputs) == (412, None, None)
        assert "".join(message.text for message in (*model.input_messages, *model.output_messages)) == ""
        assert any(event.starts_run for event in captured.sinks["lake"].events)
        assert not any(event.starts_run for event in captured.sinks["tracing"].events)


def test_collapse_is_real() -> None:
    """A sink of `collapse: {types: [chain]}` gets the root and what is no chain, each hanging on what it was sent."""
    sinks = config()["sinks"]
    sinks["lake"]["collapse"] = {"hidden": True, "types": ["chain"]}
    with capture(config(sinks=sinks), environment="prod") as captured:
        WORKLOADS["agent"]({"callbacks": [captured.handler]})
        outline, all_runs = captured.sinks["lake"].runs, captured.sinks["arize"].runs
        (root,) = [run for run in outline if run.is_root]
        assert {run.run_type for run in outline if run is not root} == {"llm", "tool", "retriever"} & {
            run.run_type for run in all_runs
        }
        assert {run.parent_run_id for run in outline} <= {None, *(run.run_id for run in outline)}
        assert root.rollup == next(run.rollup for run in all_runs if run.is_root)
        assert len(outline) < len(all_runs)
        assert captured.router.health().sinks["lake"].counts.collapsed > 0


def test_runs_are_captured_without_passing_a_handler() -> None:
    """Inside the block every run of the process is captured, once, also if it is given the handler too."""
    with capture(config(), environment="dev") as captured:
        RunnableLambda(lambda x: x, name="bare").invoke(1)
        RunnableLambda(lambda x: x, name="given").invoke(1, RunnableConfig(callbacks=[captured.handler]))
        assert [run.name for run in captured.sinks["lake"].runs] == ["bare", "given"]


def test_nothing_is_captured_after_the_block() -> None:
    """The block's end detaches, and what was captured stays readable."""
    with capture(config(), environment="dev") as captured:
        RunnableLambda(lambda x: x, name="inside").invoke(1)
        lake = captured.sinks["lake"]
        assert len(lake.runs) == 1
    RunnableLambda(lambda x: x, name="outside").invoke(1)
    assert [run.name for run in lake.runs] == ["inside"]


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "installed.jsonl"
    rules = config(
        environment="dev", sinks={"file": {"type": "jsonl", "path": str(path)}}, routes=[{"match": {}, "to": ["file"]}]
    )
    fanlight.install(rules)
    yield path
    fanlight.uninstall()


def test_an_installed_router_rests_meanwhile(installed: Path) -> None:
    """What runs inside the block does not reach the application's own sinks; what runs after it does."""
    with capture(config(), environment="dev") as captured:
        RunnableLambda(lambda x: x, name="inside").invoke(1)
        assert [run.name for run in captured.sinks["lake"].runs] == ["inside"]
    RunnableLambda(lambda x: x, name="after").invoke(1)
    router = fanlight.installed()
    assert router is not None
    assert router.flush(10.0)
    assert b'"name":"after"' in installed.read_bytes()
    assert b'"name":"inside"' not in installed.read_bytes()


def test_secrets_are_masked_as_in_production() -> None:
    """The floor is the real one: a key in a prompt is masked in every sink."""
    key = "sk-proj-" + "a1B2" * 12
    with capture(config(), environment="prod") as captured:
        RunnableLambda(lambda x: x, name="echo").invoke(f"my key is {key}")
        [run] = captured.sinks["lake"].runs
        assert key not in run.to_json().decode()
        assert run.redacted


def test_clear_forgets_what_came_before() -> None:
    """Between two acts of one test a sink can be emptied."""
    with capture(config(), environment="dev") as captured:
        RunnableLambda(lambda x: x, name="first").invoke(1)
        captured.sinks["lake"].clear()
        RunnableLambda(lambda x: x, name="second").invoke(1)
        assert [run.name for run in captured.sinks["lake"].runs] == ["second"]


def test_the_ledger_of_the_captured_router_balances() -> None:
    """The router is a real one, with its own account of every event."""
    with capture(config(), environment="prod") as captured:
        for name in ("agent", "approval", "tool_error"):
            WORKLOADS[name]({"callbacks": [captured.handler]})
        captured.flush()
        health = captured.router.health()
        assert health.balanced
        assert {name: sink.counts.pending for name, sink in health.sinks.items()} == {
            "arize": 0,
            "lake": 0,
            "tracing": 0,
        }


def test_an_unknown_environment_is_an_error() -> None:
    """Without knowing the environment no rule can be tried: it must be said."""
    with pytest.raises(ConfigError, match="environment"), capture(config()):
        pass


def test_a_broken_configuration_is_an_error() -> None:
    """Misspelt keys and types are errors here as they are in production."""
    with (
        pytest.raises(ConfigError, match="to_"),
        capture(config(routes=[{"match": {}, "to_": ["lake"]}]), environment="dev"),
    ):
        pass
    with (
        pytest.raises(ConfigError, match="araze"),
        capture(config(sinks={"a": {"type": "araze"}}, routes=[]), environment="dev"),
    ):
        pass
