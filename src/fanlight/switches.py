"""
Switches in the environment: `FANLIGHT_DISABLED` and `FANLIGHT_STRICT`.
"""

from __future__ import annotations

import os
from typing import Final

DISABLED: Final = "FANLIGHT_DISABLED"
STRICT: Final = "FANLIGHT_STRICT"

_OFF: Final = frozenset({"", "0", "false", "no", "off"})


def is_on(name: str) -> bool:
    """
    Whether the switch *name* is on: set to anything but `0`, `false`, `no`, `off` or nothing, in any case.

    A kill switch that was thrown with a word nobody thought of must work.
    """
    return os.environ.get(name, "").strip().lower() not in _OFF
