"""What a destination holds, in words that all destinations share, so that they can be compared run by run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec


class SeenRun(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run, as a destination shows it."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    status: str
    tenant_id: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """`None` where it is not known, and where there is nothing to pay for."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one destination holds of this demo."""

    name: str
    look: str
    """How whoever wants to can see for himself: a command, or a URL."""
    runs: tuple[SeenRun, ...]

    @property
    def roots(self) -> tuple[SeenRun, ...]:
        """The runs at the top of their trees, in the order in which they began: LangChain's ids begin with the time."""
        return tuple(sorted((run for run in self.runs if run.parent_span_id is None), key=lambda run: run.trace_id))

    @property
    def statuses(self) -> Counter[str]:
        """How many trees ended how."""
        return Counter(run.status for run in self.roots)

    def count(self, kind: str) -> int:
        """Return how many runs of *kind* there are."""
        return sum(run.kind == kind for run in self.runs)

    @property
    def errors(self) -> int:
        """How many runs failed."""
        return sum(run.status == "error" for run in self.runs)

    @property
    def input_tokens(self) -> int:
        """The prompts' tokens."""
        return sum(run.input_tokens for run in self.runs)

    @property
    def output_tokens(self) -> int:
        """The answers' tokens."""
        return sum(run.output_tokens for run in self.runs)

    @property
    def cost_usd(self) -> float:
        """What the model calls cost, to the nano-dollar: below that, sums of floats differ by their order."""
        return round(sum(run.cost_usd or 0.0 for run in self.runs), 9)

    def of_trace(self, trace_id: str) -> Received:
        """Return what is held of one trace."""
        return self.only(run for run in self.runs if run.trace_id == trace_id)

    def only(self, runs: Iterable[SeenRun]) -> Received:
        """Return the same with *runs* alone."""
        return msgspec.structs.replace(self, runs=tuple(runs))
