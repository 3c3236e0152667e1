"""The wrapper around embedding models: transparent to the application, and a run below the run it is called in."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore
from pydantic import BaseModel, ConfigDict

import fanlight
from fanlight import TelemetryEvent, testing
from fanlight.sinks.memory import store as memory
from fanlight.testing import Captured

CONFIG: dict[str, Any] = {
    "version": 1,
    "service": "test",
    "environments": ["test"],
    "environment": "test",
    "sinks": {"kept": {"type": "memory"}},
    "routes": [{"match": {}, "to": ["kept"]}],
}


class Model(DeterministicFakeEmbedding):
    """A model of eight dimensions with the attributes that real ones have."""

    size: int = 8
    model: str = "embed-small"
    dimensions: int = 8


class Broken(Embeddings):
    """A model that fails."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise self.error

    def embed_query(self, text: str) -> list[float]:
        raise self.error


@pytest.fixture
def captured() -> Iterator[Captured]:
    with testing.capture(CONFIG) as running:
        yield running


def of(captured: Captured, *types: str) -> list[TelemetryEvent]:
    return [event for event in captured.sinks["kept"].events if event.type in types]


def parent_of(captured: Captured, event: TelemetryEvent) -> TelemetryEvent:
    return next(one for one in captured.sinks["kept"].events if one.run_id == event.parent_run_id)


def rag(store: InMemoryVectorStore) -> Any:
    answer = RunnableLambda(lambda found: len(found["documents"])).with_config(run_name="answer")
    return {"question": RunnablePassthrough(), "documents": store.as_retriever()} | answer


@pytest.fixture
def store() -> InMemoryVectorStore:
    """A store that was filled while nobody looked."""
    with fanlight.suppress():
        filled = InMemoryVectorStore(fanlight.embeddings(Model()))
        filled.add_texts(["refunds take five days", "orders ship within a day"])
        return filled


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_question_is_embedded_below_its_retrieval(
    captured: Captured, store: InMemoryVectorStore, asynchronous: bool
) -> None:
    """In a RAG chain the embedding is a child of the retriever's run, in the same tree, with model and statistics."""
    chain = rag(store)
    found = asyncio.run(chain.ainvoke("how long?")) if asynchronous else chain.invoke("how long?")
    assert found == 2
    (end,) = of(captured, "embedding.end")
    parent = parent_of(captured, end)
    (root,) = [event for event in captured.sinks["kept"].runs if event.is_root]
    assert (parent.run_type, parent.name) == ("retriever", "VectorStoreRetriever")
    assert (end.parent_span_id, end.trace_id, end.root_run_id) == (parent.span_id, root.trace_id, root.run_id)
    assert (end.name, end.operation, end.request_model, end.inputs) == (
        "Model",
        "embeddings",
        "embed-small",
        "how long?",
    )
    assert (end.status, end.usage_missing, end.invocation_params) == ("ok", True, {"dimensions": 8})
    assert end.embeddings is not None
    assert (end.embeddings.count, end.embeddings.dimensions) == (1, 8)
    assert end.duration_ms is not None
    assert end.duration_ms > 0


def test_without_install_the_handler_of_the_run_is_found(store: InMemoryVectorStore) -> None:
    """A handler that was passed to the chain alone hears of the embedding too, and so does a retriever of its own."""
    sinks = {"kept": {"type": "memory", "store": "embeddings alone"}}
    with fanlight.Router.from_config(CONFIG | {"sinks": sinks}) as router:
        rag(store).invoke("how long?", config={"callbacks": [router.handler]})
        store.as_retriever().invoke("how long?", config={"callbacks": [router.handler]})
        store.embeddings.embed_query("nobody listens")
        assert router.flush(timeout=20)
    events = memory("embeddings alone").events
    types = {event.run_id: event.run_type for event in events}
    ends = [event for event in events if event.type == "embedding.end"]
    assert [types[event.parent_run_id or ""] for event in ends] == ["retriever", "retriever"]


def test_each_router_hears_of_it_once(captured: Captured, store: InMemoryVectorStore) -> None:
    """Attached both ways, one call is one run."""
    rag(store).invoke("how long?", config={"callbacks": [captured.handler]})
    assert len(of(captured, "embedding.end")) == 1


def test_documents_are_embedded_in_a_run_of_their_own(captured: Captured) -> None:
    """Indexing happens outside of every chain: then the call is a root, in the context around it."""
    model = fanlight.embeddings(Model(), name="handbook")
    with fanlight.context(tenant_id="acme", tags=["nightly"]) as c:
        vectors = model.embed_documents(["a", "b", "c"])
        trace_id = c.trace_id
    assert vectors == Model().embed_documents(["a", "b", "c"])
    (end,) = of(captured, "embedding.end")
    assert end.is_root
    assert (end.name, end.trace_id, end.tenant_id, end.tags) == ("handbook", trace_id, "acme", ("nightly",))
    assert end.inputs == ["a", "b", "c"]
    assert end.embeddings is not None
    assert (end.embeddings.count, end.embeddings.zero_vectors) == (3, 0)
    assert str(vectors[0][0]).encode() not in end.to_json()


