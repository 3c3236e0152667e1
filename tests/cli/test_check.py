"""`fanlight check` says yes, no, or what is odd, and nothing else happens."""

import textwrap

from fanlight.cli.report import report
from fanlight.errors import Problem


def test_a_right_file_is_summed_up(fanlight, file):
    """0, one line of summary, one line for each sink."""
    path = file()

    assert fanlight("check", path) == (
        0,
        (
            f"{path} is right: 3 routes, 2 sinks in prod\n"
            "  lake   memory                     region=eu\n"
            "  trace  memory  content: metadata  region=us\n"
        ),
        "",
    )


def test_what_is_not_used_here_is_shown(fanlight, file):
    """In another environment a sink may have nothing to do."""
    assert "  trace  memory  not used here\n" in fanlight("check", file(), "--environment", "dev").out


def test_a_wrong_file_is_reported_in_columns(fanlight, file):
    """1, all problems at once on standard error: line, place with what was found, sentence."""
    path = file(
        """
        version: 1
        service: support-bot
        environments: [dev, prod]
        environment: prod
        sinks:
          wandb: {type: memory}
          warehouse:
            type: memory
            queue: {max_event: 5}
        routes:
          - match: {}
            to: [wandbb, warehouse]
        unmatched: [wandb]
        """
    )

    assert fanlight("check", path) == (
        1,
        "",
        (
            f"{path} has 2 problems\n"
            "  line 10  sinks.warehouse.queue.max_event  unknown key; did you mean `max_events`?\n"
            '  line 13  routes[0].to[0] = "wandbb"       no sink has this name; did you mean `wandb`?\n'
            "Nothing was started. Every key is described in config/README.md\n"
        ),
    )


def test_a_missing_file_is_a_no(fanlight, tmp_path):
    """1, and no traceback."""
    ran = fanlight("check", str(tmp_path / "nowhere.yaml"))

    assert ran.code == 1
    assert ran.err.endswith(
        "\n  the file cannot be read: No such file or directory; check the path\nNothing was started.\n"
    )


def test_warnings_can_be_denied(fanlight, file):
    """Something odd is told and fine, unless `--deny-warnings` says otherwise."""
    path = file(
        """
        version: 1
        service: a
        environments: [prod]
        environment: prod
        sinks:
          lake: {type: memory}
          forgotten: {type: memory}
        routes: [{to: [lake]}]
        """
    )
    ran = fanlight("check", path)

    assert ran.code == 0
    assert f"{path} has 1 warning\n  line 8  sinks.forgotten  no route sends anything here;" in ran.out
    assert fanlight("check", path, "--deny-warnings").code == 1


def test_ci_needs_no_secrets(fanlight, file, monkeypatch):
    """`--no-secrets` leaves placeholders alone, the environment included."""
    monkeypatch.delenv("FANLIGHT_NOT_SET", raising=False)
    text = textwrap.dedent(
        """
        version: 1
        service: a
        environments: [dev, prod]
        environment: "${env:FANLIGHT_NOT_SET}"
        sinks: {lake: {type: jsonl, path: "${env:FANLIGHT_NOT_SET}"}}
        routes: [{match: {environment: prod}, to: [lake]}]
        """
    )
    ran = fanlight("check", file(text), "--no-secrets")

    assert (ran.code, ran.out.splitlines()[0].partition(" is ")[2]) == (0, "right: 1 route, 1 sink in any environment")
    assert fanlight("check", file(text)).err.count("the environment variable is not set") == 2
    assert fanlight("check", file(text), "--environment", "dev").code == 0


def test_colours_are_for_terminals(monkeypatch):
    """A pipe gets none, a terminal does, and NO_COLOR is heard."""
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    problems = [Problem(message="wrong", path="a")]
    pipe, terminal, plain = io.StringIO(), Terminal(), Terminal()
    report(problems, "f.yaml", pipe)
    report(problems, "f.yaml", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    report(problems, "f.yaml", plain)

    assert "\x1b[31mf.yaml has 1 problem\x1b[0m" in terminal.getvalue()
    assert "\x1b" not in pipe.getvalue() + plain.getvalue()
