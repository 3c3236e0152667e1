"""What the demo plays, for whom, and what must have come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig

from fanlight.context import context
from fanlight.demo.workloads import WORKLOADS, Truth, Workload


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One program on one customer's behalf."""

    workload: Workload
    tenant_id: str
    user_id: str
    prompt_version: str

    def play(self, handler: BaseCallbackHandler, pace: float, note: str) -> None:
        """Run the program with *handler* attached; *note* is what the customer wrote into the ticket."""
        config = RunnableConfig(
            callbacks=[handler],
            tags=["demo", self.workload.name],
            metadata={"session_id": f"demo-{self.workload.name}", "prompt_version": self.prompt_version, "note": note},
        )
        with context(tenant_id=self.tenant_id, user_id=self.user_id):
            self.workload(config, pace)


STEPS: Final = (
    Step(workload=WORKLOADS["agent"], tenant_id="us-3", user_id="ada", prompt_version="v1"),
    Step(workload=WORKLOADS["rag"], tenant_id="eu-7", user_id="grace", prompt_version="v1"),
    Step(workload=WORKLOADS["stream"], tenant_id="us-3", user_id="ada", prompt_version="v2"),
    Step(workload=WORKLOADS["tool_error"], tenant_id="eu-7", user_id="grace", prompt_version="v1"),
    Step(workload=WORKLOADS["approval"], tenant_id="us-3", user_id="ada", prompt_version="v2"),
)


ABROAD: Final = tuple(step for step in STEPS if not step.tenant_id.startswith("eu-"))
"""The steps whose runs may leave the region."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the scripts did, added up."""

    statuses: Counter[str]
    """How many trees ended how."""
    llm_calls: int
    tool_calls: int
    retrievals: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


def expected(steps: Iterable[Step] = STEPS) -> Expected:
    """Return the sums over *steps*, from the workloads' own truth."""
    truths: list[Truth] = [step.workload.truth for step in steps]
    return Expected(
        statuses=Counter(status for truth in truths for status in truth.roots),
        llm_calls=sum(truth.llm_calls for truth in truths),
        tool_calls=sum(truth.tool_calls for truth in truths),
        retrievals=sum(truth.retrievals for truth in truths),
        input_tokens=sum(truth.input_tokens for truth in truths),
        output_tokens=sum(truth.output_tokens for truth in truths),
        cost_usd=float(sum(truth.cost_usd or 0 for truth in truths)),
    )
