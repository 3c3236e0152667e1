"""
The callback handler: every `on_*` of langchain-core and LangGraph, each a line.

Parameter names are those of langchain-core, because its managers pass some by name and others by position.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from fanlight.capture.capture import Capture
from fanlight.capture.dispatch import DONE, dual
from fanlight.capture.retries import RetryState
from fanlight.capture.tokens import carries_something, event_carries_something


class Callbacks:
    """All callbacks, for whichever base class LangGraph's presence asks for."""

    run_inline = False
    raise_error = False

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    @property
    def capture(self) -> Capture:
        """Where it takes what it is told."""
        return self._capture

    def __eq__(self, other: object) -> bool:
        """Handlers of one router are one: LangChain then attaches it once, however many ways it was given."""
        return isinstance(other, Callbacks) and other._capture is self._capture

    def __hash__(self) -> int:
        return hash(id(self._capture))

    def __copy__(self) -> Callbacks:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Callbacks:
        return self

    @dual
    def on_llm_start(
        self, serialized: Any, prompts: list[str], *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        """Capture the start of a completion model's run."""
        self._capture.start("llm_start", serialized, prompts, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        """Capture the start of a chat model's run."""
        self._capture.start("chat_model_start", serialized, messages, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_llm_new_token(self, token: Any, *, run_id: UUID, chunk: Any = None, **_: Any) -> Any:
        """Note when the first token came; tokens are no events."""
        if carries_something(token, chunk):
            self._capture.token(run_id)
        return DONE

    @dual
    def on_stream_event(self, event: Any, *, run_id: UUID, **_: Any) -> Any:
        """Note when the first content came; models with native streaming send these instead of tokens, or both."""
        if event_carries_something(event):
            self._capture.token(run_id)
        return DONE

    @dual
    def on_llm_end(self, response: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> Any:
        """Capture the end of a model's run."""
        self._capture.end("llm_end", response, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_llm_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        """Capture the failure of a model's run; a partial response comes in `response`."""
        self._capture.end("llm_error", error, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        """Capture the start of a chain, graph, node, prompt or parser."""
        self._capture.start("chain_start", serialized, inputs, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_chain_end(self, outputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> Any:
        """Capture the end of a chain; the inputs of a stream come here, in `inputs`."""
        self._capture.end("chain_end", outputs, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_chain_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        """Capture the failure of a chain; a LangGraph interrupt and a handoff come this way too."""
        self._capture.end("chain_error", error, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_tool_start(
        self, serialized: Any, input_str: str, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        """Capture the start of a tool's run."""
        self._capture.start("tool_start", serialized, input_str, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_tool_end(self, output: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> Any:
        """Capture the end of a tool's run."""
        self._capture.end("tool_end", output, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_tool_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        """Capture the failure of a tool's run."""
        self._capture.end("tool_error", error, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_retriever_start(
        self, serialized: Any, query: str, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        """Capture the start of a retrieval."""
        self._capture.start("retriever_start", serialized, query, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_retriever_end(
        self, documents: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        """Capture the documents that a retrieval found."""
        self._capture.end("retriever_end", documents, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_retriever_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> Any:
        """Capture the failure of a retrieval."""
        self._capture.end("retriever_error", error, run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_agent_action(self, action: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> Any:
        """Capture what a classic agent decided to do."""
        self._capture.within("agent_action", (action,), run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_agent_finish(self, finish: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> Any:
        """Capture what a classic agent concluded."""
        self._capture.within("agent_finish", (finish,), run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_text(self, text: str, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> Any:
        """Capture text that a chain showed."""
        self._capture.within("text", (text,), run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_retry(self, retry_state: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> Any:
        """Capture that a model's call is tried again."""
        self._capture.within("retry", (RetryState.of(retry_state),), run_id, parent_run_id, kwargs)
        return DONE

    @dual
    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **kwargs: Any) -> Any:
        """Capture an event that the application dispatched inside a run."""
        self._capture.within("custom_event", (name, data), run_id, None, kwargs)
        return DONE

    @dual
    def on_interrupt(self, event: Any) -> Any:
        """Capture that a LangGraph run paused; not every way of attaching brings this."""
        self._capture.within("interrupt", (event,), getattr(event, "run_id", None), None, {})
        return DONE

    @dual
    def on_resume(self, event: Any) -> Any:
        """Capture that a LangGraph run goes on; not every way of attaching brings this."""
        self._capture.within("resume", (event,), getattr(event, "run_id", None), None, {})
        return DONE


class CallbackHandler(Callbacks, BaseCallbackHandler):
    """The handler where LangGraph is not in use."""


@cache
def _graph_handler(base: type[BaseCallbackHandler]) -> type[BaseCallbackHandler]:
    return type("GraphCallbackHandler", (Callbacks, base), {"__doc__": "The handler where LangGraph is in use."})


def handler_kind() -> type[BaseCallbackHandler]:
    """
    Return the class of handler that fits now: one that LangGraph sends its lifecycle events to, if it is loaded.

    LangGraph is never imported for its base class: that alone takes close to a second.
    """
    base = getattr(sys.modules.get("langgraph.callbacks"), "GraphCallbackHandler", None)
    return CallbackHandler if base is None else _graph_handler(base)


def make_handler(capture: Capture) -> BaseCallbackHandler:
    """Return a handler for *capture*, of the kind that fits now."""
    kind: Any = handler_kind()
    handler: BaseCallbackHandler = kind(capture)
    return handler


def captures_of(handlers: Iterable[object]) -> tuple[Capture, ...]:
    """Return the captures behind those *handlers* that are fanlight's, each once."""
    return tuple(dict.fromkeys(handler.capture for handler in handlers if isinstance(handler, Callbacks)))
