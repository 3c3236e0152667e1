"""Commands that plugins bring to `fanlight`."""

import sys

import pytest

from fanlight.cli import main

GREET = """
    from fanlight import Command, hookimpl

    def greet(arguments):
        print("hello", *arguments)
        return len(arguments)

    @hookimpl
    def fanlight_commands():
        return [Command(name="{name}", summary="greet 100% of them", main=greet)]
"""


def test_it_is_given_its_arguments_and_says_the_exit_code(installed, capsys):
    """What stands behind the name is the command's own to read, options included; what it returns is the exit code."""
    installed("greeter", GREET.format(name="greet"))

    assert main(["greet", "--loud", "you"]) == 2
    assert capsys.readouterr().out == "hello --loud you\n"


def test_it_is_in_the_help(installed, capsys):
    """`fanlight --help` lists it with its summary, as that is written."""
    installed("greeter", GREET.format(name="greet"))
    with pytest.raises(SystemExit) as left:
        main(["--help"])

    assert left.value.code == 0
    assert "greet 100% of them" in capsys.readouterr().out


def test_fanlights_own_commands_stay_its_own(installed, capsys):
    """A plugin that brings a command under a name of fanlight's is refused, and the command is what it was."""
    installed("greeter", GREET.format(name="schema"))

    assert main(["schema"]) == 0
    assert "hello" not in capsys.readouterr().out
    assert main(["plugins"]) == 1
    assert "the command `schema` is fanlight's own" in capsys.readouterr().out


def test_two_plugins_with_one_command_are_both_refused(installed, capsys):
    """Which of them would run is not left to the order of installation."""
    installed("one", GREET.format(name="greet"))
    installed("two", GREET.format(name="greet"))
    with pytest.raises(SystemExit) as left:
        main(["greet"])

    assert left.value.code == 2
    assert "invalid choice: 'greet'" in capsys.readouterr().err


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Let FANLIGHT_CONFIG name a file with this text."""

    def write(text):
        path = tmp_path / "fanlight.yaml"
        path.write_text(text)
        monkeypatch.setenv("FANLIGHT_CONFIG", str(path))

    return write


def asked(*arguments):
    """The exit code of `fanlight <arguments>`."""
    try:
        return main(arguments)
    except SystemExit as left:  # argparse
        return left.code


def test_the_modules_of_the_configured_file_bring_commands(module, configured, capsys):
    """A module that is in `plugins:` of the file in FANLIGHT_CONFIG needs no packaging for its command either."""
    configured(f"plugins: {{modules: [{module('our_greeter', GREET.format(name='greet'))}]}}")

    assert asked("greet", "you") == 1
    assert asked("--help") == 0
    out = capsys.readouterr().out
    assert "hello you" in out
    assert "greet 100% of them" in out


@pytest.mark.parametrize(
    ("text", "source", "reason"),
    [
        (
            "plugins: {modules: [broken_one]}",
            "raise RuntimeError('half')",
            "broken_one cannot be used: RuntimeError: half",
        ),
        ("plugins: {modules: [broken_one]}", "raise SystemExit(3)", "one of its modules leaves the program"),
        ("plugins: {modules: [no_such_one]}", "", "no_such_one cannot be used: ModuleNotFoundError"),
        ("a: [", "", "FANLIGHT_CONFIG ("),
        (None, "", "the file cannot be read"),
    ],
    ids=["raises", "exits", "missing", "no yaml", "no file"],
)
def test_a_broken_file_is_told_to_who_asks_for_what_is_not_there(
    module, installed, configured, capsys, monkeypatch, tmp_path, text, source, reason
):
    """Help and every command there is work without a word; an unknown command says why it may be missing."""
    module("broken_one", source)
    installed("greeter", GREET.format(name="greet"))
    configured(text or "")
    if text is None:
        monkeypatch.setenv("FANLIGHT_CONFIG", str(tmp_path / "nowhere.yaml"))

    assert (asked("--help"), asked("greet"), asked("schema", "--event")) == (0, 0, 0)
    assert capsys.readouterr().err == ""
    assert asked("hello") == 2
    err = capsys.readouterr().err
    assert reason in err
    assert "invalid choice: 'hello'" in err


def test_a_disabled_plugin_is_disabled_on_the_command_line_too(installed, configured, capsys):
    """Of two plugins with one command, the file says which is used."""
    installed("one", GREET.format(name="greet"))
    installed("two", GREET.format(name="greet"))
    configured("plugins: {disabled: [two]}")

    assert asked("greet", "you") == 1
    assert capsys.readouterr().out == "hello you\n"


def test_fanlights_own_commands_import_no_plugin(module, configured):
    """`fanlight schema --event` has no use for the application's modules, and does not run them."""
    configured(f"plugins: {{modules: [{module('our_greeter', GREET.format(name='greet'))}]}}")

    assert asked("schema", "--event") == 0
    assert "our_greeter" not in sys.modules


def test_a_command_of_a_package_that_is_not_there_names_the_package(monkeypatch, capsys):
    """`fanlight lake` without fanlight-lake says what to install, and nothing else; a typo is a typo."""
    monkeypatch.setattr("fanlight.plugins.registry._entry_points", list)

    assert asked("lake", "compact") == 2
    assert capsys.readouterr() == ("", "fanlight lake needs fanlight-lake: pip install fanlight-lake\n")
    assert asked("otel") == 2
    assert "pip install" not in capsys.readouterr().err


def test_a_package_that_cannot_be_used_says_why(installed, monkeypatch, capsys):
    """One that is installed and broken, or disabled, is not to be installed again."""
    # Stands before the real one on sys.path, so it is the one that is installed.
    installed("fanlight-lake", "raise RuntimeError('half an upgrade')", "lake", "0.9", module="half_a_lake")

    assert asked("lake") == 2
    assert capsys.readouterr().err == (
        "fanlight lake needs fanlight-lake, which cannot be used: RuntimeError: half an upgrade\n"
    )
    monkeypatch.setenv("FANLIGHT_PLUGINS_DISABLED", "lake")
    assert asked("lake") == 2
    assert capsys.readouterr().err == "fanlight lake needs fanlight-lake, which is disabled\n"
