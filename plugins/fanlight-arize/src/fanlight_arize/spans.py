"""
What Arize wants to be sent with spans: its headers, the project, and where the application runs.
"""

from __future__ import annotations

from typing import Any

from fanlight import SinkContext
from fanlight.semconv import OpenInference, Otel
from fanlight_arize.addresses import addresses_of
from fanlight_arize.config import ArizeConfig
from fanlight_otel.export import SpanExport, open_export


def open_spans(config: ArizeConfig, context: SinkContext) -> SpanExport:
    """
    Return the way that spans go; nothing is connected yet.

    Raises:
        PermanentError: a certificate or key file cannot be used.
    """
    return open_export(
        addresses_of(config).spans,
        protocol=config.protocol,
        headers=credentials(config) | written_headers(config),
        resource=_resource(config, context),
        attributes=_attributes(context),
        conventions=("openinference",),
        compression=config.compression,
        ca_file=config.ca_file,
        cert_file=config.cert_file,
        key_file=config.key_file,
    )


def credentials(config: ArizeConfig) -> dict[str, str]:
    """Return the headers by which Arize knows who sends: Arize AX's own, each also by its older name; Phoenix's."""
    key = config.api_key.get_secret_value() if config.api_key else ""
    if config.platform == "phoenix":
        return {"authorization": f"Bearer {key}"} if key else {}
    space = config.space_id or ""
    return {
        "authorization": key,
        "api_key": key,
        "arize-space-id": space,
        "space_id": space,
        "arize-interface": "otel",
    }


def written_headers(config: ArizeConfig) -> dict[str, str]:
    """Return the headers that the configuration adds, by their names in lower case."""
    return {name.lower(): value.get_secret_value() for name, value in config.headers.items()}


def _resource(config: ArizeConfig, context: SinkContext) -> dict[str, str]:
    resource = {OpenInference.PROJECT_NAME: config.project}
    if config.platform == "ax":
        # Arize AX's own words for project and version, which its documentation for collectors still uses.
        resource["model_id"] = config.project
        if context.service_version:
            resource["model_version"] = context.service_version
    return resource


def _attributes(context: SinkContext) -> dict[str, Any]:
    """On each span too: Phoenix forgets the resource, and spans can only be filtered by what they carry."""
    return {
        "deployment.environment": context.environment or None,
        Otel.SERVICE_NAME: context.service_name,
        Otel.SERVICE_VERSION: context.service_version,
    }