def test_inside_tools_nodes_and_nested_chains(captured: Captured) -> None:
    """Whatever runnable calls the model is its parent, however deep, and in threads of its own."""
    model = fanlight.embeddings(Model())

    @tool
    def search(query: str) -> int:
        """Search."""
        return len(model.embed_query(query))

    inner = RunnableLambda(model.embed_query).with_config(run_name="inner")
    outer = RunnableLambda(lambda text: [inner.invoke(text), search.invoke(text)]).with_config(run_name="outer")
    outer.batch(["x", "y"])
    names = sorted(parent_of(captured, event).name for event in of(captured, "embedding.end"))
    assert names == ["inner", "inner", "search", "search"]


def test_concurrent_questions_keep_apart(captured: Captured, store: InMemoryVectorStore) -> None:
    """Each of many retrievals at once has its own embedding below it."""
    chain = rag(store)

    async def ask() -> None:
        await asyncio.gather(*(chain.ainvoke(f"question {number}") for number in range(8)))

    asyncio.run(ask())
    ends = of(captured, "embedding.end")
    assert len({event.parent_run_id for event in ends}) == 8
    for event in ends:
        retrieval = parent_of(captured, event)
        assert (retrieval.run_type, retrieval.inputs) == ("retriever", event.inputs)


@pytest.mark.parametrize("call", ["embed_query", "aembed_query", "embed_documents", "aembed_documents"])
@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [(ValueError("no"), "embedding.error", "error"), (asyncio.CancelledError(), "embedding.error", "cancelled")],
    ids=["error", "cancelled"],
)
def test_what_a_model_raises_reaches_the_application(
    captured: Captured, call: str, error: BaseException, kind: str, status: str
) -> None:
    """The very exception comes through, and the run ends with it."""
    method = getattr(fanlight.embeddings(Broken(error)), call)
    argument: Any = "x" if call.endswith("query") else ["x"]

    async def awaited() -> None:
        await method(argument)

    with pytest.raises(type(error)) as caught:
        asyncio.run(awaited()) if call.startswith("a") else method(argument)
    if not isinstance(error, asyncio.CancelledError):
        assert caught.value is error
    (end,) = of(captured, kind)
    assert end.status == status
    assert (end.error.type if end.error else None) == ("ValueError" if status == "error" else None)
    assert end.embeddings is None


def test_suppressed_calls_leave_nothing(captured: Captured) -> None:
    """Inside `suppress`, and below a run that is off, the model works and nothing is captured."""
    model = fanlight.embeddings(Model())
    with fanlight.suppress():
        assert len(model.embed_query("x")) == 8
    RunnableLambda(model.embed_query).invoke("x", config={"tags": ["fanlight:off"]})
    assert captured.sinks["kept"].events == ()


