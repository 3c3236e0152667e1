"""The answer to one event: which sinks get it, by which routes, and what was closed."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Outcome: TypeAlias = Literal["routed", "unmatched", "restricted"]
"""
`routed`: at least one sink gets it by a route. `unmatched`: no route sends it, so it goes where `unmatched` says.
`restricted`: restrictions left no sink.
"""


class Target(msgspec.Struct, frozen=True):
    """One sink that gets the event, and the routes that send it there; none for `unmatched`."""

    sink: str
    routes: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one event."""

    targets: tuple[Target, ...]
    outcome: Outcome
    routes: tuple[str, ...] = ()
    """The routes that apply: those that send it, and those whose restriction is in force."""
    closed: tuple[str, ...] = ()
    """Sinks that had events of this trace and may have no more: drop what is still pending for them."""
