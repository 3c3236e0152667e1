"""
What can go wrong, as classes. The class of a sink's exception is the retry decision; no text is ever matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec


class FanlightError(Exception):
    """Base of every error that fanlight raises on purpose."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a configuration, and what to do about it."""

    message: str
    """What was found and what was expected, in one sentence."""
    path: str = ""
    """Where in the document: `sinks.lake.path`, `routes[2].to[0]`."""
    found: str = ""
    """The value as it stands there, where it helps; never what a placeholder resolved to."""
    hint: str = ""
    """What to do."""
    file: str | None = None
    line: int | None = None
    """Counted from 1."""
    column: int | None = None
    """Counted from 1."""
    severity: str = "error"
    """`error` or `warning`."""

    def __str__(self) -> str:
        place = f"line {self.line}:{self.column}  " if self.line is not None else ""
        found = f" = {self.found}" if self.found else ""
        path = f"{self.path}{found}  " if self.path else ""
        return f"{place}{path}{self.message}" + (f"; {self.hint}" if self.hint else "")


class ConfigError(FanlightError):
    """The configuration cannot be used. `problems` lists every reason at once; nothing was started."""

    def __init__(self, problems: Iterable[Problem], *, file: str | None = None) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.file = file
        super().__init__(self._render())

    @classmethod
    def single(cls, message: str, *, hint: str = "", path: str = "", file: str | None = None) -> ConfigError:
        """Return the error for one problem that has no place in a file."""
        return cls([Problem(message=message, hint=hint, path=path)], file=file)

    def _render(self) -> str:
        count = len(self.problems)
        head = f"{self.file or 'the configuration'} has {count} problem{'' if count == 1 else 's'}"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        return f"{head}{lines}\n{closing(self.problems)}"


def closing(problems: Iterable[Problem]) -> str:
    """Return what stands below *problems*; where to read about keys only if one of them is about a key."""
    about_keys = any(problem.path for problem in problems)
    return "Nothing was started." + (" Every key is described in config/README.md" if about_keys else "")


class DeliveryError(FanlightError):
    """Base of what a sink may raise from `deliver` to say how its batch fared."""


class RetryableError(DeliveryError):
    """
    The destination could not take the batch now; the lane tries the same batch again.

    Args:
        message: What happened. It may be shown to operators: no secrets, no content.
        retry_after: Seconds the destination asked to be left alone, where it said so.
        open_breaker: The destination will refuse everything until somebody acts (401, 403): open the circuit
            breaker at once instead of trying again and again.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, open_breaker: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.open_breaker = open_breaker


class PermanentError(DeliveryError):
    """
    The destination will never take this batch; the lane does not try it again.

    Args:
        message: What happened. It may be shown to operators: no secrets, no content.
        reason: The word under which the loss is counted, such as `rejected` or `too_large`.
    """

    def __init__(self, message: str, *, reason: str = "rejected") -> None:
        super().__init__(message)
        self.reason = reason


class PartialFailure(DeliveryError):
    """
    Some events of the batch were taken, the others fared as their own errors say.

    Args:
        errors: For each event that was not taken, by event id: a `RetryableError` or a `PermanentError`.
        unidentified: How many more were refused for good without being named (OTLP's partial success).
        message: What the destination said about it.
    """

    def __init__(
        self, errors: Mapping[str, DeliveryError] | None = None, *, unidentified: int = 0, message: str = ""
    ) -> None:
        self.errors = dict(errors or {})
        self.unidentified = unidentified
        super().__init__(message or f"{len(self.errors) + unidentified} events were not taken")
