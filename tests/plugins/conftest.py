"""Distributions that are installed as far as anybody can see: metadata and a module in a folder on sys.path."""

import sys
import textwrap

import pytest

SINK = """
    from fanlight import Sink, SinkConfig, SinkType, hookimpl

    class Config(SinkConfig):
        room: str = "lobby"

    class ChatSink(Sink[Config]):
        def deliver(self, batch):
            pass

    @hookimpl
    def fanlight_register_sinks():
        return [SinkType(name="{name}", config_model=Config, factory=ChatSink)]
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a distribution whose one module is the given source, under an entry point of the same name."""
    monkeypatch.syspath_prepend(tmp_path)
    modules = []

    def install(
        name: str, source: str, entry_point: str | None = None, version: str = "1.0", module: str | None = None
    ) -> None:
        module = module or name.replace("-", "_")
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        info = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"  # found under no other name
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[fanlight]\n{entry_point or name} = {module}\n")

    yield install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write an importable module that no distribution brings."""
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def write(name: str, source: str) -> str:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture
def sink_source():
    """The source of a module that brings one sink type."""
    return lambda name: SINK.replace("{name}", name)
