"""The other commands, and what they have in common: exit codes."""

import json
import subprocess
import sys
from pathlib import Path

from fanlight import __version__
from fanlight.plugins import PluginRegistry


def test_the_files_own_tests_are_run(fanlight, file):
    """0 where all hold."""
    assert fanlight("test", file()) == (0, "passed  EU stays at home\n1 test passed\n", "")


def test_a_test_that_fails_says_what_it_found(fanlight, file):
    """1, with what was expected and what happened."""
    path = Path(file())
    path.write_text(path.read_text().replace("expect: {sinks: [lake]}", "expect: {sinks: [lake, trace]}"))

    assert fanlight("test", str(path)) == (
        1,
        "failed  EU stays at home\n        sinks: expected lake, trace; it goes to lake\n1 test, 1 failed\n",
        "",
    )


def test_a_file_without_tests_is_a_no(fanlight, file):
    """Nobody should believe in tests that are not there."""
    path = Path(file())
    path.write_text(path.read_text().partition("tests:")[0])

    assert fanlight("test", str(path)).code == 1


def test_the_schema_knows_the_installed_types(fanlight):
    """`schema` prints JSON with every key of the file and of each type; `--event` that of an event."""
    config = json.loads(fanlight("schema").out)
    event = json.loads(fanlight("schema", "--event").out)

    assert {"sink_console", "sink_jsonl", "sink_memory", "sink_other"} <= set(config["$defs"])
    assert config["$defs"]["sink_jsonl"]["properties"]["path"]["description"].startswith("The file")
    assert set(config["required"]) == {"version", "service", "environments", "environment", "sinks"}
    assert "TelemetryEvent" in event["$defs"]


def test_a_folder_that_cannot_be_written_is_a_no(fanlight, tmp_path):
    """1, and a sentence instead of a traceback."""
    (tmp_path / "taken").write_text("a file")
    ran = fanlight("schema", "--write", str(tmp_path / "taken"))

    assert ran.code == 1
    assert ran.err.startswith(f"fanlight schema: {tmp_path / 'taken'} cannot be written: ")


def test_the_plugins_are_listed(fanlight):
    """One line each, or JSON."""
    ran = fanlight("plugins")

    assert f"fanlight.sinks.builtin  fanlight {__version__}" in ran.out
    assert ran.code == (1 if PluginRegistry.load().failed else 0)
    listed = json.loads(fanlight("plugins", "--json").out)
    assert listed[0]["name"] == "fanlight.sinks.builtin"
    assert listed[0]["provides"] == ["sink:console", "sink:jsonl", "sink:memory"]


def test_a_plugin_that_cannot_be_loaded_is_a_no(fanlight, file, monkeypatch):
    """1, and the reason below the list."""
    monkeypatch.setenv("FANLIGHT_PLUGINS_DISABLED", "otel")
    path = Path(file())
    path.write_text(path.read_text() + "plugins: {modules: [no_such_module]}\n")
    ran = fanlight("plugins", str(path))

    assert ran.code == 1
    assert "no_such_module: ModuleNotFoundError: No module named 'no_such_module'" in ran.out
    assert "otel" in ran.out
    assert "disabled" in ran.out


def test_wrong_usage_is_2(fanlight):
    """No command, an unknown command, an unknown option."""
    assert fanlight().code == 2
    assert fanlight("chekc").code == 2
    assert fanlight("check", "a.yaml", "--strict").code == 2
    assert fanlight("--help").code == 0


def test_the_command_is_installed(file, tmp_path):
    """`fanlight` runs as a program, finds the application's modules where it is called, and survives a closed pipe."""
    (tmp_path / "my_sink.py").write_text(
        "from fanlight import Sink, SinkConfig, SinkType, hookimpl\n"
        "class Mine(Sink[SinkConfig]):\n    def deliver(self, batch): ...\n"
        "@hookimpl\n"
        "def fanlight_register_sinks(): return [SinkType(name='mine', config_model=SinkConfig, factory=Mine)]\n"
    )
    path = Path(file())
    path.write_text(
        path.read_text().replace("trace: {type: memory", "trace: {type: mine") + "plugins: {modules: [my_sink]}\n"
    )
    program = str(Path(sys.executable).with_name("fanlight"))
    ran = subprocess.run([program, "check", path.name], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "trace  mine" in ran.stdout
    assert subprocess.run([program], capture_output=True, check=False).returncode == 2
    piped = subprocess.run(f"{program} schema | head -1", shell=True, capture_output=True, text=True, check=False)
    assert (piped.stdout, piped.stderr) == ("{\n", "")


def test_a_terminal_that_knows_no_arrows_is_served(file):
    """What cannot be printed is replaced, and the answer is given."""
    ran = subprocess.run(
        [sys.executable, "-m", "fanlight.cli", "explain", file()],
        capture_output=True, check=False, env={"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"yes    everything to the lake  ? lake" in ran.stdout


def test_the_demo_reads_its_own_options(fanlight):
    """`fanlight demo` is handed what follows it."""
    assert fanlight("demo", "--no-such-option").code == 2
