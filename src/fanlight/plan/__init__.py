"""
From a configuration to a plan: everything resolved and checked against the rest of the file and the installed plugins.

A plan is complete and inert. Making one opens nothing, starts nothing, and finds every problem at once.
"""

from fanlight.plan.build import build_plan, load_plan
from fanlight.plan.model import Plan, PlannedSink
from fanlight.plan.scenarios import Scenario, run_tests

__all__ = ["Plan", "PlannedSink", "Scenario", "build_plan", "load_plan", "run_tests"]
