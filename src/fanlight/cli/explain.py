"""`fanlight explain`: where would such an event go, which route fired, which did not, and why?"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from fanlight.cli.report import paint, print_table

if TYPE_CHECKING:
    from fanlight.plan import Plan
    from fanlight.routing.explain import Check, Explanation, RouteExplanation

_WORDS: Final = {True: ("yes", "good"), False: ("no", "dim"), None: ("later", "odd")}


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("explain", help="say where an event goes, route by route")
    parser.add_argument("file", help="the YAML file")
    parser.add_argument("--environment", metavar="NAME", help="the event's environment")
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="a tag of the event; may be repeated")
    parser.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE", help="a metadata entry")
    for name in ("tenant-id", "user-id", "session-id", "type", "status", "name"):
        parser.add_argument(f"--{name}", metavar="VALUE", help=f"the event's {name.replace('-', '_')}")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any other field of the event")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print every route with its reasons, then the sinks; always 0 where the question makes sense."""
    from fanlight.cli.facts import UsageError, gather
    from fanlight.plan import load_plan
    from fanlight.plan.scenarios import event_for
    from fanlight.routing import explain

    plan = load_plan(options.file, environment=options.environment, secrets=False)
    try:
        event = event_for(plan, gather(options))
    except (UsageError, ValueError) as error:
        print(f"fanlight explain: {error}", file=sys.stderr)
        return 2
    explanation = explain(plan.table, event)
    for route in explanation.routes:
        _print_route(route)
    _print_result(plan, explanation)
    return 0


def _print_route(route: RouteExplanation) -> None:
    out = sys.stdout
    word, colour = _WORDS[route.answer]
    effect = f"→ {', '.join(route.sends_to)}" if route.answer and route.sends_to else ""
    if route.forbids:
        effect = f"{effect}  restricts: {route.forbids}".strip()
    print(f"{paint(word.ljust(5), colour, out)}  {paint(route.name, 'bold', out)}  {effect}".rstrip())
    rows = [("  " * check.level + check.key, _WORDS[check.answer][0], _reason(check)) for check in route.checks] or [
        ("{}", "yes", "matches everything")
    ]
    rows += [(key, "", "required, and not there") for key in route.lacks if route.answer]
    print_table([("    " + key, *rest) for key, *rest in rows], out)


def _reason(check: Check) -> str:
    return f"expected {check.expected}; found {check.found}" if check.expected else ""


def _print_result(plan: Plan, explanation: Explanation) -> None:
    out = sys.stdout
    decision = explanation.decision
    print()
    print(paint(f"The event is {decision.outcome}.", "bold", out))
    got = {target.sink: target.routes for target in decision.targets}
    closed = dict(explanation.closed)
    rows = []
    for sink in plan.sinks:
        if sink.name in got:
            reason = f"by {', '.join(got[sink.name])}" if got[sink.name] else "as unmatched"
            rows.append((sink.name, "gets it", reason))
        elif sink.name in closed:
            rows.append((sink.name, "may not", f"closed by {', '.join(closed[sink.name])}"))
        else:
            rows.append((sink.name, "no", "no route sends it there"))
    print_table(rows, out)
