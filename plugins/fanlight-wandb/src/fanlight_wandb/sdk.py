"""
The SDK with everything turned off that is not about rows, and a way back when its wandb-core is gone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from fanlight_wandb.config import WandbConfig

_KEPT: Final = frozenset({
    "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_CONFIG_DIR", "WANDB_CREDENTIALS_FILE", "WANDB_ENTITY", "WANDB_HTTP_PROXY",
    "WANDB_HTTPS_PROXY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_X_EXTRA_HTTP_HEADERS",
})  # fmt: skip
"""Who somebody is and how W&B is reached; the rest of WANDB_* is about the application's own runs."""
_FLUSH: Final = 0.1
"""Seconds after which wandb-core writes rows to the transaction log; its default is 15."""
_LOOK: Final = 3
"""
Seconds that a table may ask the server about its name before it is logged without an answer. The SDK's default is 19:
while the server is away, a batch with two tables would be over its time.
"""
_REQUEST: Final = 30.0
"""Seconds for any other request."""
_RETRIES: Final = 120
_RETRY_WAIT: Final = 60.0
"""Seconds between the later retries: together two hours for each request, then it stays in the transaction log."""


class Sdk:
    """
    The SDK, imported and ready for runs of fanlight's own.

    Args:
        config: The sink's settings.
        directory: Where W&B keeps its files.
        group: The group of the runs.
        ours: Whether fanlight started this process, so that nobody else's environment and runs are in it.
    """

    def __init__(self, config: WandbConfig, directory: Path, group: str, *, ours: bool) -> None:
        self._config: Final = config
        self._directory: Final = directory
        self._group: Final = group
        self._ours: Final = ours
        if self._ours:
            _prepare_process(config, directory)
        self.wandb: Final = import_module("wandb")

    def start(
        self, run_id: str, *, name: str, config: dict[str, Any], timeout: float, on_stop: Callable[[], None]
    ) -> Any:
        """
        Open the run of *run_id*, or go on with it.

        Args:
            run_id: The W&B run's id.
            name: What people see.
            config: The run's configuration.
            timeout: Seconds that it may take.
            on_stop: Called, on a thread of the SDK's, when somebody presses "stop", or uploading failed for good.
        """
        return self.wandb.init(
            id=run_id,
            name=name,
            project=self._config.project,
            entity=self._config.entity,
            group=self._group,
            job_type="fanlight",
            tags=self._config.tags,
            config=config,
            resume="allow",
            reinit="create_new",
            settings=self._settings(min(timeout, self._config.init_timeout), on_stop),
        )

    def restart(self) -> None:
        """
        Let go of wandb-core, so that the next run starts another; runs that are open end.

        In a process with somebody else's run nothing is let go of.
        """
        if self._ours or self.wandb.run is None:
            with contextlib.suppress(Exception, SystemExit):  # it is about to be gone, whatever it says
                self.wandb.teardown()

    def close(self) -> None:
        """Let the SDK end, where it is fanlight's alone."""
        if self._ours:
            self.restart()

    def _settings(self, init_timeout: float, on_stop: Callable[[], None]) -> Any:
        address = {"base_url": self._config.base_url} if self._config.base_url else {}
        secret = self._config.api_key
        # In a process of ours the key is in its environment: as a setting the SDK would announce it on the terminal.
        key = {"api_key": secret.get_secret_value()} if secret is not None and not self._ours else {}
        return self.wandb.Settings(
            mode=self._config.mode,
            root_dir=str(self._directory),
            use_dot_wandb=False,
            symlink=False,
            silent=True,
            force=True,  # no key is an error, not a question on the terminal
            console="off",
            disable_code=True,
            disable_git=True,
            label_disable=True,
            sagemaker_disable=True,
            x_save_requirements=False,
            x_disable_stats=True,
            x_disable_meta=True,
            x_disable_machine_info=True,
            init_timeout=init_timeout,
            finish_timeout=float(self._config.finish_timeout),
            stop_on_fatal_error=True,
            stop_fn=on_stop,  # by default the SDK interrupts the main thread
            x_transaction_log_flush_interval=_FLUSH,
            x_graphql_timeout_seconds=_REQUEST,
            x_graphql_retry_max=_RETRIES,
            x_graphql_retry_wait_max_seconds=_RETRY_WAIT,
            x_file_stream_retry_max=_RETRIES,
            x_file_stream_retry_wait_max_seconds=_RETRY_WAIT,
            x_file_transfer_retry_max=_RETRIES,
            x_file_transfer_retry_wait_max_seconds=_RETRY_WAIT,
            **address,
            **key,
        )


def _prepare_process(config: WandbConfig, directory: Path) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_") and name not in _KEPT]:
        del os.environ[name]
    os.environ["WANDB_SILENT"] = "true"
    os.environ["WANDB_ERROR_REPORTING"] = "false"
    os.environ["WANDB_HTTP_TIMEOUT"] = str(_LOOK)
    # Tables wait here for `wandb sync`: the run's directory alone would not do.
    os.environ["WANDB_DATA_DIR"] = str(directory / "data")
    os.environ["WANDB_CACHE_DIR"] = str(directory / "cache")
    if config.api_key is not None:
        os.environ["WANDB_API_KEY"] = config.api_key.get_secret_value()
    os.umask(0o077)
