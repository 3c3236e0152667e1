"""
OTLP over HTTP: protobuf, gzip, persistent connections, and every answer told apart.
"""

from __future__ import annotations

import gzip
import ssl
from typing import Final, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from fanlight import RetryableError, __version__
from fanlight_otel.classify import http_error, status_message
from fanlight_otel.config import OtelConfig
from fanlight_otel.wire import Wire

_LARGEST_ANSWER: Final = 64 * 1024
_CONNECTIONS: Final = 2  # spans and metrics may be under way at once
_GZIP_LEVEL: Final = 1  # telemetry repeats itself: the higher levels cost far more than they save

AnswerT = TypeVar("AnswerT", bound=Message)


class HttpTransport:
    """Posts export requests. Redirects are not followed, and nothing is retried here."""

    def __init__(self, config: OtelConfig, wire: Wire) -> None:
        self._wire = wire
        self._gzip = config.compression == "gzip"
        self._pool = _pool(wire.traces, _tls(config))
        self._headers = {
            "user-agent": f"fanlight-otel/{__version__}",
            **wire.headers,
            "content-type": "application/x-protobuf",
            **({"content-encoding": "gzip"} if self._gzip else {}),
        }

    def send_traces(self, request: ExportTraceServiceRequest, timeout: float) -> ExportTraceServiceResponse:
        """Post spans."""
        return self._post(self._wire.traces, request, timeout, ExportTraceServiceResponse)

    def send_metrics(self, request: ExportMetricsServiceRequest, timeout: float) -> ExportMetricsServiceResponse:
        """Post metrics."""
        return self._post(self._wire.metrics or "", request, timeout, ExportMetricsServiceResponse)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _post(self, url: str, request: Message, timeout: float, answer: type[AnswerT]) -> AnswerT:
        body = request.SerializeToString()
        body = gzip.compress(body, _GZIP_LEVEL) if self._gzip else body
        try:
            status, retry_after, content = self._exchange(url, body, timeout)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RetryableError(self._describe(error)) from None
        if not 200 <= status < 300:  # OTLP says 200; some intakes answer 202
            raise http_error(status, retry_after, self._wire.excerpt(status_message(content)))
        return _decoded(answer, content)

    def _exchange(self, url: str, body: bytes, timeout: float) -> tuple[int, str | None, bytes]:
        response = self._pool.request(
            "POST",
            url,
            body=body,
            headers=self._headers,
            timeout=urllib3.Timeout(total=timeout),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            content = response.read(_LARGEST_ANSWER)
        finally:
            # Reads an answer to its end so that the connection can be used again; a longer one is cut off.
            _finish(response)
        return response.status, response.headers.get("retry-after"), content

    def _describe(self, error: Exception) -> str:
        return f"{type(error).__name__}: {self._wire.excerpt(str(error))}"


def _finish(response: urllib3.BaseHTTPResponse) -> None:
    if response.read(1):
        response.close()
    response.release_conn()


def _decoded(answer: type[AnswerT], content: bytes) -> AnswerT:
    """Return the answer's message. Some receivers answer 200 with JSON or nothing at all: that is a yes too."""
    try:
        return answer.FromString(content)
    except DecodeError:
        return answer()


def _tls(config: OtelConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=config.ca_file)
    if config.cert_file and config.key_file:
        context.load_cert_chain(config.cert_file, config.key_file)
    return context


def _pool(url: str, context: ssl.SSLContext) -> urllib3.PoolManager:
    """Return a pool, through the proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`) where there is one."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy is None or proxy_bypass(parts.netloc):
        return urllib3.PoolManager(maxsize=_CONNECTIONS, ssl_context=context)
    credentials = urlsplit(proxy)
    basic = f"{credentials.username}:{credentials.password or ''}" if credentials.username else None
    headers = urllib3.make_headers(proxy_basic_auth=basic)
    return urllib3.ProxyManager(proxy, maxsize=_CONNECTIONS, ssl_context=context, proxy_headers=headers)
