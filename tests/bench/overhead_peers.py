"""The peers, each with its defaults and sending to a local server; made for an environment of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from overhead_handlers import Handled

ROOT = Path(__file__).parents[2]
PACKAGES = [
    "openinference-instrumentation-langchain",
    "langfuse",
    "opentelemetry-instrumentation-langchain",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
    "langsmith",
    "langchain",
    "langgraph",
]


def environment(directory: Path | None) -> Path:
    """Make, or bring up to date, a virtual environment with all peers and this source tree; return its Python."""
    uv = shutil.which("uv")
    if uv is None:
        raise SystemExit("--peers needs uv on the PATH")
    home = directory or Path(tempfile.gettempdir()) / "fanlight-bench-peers"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", str(home)], check=True)
    ours = ["-e", str(ROOT), "-e", str(ROOT / "plugins" / "fanlight-otel")]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *PACKAGES, *ours], check=True)
    return python


def openinference(server: str) -> Handled:
    """Arize's instrumentor, which attaches itself to every run of the process."""
    from openinference.instrumentation.langchain import LangChainInstrumentor
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{server}/openinference/v1/traces")))
    LangChainInstrumentor().instrument(tracer_provider=provider)
    return Handled({}, provider.force_flush)


def openllmetry(server: str) -> Handled:
    """Traceloop's instrumentor, which attaches itself to every run of the process."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.langchain import LangchainInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{server}/openllmetry/v1/traces")))
    LangchainInstrumentor().instrument(tracer_provider=provider)
    return Handled({}, provider.force_flush)


def langsmith(server: str) -> Handled:
    """LangChain's own tracer."""
    from langchain_core.tracers import LangChainTracer
    from langsmith import Client

    client = Client(f"{server}/langsmith", api_key="lsv2_local")
    return Handled({"callbacks": [LangChainTracer(client=client)]}, client.flush)


def langfuse(server: str) -> Handled:
    """Langfuse's handler."""
    os.environ.update(LANGFUSE_PUBLIC_KEY="pk-lf-local", LANGFUSE_SECRET_KEY="sk-lf-local")
    from langfuse import Langfuse
    from langfuse.langchain import CallbackHandler

    client = Langfuse(base_url=f"{server}/langfuse")
    return Handled({"callbacks": [CallbackHandler()]}, client.flush)


def stack(server: str) -> Handled:
    """LangSmith, OpenInference and Langfuse in one process, as those have it who want all three."""
    parts = [langsmith(server), openinference(server), langfuse(server)]
    callbacks = [handler for part in parts for handler in part.config.get("callbacks", [])]
    return Handled({"callbacks": callbacks}, lambda: [part.settle() for part in parts])


PEERS: dict[str, Callable[[str], Handled]] = {
    "OpenLLMetry": openllmetry,
    "LangSmith": langsmith,
    "OpenInference": openinference,
    "Langfuse": langfuse,
    "stack of three": stack,
}
