"""All destinations tell the same truth: each workload, read back from four of them, run by run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.runnables import RunnableConfig
from langchain_core.vectorstores import InMemoryVectorStore

import fanlight
from fanlight.demo.readers import rows_of_tables, runs_of_events, runs_of_rows, runs_of_spans
from fanlight.demo.received import SeenRun
from fanlight.demo.workloads import COST, WORKLOADS
from fanlight.demo.workloads.rag import QUESTION
from fanlight.sinks.memory import store
from fanlight_arize.testing import ArizeReceiver
from fanlight_lake.testing import read_events
from fanlight_otel.testing import OtlpReceiver
from fanlight_wandb.testing import read_runs

pytestmark = pytest.mark.long

DESTINATIONS = ("lake", "otel", "arize", "wandb")
KEY = "not-a-real-key"


class Told(msgspec.Struct):
    """What every destination holds of every workload, and what a memory sink in the same process saw."""

    seen: tuple[SeenRun, ...]
    destinations: dict[str, tuple[SeenRun, ...]]
    traces: dict[str, str]
    """Trace ids to names of workloads."""
    raw: dict[str, bytes]

    def of(self, runs: tuple[SeenRun, ...], workload: str) -> Counter[SeenRun]:
        """Return which of *runs* belong to *workload*; a run that is there twice counts twice."""
        return Counter(run for run in runs if self.traces.get(run.trace_id) == workload)


def told(directory: Path, **settings: dict[str, Any]) -> Told:
    """Run all workloads through one router into all destinations; *settings* are further keys of single sinks."""
    with OtlpReceiver() as otlp, ArizeReceiver(space_id="space", api_key=KEY) as arize:
        sinks: dict[str, dict[str, Any]] = {
            "seen": {"type": "memory", "max_events": 100_000},
            "lake": {"type": "lake", "path": str(directory / "lake")},
            "otel": {"type": "otel", "endpoint": otlp.http_endpoint},
            "arize": {
                "type": "arize",
                "space_id": "space",
                "api_key": KEY,
                "endpoint": arize.http_endpoint,
                "protocol": "http",
                "project": "same-truth",
            },
            "wandb": {"type": "wandb", "project": "truth", "mode": "offline", "directory": str(directory / "wandb")},
        }
        config = {
            "version": 1,
            "service": "same-truth",
            "environments": ["test"],
            "environment": "test",
            "shutdown_timeout": "60s",
            "cost": COST,
            "sinks": {name: sink | settings.get(name, {}) for name, sink in sinks.items()},
            "routes": [{"name": "all", "match": {}, "to": list(sinks)}],
        }
        store("seen").clear()
        with fanlight.Router.from_config(config) as router:
            for workload in WORKLOADS.values():
                about = {"workload": workload.name, "tenant_id": "acme"}
                workload(RunnableConfig(callbacks=[router.handler], metadata=about))
            search(RunnableConfig(callbacks=[router.handler], metadata={"workload": "embeddings", "tenant_id": "acme"}))
            assert router.flush(timeout=60).complete
            router.close()
        health = router.health()
        assert health.balanced
        assert {name: sink.counts.pending for name, sink in health.sinks.items()} == dict.fromkeys(sinks, 0)
        assert not any(sink.counts.dead_lettered or sink.counts.dropped for sink in health.sinks.values())
        events = store("seen").events
        rows = list(rows_of_tables(read_runs(directory / "wandb")))
        kept = read_events(directory / "lake")
        return Told(
            seen=tuple(runs_of_events(events)),
            destinations={
                "lake": tuple(runs_of_events(kept)),
                "otel": tuple(runs_of_spans(otlp.spans)),
                "arize": tuple(runs_of_spans(arize.spans)),
                "wandb": tuple(runs_of_rows(rows)),
            },
            traces={event.trace_id: event.metadata["workload"] for event in events if "workload" in event.metadata},
            raw={
                "lake": b"\n".join(event.to_json() for event in kept),
                "otel": repr(otlp.spans).encode(),
                "arize": repr(arize.spans).encode(),
                "wandb": repr(rows).encode(),
            },
        )


def search(config: RunnableConfig) -> None:
    """Embed a question and search by it: a run that LangChain tells nobody of."""
    pages = InMemoryVectorStore(fanlight.embeddings(DeterministicFakeEmbedding(size=8)))
    pages.add_texts([QUESTION, "something else"])
    pages.as_retriever(search_kwargs={"k": 1}).invoke(QUESTION, config)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """All workloads in all destinations, nothing left out."""
    return told(tmp_path_factory.mktemp("everything"))


@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("workload", [*WORKLOADS, "embeddings"])
def test_every_destination_holds_every_run_once_and_as_it_was(
    everything: Told, workload: str, destination: str
) -> None:
    """Ids, parents, names, kinds, statuses, tenants, tokens and cost of each run are those of its event."""
    seen = everything.of(everything.seen, workload)
    assert seen
    assert everything.of(everything.destinations[destination], workload) == seen


def test_an_embedding_call_is_a_run_like_any_other(everything: Told) -> None:
    """The retriever's own embedding is below it, in the same trace."""
    kinds = Counter(run.kind for run in everything.of(everything.seen, "embeddings"))
    assert kinds == {"retriever": 1, "embedding": 1}


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_no_destination_invents_runs(everything: Told, destination: str) -> None:
    """What is there beside the workloads' own runs is nothing."""
    assert len(everything.destinations[destination]) == len(everything.seen)


@pytest.fixture(scope="module")
def less(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The same, with what a sink may be told to leave out."""
    return told(
        tmp_path_factory.mktemp("less"),
        otel={"collapse": {"types": ["chain"]}},
        arize={"content": "metadata"},
        wandb={"content": "metadata", "collapse": {"hidden": True}},
    )


def test_collapse_leaves_out_chains_and_nothing_else(less: Told) -> None:
    """Roots, models, tools and retrievers are there as they were; each hangs on the nearest run that was sent."""
    by_span = {run.span_id: run for run in less.seen}
    expected = [run for run in less.seen if run.kind != "chain" or run.parent_span_id is None]
    assert {run.span_id for run in expected} == {run.span_id for run in less.destinations["otel"]}
    for run in less.destinations["otel"]:
        whole = by_span[run.span_id]
        assert msgspec.structs.replace(run, parent_span_id=whole.parent_span_id) == whole
        parent = whole.parent_span_id
        while parent is not None and by_span[parent] not in expected:
            parent = by_span[parent].parent_span_id
        assert run.parent_span_id == parent


def test_metadata_only_changes_no_figure(less: Told) -> None:
    """Without prompts, answers, documents and arguments every run, token, status and cost is still the same."""
    assert Counter(less.destinations["arize"]) == Counter(less.seen)


@pytest.mark.parametrize(
    ("destination", "told_all"), [("lake", True), ("otel", True), ("arize", False), ("wandb", False)]
)
def test_metadata_only_tells_no_content(less: Told, destination: str, *, told_all: bool) -> None:
    """A sentence of a prompt is where content is sent, and nowhere else."""
    assert (QUESTION.encode() in less.raw[destination]) is told_all
