"""A DuckDB that sees one lake and nothing else: no files, no network, no extensions, and a bound on its memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.dataset as ds

from fanlight_lake.commands.errors import CommandError
from fanlight_lake.commands.views import RUNS, TRACES
from fanlight_lake.said import without_colour

if TYPE_CHECKING:
    import duckdb

_CLOSED: Final = (
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


@contextmanager
def session(events: ds.Dataset, *, memory: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """
    Yield a connection with the views `events`, `runs` and `traces`.

    Args:
        events: The lake's rows; what a query filters by and selects reaches it, so that the rest is not read.
        memory: Bytes that DuckDB may use; what is more goes to a temporary directory.

    Raises:
        CommandError: DuckDB is not installed, or what is asked of it fails; then in DuckDB's words.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError:
        raise CommandError("queries need DuckDB: pip install 'fanlight-lake[query]'") from None
    with TemporaryDirectory(prefix="fanlight-lake-") as spill:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory}B",
            "temp_directory": spill,
        }
        try:
            with duckdb.connect(":memory:", config=config) as connection:
                _prepare(connection, events)
                yield connection
        except BrokenPipeError:  # nobody reads the answer any more
            raise
        except (duckdb.Error, pa.ArrowException, OSError) as error:  # what is found late comes through Arrow
            raise CommandError(without_colour(str(error)).strip()) from None


def _prepare(connection: duckdb.DuckDBPyConnection, events: ds.Dataset) -> None:
    connection.register("events", events)
    for statement in (RUNS, TRACES, *_CLOSED):
        connection.execute(statement)
