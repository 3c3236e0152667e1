"""
What was said about a run or a trace, as an event: on its own, whether or not the run is still known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from fanlight.capture.record import CallbackRecord
from fanlight.event import Feedback, TelemetryEvent
from fanlight.normalize.arguments import argument, identifier
from fanlight.normalize.identity import identity_fields, is_off, lineage_of
from fanlight.normalize.runs import RunTable
from fanlight.normalize.settings import NormalizerSettings
from fanlight.normalize.tree import Tree
from fanlight.normalize.values import Reader
from fanlight.tracecontext import span_id_of


def feedback_event(
    record: CallbackRecord, runs: RunTable, reader: Reader, settings: NormalizerSettings, origin: Mapping[str, Any]
) -> TelemetryEvent | None:
    """
    Return the event for what *record* says; `None` where it is about what is not captured.

    A run that is still known gives it its trace, its root and whose it is. Of any other the trace is what the caller
    says, else that of a root with this id.
    """
    run_id = record.run_id or runs.root_of(record.trace_id or "")
    known = runs.lineage(run_id)
    if is_off(record) or (known is not None and known.tree is None):
        return None
    tree = known.tree if known and known.tree else Tree(str(run_id), record.trace_id or run_id.hex)
    lineage = lineage_of(record, tree, known, settings)
    identity = identity_fields(reader, record, lineage, settings)
    said = _bounded(reader, argument(record, 0))
    return TelemetryEvent(
        **origin,
        **identity,
        event_id=f"{run_id}:feedback:{argument(record, 1)}",
        type="feedback",
        run_id=str(run_id),
        root_run_id=tree.root_run_id,
        trace_id=tree.trace_id,
        span_id=span_id_of(run_id),
        name=said.name,
        time_unix_nano=record.time_unix_nano,
        feedback=said,
        truncated=reader.truncated,
    )


def _bounded(reader: Reader, said: Feedback) -> Feedback:
    reader.begin("feedback")
    return replace(
        said,
        name=identifier(said.name) or "feedback",
        label=None if said.label is None else reader.text(str.__str__(said.label)),
        explanation=None if said.explanation is None else reader.text(str.__str__(said.explanation)),
    )
