"""
One life of a process with a journal: it emits, seals, delivers and acknowledges until it is killed, or has drained.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final, Literal, NoReturn, TypeAlias

import msgspec
from pydantic import SecretStr

from fanlight import Batch, Delivery, RetryableError, TelemetryEvent, testing
from fanlight_lake import LakeConfig, LakeSink

from .journal import Sealed, SealingJournal
from .power_loss import SyncMark
from .protocol import Protocol

Step: TypeAlias = Literal["appended", "sealing", "sealed", "files", "late", "landed", "delivered", "acknowledged"]
"""
Where a process is killed: after an append is committed; after a seal is written and before it is synced; after it is
committed; after the data files are written (`late`: and the Delta commit is on its way); after the Delta commit has
landed and before it is answered; after it is answered; after the acknowledgement is committed.
"""
SINK: Final = "lake"
_ATTEMPTS: Final = 5


class Kill(msgspec.Struct, frozen=True):
    """The end of a life: the *nth* time that it comes to *step*."""

    step: Step
    nth: int = 1


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a life does."""

    directory: str
    """Where its journal is, and what it writes down."""
    number: int
    endpoint: str
    bucket: str
    protocol: Protocol
    rounds: int = 6
    """How often it emits and delivers; 0 only delivers what is left."""
    seed: int = 0
    kill: Kill | None = None
    kill_after: float | None = None
    """Seconds after it has opened its sink, or after its birth."""
    from_birth: bool = False


class Ended(msgspec.Struct, frozen=True):
    """What a life that was not killed leaves behind."""

    rows: dict[str, int]
    """How often the lake has each event id."""
    counts: dict[str, int]


class Life:
    """
    Runs *order*; *on_open* is called when it has opened journal and sink.

    Files beside the journal say what happened, whatever becomes of the journal: `emitted` has a line for each event,
    written before it is appended, `accepted` one written after that, `attempted` one for each batch.
    """

    def __init__(self, order: Order, on_open: Callable[[], None]) -> None:
        self._on_open: Final = on_open
        self._order: Final = order
        self._directory: Final = Path(order.directory)
        self._chance: Final = Random(order.seed)
        self._max_events: Final = self._chance.choice((6, 8, 10)) if order.rounds else 50
        self._reached: Final[Counter[Step]] = Counter()
        database = self._directory / "journal.db"
        mark = SyncMark(database)
        every = self._chance.choice((5, 20, 200))
        self._journal: Final = SealingJournal(database, order.protocol, on_sync=mark.set, checkpoint_every=every)

    def run(self) -> None:
        counts = self._journal.counts(SINK)
        if counts["accepted"] != counts["delivered"] + counts["pending"]:
            raise AssertionError(f"the ledger does not add up: {counts}")
        self._sink = self._opened()
        self._on_open()
        if self._order.kill_after is not None:
            threading.Thread(target=self._emit_all, daemon=True).start()
        for _ in range(self._order.rounds):
            if self._order.kill_after is None:
                self._emit()
            self._deliver_next()
        if not self._order.rounds:
            self._drain()

    def _opened(self) -> LakeSink:
        order = self._order
        sink = LakeSink(
            LakeConfig(
                path=f"s3://{order.bucket}/lake",
                endpoint=order.endpoint,
                allow_http=True,
                region="x",
                access_key_id=SecretStr("x"),
                secret_access_key=SecretStr("x"),
            )
        )
        sink.open(testing.make_context(SINK, instance_id="experiment"))
        return sink

    def _emit_all(self) -> None:
        for _ in range(self._order.rounds * 2):
            self._emit()
            time.sleep(0.01)

    def _emit(self) -> None:
        events = [testing.make_event() for _ in range(self._chance.randint(1, 8))]
        self._note("emitted", "".join(f"{event.event_id}\n" for event in events))
        self._journal.append(SINK, [(event.event_id, event.to_json()) for event in events])
        self._note("accepted", "".join(f"{event.event_id}\n" for event in events))
        self._reach("appended")

    def _deliver_next(self) -> bool:
        sealed = self._lease()
        if sealed is None:
            return False
        self._reach("sealed")
        seal = sealed.seal
        attempt = {"writer": seal.writer, "sequence": seal.sequence, "members": [row.event_id for row in sealed.rows]}
        self._note("attempted", f"{json.dumps(attempt)}\n")
        self._deliver(sealed)
        self._reach("delivered")
        self._journal.acknowledge(SINK, sealed)
        self._reach("acknowledged")
        return True

    def _lease(self) -> Sealed | None:
        """Lease; where the plan says so, be killed between the write of the seal and its sync."""
        self._reached["sealing"] += 1
        if self._order.kill == Kill("sealing", self._reached["sealing"]):
            self._journal.protocol = msgspec.structs.replace(self._journal.protocol, synced=False)
            self._journal.lease(SINK, self._max_events)
            _die()
        return self._journal.lease(SINK, self._max_events)

    def _deliver(self, sealed: Sealed) -> None:
        events = (TelemetryEvent.from_json(row.body) for row in sealed.rows)
        deliveries = tuple(Delivery(event=event, sink=SINK) for event in events)
        batch = Batch(id="b", sink=SINK, deliveries=deliveries, deadline=time.monotonic() + 60, seal=sealed.seal)
        for left in reversed(range(_ATTEMPTS)):
            try:
                self._sink.deliver(batch)
                break
            except RetryableError:
                if not left:
                    raise

    def _drain(self) -> None:
        while self._deliver_next():
            pass
        counts = self._journal.counts(SINK)
        self._journal.close()
        (self._directory / "ended").write_bytes(msgspec.json.encode(Ended(self._rows(), counts)))

    def _rows(self) -> dict[str, int]:
        from deltalake import DeltaTable

        storage = self._sink._storage
        table = DeltaTable(storage.uri, storage_options=storage.options)
        return dict(Counter(table.to_pyarrow_table(columns=["event_id"])["event_id"].to_pylist()))

    def _note(self, name: str, text: str) -> None:
        with (self._directory / name).open("a") as file:
            file.write(text)

    def _reach(self, step: Step) -> None:
        self._reached[step] += 1
        if self._order.kill == Kill(step, self._reached[step]):
            _die()


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("survived")
