"""What the application's objects do when they are looked at stays between them and fanlight."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.outputs import GenerationChunk
from langchain_core.runnables import RunnableLambda

from fanlight.capture.sizes import leaf_size
from fanlight.capture.tokens import carries_something


class _Panic(BaseException):
    """As an extension module raises it."""


class _Message(HumanMessage):
    failure: type[BaseException]

    def __getattribute__(self, name: str) -> Any:
        if name == "content":
            raise object.__getattribute__(self, "__dict__")["failure"]
        return super().__getattribute__(name)


@pytest.mark.parametrize("failure", [RuntimeError, _Panic])
def test_a_payload_that_raises_costs_its_callback(failure: type[BaseException], captured: Any) -> None:
    """Whatever a message raises when it is measured, the chain runs on, and the loss is counted."""
    message = _Message(content="x", failure=failure)

    assert RunnableLambda(lambda value: value).invoke(message, captured.config) is message
    assert captured.intake.counts().dropped == {"capture_failed": 2}
    assert captured.intake.counts().balanced


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_reaches_the_application(failure: type[BaseException], captured: Any) -> None:
    """Ctrl-C and a signal handler's `sys.exit` are not fanlight's to swallow."""
    with pytest.raises(failure):
        RunnableLambda(lambda value: value).invoke(_Message(content="x", failure=failure), captured.config)


def test_classes_made_as_one_goes_are_let_go() -> None:
    """An application that makes a class per request (a model of structured output) does not fill the memory."""
    seen = []
    for index in range(3000):
        kind = type(f"Made{index}", (), {})
        leaf_size(kind())
        seen.append(weakref.ref(kind))
    del kind
    gc.collect()

    assert sum(ref() is not None for ref in seen) < 1100


def test_an_empty_chunk_without_a_message() -> None:
    """A completion model's empty chunk carries nothing."""
    assert not carries_something("", GenerationChunk(text=""))
