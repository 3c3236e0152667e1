"""
A sink that a process of its own can import: it does what the events' names say, and writes down what it was given.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from enum import Enum
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from fanlight import (
    Batch,
    PartialFailure,
    PermanentError,
    RetryableError,
    Sink,
    SinkConfig,
    SinkContext,
    SinkType,
    hookimpl,
)
from fanlight.units import ByteSize, Duration

MANY = 500


class Colour(Enum):
    RED = "red"


class Part(BaseModel):
    patience: Duration = Duration(1.0)
    key: SecretStr | None = None


class ActorConfig(SinkConfig):
    log: Path
    key: SecretStr = SecretStr("none")
    headers: dict[str, SecretStr] = {}
    patience: Duration = Duration(1.0)
    room: ByteSize = ByteSize(1)
    colours: tuple[Colour, ...] = ()
    part: Part = Part()
    parts: dict[str, Part] = {}
    opening: str = ""
    """What `open` does, by the same words."""
    closing: str = ""


class Actor(Sink[ActorConfig]):
    def open(self, context: SinkContext) -> None:
        super().open(context)
        self.note(
            call="open",
            pid=os.getpid(),
            group=os.getpgrp(),
            parent=os.getppid(),
            directory=str(Path.cwd()),
            python_path=os.environ.get("PYTHONPATH"),
            disabled=os.environ.get("FANLIGHT_DISABLED"),
            arguments=sys.argv,
            context={field: getattr(context, field) for field in context.__struct_fields__ if field != "logger"},
            logger=context.logger.name,
        )
        self.act(self.config.opening, None)

    def deliver(self, batch: Batch) -> None:
        self.note(
            call="deliver",
            pid=os.getpid(),
            id=batch.id,
            sink=batch.sink,
            attempt=batch.attempt,
            replay=batch.replay,
            seal=batch.seal and [batch.seal.writer, batch.seal.sequence],
            remaining=batch.deadline - time.monotonic(),
            routes=[one.routes for one in batch.deliveries],
            sizes=[one.size for one in batch.deliveries],
            ages=[time.monotonic() - one.accepted_at for one in batch.deliveries],
            events=[json.loads(event.to_json()) for event in batch],
        )
        for event in batch:
            self.act(event.name, batch)
        self.note(call="delivered", ids=[event.event_id for event in batch])

    def close(self) -> None:
        self.note(call="close", pid=os.getpid())
        self.act(self.config.closing, None)
        self.note(call="closed", pid=os.getpid())

    def note(self, **what: object) -> None:
        line = json.dumps(what) + "\n"
        with self.config.log.open("a") as stream:
            stream.write(line)

    def act(self, word: str, batch: Batch | None) -> None:
        word, _, once = word.partition(" ")
        if once:
            mark = self.config.log.with_suffix(f".{word}")
            if mark.exists():
                return
            mark.touch()
        getattr(self, f"do_{word}", self.nothing)(batch)

    def nothing(self, batch: Batch | None) -> None:
        pass

    def do_retryable(self, batch: Batch | None) -> None:
        raise RetryableError("busy", retry_after=7.5, open_breaker=True)

    def do_busy(self, batch: Batch | None) -> None:
        raise RetryableError("busy")

    def do_permanent(self, batch: Batch | None) -> None:
        raise PermanentError("it is\n too large", reason="too_large")

    def do_partial(self, batch: Batch) -> None:
        first, second = batch.events[:2]
        errors = {
            first.event_id: PermanentError("a bad row", reason="bad_row"),
            second.event_id: RetryableError("later", retry_after=2.0, open_breaker=True),
        }
        raise PartialFailure(errors, unidentified=1, message="three were not taken")

    def do_judge(self, batch: Batch) -> None:
        event = batch.events[0]
        raise PermanentError(f"{event.input_tokens!r} {event.tool!r} {event.tags!r}")

    def do_value_error(self, batch: Batch | None) -> None:
        raise ValueError("what somebody asked the model")

    def do_os_error(self, batch: Batch | None) -> None:
        raise ConnectionRefusedError(111, "Connection refused", "/where/ever")

    def do_leave(self, batch: Batch | None) -> None:
        raise SystemExit(3)

    def do_hang(self, batch: Batch | None) -> None:
        time.sleep(3600)

    def do_hold(self, batch: Batch | None) -> None:
        re.match(r"(a+)+$", "a" * 60 + "b")  # never lets go of the interpreter's lock

    def do_die(self, batch: Batch | None) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def do_crash(self, batch: Batch | None) -> None:
        ctypes.string_at(0)

    def do_exit(self, batch: Batch | None) -> None:
        os._exit(5)

    def do_print(self, batch: Batch | None) -> None:
        print("x" * 100_000, flush=True)
        print("x" * 100_000, file=sys.stderr, flush=True)
        os.write(1, b"\x00" * 100_000)

    def do_scribble(self, batch: Batch | None) -> None:
        os.write(int(sys.argv[1]), b"\xff" * 1000)

    def do_surrogate(self, batch: Batch | None) -> None:
        self.context.logger.warning("the file \udcff")
        raise PermanentError("no such file: \udcff", reason="\udcff")

    def do_log(self, batch: Batch | None) -> None:
        self.context.logger.warning("%d of %s", 3, "something")
        self.context.logger.debug("not shown")
        try:
            raise ValueError("what somebody asked the model")
        except ValueError:
            self.context.logger.exception("it failed")

    def do_log_later(self, batch: Batch) -> None:
        def log() -> None:
            delivered = self.config.log.with_suffix(".answered")
            while not delivered.exists():
                time.sleep(0.01)
            self.context.logger.warning("later")
            self.note(call="logged")

        threading.Thread(target=log, daemon=True).start()

    def do_log_much(self, batch: Batch | None) -> None:
        for number in range(MANY):
            self.context.logger.error("line %d %s", number, "x" * 5000)

    def do_start(self, batch: Batch | None) -> None:
        started = subprocess.Popen(["sleep", "3600"])
        self.note(call="started", pid=started.pid)

    def do_start_and_end(self, batch: Batch | None) -> None:
        started = subprocess.Popen(["sleep", "3600"])
        started.terminate()
        started.wait(10)


class ForgetfulConfig(SinkConfig):
    token: str = Field(default="", exclude=True)


class SingularConfig(SinkConfig):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    thing: object = None


def undecided(config: SinkConfig) -> str:
    return "fork"


def failing(config: SinkConfig) -> str:
    raise ValueError("a secret")


def as_the_settings_say(config: ActorConfig) -> str:
    return "process" if config.patience > 5 else "thread"


ACTOR = SinkType(name="actor", config_model=ActorConfig, factory=Actor)


@hookimpl
def fanlight_register_sinks() -> list[SinkType]:
    return [
        ACTOR,
        SinkType(name="alone", config_model=ActorConfig, factory=Actor, isolation="process"),
        SinkType(name="choosing", config_model=ActorConfig, factory=Actor, isolation=as_the_settings_say),
        SinkType(name="undecided", config_model=ActorConfig, factory=Actor, isolation=undecided),
        SinkType(name="failing", config_model=ActorConfig, factory=Actor, isolation=failing),
        SinkType(name="forgetful", config_model=ForgetfulConfig, factory=Actor),
        SinkType(name="singular", config_model=SingularConfig, factory=Actor),
        SinkType(name="local", config_model=ActorConfig, factory=partial(Actor)),
    ]
