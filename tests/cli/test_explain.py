"""`fanlight explain` says where an event goes and why, route by route, key by key."""

import pytest


def test_every_route_says_why(fanlight, file):
    """Fired or not, what was expected and found, what is restricted, and the sinks that get it."""
    ran = fanlight(
        "explain", file(), "--environment", "prod", "--tag", "web", "--metadata", "plan=pro", "--tenant-id", "eu-7"
    )

    assert ran.code == 0
    assert ran.out == (
        "yes    everything to the lake  → lake\n"
        "      {}  yes  matches everything\n"
        "yes    production traces  → trace\n"
        '      environment    yes  expected "prod"; found "prod"\n'
        '      tags           yes  expected any of "web", "mobile"; found "web"\n'
        '      metadata.plan  yes  expected not "free"; found "pro"\n'
        "yes    EU stays in the EU  restricts: only label:region=eu\n"
        '      tenant_id  yes  expected like "eu-*"; found "eu-7"\n'
        "\n"
        "The event is routed.\n"
        "  lake   gets it  by everything to the lake\n"
        "  trace  may not  closed by EU stays in the EU\n"
    )


def test_what_did_not_fire_says_why_not(fanlight, file):
    """A key that does not match, and one that is missing."""
    ran = fanlight("explain", file(), "--environment", "dev")

    assert '      environment    no   expected "prod"; found "dev"\n' in ran.out
    assert '      tenant_id  no  expected like "eu-*"; found missing\n' in ran.out
    assert ran.out.endswith("  lake   gets it  by everything to the lake\n  trace  no       no route sends it there\n")


def test_any_field_can_be_set(fanlight, file):
    """`--set` takes numbers, nested fields and text as they are needed."""
    path = file(
        """
        version: 1
        service: a
        environments: [prod]
        environment: prod
        sinks: {slow: {type: memory}}
        routes:
          - match: {duration_ms: {gt: 100}, tool.name: search, user_id: "4711", attributes.team: a, metadata.n: 5}
            to: [slow]
        """
    )
    ran = fanlight(
        "explain", path, "--type", "tool.end", "--set", "duration_ms=250.5", "--set", "tool.name=search",
        "--user-id", "4711", "--set", "attributes.team=a", "--metadata", "n=5",
    )  # fmt: skip

    assert "  slow  gets it  by routes[0]\n" in ran.out
    assert "  slow  gets it" in fanlight(
        "explain", path, "--type", "tool.end", "--set", "duration_ms=101", "--set", "tool.name=search",
        "--set", "user_id=4711", "--set", "attributes.team=a", "--set", "metadata.n=5",
    ).out  # fmt: skip


def test_a_value_may_hold_anything(fanlight, file):
    """What YAML could not hold is text."""
    assert fanlight("explain", file(), "--metadata", "plan=\x01").code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--set", "tenantid=x"), "an event has no field tenantid"),
        (("--set", "duration_ms=long"), "expected"),
        (("--metadata", "plan"), "expected KEY=VALUE, found 'plan'"),
        (("--metadata", "=pro"), "expected KEY=VALUE, found '=pro'"),
        (
            ("--type", "tool.fail"),
            "event.type  type is never 'tool.fail'; did you mean tool.start? expected llm.start, llm.end,",
        ),
        (("--status", "fine"), "event.status  status is never 'fine'; expected ok, error,"),
    ],
)
def test_a_question_without_sense_is_wrong_usage(fanlight, file, arguments, sentence):
    """2, and a sentence on standard error."""
    ran = fanlight("explain", file(), *arguments)

    assert ran.code == 2
    assert sentence in ran.err


def test_a_wrong_file_is_a_no(fanlight, file):
    """1, with the problems."""
    ran = fanlight("explain", file("version: 1\n"))

    assert ran.code == 1
    assert "required, and not there" in ran.err


def test_an_environment_that_is_not_declared_is_a_no(fanlight, file):
    """It would explain what cannot happen."""
    ran = fanlight("explain", file(), "--environment", "production")

    assert ran.code == 1
    assert 'environment = "production"' in ran.err
    assert "did you mean `prod`?" in ran.err
