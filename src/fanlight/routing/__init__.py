"""Routing: from an event to the sinks that get it."""

from fanlight.routing.decision import Decision, Outcome, Target
from fanlight.routing.explain import Explanation, explain
from fanlight.routing.facts import event_of
from fanlight.routing.keys import KEYS, Key, parse_key
from fanlight.routing.match import parse_match
from fanlight.routing.predicates import EVERYTHING, Leaf, Predicate
from fanlight.routing.routing import Routing
from fanlight.routing.rules import Otherwise, Restriction, Route, Selector, SinkFacts, parse_selector, selected
from fanlight.routing.table import RoutingTable

__all__ = [
    "EVERYTHING",
    "KEYS",
    "Decision",
    "Explanation",
    "Key",
    "Leaf",
    "Otherwise",
    "Outcome",
    "Predicate",
    "Restriction",
    "Route",
    "Routing",
    "RoutingTable",
    "Selector",
    "SinkFacts",
    "Target",
    "event_of",
    "explain",
    "parse_key",
    "parse_match",
    "parse_selector",
    "selected",
]
