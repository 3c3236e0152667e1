"""Do the destinations agree with the script, with each other, and with the rules? Each "no" is a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fanlight.demo.received import Received, SeenRun
from fanlight.demo.script import Expected
from fanlight.demo.workloads.rag import ANSWER, QUESTION
from fanlight.health import RouterHealth

_NAMED: Final = 3
_SHOWN: Final = 20
"""So many digits of a trace id are on the narrowest terminal."""
_SENTENCES: Final = tuple(text.encode() for text in (QUESTION, ANSWER.text))


def against_script(received: Received, expected: Expected) -> Iterator[str]:
    """Yield where a destination that gets everything differs from what the script did."""
    pairs = {
        "trees by status": (dict(received.statuses), dict(expected.statuses)),
        "model calls": (received.count("llm"), expected.llm_calls),
        "tool calls": (received.count("tool"), expected.tool_calls),
        "retrievals": (received.count("retriever"), expected.retrievals),
        "input tokens": (received.input_tokens, expected.input_tokens),
        "output tokens": (received.output_tokens, expected.output_tokens),
        "cost in USD": (received.cost_usd, expected.cost_usd),
    }
    for what, (found, wanted) in pairs.items():
        if found != wanted:
            yield f"{received.name}: {what} {found}, the script says {wanted}"


def with_each_other(first: Received, second: Received) -> Iterator[str]:
    """Yield where two destinations that get the same do not hold the same, run by run."""
    yield from _different(first.runs, second.runs, first.name, second.name)


def with_the_rules(archive: Received, abroad: Received) -> Iterator[str]:
    """Yield what reached the destination *abroad* although an EU tenant's, or did not although somebody else's."""
    allowed = [run for run in archive.runs if not run.tenant_id.startswith("eu-")]
    yield from _different(allowed, abroad.runs, "the rules", abroad.name)


def _different(first: Iterable[SeenRun], second: Iterable[SeenRun], one: str, other: str) -> Iterator[str]:
    left, right = {run.span_id: run for run in first}, {run.span_id: run for run in second}
    for names, verb in (
        ([left[key].name for key in left.keys() - right.keys()], f"are missing in {other}"),
        ([right[key].name for key in right.keys() - left.keys()], f"are in {other} and not by {one}"),
        ([left[key].name for key in left.keys() & right.keys() if left[key] != right[key]], f"differ in {other}"),
    ):
        if names:
            more = "…" if len(names) > _NAMED else ""
            yield f"{len(names)} runs {verb}: {', '.join(sorted(names)[:_NAMED])}{more}"


def on_the_screen(printed: str, archive: Received) -> Iterator[str]:
    """Yield the trees that are not on the screen, or are there twice."""
    for root in archive.roots:
        times = printed.count(f"trace {root.trace_id[:_SHOWN]}")
        if times != 1:
            yield f"screen: the tree of {root.name} was printed {times} times"


def without_secret(secret: str, raw: Mapping[str, bytes]) -> Iterator[str]:
    """Yield where the pasted secret can be read; and the archive, if there is no mask in its place."""
    yield from (f"{name}: the key can be read there" for name, held in raw.items() if secret.encode() in held)
    if b'"redacted"' not in raw.get("archive", b""):
        yield "archive: nothing was masked there, so the key never came this far"


def without_content(raw: Mapping[str, bytes]) -> Iterator[str]:
    """Yield which of the scripts' sentences the experiment tracker was told, and which the archive was not."""
    for sentence in _SENTENCES:
        if sentence in raw.get("experiments", b""):
            yield f"experiments: {sentence.decode()!r} can be read there"
        if sentence not in raw.get("archive", b""):
            yield f"archive: {sentence.decode()!r} is missing there"


def in_balance(health: RouterHealth) -> Iterator[str]:
    """Yield what the ledger cannot account for, and what was lost on the way."""
    if not health.balanced:
        yield "the two sides of an equation differ"
    lost = {reason: count for reason, count in health.intake.dropped.items() if reason != "bookkeeping"}
    if lost:
        yield f"before the sinks: lost {lost}"
    for name, sink in health.sinks.items():
        if sink.counts.delivered != sink.counts.accepted:
            yield f"{name}: accepted {sink.counts.accepted}, delivered {sink.counts.delivered}"
