"""The lake that a command is about: found by its place, or by the configuration of its sink, and known to be one."""

from __future__ import annotations

import argparse
import os
from typing import Final

from pydantic import ValidationError

from fanlight import sink_config
from fanlight_lake.commands.errors import CommandError, UsageError
from fanlight_lake.commands.lake import Lake, no_lake
from fanlight_lake.config import LakeConfig
from fanlight_lake.local import LocalStorage
from fanlight_lake.quarantine import DIRECTORY
from fanlight_lake.schema import IDENTIFYING, PARTITIONS, holds_events
from fanlight_lake.storage import Storage, storage_of

_LOG: Final = "_delta_log"
_WITHIN: Final = (*(f"{name}=" for name in PARTITIONS), _LOG, DIRECTORY)
"""What the directories within a lake begin with."""


def open_lake(options: argparse.Namespace) -> Lake:
    """
    Return the lake that the options name. Nothing is written: not before it is known to be one of fanlight's.

    Raises:
        UsageError: they name none.
        CommandError: there is none, or what lies there is somebody else's.
        ConfigError: the configuration that they name does not describe one.
        OSError: it may not be read.
    """
    if options.path is None:
        if options.config is None and not os.environ.get("FANLIGHT_CONFIG"):
            raise UsageError("which lake? Say --path or --config, or set FANLIGHT_CONFIG")
        config = sink_config(LakeConfig, options.config, sink=options.sink)
    elif options.sink is not None:
        raise UsageError("--sink names a sink of a configuration; with --path there is none")
    else:
        config = _config_of(options.path)
    return _opened(storage_of(config))


def _config_of(path: str) -> LakeConfig:
    is_open = path.startswith("s3") and os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}
    try:
        return LakeConfig(path=path, allow_http=is_open)
    except ValidationError as error:
        raise UsageError("; ".join(each["msg"] for each in error.errors())) from None


def _opened(storage: Storage) -> Lake:
    if isinstance(storage, LocalStorage) and storage.root.is_file():
        raise CommandError(f"{storage.uri} is a file; a lake is a directory")
    if any(storage.names(".json", _LOG)):
        lake = Lake(storage, is_delta=True)
        _check_table(lake)
    else:
        lake = Lake(storage, is_delta=False)
        _check_files(lake)
    return lake


def _check_table(lake: Lake) -> None:
    table = lake.table()
    columns = [field.name for field in table.schema().fields]
    if not holds_events(columns) or tuple(table.metadata().partition_columns) != PARTITIONS:
        raise CommandError(
            f"{lake.storage.uri} holds a Delta table, but no fanlight lake: that has the columns "
            f"{' and '.join(IDENTIFYING)}, and directories by {' and '.join(PARTITIONS)}"
        )


def _check_files(lake: Lake) -> None:
    # The newest day first: most lakes are known by one footer.
    if any(map(lake.footer_of_events, reversed(lake.live()))):
        return
    uri = lake.storage.uri
    if place := _around(uri):
        raise CommandError(f"{uri} seems to be a directory within a lake; name the lake: {place}")
    if any(lake.storage.names(".parquet")):
        raise CommandError(
            f"{uri} holds Parquet files, but no fanlight lake: none below date=…/environment=… has the columns "
            f"{' and '.join(IDENTIFYING)}"
        )
    raise no_lake(uri)


def _around(uri: str) -> str | None:
    """Return what *uri* would be a part of, by its name."""
    parts = uri.split("/")
    inner = next((index for index, part in enumerate(parts) if part.startswith(_WITHIN)), None)
    return "/".join(parts[:inner]) if inner else None
