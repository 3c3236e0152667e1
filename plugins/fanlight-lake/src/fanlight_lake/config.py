"""
The settings of a sink of `type: lake`.
"""

import os
import re
from pathlib import Path
from typing import Final, Literal, TypeAlias

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from fanlight import SinkConfig

Format: TypeAlias = Literal["delta", "parquet"]

_S3: Final = re.compile(r"s3a?://(?P<bucket>[^/]+)/*(?P<prefix>.*?)/*")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class LakeConfig(SinkConfig):
    """Where the table is, in which format, and how to reach the store it is in."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    path: str = Field(min_length=1, examples=["s3://telemetry/lake", "/var/lib/support-bot/lake"])
    """
    A local directory (`~` is the home directory), or `s3://bucket/prefix`. A relative one is made absolute when the
    configuration is read.
    """
    format: Format = "delta"
    """`delta`: a Delta table. `parquet`: files in directories by date and environment, nothing else."""

    region: str | None = None
    """The bucket's region. Where nothing is said: `AWS_REGION`, or `AWS_DEFAULT_REGION`."""
    endpoint: str | None = None
    """The URL of an S3-compatible store. Where nothing is said: `AWS_ENDPOINT_URL`, or AWS itself."""
    access_key_id: SecretStr | None = None
    """The access key. Where nothing is said: the environment, the container's or the machine's role."""
    secret_access_key: SecretStr | None = None
    """The access key's secret."""
    session_token: SecretStr | None = None
    """The token of temporary keys."""
    allow_http: bool = False
    """Speak to an `http://` endpoint, without TLS."""

    @property
    def bucket(self) -> str | None:
        """The bucket; `None` for a local directory."""
        match = _S3.fullmatch(self.path)
        return match["bucket"] if match else None

    @property
    def prefix(self) -> str:
        """What the names of all objects in the bucket begin with; empty for the bucket's root."""
        match = _S3.fullmatch(self.path)
        return match["prefix"] if match else ""

    @field_validator("path")
    @classmethod
    def _is_place(cls, value: str) -> str:
        if _SCHEME.match(value) and not _S3.fullmatch(value):
            raise ValueError("expected a local directory, or s3://bucket/prefix")
        return value if _S3.fullmatch(value) else _absolute(value)

    @model_validator(mode="after")
    def _fits_together(self) -> "LakeConfig":
        found = list(_problems(self))
        if found:
            raise ValueError("; ".join(found))
        return self


_S3_KEYS: Final = ("region", "endpoint", "access_key_id", "secret_access_key", "session_token", "allow_http")


def _absolute(path: str) -> str:
    # Now, and not when a sink is opened: that may be in another process, and after a change of the directory.
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError:
        raise ValueError("begins with `~`, and that user has no home directory") from None


def _problems(config: LakeConfig) -> list[str]:
    given = [key for key in _S3_KEYS if getattr(config, key)]
    if config.bucket is None:
        return [f"{', '.join(given)}: only for s3://, and `path` is a local directory"] if given else []
    problems = []
    if (config.access_key_id is None) != (config.secret_access_key is None):
        problems.append("`access_key_id` and `secret_access_key` belong together: set both, or none")
    if config.session_token is not None and config.access_key_id is None:
        problems.append("`session_token` belongs to an `access_key_id`: set that too")
    if config.endpoint is not None:
        problems += _address_problems(config.endpoint, allow_http=config.allow_http)
    return problems


def _address_problems(endpoint: str, *, allow_http: bool) -> list[str]:
    if not endpoint.startswith(("https://", "http://")):
        return ["`endpoint`: expected a URL, https://…"]
    if "@" in endpoint:  # it stands in errors
        return ["`endpoint` holds a user or a password: set `access_key_id` and `secret_access_key` instead"]
    if endpoint.startswith("http://") and not allow_http:
        return ["`endpoint` is http://, without TLS: set `allow_http: true` if that is meant"]
    return []


def isolation_of(config: LakeConfig) -> Literal["thread", "process"]:
    """
    Return where a sink with *config* runs: in a process of its own where the threads of Delta's and S3's clients are at
    work, which do not survive a fork of the application.
    """
    own = os.name == "posix" and (config.format == "delta" or config.bucket is not None)
    return "process" if own else "thread"
