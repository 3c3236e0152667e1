"""
Embedding models, of which LangChain tells no callback: a wrapper that tells the same handlers.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID, uuid4

from langchain_core.embeddings import Embeddings

from fanlight.capture.capture import Capture
from fanlight.capture.handler import captures_of
from fanlight.capture.hook import attached
from fanlight.capture.surroundings import Surroundings, surroundings
from fanlight.capture.vectors import Vectors

_MODEL: Final = ("model", "model_name", "model_id", "repo_id", "deployment", "azure_deployment")
_PARAMS: Final = (
    "dimensions", "output_dimensionality", "encoding_format", "input_type", "task_type", "chunk_size",
)  # fmt: skip
_MAX_LAYERS: Final = 4
_OWN: Final = frozenset({"_observed", "_name", "_facts"})


def embeddings(embeddings: Embeddings, *, name: str | None = None) -> Embeddings:
    """
    Return *embeddings*, observed: each call becomes an `embedding` run below the LangChain run it is made in.

    The run has the model, the texts, the duration, the error if there was one, and statistics of the vectors, never
    the vectors. It goes to the routers whose handler the run around it has, and to the installed one; made outside of
    every run, to the installed one alone. What the model returns or raises is passed on as it is.

    Args:
        embeddings: Any LangChain embedding model. One that is observed already is not observed twice.
        name: The run's name; the class of *embeddings* where it is not given.
    """
    if isinstance(embeddings, ObservedEmbeddings):
        return embeddings.renamed(name)
    return ObservedEmbeddings(embeddings, name)


class ObservedEmbeddings(Embeddings):
    """An embedding model whose calls are captured. Its other attributes, read and set, are the model's."""

    def __init__(self, observed: Embeddings, name: str | None = None) -> None:
        self._observed = observed
        self._name = name
        self._facts = _facts_of(observed)

    def embed_documents(self, texts: list[str], *args: Any, **kwargs: Any) -> list[list[float]]:
        """Embed *texts* as the model does."""
        with self._call(texts) as call:
            return call.returned(self._observed.embed_documents(texts, *args, **kwargs))

    def embed_query(self, text: str, *args: Any, **kwargs: Any) -> list[float]:
        """Embed *text* as the model does."""
        with self._call(text) as call:
            return call.returned([self._observed.embed_query(text, *args, **kwargs)])[0]

    async def aembed_documents(self, texts: list[str], *args: Any, **kwargs: Any) -> list[list[float]]:
        """Embed *texts* as the model does."""
        with self._call(texts) as call:
            return call.returned(await self._observed.aembed_documents(texts, *args, **kwargs))

    async def aembed_query(self, text: str, *args: Any, **kwargs: Any) -> list[float]:
        """Embed *text* as the model does."""
        with self._call(text) as call:
            return call.returned([await self._observed.aembed_query(text, *args, **kwargs)])[0]

    def renamed(self, name: str | None) -> ObservedEmbeddings:
        """Return the same model under another name, where one is given."""
        return ObservedEmbeddings(self._observed, name or self._name)

    def _call(self, inputs: Any) -> _Call:
        return _Call({**self._facts, "name": self._name}, inputs)

    @property  # type: ignore[misc] # object has a setter for it
    def __class__(self) -> type[Embeddings]:  # type: ignore[override]
        """The model's: vector stores ask for it, and LangChain's retrievers name the model by it."""
        return type(self._observed)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_observed" not in self.__dict__:  # copied or made anew, which is this class's
            raise AttributeError(name)
        return getattr(self._observed, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._observed, name, value)

    def __reduce__(self) -> tuple[type[ObservedEmbeddings], tuple[Embeddings, str | None]]:
        return ObservedEmbeddings, (self._observed, self._name)

    def __repr__(self) -> str:
        return f"fanlight.embeddings({self._observed!r})"


class _Call:
    """One call of a model, told to each capture from its start to its end."""

    def __init__(self, facts: dict[str, Any], inputs: Any) -> None:
        self._facts = facts
        self._inputs = inputs
        self._run_id = uuid4()
        self._parent_run_id: UUID | None = None
        self._captures: tuple[Capture, ...] = ()

    def __enter__(self) -> Self:
        try:
            self._begin(surroundings())
        except Exception:  # a LangChain of another shape: the model is called in any case
            self._captures = ()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._end("embedding_error", error)

    def returned(self, vectors: list[list[float]]) -> list[list[float]]:
        """Tell of *vectors*, and return them."""
        if self._captures:
            self._end("embedding_end", _snapshot(vectors))
        return vectors

    def _begin(self, around: Surroundings) -> None:
        self._parent_run_id = around.parent_run_id
        self._captures = captures_of((*around.handlers, attached()))
        for capture in self._captures:
            kwargs = {
                "name": self._facts["name"],
                "invocation_params": self._facts["params"],
                "tags": list(around.tags),
                "metadata": around.metadata,
            }
            serialized = self._facts["serialized"]
            capture.start("embedding_start", serialized, self._inputs, self._run_id, self._parent_run_id, kwargs)

    def _end(self, callback: str, outcome: Any) -> None:
        for capture in self._captures:
            capture.end(callback, outcome, self._run_id, self._parent_run_id, {})


def _snapshot(vectors: Any) -> Vectors | None:
    try:
        return Vectors.of(vectors)
    except Exception:  # whatever the model returned, the application shall have it
        return None


def _facts_of(model: Embeddings) -> dict[str, Any]:
    """Return what is known of *model* beforehand; of a cache in front of one, what is known of the one behind it."""
    for _ in range(_MAX_LAYERS):
        behind = getattr(model, "underlying_embeddings", None)
        if not isinstance(behind, Embeddings):
            break
        model = behind
    kind = type(model)
    name = next((value for key in _MODEL if isinstance(value := _stored(model, key), str) and value), None)
    params = {key: value for key in _PARAMS if isinstance(value := _stored(model, key), str | int | float)}
    return {
        "serialized": {"id": [*kind.__module__.split("."), kind.__qualname__], "name": kind.__name__},
        "params": {"model": name, **params},
    }


def _stored(model: Embeddings, key: str) -> Any:
    try:
        return getattr(model, key, None)
    except Exception:  # a property of the application's, which it did not expect to be asked for
        return None
