"""
What W&B was given, read back: from run directories, or from a stand-in of its server. For tests and demos.

    for run in read_runs(Path("wandb")):
        run.history, run.tables["traces"].rows, run.config

    with WandbServer() as server:
        ...                       # wandb with base_url=server.url, api_key=server.api_key
        server.runs
"""

from __future__ import annotations

from fanlight_wandb.read_back import read_runs
from fanlight_wandb.seen import SeenAlert, SeenMetric, SeenRun, SeenTable
from fanlight_wandb.stand_in import WandbServer
from fanlight_wandb.stand_in_faults import Fault, ServedRequest

__all__ = ["Fault", "SeenAlert", "SeenMetric", "SeenRun", "SeenTable", "ServedRequest", "WandbServer", "read_runs"]
