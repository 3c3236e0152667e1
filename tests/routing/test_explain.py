"""The explanation says the same as the decision, key by key."""

import pytest

from fanlight.routing import event_of, explain

ROUTES = [
    {"name": "monitoring", "match": {"environment": "prod"}, "to": ["otel", "arize"]},
    {"name": "experiments", "match": {"environment": ["dev", "staging"], "tags": ["eval"]}, "to": ["wandb"]},
    {"name": "slow", "match": {"any_of": [{"cost_usd": {"gt": 5}}, {"not": {"environment": "prod"}}]}, "to": ["lake"]},
    {"name": "eu stays", "match": {"tenant_id": "eu-*"}, "only": ["label:region=eu"]},
    {"name": "no user", "match": {}, "require": ["user_id"], "otherwise": {"deny": ["lake"]}},
]  # fmt: skip


def test_every_route_says_what_it_expected_and_what_it_found(table):
    """Fired, not fired and waiting routes are told apart, with each key's expected and found value."""
    explanation = explain(table(*ROUTES), {"environment": "prod", "tenant_id": "eu-7"})
    assert [(route.name, route.answer) for route in explanation.routes] == [
        ("monitoring", True),
        ("experiments", False),
        ("slow", None),
        ("eu stays", True),
        ("no user", True),
    ]
    experiments = [(check.key, check.answer, check.expected, check.found) for check in explanation.routes[1].checks]
    assert experiments == [
        ("environment", False, '"dev" or "staging"', '"prod"'),
        ("tags", False, 'any of "eval"', "none"),
    ]
    slow = [(check.key, check.answer, check.found, check.level) for check in explanation.routes[2].checks]
    assert slow == [
        ("any_of", None, "", 0),
        ("cost_usd", None, "not known yet", 1),
        ("not", False, "", 1),
        ("environment", True, '"prod"', 2),
    ]
    assert explanation.routes[4].lacks == ("user_id",)


def test_the_result_and_what_was_closed_are_named(table):
    """Each target has its routes, each closed sink the restrictions that closed it."""
    explanation = explain(table(*ROUTES), {"environment": "prod", "tenant_id": "eu-7"})
    assert [(target.sink, target.routes) for target in explanation.decision.targets] == [("otel", ("monitoring",))]
    assert explanation.closed == (("lake", ("no user",)), ("wandb", ("eu stays",)), ("arize", ("eu stays",)))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "chain.start"),
        ({"tags": ["a"]}, "chain.start"),
        ({"status": "ok"}, "chain.end"),
        ({"error": {"type": "ValueError"}}, "chain.error"),
        ({"type": "llm.end"}, "llm.end"),
    ],
)
def test_an_event_of_a_few_fields_has_the_type_that_fits_them(fields, kind):
    """Fields that only ends have make an end; what is given wins."""
    event, problems = event_of(fields)
    assert (event.type, problems) == (kind, [])


@pytest.mark.parametrize(
    ("fields", "path", "part"),
    [
        ({"enviroment": "prod"}, "tests[0].event.enviroment", "did you mean environment?"),
        ({"tags": "a"}, "tests[0].event.tags", "array"),
        ({"type": "chain.stop"}, "tests[0].event.type", "chain.stop"),
        ({"documents": [{"rank": "x"}]}, "tests[0].event.documents[0].rank", "int"),
    ],
)
def test_fields_that_no_event_has_are_problems(fields, path, part):
    """A misspelt field or a value of the wrong type is named with its path."""
    event, problems = event_of(fields, "tests[0].event")
    assert event is None
    assert problems[0].path == path
    assert part in str(problems[0])


def test_explaining_impossible_fields_raises_with_the_reason(table):
    """`explain` refuses fields that make no event."""
    with pytest.raises(ValueError, match="did you mean environment"):
        explain(table(*ROUTES), {"enviroment": "prod"})
