"""Random rules over random traces: the compiled, cached router against a naive one that remembers everything."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fanlight.event import ErrorInfo

SINKS = {
    "a": {"type": "x", "labels": {"region": "eu"}},
    "b": {"type": "x", "labels": {"region": "us"}},
    "c": {"type": "y", "labels": {"region": "us"}},
    "d": {"type": "y", "labels": {}},
}
SELECTORS = ["a", "b", "type:x", "type:y", "label:region=eu", "label:region=us"]
LATE = {"status", "duration_ms", "type", "error.type"}

environments = st.sampled_from(["prod", "dev"])
tags = st.lists(st.sampled_from(["vip", "eval", "pii"]), max_size=2, unique=True)
some_tags = st.lists(st.sampled_from(["vip", "eval", "pii"]), min_size=1, max_size=2, unique=True)
tenants = st.sampled_from([None, "", "eu-1", "us-1"])
teams = st.sampled_from([None, "search", True, 1, ["search"], {"search": 1}])

leaf = st.one_of(
    st.fixed_dictionaries({"environment": environments}),
    st.fixed_dictionaries({"tags": some_tags}),
    st.fixed_dictionaries({"tags": st.builds(lambda op, x: {op: x}, st.sampled_from(["all", "none"]), some_tags)}),
    st.fixed_dictionaries({"tenant_id": st.sampled_from(["eu-*", "us-1", {"exists": True}, {"not": "eu-1"}])}),
    st.fixed_dictionaries({"metadata.team": st.sampled_from(["search", True, 1, {"exists": False}])}),
    st.fixed_dictionaries({"status": st.sampled_from(["error", {"not": "ok"}])}),
    st.fixed_dictionaries({"duration_ms": st.sampled_from([{"gt": 5}, {"exists": False}])}),
    st.fixed_dictionaries({"type": st.sampled_from(["llm.*", "tool.end", ["custom", "llm.start"]])}),
    st.fixed_dictionaries({"error.type": st.just("ValueError")}),
)


def merged(parts):
    return {key: value for part in parts for key, value in part.items()}


flat = st.lists(leaf, max_size=2).map(merged)
match = st.one_of(
    flat,
    flat,
    flat.map(lambda inner: {"not": inner}),
    st.lists(flat, min_size=1, max_size=2).map(lambda inner: {"any_of": inner}),
    st.tuples(flat, st.lists(flat, min_size=1, max_size=2)).map(lambda two: {**two[0], "any_of": two[1]}),
)
selectors = st.lists(st.sampled_from(SELECTORS), min_size=1, max_size=2)
action = st.one_of(selectors.map(lambda x: {"deny": x}), selectors.map(lambda x: {"only": x}))
rule = st.one_of(
    st.builds(lambda m, to: {"match": m, "to": to}, match, st.lists(st.sampled_from("abcd"), min_size=1, unique=True)),
    st.builds(lambda m, to: {"match": m, "to": to}, match, st.lists(st.sampled_from("abcd"), min_size=1, unique=True)),
    st.builds(lambda m, a: {"match": m, **a}, match, action),
    st.builds(
        lambda m, keys, a: {"match": m, "require": keys, "otherwise": a},
        flat,
        st.lists(st.sampled_from(["tenant_id", "metadata.team"]), min_size=1, unique=True),
        action,
    ),
)
rules = st.lists(rule, min_size=1, max_size=5).map(
    lambda found: [{**one, "name": f"r{index}"} for index, one in enumerate(found)]
)


@st.composite
def histories(draw, build):
    """Events of up to two interleaved traces, each run with its start, something in between, and its end."""
    open_runs, events, count = [], [], 0
    for _ in range(draw(st.integers(1, 14))):
        step = draw(st.sampled_from(["start", "start", "inside", "end", "stray"]))
        if step == "start" or not open_runs:
            parent = draw(st.sampled_from([None, *open_runs])) if open_runs else None
            name = f"run{count}"
            count += 1
            run = {
                "run": name,
                "parent": parent and parent["run"],
                "root": parent["root"] if parent else name,
                "environment": draw(environments),
                "tags": draw(tags),
                "tenant_id": draw(tenants),
                "metadata": {"team": draw(teams)},
                "kind": draw(st.sampled_from(["chain", "llm", "tool"])),
            }
            open_runs.append(run)
            events.append(_event(build, run, f"{run['kind']}.start"))
        elif step == "inside":
            events.append(_event(build, draw(st.sampled_from(open_runs)), draw(st.sampled_from(["custom", "retry"]))))
        elif step == "stray":
            inside = draw(st.sampled_from(open_runs))
            lost = {**inside, "run": f"lost{count}", "parent": draw(st.sampled_from([None, "nobody", inside["run"]]))}
            count += 1
            events.append(_event(build, lost, draw(st.sampled_from(["llm.end", "custom", "llm.start"]))))
        else:
            run = open_runs.pop(draw(st.integers(0, len(open_runs) - 1)))
            status = draw(st.sampled_from(["ok", "error"]))
            ends = {"status": status, "duration_ms": draw(st.sampled_from([None, 1.0, 9.0]))}
            if status == "error":
                ends["error"] = ErrorInfo(type=draw(st.sampled_from(["ValueError", "KeyError"])))
            events.append(_event(build, run, f"{run['kind']}.{'error' if status == 'error' else 'end'}", **ends))
    return events


def _event(build, run, kind, **more):
    return build(kind, **{key: value for key, value in run.items() if key != "kind"}, **more)


class Naive:
    """The rules of the documentation, word by word, on the raw configuration and with unlimited memory."""

    def __init__(self, routes, unmatched=()):
        self.routes, self.unmatched = routes, unmatched
        self.taken, self.had, self.closed = {}, {}, {}

    def decide(self, event):
        starts = event.starts_run or event.run_id not in self.taken
        if starts:
            self._start(event)
        hits = [route for route in self.routes if self._fires(route, event, whole=True) and mentions_late(route)]
        for route in self.routes:
            applies = self._fires(route, event, whole=False) or (mentions_late(route) and route in hits)
            if applies and ("deny" in route or "only" in route):
                self._close(event, route)
            lacking = applies and any(key not in self._known(event) for key in route.get("require", ()))
            if lacking and (starts or route in hits):
                self._close(event, route["otherwise"])
        sending = [
            route for route in self.routes if "to" in route and (route in self.taken[event.run_id] or route in hits)
        ]
        closed = self.closed.get(event.trace_id, set())
        wanted = {sink for route in sending for sink in route["to"]} if sending else set(self.unmatched)
        return wanted - closed

    def _start(self, event):
        above = next((run for run in (event.parent_run_id, event.root_run_id) if run in self.taken), None)
        inherited = self.taken.get(above, []) if above != event.run_id else []
        own = [route for route in self.routes if self._fires(route, event, whole=False)]
        self.taken[event.run_id] = inherited + own
        here = {key for key in ("tenant_id", "metadata.team") if value_of(key, event) not in (None, "")}
        self.had[event.run_id] = here | (self.had.get(above, set()) if above != event.run_id else set())

    def _known(self, event):
        here = {key for key in ("tenant_id", "metadata.team") if value_of(key, event) not in (None, "")}
        return self.had[event.run_id] | here

    def _close(self, event, restriction):
        denied = {sink for sink in SINKS if any(means(text, sink) for text in restriction.get("deny", ()))}
        if "only" in restriction:
            denied |= {sink for sink in SINKS if not any(means(text, sink) for text in restriction["only"])}
        self.closed.setdefault(event.trace_id, set()).update(denied)

    def _fires(self, route, event, whole):
        return matches(route.get("match", {}), event, whole) is True


def mentions_late(route):
    def keys(raw):
        for key, value in raw.items():
            if key == "not":
                yield from keys(value)
            elif key == "any_of":
                for inner in value:
                    yield from keys(inner)
            else:
                yield key

    return bool(LATE & set(keys(route.get("match", {}))))


def means(text, sink):
    kind, _, rest = text.partition(":")
    if kind == "type":
        return SINKS[sink]["type"] == rest
    if kind == "label":
        return SINKS[sink]["labels"].get("region") == rest.partition("=")[2]
    return text == sink


def value_of(key, event):
    if key == "metadata.team":
        return event.metadata.get("team")
    if key == "error.type":
        return event.error.type if event.error else None
    return getattr(event, key)


def matches(raw, event, whole):
    return conjunction(
        [
            disjunction([matches(inner, event, whole) for inner in value])
            if key == "any_of"
            else negation(matches(value, event, whole))
            if key == "not"
            else single(key, value, event, whole)
            for key, value in raw.items()
        ]
    )


def single(key, test, event, whole):
    value = value_of(key, event)
    if key in LATE and not whole:
        return None
    if key in LATE - {"type"} and value is None and not event.type.endswith((".end", ".error")):
        return None
    return holds(test, None if value == "" else value)


def holds(test, value):
    if isinstance(test, list):
        if isinstance(value, tuple):
            return any(one in value for one in test)
        return any(holds(one, value) for one in test)
    if isinstance(test, dict):
        (operator, wanted), *_ = test.items()
        if operator == "exists":
            return (value is not None) is wanted
        if operator == "not":
            return not holds(wanted, value)
        if operator == "gt":
            return value is not None and value > wanted
        quantity = {"all": all, "none": lambda found: not any(found)}[operator]
        return quantity(one in value for one in wanted)
    if isinstance(test, str) and test.endswith("*"):
        return isinstance(value, str) and value.startswith(test[:-1])
    return type(value) is type(test) and value == test


def conjunction(answers):
    return False if False in answers else None if None in answers else True


def disjunction(answers):
    return True if True in answers else None if None in answers else False


def negation(answer):
    return None if answer is None else not answer


@settings(max_examples=400, deadline=None)
@given(data=st.data(), routes=rules, unmatched=st.lists(st.sampled_from("abcd"), max_size=2, unique=True))
def test_the_router_decides_as_the_documentation_says(event, routing, sinks_of, data, routes, unmatched):
    """For any rules and any history the sinks are those that a naive reading of the semantics gives."""
    asked, naive = routing(*routes, sinks=SINKS, unmatched=unmatched), Naive(routes, unmatched)
    for one in data.draw(histories(event)):
        assert set(sinks_of(asked, one)) == naive.decide(one)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), routes=rules)
def test_no_event_reaches_a_sink_that_its_trace_is_closed_for(event, routing, data, routes):
    """Once a restriction of a trace is in force, its sinks get nothing more of that trace, and stay named as such."""
    asked = routing(*routes, sinks=SINKS)
    reached, closed = {}, {}
    for one in data.draw(histories(event)):
        decision = asked.decide(one)
        got = {target.sink for target in decision.targets}
        assert not got & closed.get(one.trace_id, set())
        assert set(decision.closed) <= reached.get(one.trace_id, set(SINKS))
        reached.setdefault(one.trace_id, set()).update(got)
        closed.setdefault(one.trace_id, set()).update(decision.closed)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), routes=rules)
def test_the_order_of_rules_is_without_effect(event, routing, sinks_of, data, routes):
    """Any order of the same rules gives the same sinks."""
    events = data.draw(histories(event))
    shuffled = data.draw(st.permutations(routes))
    one, other = routing(*routes, sinks=SINKS), routing(*shuffled, sinks=SINKS)
    assert [sinks_of(one, found) for found in events] == [sinks_of(other, found) for found in events]


@settings(max_examples=300, deadline=None)
@given(data=st.data(), routes=rules, max_pins=st.sampled_from([1, 2, 3, 5]))
def test_forgetting_never_opens_a_sink(event, routing, sinks_of, data, routes, max_pins):
    """A router that can remember few runs and traces restricts at least what one with ample memory restricts."""
    sending = [{"name": "all", "match": {}, "to": list(SINKS)}]
    rules_only = [route for route in routes if "to" not in route]
    ample = routing(*sending, *rules_only, sinks=SINKS)
    tight = routing(*sending, *rules_only, sinks=SINKS, max_pins=max_pins)
    for found in data.draw(histories(event)):
        assert set(sinks_of(tight, found)) <= set(sinks_of(ample, found))
