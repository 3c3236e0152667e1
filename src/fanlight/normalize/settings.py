"""
What the normaliser is told once, when the router is built.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fanlight.event import Process


class NormalizerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The origin of all events, and the bounds they are kept in."""

    environment: str = ""
    service_name: str | None = None
    service_version: str | None = None
    vcs_revision: str | None = None
    attributes: dict[str, Any] = {}
    process: Process | None = None
    max_field_bytes: int = 64 * 1024
    """Longer texts are cut."""
    prompt_name_key: str = "prompt_name"
    prompt_version_key: str = "prompt_version"
    session_keys: tuple[str, ...] = ("session_id", "conversation_id", "thread_id")
    """The first of these metadata keys that is there names the session; likewise the next two."""
    user_keys: tuple[str, ...] = ("user_id",)
    tenant_keys: tuple[str, ...] = ("tenant_id",)
    configurable_keys: tuple[str, ...] = ()
    """What is taken over from a record's `configurable`."""
    max_open_runs: int = 100_000
    run_ttl: float = 6 * 3600.0
    """Seconds after which a run that has not ended is given up as `abandoned`."""
    orphan_grace: float = 60.0
    """Seconds that the runs below a root may stay open after it ended; see `fanlight.normalize.runs`."""
    digest_key: bytes
    """Random per process: digests tell equal content apart from different, and tell a guesser nothing."""
