"""
How a run ended, told from the class of its exception.

Classes are known by name, over all their base classes: LangGraph is not imported to recognise what it raises, and what
a newer langchain-core added is recognised on an older one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from fanlight.event import Status

_BY_NAME: Final[dict[str, Status]] = {
    "GraphInterrupt": "interrupted",
    "GraphDrained": "interrupted",
    "ParentCommand": "handoff",
    "GraphBubbleUp": "interrupted",
    "CancelledError": "cancelled",
    "GeneratorExit": "cancelled",
    "KeyboardInterrupt": "cancelled",
    "ModelRefusalError": "refused",
}


def status_of(error: Any) -> Status:
    """Return the status of a run that ended with *error*."""
    kind: type = type(error)
    return _status_of_class(kind)


@lru_cache(maxsize=1024)
def _status_of_class(kind: type) -> Status:
    for base in kind.__mro__:
        if base.__name__ in _BY_NAME:
            return _BY_NAME[base.__name__]
    return "error"


def failed_tool_message(output: Any, call_id: str | None) -> Any:
    """
    Return the `ToolMessage` with which a tool answered that it failed, or `None` where it did not.

    A tool may answer with the message, with a list, or with a LangGraph `Command` whose update holds it; then only the
    answer to this very call counts.
    """
    if getattr(output, "status", None) == "error" and getattr(output, "type", None) == "tool":
        return output
    update = getattr(output, "update", None)
    messages = update.get("messages") if isinstance(update, dict) else output
    for message in messages if isinstance(messages, list | tuple) else ():
        if getattr(message, "status", None) == "error" and getattr(message, "tool_call_id", None) == call_id:
            return message
    return None
