"""What a match means, value by value, and what is said about one that cannot be meant."""

import time

import pytest

from fanlight.routing import event_of, parse_match


def holds(raw, fields, extra=None):
    """Whether the match holds for an event with these fields: True, False, or None for not known yet."""
    predicate, problems = parse_match(raw, "match", extra_keys=extra)
    assert predicate is not None, problems
    event, wrong = event_of(fields)
    assert event is not None, wrong
    done = event.ends_run or event.type == "feedback"
    facts = {leaf.key.name: leaf.key.value(event, settled=done) for leaf in predicate.leaves()}
    return predicate.evaluate(facts)


@pytest.mark.parametrize(
    ("raw", "fields", "expected"),
    [
        ({}, {}, True),
        ({"environment": "prod"}, {"environment": "prod"}, True),
        ({"environment": "prod"}, {"environment": "Prod"}, False),
        ({"environment": ["dev", "staging"]}, {"environment": "staging"}, True),
        ({"environment": ["dev", "staging"]}, {"environment": "prod"}, False),
        ({"environment": "prod", "tenant_id": "a"}, {"environment": "prod", "tenant_id": "b"}, False),
        ({"tenant_id": "eu-*"}, {"tenant_id": "eu-7"}, True),
        ({"tenant_id": "eu-*"}, {"tenant_id": "xeu-7"}, False),
        ({"tenant_id": "eu-*"}, {"tenant_id": "EU-7"}, False),
        ({"tenant_id": {"regex": "(?i)^eu-"}}, {"tenant_id": "EU-7"}, True),
        ({"tenant_id": {"regex": "(?i)^eu-"}}, {"tenant_id": "eu-7"}, True),
        ({"tenant_id": "eu-?"}, {"tenant_id": "eu-77"}, False),
        ({"tenant_id": "eu.*"}, {"tenant_id": "euro"}, False),
        ({"tenant_id": "a*z"}, {"tenant_id": "a\nz"}, True),
        ({"name": {"regex": "^search_[0-9]+$"}}, {"name": "search_12"}, True),
        ({"name": {"regex": "[0-9]"}}, {"name": "search_12"}, True),
        ({"name": {"regex": "^[0-9]"}}, {"name": "search_12"}, False),
        ({"name": {"regex": "ä"}}, {"name": "\ud800ä"}, True),
        ({"user_id": {"exists": True}}, {"user_id": "u"}, True),
        ({"user_id": {"exists": True}}, {}, False),
        ({"user_id": {"exists": True}}, {"user_id": ""}, False),
        ({"user_id": {"exists": False}}, {}, True),
        ({"user_id": {"not": "u"}}, {"user_id": "v"}, True),
        ({"user_id": {"not": "u"}}, {"user_id": "u"}, False),
        ({"user_id": {"not": "u"}}, {}, True),
        ({"user_id": {"not": ["u", "v*"]}}, {"user_id": "v1"}, False),
        ({"user_id": {"not": {"exists": False}}}, {}, False),
        ({"duration_ms": {"gt": 10}}, {"type": "llm.end", "duration_ms": 10.5}, True),
        ({"duration_ms": {"gt": 10, "lte": 20}}, {"type": "llm.end", "duration_ms": 21}, False),
        ({"total_tokens": [{"lt": 5}, {"gt": 100}]}, {"type": "llm.end", "total_tokens": 101}, True),
        ({"cost_usd": {"gte": 0}}, {"type": "llm.end"}, False),
        ({"cost_usd": {"not": {"gte": 0}}}, {"type": "llm.end"}, True),
        ({"type": "tool.*"}, {"type": "tool.error"}, True),
        ({"type": ["feedback"]}, {"type": "feedback"}, True),
        ({"error.type": "ValueError"}, {"type": "tool.error", "error": {"type": "ValueError"}}, True),
        ({"error.type": "ValueError"}, {"type": "tool.error"}, False),
        ({"streamed": True}, {"type": "llm.end", "streamed": True}, True),
        ({"tool.name": "search*"}, {"type": "tool.start", "tool": {"name": "search_web"}}, True),
        ({"tool.name": "search*"}, {"type": "chain.start"}, False),
        ({"langgraph.node": "agent"}, {"langgraph": {"node": "agent"}}, True),
        ({"metadata.team": "search"}, {"metadata": {"team": "search"}}, True),
        ({"metadata.a.b": "c"}, {"metadata": {"a": {"b": "c"}}}, True),
        ({"metadata.a.b": "c"}, {"metadata": {"a.b": "c"}}, True),
        ({"metadata.a.b": "c"}, {"metadata": {"a": "b"}}, False),
        ({"metadata.n": 1}, {"metadata": {"n": True}}, False),
        ({"metadata.n": True}, {"metadata": {"n": 1}}, False),
        ({"metadata.n": True}, {"metadata": {"n": True}}, True),
        ({"metadata.n": 2}, {"metadata": {"n": 2.0}}, True),
        ({"metadata.n": "2"}, {"metadata": {"n": 2}}, False),
        ({"metadata.n": {"gt": 1}}, {"metadata": {"n": "2"}}, False),
        ({"metadata.n": {"gt": 0}}, {"metadata": {"n": True}}, False),
        ({"metadata.n": {"regex": "2"}}, {"metadata": {"n": [2]}}, False),
        ({"metadata.n": {"exists": True}}, {"metadata": {"n": {"deep": 1}}}, True),
        ({"metadata.n": {"exists": True}}, {"metadata": {"n": None}}, False),
        ({"metadata.n": {"exists": True}}, {"metadata": {"n": 0}}, True),
        ({"attributes.team": "a"}, {"attributes": {"team": "a"}}, True),
    ],
)
def test_values(raw, fields, expected):
    """Each kind of value matches what it says, and what has another type or is missing does not."""
    assert holds(raw, fields) is expected


