"""A lake in a bucket."""

import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from fanlight import Batch, PartialFailure, PermanentError, RetryableError, TelemetryEvent
from fanlight.testing import make_event
from fanlight_lake import LakeConfig, LakeSink
from fanlight_lake.storage import storage_of
from fanlight_lake.testing import read_events, read_quarantine

from .store import Metadata, Store

Open = Callable[..., LakeSink]
Make = Callable[..., Batch]
FORMATS = ["delta", "parquet"]


def settings_of(store: Store) -> dict[str, Any]:
    keys = {"region": "us-east-1", "access_key_id": "k3y", "secret_access_key": "s3cret"}
    return {"path": "s3://bucket/lake", "endpoint": store.url, "allow_http": True, **keys}


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as running:
        yield running


@pytest.mark.parametrize("format_", FORMATS)
def test_runs_come_back_equal(
    open_sink: Open, make_batch: Make, tree: tuple[TelemetryEvent, ...], s3: dict[str, Any], format_: str
) -> None:
    """Recorded runs are read back equal from the bucket; what was probed with is gone."""
    open_sink(**s3, format=format_).deliver(make_batch(*tree))
    found = {event.event_id: event for event in read_events(**s3)}
    assert found == {event.event_id: event for event in tree}
    assert [name for name in storage_of(LakeConfig(**s3)).names("") if "probe" in name] == []


@pytest.mark.parametrize("format_", FORMATS)
def test_a_sealed_batch_is_there_once(open_sink: Open, make_batch: Make, s3: dict[str, Any], format_: str) -> None:
    """A redelivery of a seal writes nothing, whoever delivers it."""
    batch = make_batch(make_event(), seal=4)
    for _ in range(2):
        sink = open_sink(**s3, format=format_)
        sink.deliver(batch)
        sink.deliver(batch)
    assert len(read_events(**s3)) == 1


