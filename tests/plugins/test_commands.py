"""Commands that plugins bring to `fanlight`."""

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
