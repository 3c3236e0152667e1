"""Playing the script: each program through one router, with a status line, and the trees as they are complete."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import msgspec

from fanlight.demo.screen import Screen
from fanlight.demo.script import STEPS
from fanlight.health import RouterHealth
from fanlight.router import Router

_PATIENCE = 10.0


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What is left when the play is over."""

    health: RouterHealth
    """The ledger, after the router was closed."""
    printed: str
    """What was on the screen."""
    secret: str
    """The API key that a customer wrote into every ticket. It is made up, and different each time."""


def play(config: Path, pace: float) -> Played:
    """
    Play all steps through a router for *config* and close it.

    Args:
        config: The demo's configuration; its variables are set.
        pace: Seconds that a model call takes.
    """
    screen, secret = Screen(sys.stdout), f"sk-proj-{secrets.token_hex(24)}"
    with screen.in_place_of_stdout(), Router.from_config(config) as router:
        for number, step in enumerate(STEPS, 1):
            with screen.step(f"[{number}/{len(STEPS)}] {step.workload.title}  ({step.tenant_id}, {step.user_id})"):
                step.play(router.handler, pace, f"my key is {secret}, please help")
                router.flush(_PATIENCE)
        router.close(_PATIENCE)
        return Played(health=router.health(), printed=screen.printed, secret=secret)
