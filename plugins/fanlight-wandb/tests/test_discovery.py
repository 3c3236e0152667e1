"""How fanlight finds the plugin, and what finding it costs."""

import subprocess
import sys

from fanlight_wandb import WandbConfig, WandbSink, fanlight_register_sinks


def test_the_type_says_what_it_does() -> None:
    """One type, for finished runs, in a process of its own, which promises no more than it keeps."""
    (registered,) = fanlight_register_sinks()
    assert (registered.name, registered.config_model, registered.factory) == ("wandb", WandbConfig, WandbSink)
    assert (registered.consumes, registered.idempotency) == ("runs", "none")
    assert "transaction log" in registered.delivered_means


def test_listing_plugins_does_not_load_the_sdk() -> None:
    """An application without a W&B sink does not pay for the SDK."""
    program = "import sys, fanlight_wandb; sys.exit('wandb' in sys.modules or 'google.protobuf' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
