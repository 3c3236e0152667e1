"""
A lake in a bucket: S3, and what speaks its language.
"""

# ruff: noqa: PLC0415 - the settings of a lake must be cheap to read; its client is loaded where it is used

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from fanlight import RetryableError
from fanlight_lake.config import LakeConfig
from fanlight_lake.said import said

if TYPE_CHECKING:
    from obstore.store import S3Store

# A lane tries a batch again by itself; what is tried again below it must fit into one attempt.
_RETRIES: Final = 2
_RETRY_SECONDS: Final = 15
_REQUEST_SECONDS: Final = 30
_CONNECT_SECONDS: Final = 5


class S3Storage:
    """Objects below one prefix of a bucket."""

    is_conditional = True

    def __init__(self, config: LakeConfig) -> None:
        self._config = config
        self._place = f"bucket {config.bucket}"

    @property
    def uri(self) -> str:
        """The place, `s3://bucket/prefix`."""
        return f"s3://{self._config.bucket}/{self._config.prefix}".rstrip("/")

    @property
    def options(self) -> dict[str, str]:
        """Settings of the client and of its retries, keys included."""
        return {
            **self._settings,
            "timeout": f"{_REQUEST_SECONDS}s",
            "connect_timeout": f"{_CONNECT_SECONDS}s",
            "max_retries": str(_RETRIES),
            "retry_timeout": f"{_RETRY_SECONDS}s",
        }

    def open(self) -> None:
        """Find out whether the bucket takes objects, and whether it keeps two writers from making the same one."""
        with self._probe() as name:
            self.is_conditional = self._refuses_a_second(name)

    def diagnose(self) -> None:
        """Write an object and delete it: what a missing bucket, permission or network says to that."""
        with self._probe():
            pass

    def put(self, name: str, data: bytes, *, replace: bool = False) -> bool:
        """Write an object; `False` where there is one already and it is not to be replaced."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        may_exist = replace or not self.is_conditional
        try:
            obstore.put(self._store, name, data, mode="overwrite" if may_exist else "create", use_multipart=False)
        except AlreadyExistsError:
            return False
        return True

    def get(self, name: str) -> bytes:
        """Return what an object holds."""
        import obstore

        return obstore.get(self._store, name).bytes().to_bytes()

    def names(self, suffix: str, under: str = "") -> Iterator[str]:
        """Return the names of the objects below *under* that end in *suffix*, sorted."""
        import obstore

        found = [each["path"] for page in obstore.list(self._store, under or None) for each in page]
        yield from sorted(name for name in found if name.endswith(suffix))

    def entries(self, under: str = "") -> Iterator[tuple[str, int, datetime]]:
        """Yield the name, the size and the time of the last change of each object below *under*."""
        import obstore

        for page in obstore.list(self._store, under or None):
            for each in page:
                yield each["path"], each["size"], each["last_modified"]

    def delete(self, name: str) -> None:
        """Delete an object; one that is gone already is well."""
        import obstore

        obstore.delete(self._store, name)

    @cached_property
    def _settings(self) -> dict[str, str]:
        config = self._config
        given = {
            "aws_region": config.region,
            "aws_endpoint_url": config.endpoint,
            "aws_access_key_id": config.access_key_id and config.access_key_id.get_secret_value(),
            "aws_secret_access_key": config.secret_access_key and config.secret_access_key.get_secret_value(),
            "aws_session_token": config.session_token and config.session_token.get_secret_value(),
            "aws_allow_http": "true" if config.allow_http else None,
            "aws_conditional_put": "etag",
        }
        return {key: value for key, value in given.items() if value}

    @cached_property
    def _store(self) -> S3Store:
        from obstore.store import S3Store

        return S3Store(
            self._config.bucket,
            prefix=self._config.prefix or None,
            config=self._settings,  # type: ignore[arg-type]
            client_options={
                "timeout": timedelta(seconds=_REQUEST_SECONDS),
                "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
        )

    @contextmanager
    def _probe(self) -> Iterator[str]:
        name = f"_probe/{secrets.token_hex(8)}"
        self._write(name)
        try:
            yield name
        finally:
            self._tidy(name)

    def _refuses_a_second(self, name: str) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError

        for _ in range(2):
            try:
                obstore.put(self._store, name, b"probe", mode="create", use_multipart=False)
            except AlreadyExistsError:
                return True
            except (BaseError, OSError):
                self._write(name)  # if it takes that, then it was the condition, unless that was a bad moment
            else:
                return False
        return False

    def _write(self, name: str) -> None:
        import obstore
        from obstore.exceptions import BaseError

        try:
            obstore.put(self._store, name, b"probe", use_multipart=False)
        except (BaseError, OSError) as error:
            raise self._refusal(error) from error

    def _tidy(self, name: str) -> None:
        import obstore
        from obstore.exceptions import BaseError

        with suppress(BaseError, OSError):  # who may write need not be allowed to delete
            obstore.delete(self._store, name)

    def _refusal(self, error: Exception) -> RetryableError:
        from obstore.exceptions import NotFoundError, PermissionDeniedError, UnauthenticatedError

        if isinstance(error, (FileNotFoundError, NotFoundError)):
            return RetryableError(f"{self._place} does not exist", open_breaker=True)
        if isinstance(error, (PermissionError, PermissionDeniedError, UnauthenticatedError)):
            return RetryableError(f"{self._place} may not be written to with these credentials", open_breaker=True)
        return RetryableError(f"{self._place}: {said(error)}")
