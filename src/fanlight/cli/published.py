"""The files of the repository's config/ folder that are made from the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fanlight.config.reference import reference
from fanlight.config.schema import json_schema
from fanlight.config.tables import with_tables
from fanlight.event import json_schema as event_schema
from fanlight.plugins import PluginRegistry


def published(folder: Path) -> dict[str, str]:
    """Return the text of each file by its name; the prose of README.md is taken from *folder*, if it is there."""
    registry = PluginRegistry.builtin()
    kinds = tuple(registry.sink_types.values())
    files = {
        "fanlight.yaml": reference(kinds),
        "fanlight.schema.json": _json(json_schema(kinds)),
        "event.schema.json": _json(event_schema()),
    }
    readme = folder / "README.md"
    if readme.exists():
        files["README.md"] = with_tables(readme.read_text(encoding="utf-8"), kinds)
    return files


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
