"""
What is worth knowing about one run, as a few short words.

Everything that comes from the application is cleaned here: no control character reaches a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from fanlight.event import EmbeddingStatistics, Rollup, TelemetryEvent, ToolCall

COST_UNKNOWN: Final = "cost unknown"
"""Of a call whose tokens are known and whose price is not."""
_LONGEST: Final = 120
_MOST: Final = 12
_USUAL_ENDS: Final = frozenset({"stop", "end_turn", "tool_calls", "tool_use"})


def clean(text: str, limit: int = _LONGEST) -> str:
    """Return *text* on one line of at most *limit* characters, what does not print replaced."""
    line = " ".join(text[: 4 * limit].split())
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in line)[:limit]


def facts(event: TelemetryEvent, *, content: bool = False) -> tuple[str, ...]:
    """Return what to print behind the name of the run that *event* ended; with short previews if *content*."""
    return tuple(islice(_facts(event, content=content), _MOST))


def _facts(event: TelemetryEvent, *, content: bool) -> Iterator[str]:
    yield from _model(event)
    yield from _tokens(event)
    yield from _work(event)
    if event.attempt is not None and event.attempt > 1:
        yield f"attempt {event.attempt}"
    if event.partial:
        yield "partial"
    if content:
        yield from _preview(event)


def _model(event: TelemetryEvent) -> Iterator[str]:
    model = event.request_model or event.response_model
    if event.run_type in {"llm", "embedding"} and model:
        yield clean(model)
    yield from (clean(reason) for reason in event.finish_reasons if reason.lower() not in _USUAL_ENDS)


def _tokens(event: TelemetryEvent) -> Iterator[str]:
    if event.from_cache:
        yield "from cache"
    elif event.usage_missing:
        yield "usage unknown"
    sums = event.rollup if event.rollup and event.input_tokens is None else event
    if sums.input_tokens or sums.output_tokens:
        cached = f", {_number(sums.cache_read_tokens)} cached" if sums.cache_read_tokens else ""
        yield f"{_number(sums.input_tokens or 0)}+{_number(sums.output_tokens or 0)} tokens{cached}"
    if sums.cost_usd is not None:
        rest = " + unknown" if isinstance(sums, Rollup) and sums.cost_unknown else ""
        yield f"${sums.cost_usd:.4f}{rest}"
    elif event.run_type in {"llm", "embedding"} and event.input_tokens is not None and not event.from_cache:
        yield COST_UNKNOWN
    if event.time_to_first_token_ms is not None:
        yield f"first token {duration(event.time_to_first_token_ms)}"


def _work(event: TelemetryEvent) -> Iterator[str]:
    yield from (_call(call) for message in event.output_messages for call in message.tool_calls)
    if event.tool is not None and event.tool.arguments is not None:
        yield _arguments(event.tool.arguments)
    if event.run_type == "retriever" and event.ends_run:
        yield _found(event)
    if event.embeddings is not None:
        yield _vectors(event.embeddings)


def _found(event: TelemetryEvent) -> str:
    count = len(event.documents)
    scores = [document.score for document in event.documents if document.score is not None]
    best = f", best {max(scores):.2f}" if scores else ""
    return f"{count} document{'' if count == 1 else 's'}{best}"


def _vectors(told: EmbeddingStatistics) -> str:
    size = f" of {told.dimensions}" if told.dimensions is not None else ""
    odd = [
        f", {count} {what}" for count, what in ((told.zero_vectors, "zero"), (told.not_finite, "not finite")) if count
    ]
    return f"{told.count} vector{'' if told.count == 1 else 's'}{size}{''.join(odd)}"


def _call(call: ToolCall) -> str:
    return f"calls {clean(call.name, 40)}{_arguments(call.arguments)}"


def _arguments(arguments: Any) -> str:
    if not isinstance(arguments, dict):
        return f"({_value(arguments)})" if arguments is not None else "()"
    return "(" + ", ".join(f"{clean(str(key), 30)}={_value(value)}" for key, value in list(arguments.items())[:4]) + ")"


def _value(value: Any) -> str:
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), 40)


def _preview(event: TelemetryEvent) -> Iterator[str]:
    said = " ".join(message.text for message in event.output_messages)
    shown = said or (event.tool.result if event.tool else None) or event.outputs
    if shown:
        yield f"“{_value(shown)}”"


def problem(event: TelemetryEvent) -> str:
    """Return in one word why the run did not end well, or nothing if it did."""
    if event.error is not None and event.status == "error":
        return clean(event.error.type.rpartition(".")[2], 60)
    return event.status if event.status is not None and event.status != "ok" else ""


def explanation(event: TelemetryEvent) -> str:
    """Return the first line of the error's message."""
    return clean(event.error.message.partition("\n")[0]) if event.error is not None and event.status == "error" else ""


def duration(milliseconds: float) -> str:
    """Return a duration in the unit that people would use."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms" if milliseconds >= 1 else "<1ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.2f}s" if seconds < 10 else f"{seconds:.1f}s"
    return f"{int(seconds // 60)}m{int(seconds % 60):02}s"


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ")