def test_it_passes_for_the_model() -> None:
    """Type checks, attributes, copies, pickles and pydantic fields see the model that it stands for."""
    model = fanlight.embeddings(Model(), name="named")
    assert isinstance(model, Embeddings)
    assert isinstance(model, Model)
    assert model.model == "embed-small"
    for twin in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(twin) is type(model)
        assert twin.embed_query("x") == model.embed_query("x")
    with pytest.raises(AttributeError, match="wings"):
        _ = model.wings
    model.size = 3
    assert len(model.embed_query("x")) == 3

    class Holder(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        embeddings: Embeddings

    assert Holder(embeddings=model).embeddings is model


def test_one_that_is_observed_already_is_observed_once(captured: Captured) -> None:
    """Wrapping twice gives one run a call, under the later name."""
    fanlight.embeddings(fanlight.embeddings(Model(), name="first"), name="second").embed_query("x")
    fanlight.embeddings(fanlight.embeddings(Model(), name="first")).embed_query("x")
    assert [event.name for event in of(captured, "embedding.end")] == ["second", "first"]


def test_further_arguments_reach_the_model(captured: Captured) -> None:
    """Integrations take more than the interface says, such as `chunk_size`."""

    class Chunked(Model):
        def embed_documents(self, texts: list[str], chunk_size: int = 0) -> list[list[float]]:
            return [[float(chunk_size)] for _ in texts]

    assert fanlight.embeddings(Chunked()).embed_documents(["a"], chunk_size=5) == [[5.0]]  # type: ignore[call-arg]
    assert fanlight.embeddings(Chunked()).embed_documents(["a"], 7) == [[7.0]]  # type: ignore[call-arg]


def test_an_odd_model_costs_the_statistics_alone(captured: Captured) -> None:
    """What is returned is passed on, whatever it is; an attribute that raises is as good as none."""

    class Odd(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return None  # type: ignore[return-value]

        def embed_query(self, text: str) -> list[float]:
            return ["not", "numbers"]  # type: ignore[list-item]

        @property
        def model(self) -> str:
            raise RuntimeError("not yet")

    model = fanlight.embeddings(Odd())
    assert model.embed_documents(["a"]) is None
    assert model.embed_query("a") == ["not", "numbers"]
    first, second = of(captured, "embedding.end")
    assert (first.status, first.embeddings, first.request_model) == ("ok", None, None)
    assert second.embeddings is not None
    assert (second.embeddings.count, second.embeddings.norm_mean) == (1, None)


def test_many_vectors_are_counted_and_marked_as_sampled(captured: Captured) -> None:
    """The count is the whole truth; that not all vectors were looked at stands in `truncated`."""
    fanlight.embeddings(Model()).embed_documents([str(number) for number in range(700)])
    (end,) = of(captured, "embedding.end")
    assert end.embeddings is not None
    assert end.embeddings.count == 700
    assert [cut.field for cut in end.truncated] == ["embeddings"]


def test_a_cache_in_front_tells_of_the_model_behind_it(captured: Captured) -> None:
    """`CacheBackedEmbeddings` and its like name what they stand before."""

    class Cached(Embeddings):
        def __init__(self, underlying: Embeddings) -> None:
            self.underlying_embeddings = underlying

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return self.underlying_embeddings.embed_documents(texts)

        def embed_query(self, text: str) -> list[float]:
            return self.underlying_embeddings.embed_query(text)

    fanlight.embeddings(Cached(Model())).embed_query("x")
    (end,) = of(captured, "embedding.end")
    assert end.request_model == "embed-small"


@pytest.mark.parametrize(
    ("module", "name", "provider"),
    [
        ("langchain_openai.embeddings.base", "OpenAIEmbeddings", "openai"),
        ("langchain_openai.embeddings.azure", "AzureOpenAIEmbeddings", "azure.ai.openai"),
        ("langchain_aws.embeddings.bedrock", "BedrockEmbeddings", "aws.bedrock"),
        ("langchain_mistralai.embeddings", "MistralAIEmbeddings", "mistral_ai"),
        ("langchain_community.embeddings.x", "XEmbeddings", None),
        ("my_app", "OwnEmbeddings", None),
    ],
)
def test_the_provider_is_that_of_the_package(captured: Captured, module: str, name: str, provider: str | None) -> None:
    """Embedding models do not say whose they are; their class and package do."""
    kind = type(name, (Model,), {"__module__": module, "__annotations__": {}})
    fanlight.embeddings(kind()).embed_query("x")
    (end,) = of(captured, "embedding.end")
    assert (end.provider, end.name) == (provider, name)


class Blocking(BaseRetriever):
    """A retriever without async code."""

    model: Embeddings

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        self.model.embed_query(query)
        return []


class BlockingStore(InMemoryVectorStore):
    """A vector store without async code."""

    asimilarity_search = VectorStore.asimilarity_search


@pytest.mark.parametrize("kind", ["retriever", "store"])
def test_what_has_no_async_code_works_in_a_thread(captured: Captured, kind: str) -> None:
    """LangChain runs it in an executor, away from the retriever's stack; its embedding is below it all the same."""
    model = fanlight.embeddings(Model())
    retriever = Blocking(model=model) if kind == "retriever" else BlockingStore(model).as_retriever()
    chain = RunnablePassthrough() | {"a": retriever, "b": retriever}

    async def ask() -> None:
        await asyncio.gather(*(chain.ainvoke(f"question {number}") for number in range(4)))

    asyncio.run(ask())
    ends = of(captured, "embedding.end")
    assert len({event.parent_run_id for event in ends}) == 8
    for event in ends:
        retrieval = parent_of(captured, event)
        assert (retrieval.run_type, retrieval.inputs) == ("retriever", event.inputs)


def test_no_embedding_hangs_below_another_retrieval(captured: Captured) -> None:
    """Where several retrievals of one run work in threads at once, an embedding is below its own or below the run."""
    retriever = BlockingStore(fanlight.embeddings(Model())).as_retriever()

    async def ask_all(question: str) -> None:
        await asyncio.gather(*(retriever.ainvoke(f"{question} {number}") for number in range(6)))

    asyncio.run(RunnableLambda(ask_all).ainvoke("question"))
    ends = of(captured, "embedding.end")
    assert len(ends) == 6
    for event in ends:
        around = parent_of(captured, event)
        assert around.name == "ask_all" or (around.run_type, around.inputs) == ("retriever", event.inputs)
