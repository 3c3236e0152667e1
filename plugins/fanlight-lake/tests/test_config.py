"""The settings, and what a wrong one is told."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from fanlight_lake import LakeConfig
from fanlight_lake.storage import storage_of

S3 = {"path": "s3://bucket/prefix"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "path"),
        ({"path": ""}, "at least 1 character"),
        ({"path": "gs://bucket/x"}, "expected a local directory, or s3://bucket/prefix"),
        ({"path": "~nobody-of-this-name/lake"}, "that user has no home directory"),
        ({"path": "s3://"}, "expected a local directory, or s3://bucket/prefix"),
        ({"path": "https://bucket.s3.amazonaws.com/x"}, "expected a local directory, or s3://bucket/prefix"),
        ({"path": "/tmp/lake", "region": "eu"}, "region: only for s3://, and `path` is a local directory"),
        ({"path": "/tmp/lake", "allow_http": True}, "allow_http: only for s3://"),
        ({**S3, "access_key_id": "k"}, "`access_key_id` and `secret_access_key` belong together"),
        ({**S3, "secret_access_key": "s"}, "`access_key_id` and `secret_access_key` belong together"),
        ({**S3, "session_token": "t"}, "`session_token` belongs to an `access_key_id`"),
        ({**S3, "endpoint": "minio:9000"}, "`endpoint`: expected a URL"),
        ({**S3, "endpoint": "https://k:s@minio:9000"}, "`endpoint` holds a user or a password"),
        ({**S3, "endpoint": "http://minio:9000"}, "set `allow_http: true` if that is meant"),
        ({**S3, "format": "iceberg"}, "'delta' or 'parquet'"),
        ({**S3, "storage_options": {}}, "storage_options"),
    ],
)
def test_a_wrong_setting_is_told(settings: dict[str, Any], said: str) -> None:
    """What was found, what was expected, what to do."""
    with pytest.raises(ValidationError) as caught:
        LakeConfig(**settings)
    assert said in str(caught.value)


def test_secrets_are_secrets() -> None:
    """Keys appear in no representation of the settings."""
    config = LakeConfig(
        **S3, access_key_id=SecretStr("k3y"), secret_access_key=SecretStr("s3c"), session_token=SecretStr("t0k")
    )
    assert not [
        secret for secret in ("k3y", "s3c", "t0k") if secret in f"{config!r} {config} {config.model_dump_json()}"
    ]


@pytest.mark.parametrize(
    ("path", "bucket", "prefix"),
    [
        ("s3://b/a/c", "b", "a/c"),
        ("s3a://b/a/", "b", "a"),
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("relative/lake", None, ""),
        ("s3/lake", None, ""),
    ],
)
def test_places(path: str, bucket: str | None, prefix: str) -> None:
    """A bucket with or without a prefix, or a directory."""
    config = LakeConfig(path=path)
    assert (config.bucket, config.prefix) == (bucket, prefix)


def test_a_directory_is_absolute_and_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`~` is the home directory; a change of the directory after the settings were read does not move the lake."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert storage_of(LakeConfig(path="~/lake")).uri == str(tmp_path / "lake")
    monkeypatch.chdir(tmp_path)
    config = LakeConfig(path="lake")
    monkeypatch.chdir("/")
    assert config.path == storage_of(config).uri == str(tmp_path / "lake")
    assert LakeConfig(**config.model_dump()).path == config.path


def test_tls_cannot_be_turned_off() -> None:
    """The client is told nothing that would weaken it, but for an http:// endpoint that was asked for."""
    options = storage_of(LakeConfig(**S3, endpoint="https://minio:9000")).options
    assert not [key for key in options if "http" in key and key != "aws_endpoint_url"]
    assert not [key for key in options if "invalid" in key or "unsafe" in key]