def test_writers_do_not_lose_each_others_commits(open_sink: Open, make_batch: Make, s3: dict[str, Any]) -> None:
    """Three writers with eight commits each: all rows, once."""
    events = [[make_event() for _ in range(8)] for _ in range(3)]
    sinks = [open_sink(**s3) for _ in events]

    def write(sink: LakeSink, mine: list[TelemetryEvent]) -> None:
        for event in mine:
            sink.deliver(make_batch(event))

    threads = [threading.Thread(target=write, args=pair) for pair in zip(sinks, events, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sorted(event.event_id for event in read_events(**s3))
    assert found == sorted(event.event_id for each in events for event in each)


@pytest.mark.parametrize("format_", FORMATS)
def test_bad_events_are_kept_in_the_bucket(open_sink: Open, make_batch: Make, s3: dict[str, Any], format_: str) -> None:
    """The quarantine is beside the table, in the bucket."""
    with pytest.raises(PartialFailure):
        open_sink(**s3, format=format_).deliver(make_batch(make_event(name=1), make_event()))
    assert (len(read_quarantine(**s3)), len(read_events(**s3))) == (1, 1)


@pytest.mark.parametrize("condition", ["ignore", "501"])
class TestStoresWithoutConditionalPut:
    """S3-compatible stores that do not keep two writers from making the same object."""

    def test_delta_is_refused(self, open_sink: Open, condition: str) -> None:
        """It would lose commits there: the error says so, and what to do; nothing is left in the bucket."""
        with Store(condition) as store:
            with pytest.raises(PermanentError, match=r"loses commits.*set `format: parquet`, or use a store with cond"):
                open_sink(**settings_of(store))
            assert store.objects == {}

    def test_parquet_is_written(self, open_sink: Open, make_batch: Make, condition: str) -> None:
        """Files of their own names need no condition: a redelivery writes the same file again."""
        with Store(condition) as store:
            sink = open_sink(**settings_of(store), format="parquet")
            batch = make_batch(make_event(), seal=1)
            sink.deliver(batch)
            sink.deliver(batch)
            (name,) = store.objects
            assert name.endswith("environment=test/bot%2F1-000000000001.parquet")


def test_a_store_that_honours_conditions_takes_delta(open_sink: Open, make_batch: Make, store: Store) -> None:
    """The stand-in is no worse than a real store where it does honour them: what is refused above is the condition."""
    open_sink(**settings_of(store)).deliver(make_batch(make_event()))
    assert len(read_events(**settings_of(store))) == 1


def test_a_bad_moment_is_not_taken_for_a_store_without_conditions(
    open_sink: Open, make_batch: Make, store: Store
) -> None:
    """A store that fails just at the condition, retries included, is asked once more before it is refused."""
    store.statuses = [None, 503, 503, 503]
    open_sink(**settings_of(store)).deliver(make_batch(make_event()))
    assert store.statuses == []
    assert len(read_events(**settings_of(store))) == 1


@pytest.mark.parametrize("format_", FORMATS)
class TestFailures:
    """What is tried again, and what waits for somebody."""

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_missing_permission_opens_the_breaker(
        self, open_sink: Open, make_batch: Make, store: Store, format_: str, status: int
    ) -> None:
        """Keys that may not write: events wait until somebody acts, at the start and later."""
        store.always = status
        with pytest.raises(
            RetryableError, match="bucket bucket may not be written to with these credentials"
        ) as caught:
            open_sink(**settings_of(store), format=format_)
        assert caught.value.open_breaker
        store.always = None
        sink = open_sink(**settings_of(store), format=format_)
        store.always = status
        with pytest.raises(RetryableError) as caught:
            sink.deliver(make_batch(make_event()))
        assert caught.value.open_breaker

    def test_a_missing_bucket_opens_the_breaker(self, open_sink: Open, s3: dict[str, Any], format_: str) -> None:
        """A bucket that is not there is named."""
        with pytest.raises(RetryableError, match="bucket no-such-bucket does not exist") as caught:
            open_sink(**{**s3, "path": "s3://no-such-bucket/lake"}, format=format_)
        assert caught.value.open_breaker

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_what_passes_is_tried_again(
        self, open_sink: Open, make_batch: Make, store: Store, format_: str, status: int
    ) -> None:
        """A store that is busy or broken: the batch comes again, and is written once the store is well."""
        sink = open_sink(**settings_of(store), format=format_)
        store.always = status
        event = make_event()
        with pytest.raises(RetryableError) as caught:
            sink.deliver(make_batch(event, seal=1))
        assert not caught.value.open_breaker
        store.always = None
        sink.deliver(make_batch(event, seal=1))
        assert read_events(**settings_of(store)) == [event]

    def test_nobody_there_is_tried_again(self, open_sink: Open, format_: str) -> None:
        """A refused connection passes."""
        with Store() as store:
            settings = settings_of(store)
        with pytest.raises(RetryableError) as caught:
            open_sink(**settings, format=format_)
        assert not caught.value.open_breaker

    def test_errors_say_no_secret(self, open_sink: Open, make_batch: Make, store: Store, format_: str) -> None:
        """Neither keys nor the answer's body, which may name them, are in what is said."""
        sink = open_sink(**settings_of(store), format=format_)
        store.always = 503
        with pytest.raises(RetryableError) as caught:
            sink.deliver(make_batch(make_event()))
        assert not [word for word in ("k3y", "s3cret", "xml", "Error><") if word in str(caught.value)]
        assert len(str(caught.value)) < 400

    def test_a_lost_answer_is_no_second_row(
        self, open_sink: Open, make_batch: Make, store: Store, format_: str
    ) -> None:
        """One failure in the middle of a delivery, wherever it strikes: a sealed batch is there once in the end."""
        sink = open_sink(**settings_of(store), format=format_)
        for sequence in range(6):
            store.statuses = [503] * 3
            batch = make_batch(make_event(), seal=sequence)
            for _ in range(4):
                try:
                    sink.deliver(batch)
                except RetryableError:
                    continue
                break
        assert len(read_events(**settings_of(store))) == 6


PROGRAM = """
import sys
from fanlight import RetryableError, testing
from fanlight_lake import LakeConfig, LakeSink

endpoint, *rest = sys.argv[1:]
for format in ("delta", "parquet"):
    sink = LakeSink(LakeConfig(path="s3://bucket/" + format, format=format, endpoint=endpoint, allow_http=True))
    try:
        sink.open(testing.make_context())
        sink.deliver(testing.make_batch([testing.make_event()]))
        print("written")
    except RetryableError:
        print("refused")
"""


def written(store: Store, **environment: str) -> list[str]:
    """Write one event in both formats from a process with these variables; what became of each."""
    command = [sys.executable, "-c", PROGRAM, store.url]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return result.stdout.split()


KEYLESS = """
import sys
from fanlight import RetryableError, testing
from fanlight.cli import main
from fanlight_lake import LakeConfig, LakeSink

try:
    LakeSink(LakeConfig(path="s3://bucket/lake", endpoint=sys.argv[1], allow_http=True)).open(testing.make_context())
except RetryableError as error:
    print(error, file=sys.stderr)
sys.exit(main(["lake", "query", "SELECT 1", "--path", "s3://bucket/lake"]))
"""


def _without_keys(store: Store, metadata: str) -> list[str]:
    """What a sink and a command say in a process without keys, whose machine's metadata service is at *metadata*."""
    variables = {"AWS_METADATA_ENDPOINT": metadata, "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata}
    variables |= {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": store.url, "AWS_ALLOW_HTTP": "true"}
    command = [sys.executable, "-c", KEYLESS, store.url]
    result = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
    return result.stderr.splitlines()


class TestCredentials:
    """Who the store is told that we are, and whom we believe that it is."""

    KEYS = {"AWS_ACCESS_KEY_ID": "from-variables", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"}

    def test_the_usual_variables_are_enough(self, store: Store) -> None:
        """AWS's own variables are used where the configuration has no keys."""
        assert written(store, **self.KEYS) == ["written", "written"]
        assert store.keys == {"from-variables"}

    def test_a_role_of_the_machine_is_enough(self, store: Store) -> None:
        """Without any keys the machine's role is asked for, from its metadata service."""
        with Metadata() as url:
            variables = {"AWS_METADATA_ENDPOINT": url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": url}
            assert written(store, AWS_REGION="us-east-1", **variables) == ["written", "written"]
        assert store.keys == {"from-role"}

    def test_none_at_all_is_told(self, store: Store) -> None:
        """Who has no keys and no role reads that, and not the address of a service that they have never heard of."""
        said = "no credentials found: give keys in the YAML or in AWS_… variables, or give the machine a role"
        with Store() as service:
            service.always = 404  # it is a machine in the cloud, without a role
            assert _without_keys(store, service.url) == [f"bucket bucket: {said}", f"fanlight lake query: {said}"]
        # It is no such machine: nobody is there any more.
        assert _without_keys(store, service.url) == [f"bucket bucket: {said}", f"fanlight lake query: {said}"]

    def test_a_certificate_of_nobody_is_refused(self) -> None:
        """TLS is verified: a certificate of an unknown authority gets no event."""
        with Store(tls=_tls(trustme.CA())) as store:
            assert written(store, **self.KEYS) == ["refused", "refused"]
            assert store.objects == {}

    def test_an_authority_of_one_s_own_can_be_trusted(self, tmp_path: Path) -> None:
        """`SSL_CERT_FILE` names further authorities."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        with Store(tls=_tls(authority)) as store:
            assert written(store, SSL_CERT_FILE=str(tmp_path / "ca.pem"), **self.KEYS) == ["written", "written"]


def _tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_names_with_special_characters(open_sink: Open, make_batch: Make, s3: dict[str, Any]) -> None:
    """An environment of any characters is read back, from either format."""
    names = ["a b", "eu/1", "ü%=&", ""]
    for format_ in FORMATS:
        settings = {**s3, "path": f"{s3['path']}/{format_}"}
        open_sink(**settings, format=format_).deliver(make_batch(*(make_event(environment=name) for name in names)))
        assert sorted(event.environment for event in read_events(**settings)) == sorted(names)


def test_the_bucket_s_root_may_be_the_lake(open_sink: Open, make_batch: Make, s3: dict[str, Any]) -> None:
    """A path without a prefix works, and `s3a://` is `s3://`."""
    bucket = s3["path"].split("/")[2]
    for format_, path in (("delta", f"s3a://{bucket}/"), ("parquet", f"s3://{bucket}")):
        open_sink(**{**s3, "path": path}, format=format_).deliver(make_batch(make_event()))
    keys = storage_of(LakeConfig(**{**s3, "path": f"s3://{bucket}"})).names("")
    assert {key.split("/")[0].partition("=")[0] for key in keys} == {"_delta_log", "date"}