@pytest.mark.parametrize(
    ("raw", "tags", "expected"),
    [
        ("eval", ["eval", "x"], True),
        (["eval", "experiment"], ["experiment"], True),
        (["eval", "experiment"], ["other"], False),
        (["eval"], [], False),
        ("exp-*", ["exp-7"], True),
        ([{"regex": "^exp"}], ["exp-7"], True),
        ({"any": ["a", "b"]}, ["b"], True),
        ({"all": ["a", "b"]}, ["b"], False),
        ({"all": ["a", "b"]}, ["b", "a"], True),
        ({"none": ["a", "b"]}, ["c"], True),
        ({"none": ["a", "b"]}, ["b"], False),
        ({"none": ["a"]}, [], True),
        ({"all": ["a"], "none": ["b"]}, ["a"], True),
        ({"all": ["a"], "none": ["b"]}, ["a", "b"], False),
        ({"exists": False}, [], True),
        ({"exists": True}, ["a"], True),
        ({"not": ["a", "b"]}, ["b"], False),
        ({"not": ["a", "b"]}, [], True),
    ],
)
def test_tags(raw, tags, expected):
    """A list of tags means any of them; `all`, `none` and `not` mean what they say, also without any tag."""
    assert holds({"tags": raw}, {"tags": tags}) is expected


@pytest.mark.parametrize(
    ("raw", "fields", "expected"),
    [
        ({"any_of": [{"user_id": "u"}, {"tags": "vip"}]}, {"tags": ["vip"]}, True),
        ({"any_of": [{"user_id": "u"}, {"tags": "vip"}]}, {"tags": ["x"]}, False),
        ({"all_of": [{"user_id": "u"}, {"tags": "vip"}]}, {"user_id": "u"}, False),
        ({"not": {"environment": "prod"}}, {"environment": "dev"}, True),
        ({"not": {"environment": "prod"}}, {}, True),
        ({"not": {"user_id": "u", "tags": "vip"}}, {"user_id": "u"}, True),
        ({"not": {"not": {"user_id": "u"}}}, {"user_id": "u"}, True),
        ({"environment": "prod", "not": {"tags": "test"}}, {"environment": "prod", "tags": ["test"]}, False),
    ],
)
def test_combinations(raw, fields, expected):
    """`any_of`, `all_of` and `not` combine whole matches."""
    assert holds(raw, fields) is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"status": "error"}, None),
        ({"status": {"not": "error"}}, None),
        ({"not": {"status": "error"}}, None),
        ({"duration_ms": {"exists": False}}, None),
        ({"environment": "prod", "status": "error"}, None),
        ({"environment": "dev", "status": "error"}, False),
        ({"any_of": [{"environment": "prod"}, {"status": "error"}]}, True),
        ({"any_of": [{"environment": "dev"}, {"status": "error"}]}, None),
    ],
)
def test_a_key_that_is_not_known_yet_leaves_open_only_what_depends_on_it(raw, expected):
    """At a run's start a rule on its outcome is neither true nor false, unless the rest already decides."""
    assert holds(raw, {"type": "chain.start", "environment": "prod"}) is expected


