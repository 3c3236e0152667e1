"""
Posting over HTTP: persistent connections, the environment's proxy, and every answer told apart.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from fanlight import RetryableError
from fanlight_otel.classify import http_error, speaks_http2, status_message

_LARGEST_ANSWER: Final = 64 * 1024
_CONNECTIONS: Final = 2  # spans and metrics may be under way at once


class HttpClient:
    """
    Posts to one server. Redirects are not followed, and nothing is retried here. May be used by several threads.

    Args:
        url: The server's URL, with any path.
        headers: Sent with every request.
        excerpt: Makes of what a server said what may be shown: short, and without credentials.
        ca_file: PEM file of the certificate authorities to trust instead of the system's.
        cert_file: PEM file of the client certificate.
        key_file: PEM file of the client certificate's key.

    Raises:
        OSError: a certificate file cannot be read.
        ValueError: it holds no certificates.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        excerpt: Callable[[str], str],
        ca_file: Path | None = None,
        cert_file: Path | None = None,
        key_file: Path | None = None,
    ) -> None:
        self._headers = dict(headers)
        self._excerpt = excerpt
        self._pool = _pool(url, _tls(ca_file, cert_file, key_file))

    def post(self, url: str, body: bytes, timeout: float) -> bytes:
        """
        Return the body of the answer to *body*.

        Args:
            url: Where to post it.
            body: What to post.
            timeout: Seconds that the whole exchange may take.

        Raises:
            DeliveryError: what an answer that is no yes means, or that there was none.
        """
        try:
            status, retry_after, content = self._exchange(url, body, timeout)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if speaks_http2(error):
                raise RetryableError("this looks like a gRPC port: set `protocol: grpc`", open_breaker=True) from None
            raise RetryableError(f"{type(error).__name__}: {self._excerpt(str(error))}") from None
        if not 200 <= status < 300:  # OTLP says 200; some intakes answer 202
            raise http_error(status, retry_after, self._excerpt(status_message(content)))
        return content

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

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


def _finish(response: urllib3.BaseHTTPResponse) -> None:
    if response.read(1):
        response.close()
    response.release_conn()


def _tls(ca_file: Path | None, cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    if cert_file and key_file:
        context.load_cert_chain(cert_file, key_file)
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
