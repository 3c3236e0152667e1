"""What goes wrong around a model, and what is done about it: an error, a retry, a fallback, a cache."""

from __future__ import annotations

from langchain_core.caches import InMemoryCache
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableConfig

from fanlight.demo.workloads.model import ModelOverloadedError, Reply, ScriptedChat

_PROMPT = ChatPromptTemplate.from_messages([("human", "Summarise the order in one line: {order}")])
_ORDER = {"order": "A-1042, one Anglepoise lamp, 129 EUR, in transit"}
_SUMMARY = (Reply(text="A-1042: one lamp, on its way.", input_tokens=64, output_tokens=11),)
_ALWAYS = 1_000_000


def _summary(model: Runnable[LanguageModelInput, AIMessage], name: str) -> Runnable[dict[str, str], str]:
    return (_PROMPT | model | StrOutputParser()).with_config(run_name=name)


def model_error(config: RunnableConfig, pace: float = 0.0) -> ModelOverloadedError | None:
    """Fail because the model raises; return its exception."""
    model = ScriptedChat(replies=_SUMMARY, pace=pace, failures=_ALWAYS)
    try:
        _summary(model, "order_summary").invoke(_ORDER, config)
    except ModelOverloadedError as error:
        return error
    return None


def retry(config: RunnableConfig, pace: float = 0.0) -> str:
    """Succeed at the second attempt of `with_retry`."""
    model = ScriptedChat(replies=_SUMMARY, pace=pace, failures=1)
    patient = model.with_retry(
        retry_if_exception_type=(ModelOverloadedError,), wait_exponential_jitter=False, stop_after_attempt=3
    )
    return _summary(patient, "patient_summary").invoke(_ORDER, config)


def fallback(config: RunnableConfig, pace: float = 0.0) -> str:
    """Answer with the second model where the first one fails."""
    large = ScriptedChat(replies=_SUMMARY, pace=pace, failures=_ALWAYS)
    small = ScriptedChat(replies=_SUMMARY, pace=pace, model_name="scripted-small")
    return _summary(large.with_fallbacks([small]), "stubborn_summary").invoke(_ORDER, config)


def unknown_model(config: RunnableConfig, pace: float = 0.0) -> str:
    """Answer with a model of one's own, for which there is no price list."""
    own = ScriptedChat(replies=_SUMMARY, pace=pace, model_name="homegrown-7b")
    return _summary(own, "frugal_summary").invoke(_ORDER, config)


def cache_hit(config: RunnableConfig, pace: float = 0.0) -> list[str]:
    """Ask the same twice; LangChain's cache answers the second time, and no token is spent."""
    cached = _summary(ScriptedChat(replies=_SUMMARY, pace=pace, cache=InMemoryCache()), "cached_summary")
    return [cached.invoke(_ORDER, config) for _ in range(2)]