def test_plugin_keys_are_read_from_the_event_and_may_be_unknown():
    """`x.<name>` asks the plugin's function; what it does not know at the start is open, at the end it is missing."""
    extra = {"long_name": lambda event: len(event.name) > 3 or None}
    assert holds({"x.long_name": True}, {"name": "abcdef"}, extra) is True
    assert holds({"x.long_name": True}, {"name": "abc"}, extra) is None
    assert holds({"x.long_name": True}, {"name": "abc", "type": "chain.end"}, extra) is False


def test_a_plugin_key_that_raises_is_unknown():
    """An exception in a plugin's function never leaves the match."""
    assert holds({"x.broken": "a"}, {"type": "chain.end"}, {"broken": lambda event: 1 / 0}) is None


@pytest.mark.parametrize(
    ("raw", "path", "part"),
    [
        ("prod", "match", "expected keys with values"),
        ({"enviroment": "prod"}, "match.enviroment", "did you mean environment?"),
        ({"metadata": {"team": "a"}}, "match.metadata", "metadata.<key>"),
        ({"x.nothing": 1}, "match.x.nothing", "no plugin brings"),
        ({"tags": {"alll": ["a"]}}, "match.tags.alll", "did you mean all?"),
        ({"tags": {"any": ["a", 1]}}, "match.tags.any[1]", "put it in quotes"),
        ({"tags": []}, "match.tags", "not empty"),
        ({"tags": {}}, "match.tags", "expected an operator"),
        ({"tenant_id": 4711}, "match.tenant_id", "put it in quotes"),
        ({"environment": True}, "match.environment", "put it in quotes"),
        ({"environment": None}, "match.environment", "{exists: false}"),
        ({"environment": {"gt": 1}}, "match.environment.gt", "no operator of environment"),
        ({"duration_ms": "5s"}, "match.duration_ms", "expected a number"),
        ({"duration_ms": {"gt": "5s"}}, "match.duration_ms.gt", "expected a number"),
        ({"duration_ms": {"gt": True}}, "match.duration_ms.gt", "expected a number"),
        ({"type": "tool.finish"}, "match.type", "never 'tool.finish'"),
        ({"type": "tools.*"}, "match.type", "never"),
        ({"status": "failed"}, "match.status", "never"),
        ({"name": {"regex": "("}}, "match.name.regex", "not valid"),
        ({"name": {"regex": "(?=a)"}}, "match.name.regex", "RE2"),
        ({"name": {"exists": "yes"}}, "match.name.exists", "true or false"),
        ({"any_of": {"name": "a"}}, "match.any_of", "expected a list"),
        ({"any_of": [{"nam": "a"}]}, "match.any_of[0].nam", "did you mean name?"),
        ({"not": ["a"]}, "match.not", "expected keys"),
        ({"name": ["a", None]}, "match.name[1]", "no value"),
        ({"streamed": "yes"}, "match.streamed", "true or false"),
    ],
)
def test_what_cannot_be_meant_is_a_problem_with_its_place(raw, path, part):
    """A match that could never work is refused, with the path of the very value and what to write instead."""
    predicate, problems = parse_match(raw, "match")
    assert predicate is None
    assert [problem.path for problem in problems] == [path]
    assert part in str(problems[0])


def test_all_problems_are_found_at_once():
    """One parse lists everything that is wrong."""
    raw = {"nam": "a", "tags": [], "any_of": [{"duration_ms": "x"}, {"name": {"regexp": "a"}}]}
    _, problems = parse_match(raw, "m")
    assert [problem.path for problem in problems] == [
        "m.nam",
        "m.tags",
        "m.any_of[0].duration_ms",
        "m.any_of[1].name.regexp",
    ]


def test_a_match_that_contains_itself_is_refused():
    """YAML anchors can build a cycle; it ends in a problem and not in a RecursionError."""
    match: dict = {}
    match["any_of"] = [match]
    names: list = []
    names.append(names)
    nested: dict = {}
    nested["not"] = nested
    for raw in (match, {"name": names}, {"name": nested}):
        predicate, problems = parse_match(raw, "match")
        assert predicate is None
        assert "nested" in problems[0].message


@pytest.mark.parametrize("raw", [{"regex": "(a*)*b"}, "*a*a*a*a*a*a*a*a*b"])
def test_a_hostile_value_costs_linear_time(raw):
    """A pattern that takes a backtracking engine hours answers on 100 000 characters at once."""
    before = time.process_time()
    assert holds({"name": raw}, {"name": "a" * 100_000}) is False
    assert time.process_time() - before < 5
