"""
What can be wrong with a configuration beyond the types of its keys, each in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fanlight_otel.checks import header_problems

if TYPE_CHECKING:
    from fanlight_arize.config import ArizeConfig

_OF_AX_ALONE: Final = ("space_id", "region", "flight_endpoint")


def problems(config: ArizeConfig) -> Iterator[str]:
    """Yield what is missing in *config* or does not belong there, each in a sentence."""
    if config.platform == "ax":
        missing = [key for key in ("space_id", "api_key") if getattr(config, key) is None]
        if missing:
            yield f"platform ax needs {' and '.join(missing)}"
        if config.endpoint is not None and "region" in config.model_fields_set:
            yield "endpoint and region contradict each other: say one of them"
        if config.api_endpoint is not None and urlsplit(config.api_endpoint).path:
            yield "api_endpoint has a path, which the arize SDK cannot be given"
    else:
        foreign = [key for key in _OF_AX_ALONE if key in config.model_fields_set]
        if foreign:
            yield f"platform phoenix has no {' or '.join(foreign)}"
    yield from _address_problems(config)
    if (config.cert_file is None) != (config.key_file is None):
        yield "cert_file and key_file belong together"
    for name, value in (("space_id", config.space_id), ("api_key", config.api_key)):
        text = value if value is None or isinstance(value, str) else value.get_secret_value()
        yield from header_problems(name, text or "")


def _address_problems(config: ArizeConfig) -> Iterator[str]:
    over_http = {"api_endpoint": config.api_endpoint}
    if config.protocol == "http":
        over_http["endpoint"] = config.endpoint
    for key, address in over_http.items():
        if address is not None and not address.startswith(("http://", "https://")):
            yield f"{key} {address} needs http:// or https:// in front"
