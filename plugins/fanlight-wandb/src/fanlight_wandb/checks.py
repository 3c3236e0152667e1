"""
What can be wrong with a configuration beyond the types of its keys, each in a sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from fanlight_wandb.config import WandbConfig

KEYS: Final = (
    "environment", "name", "service_name", "service_version", "vcs_revision", "provider", "request_model",
    "response_model", "tenant_id", "user_id", "session_id", "prompt_name", "prompt_version", "langgraph.node",
    "langgraph.thread_id", "langgraph.graph_id",
)  # fmt: skip
"""Event fields that a run can be told apart by; `metadata.<path>` and `attributes.<key>` come on top."""
_OPEN: Final = ("metadata", "attributes")
_NOT_IN_NAMES: Final = frozenset("/\\#?%:")
_LONGEST_NAME: Final = 128
_LONGEST_TAG: Final = 64
_OF_OWN_RUNS: Final = (
    "project", "entity", "mode", "api_key", "base_url", "directory", "writer", "group", "tags", "init_timeout",
    "finish_timeout",
)  # fmt: skip


def check_key(key: str) -> None:
    """
    Check that *key* names an event field.

    Raises:
        ValueError: it does not; says which do.
    """
    head, _, rest = key.partition(".")
    if key in KEYS or (head in _OPEN and rest):
        return
    if key in _OPEN:
        raise ValueError(f"{key} needs to say which: write {key}.<key>")
    close = difflib.get_close_matches(key, (*KEYS, *_OPEN), n=1)
    hint = f"did you mean {close[0]}?" if close else f"expected metadata.<path>, attributes.<key>, {', '.join(KEYS)}"
    raise ValueError(f"{key} is no event field that runs can be told apart by; {hint}")


def check_address(value: str) -> str:
    """
    Return *value* without a trailing slash.

    Raises:
        ValueError: it is no address of a W&B server; says what is wrong with it.
    """
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is no number or too large a one
        usable = False
    if not usable:
        raise ValueError("expected the server's address, such as https://wandb.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address carries no user or password; write api_key")
    if parts.query or parts.fragment:
        raise ValueError("the address has no query and no fragment")
    return value.rstrip("/")


def check_tag(tag: str) -> None:
    """
    Check that W&B takes *tag*.

    Raises:
        ValueError: it does not.
    """
    if not 1 <= len(tag) <= _LONGEST_TAG:
        raise ValueError(f"W&B takes tags of 1 to {_LONGEST_TAG} characters")


def check_names(**names: str | None) -> None:
    """
    Check that W&B takes the *names* of its project and entity.

    Raises:
        ValueError: it does not; says which one and why.
    """
    for role, name in names.items():
        wrong = sorted(_NOT_IN_NAMES.intersection(name or ""))
        if wrong:
            raise ValueError(f"{role} {name!r} has {' '.join(wrong)} in it, which W&B does not allow")
        if name is not None and not 1 <= len(name) <= _LONGEST_NAME:
            raise ValueError(f"W&B takes 1 to {_LONGEST_NAME} characters as {role}")


def problems(config: WandbConfig) -> Iterator[str]:
    """Yield what is missing in *config* or does not belong there, each in a sentence."""
    if config.run != "current":
        if config.project is None:
            yield "project is missing: which W&B project are the runs for?"
        return
    for key in _OF_OWN_RUNS:
        if key in config.model_fields_set:
            yield f"run: current logs into the run that the application opened, so {key} has no effect; remove it"
