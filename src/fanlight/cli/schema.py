"""`fanlight schema`: what an editor, a lake or a reader needs to know about the configuration and the event."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("schema", help="print the JSON Schema of the configuration or the event")
    parser.add_argument("--event", action="store_true", help="of TelemetryEvent")
    parser.add_argument("--write", metavar="DIR", type=Path, help="write the reference files of fanlight's own sinks")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a schema that knows the installed sink types, or write the files that are published."""
    if options.write:
        return _write(options.write)
    if options.event:
        from fanlight.event import json_schema as event_schema

        print(json.dumps(event_schema(), indent=2))
        return 0
    from fanlight.config.schema import json_schema
    from fanlight.plan.build import load_registry

    print(json.dumps(json_schema(load_registry().sink_types.values()), indent=2))
    return 0


def _write(folder: Path) -> int:
    from fanlight.cli.published import published

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in published(folder).items():
            (folder / name).write_text(text, encoding="utf-8")
            print(folder / name)
    except OSError as error:
        print(f"fanlight schema: {folder} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    return 0
