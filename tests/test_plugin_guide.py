"""The guide for plugin authors, run: its sink against a server, its prices, its command on the command line."""

import re
import sys
import threading
import types
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from fanlight import PermanentError, RetryableError, TelemetryEvent
from fanlight.cli import main
from fanlight.pipeline.prices import Pricing
from fanlight.plugins import PluginRegistry
from fanlight.testing import make_batch, make_context, make_event

GUIDE = (Path(__file__).parents[1] / "plugins" / "README.md").read_text()
SINK, PRICES, COMMAND, TEST = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


class Acme(HTTPServer):
    """Answers with `status` and keeps what it was sent."""

    status = 200
    received: list[tuple[dict[str, str], bytes]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Acme

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.fixture
def acme() -> Iterator[Acme]:
    server = Acme(("127.0.0.1", 0), Handler)
    server.received = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _written(monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> types.ModuleType:
    written = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, written)
    exec(compile(source, "plugins/README.md", "exec", dont_inherit=True), written.__dict__)
    return written


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The guide's sink as a module of an application."""
    return _written(monkeypatch, "my_app_acme", SINK)


def test_the_guides_test_passes(module: types.ModuleType, acme: Acme) -> None:
    """The example delivers what the guide says it does."""
    exec(compile(TEST, "plugins/README.md", "exec", dont_inherit=True), {**module.__dict__, "acme": acme})
    ((headers, body),) = acme.received
    assert headers["authorization"] == "Bearer k"
    assert TelemetryEvent.from_json(body).name == "chat"


@pytest.mark.parametrize(
    ("status", "error", "opens_breaker"),
    [
        (429, RetryableError, False),
        (503, RetryableError, False),
        (401, RetryableError, True),
        (400, PermanentError, False),
    ],
)
def test_the_guides_sink_decides_by_exception(
    module: types.ModuleType, acme: Acme, status: int, error: type[Exception], opens_breaker: bool
) -> None:
    """Busy, locked out and refused are told apart as the contract wants it."""
    acme.status = status
    sink = module.AcmeSink(module.AcmeConfig(endpoint=acme.url, api_key="k"))
    sink.open(make_context())
    with pytest.raises(error) as caught:
        sink.deliver(make_batch([make_event("llm.end")]))
    assert getattr(caught.value, "open_breaker", False) == opens_breaker


def test_the_guides_module_is_found(module: types.ModuleType) -> None:
    """`plugins: {modules: [...]}` is enough to use the type."""
    registry = PluginRegistry.load(modules=["my_app_acme"])
    assert registry.sink_types["acme"].config_model is module.AcmeConfig


def test_the_guides_prices_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example prices its own model by parts, and leaves every other to the next source."""
    _written(monkeypatch, "my_app_prices", PRICES)
    pricing = Pricing(sources=PluginRegistry.load(modules=["my_app_prices"]).price_sources)
    ours = pricing.price(make_event("llm.end", request_model="homegrown-7b", input_tokens=1000, output_tokens=100))
    other = pricing.price(make_event("llm.end", request_model="gpt-4o", input_tokens=1000, output_tokens=100))
    assert (ours.cost_usd, ours.input_cost_usd, ours.price_source) == (0.00015, 0.00012, "our_rates")
    assert other.cost_usd is None
    assert pricing.failures == {}


def test_the_guides_command_is_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`fanlight hello` is there where the file that FANLIGHT_CONFIG names has the module."""
    _written(monkeypatch, "my_app_hello", COMMAND)
    (tmp_path / "fanlight.yaml").write_text("plugins: {modules: [my_app_hello]}")
    monkeypatch.setenv("FANLIGHT_CONFIG", str(tmp_path / "fanlight.yaml"))
    assert main(["hello", "you"]) == 0
    assert capsys.readouterr().out == "hello you\n"
