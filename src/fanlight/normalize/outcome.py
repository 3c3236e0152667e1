"""
How a run's end bears on the runs above it: errors that travel up, interrupts that pause a tree.
"""

from __future__ import annotations

from typing import Any, Final

from fanlight.normalize.failure import chain_of
from fanlight.normalize.tree import Run

_MAX_FAILURES: Final = 256


def settle(run: Run, parent: Run | None, fields: dict[str, Any], error: Any) -> dict[str, Any]:
    """
    Return the status of a run that ends with *fields*, given how the runs below it ended, and tell its parent.

    LangGraph ends an interrupted graph like any other, with its outputs. What makes it interrupted is that a run
    directly below it was, and that no later run below it resumed that thread. The same rule holds on each level, so
    the root's status comes from its tree, whichever callbacks an attach mode misses.
    """
    status = fields["status"]
    if status == "ok" and run.interrupted_by:
        status = "interrupted"
    if status == "error":
        _count_failure(run, parent, error)
    if parent is not None:
        _tell_parent(run, parent, status)
    return {"status": status}


def _tell_parent(run: Run, parent: Run, status: str) -> None:
    position = run.start.langgraph
    thread = position.thread_id if position else None
    if status == "interrupted":
        parent.interrupted_by.add(thread)
    elif status == "ok" and run.resumed:
        parent.interrupted_by.discard(thread)


def _count_failure(run: Run, parent: Run | None, error: Any) -> None:
    """Count the error unless a run below failed with it, or with what it was raised from."""
    chain = [_fingerprint(link) for link in chain_of(error)]
    if run.lineage.tree is not None and not any(mark in run.failures for mark in chain):
        run.lineage.tree.tally.failed()
    if parent is not None and chain and len(parent.failures) < _MAX_FAILURES:
        parent.failures.add(chain[0])


def _fingerprint(error: BaseException) -> tuple[int, int | None]:
    """
    Return what tells one exception from another without keeping it, and with it the application's stack, alive.

    An id alone is not enough: the next exception may get the memory of one that was caught and freed.
    """
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return id(error), traceback.tb_lasti if traceback is not None else None
