"""
Sums over a root's tree. Tokens are added where a model ended, never where a chain reports them again.

The root's end takes them as they are. A run that ends later (the model of a stream that was left early, a background
task) keeps its usage on its own end and adds nothing here: to hold the root back for it would be to hold what a flush
promises to deliver, for runs of which some never end.

Dollars are added in whole pico-dollars: a float of the sum is then the one that the sum is written as, and the sum of
the calls' costs, to whichever decimal, is the tree's.
"""

from __future__ import annotations

from typing import Final

from fanlight.event import LangGraph, Rollup, TelemetryEvent
from fanlight.normalize.langgraph import superstep_of
from fanlight.pipeline.prices.tokens import is_charged

_MAX_STEPS: Final = 10_000
"""Supersteps told apart; LangGraph's own limit is of that order."""
_PICO: Final = 10**12


class Tally:
    """What is counted while a tree runs."""

    __slots__ = (
        "_cache_read", "_cache_write", "_calls", "_cost", "_errors", "_from_cache", "_input", "_missing", "_output",
        "_reasoning", "_runs", "_steps", "_total", "_unpriced",
    )  # fmt: skip

    def __init__(self) -> None:
        self._runs = self._errors = self._missing = self._from_cache = 0
        self._input = self._output = self._total = self._cache_read = self._cache_write = self._reasoning = 0
        self._cost: int | None = None
        self._unpriced = 0
        self._calls = {"llm": 0, "tool": 0, "retriever": 0}
        self._steps: set[tuple[str, int]] = set()

    def started(self, run_type: str, position: LangGraph | None) -> None:
        """Count a run, when it is first heard of."""
        self._runs += 1
        if run_type in self._calls:
            self._calls[run_type] += 1
        if position is not None and len(self._steps) < _MAX_STEPS and (step := superstep_of(position)) is not None:
            self._steps.add(step)

    def failed(self) -> None:
        """Count an error where it began."""
        self._errors += 1

    def spent(self, event: TelemetryEvent) -> None:
        """Add the usage of a model's run that ended with *event*."""
        self._missing += event.usage_missing
        self._from_cache += event.from_cache
        self._input += event.input_tokens or 0
        self._output += event.output_tokens or 0
        self._total += event.total_tokens or 0
        self._cache_read += event.cache_read_tokens or 0
        self._cache_write += event.cache_write_tokens or 0
        self._reasoning += event.reasoning_tokens or 0
        if event.cost_usd is not None:
            self._cost = (self._cost or 0) + round(event.cost_usd * _PICO)
        elif is_charged(event):
            self._unpriced += 1

    def rollup(self) -> Rollup:
        """Return the sums as of now."""
        return Rollup(
            runs=self._runs,
            llm_calls=self._calls["llm"],
            tool_calls=self._calls["tool"],
            retrievals=self._calls["retriever"],
            steps=len(self._steps),
            errors=self._errors,
            input_tokens=self._input,
            output_tokens=self._output,
            total_tokens=self._total,
            cache_read_tokens=self._cache_read,
            cache_write_tokens=self._cache_write,
            reasoning_tokens=self._reasoning,
            usage_missing=self._missing,
            from_cache=self._from_cache,
            cost_usd=None if self._cost is None else self._cost / _PICO,
            cost_unknown=self._unpriced,
        )
