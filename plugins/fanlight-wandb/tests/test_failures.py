"""What follows from what the SDK raises."""

import pytest
from wandb.errors import AuthenticationError, CommError, UsageError

from fanlight import PermanentError, RetryableError
from fanlight_wandb.failures import opening_failed, writing_failed


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        (AuthenticationError("API key must have 40+ characters"), True),
        (CommError("returned error 401: {}"), True),
        (CommError("returned error 403: {}"), True),
        (CommError("returned error 404: {}"), True),
        (CommError("while retrying: HTTP 500: {}"), False),
        (CommError("Run initialization has timed out after 15.0 sec"), False),
        (CommError("dial tcp 127.0.0.1:4010: connection refused"), False),
        (UsageError("No API key configured"), True),
        (ConnectionResetError("reset"), False),
    ],
)
def test_a_run_that_cannot_be_opened_is_tried_again(error: Exception, opens: bool) -> None:
    """The breaker opens at once where somebody must act, and only there."""
    found = opening_failed(error, online=True)
    assert isinstance(found, RetryableError)
    assert found.open_breaker is opens


def test_what_the_sdk_refuses_without_a_server_is_for_good() -> None:
    """Nothing but another configuration can change that."""
    assert isinstance(opening_failed(UsageError("Invalid project name"), online=False), PermanentError)


def test_messages_are_one_short_line() -> None:
    """What a server answered is not poured into an operator's log."""
    message = str(opening_failed(CommError("a\nb" + "x" * 5000), online=True))
    assert "\n" not in message
    assert len(message) < 400


def test_a_failed_write_names_the_error_and_not_what_was_written() -> None:
    """A value may stand in the SDK's exception."""
    assert "prompt" not in str(writing_failed(ValueError("cannot log prompt")))
