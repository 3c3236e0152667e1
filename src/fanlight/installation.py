"""
One router for every chain in the process, attached through LangChain's own configure hook.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from fanlight.capture.feedback import Source
from fanlight.capture.hook import attach_everywhere
from fanlight.errors import ConfigError
from fanlight.router import Router
from fanlight.switches import STRICT, is_on

_logger: Final = logging.getLogger("fanlight")
_lock: Final = threading.RLock()
_installed: list[Router] = []
_complained: list[bool] = []


def install(source: str | os.PathLike[str] | dict[str, Any] | None = None) -> Router:
    """
    Attach fanlight to every LangChain run in this process, and return the router.

    Never raises: with a configuration that cannot be used it logs one error, and the router it returns captures
    nothing (`health().state == "disabled"`). Called again it replaces what was installed; the old router drains in
    the background.

    Args:
        source: A path or a dict; without it the path in `FANLIGHT_CONFIG`.

    Raises:
        ConfigError: only with `FANLIGHT_STRICT=1` in the environment.
    """
    try:
        router = Router.from_config(_source(source))
    except Exception as error:
        if is_on(STRICT):
            raise
        _logger.error("fanlight is disabled: %s", _describe(error))  # noqa: TRY400 - one line, no traceback
        router = Router.disabled(_describe(error))
    with _lock:
        attach_everywhere(router.handler_for_hook)
        _replace(router)
    return router


def uninstall(timeout: float | None = None) -> None:
    """Detach the installed router and close it within *timeout* seconds; do nothing where none is installed."""
    with _lock:
        attach_everywhere(None)
        routers, _installed[:] = list(_installed), []
    for router in routers:
        router.close(timeout)


def installed() -> Router | None:
    """Return the router that `install` attached last, or `None`."""
    return _installed[-1] if _installed else None


def feedback(
    run_id: UUID | str | None = None,
    name: str = "",
    *,
    score: float | None = None,
    label: str | None = None,
    explanation: str | None = None,
    source: Source = "human",
    trace_id: str | None = None,
    user_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Iterable[str] = (),
) -> None:
    """
    Note what somebody said about a run or a whole trace, with the installed router: see `Router.feedback`.

    Where none is installed the arguments are checked all the same, one warning is logged, and nothing is noted.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: neither run nor trace is named, an id is none, there is no name, or nothing is said.
    """
    (installed() or _no_router()).feedback(
        run_id,
        name,
        score=score,
        label=label,
        explanation=explanation,
        source=source,
        trace_id=trace_id,
        user_id=user_id,
        metadata=metadata,
        tags=tags,
    )


def _no_router() -> Router:
    if not _complained:
        _complained.append(True)
        _logger.warning("feedback is not noted: no router is installed, call fanlight.install() first")
    return Router.disabled("no router is installed")


def _replace(router: Router) -> None:
    old, _installed[:] = list(_installed), [router]
    for previous in old:
        with contextlib.suppress(RuntimeError):  # no thread to be had: it closes when the process ends
            threading.Thread(target=previous.close, name="fanlight-close", daemon=True).start()


def _source(source: str | os.PathLike[str] | dict[str, Any] | None) -> str | os.PathLike[str] | dict[str, Any]:
    if source is not None:
        return source
    path = os.environ.get("FANLIGHT_CONFIG")
    if not path:
        raise ConfigError.single("no configuration was given", hint="pass a path, or set FANLIGHT_CONFIG")
    return Path(path)


def _describe(error: Exception) -> str:
    # Only fanlight's own errors are known to hold no secret.
    return str(error) if isinstance(error, ConfigError) else f"{type(error).__name__} while reading the configuration"
