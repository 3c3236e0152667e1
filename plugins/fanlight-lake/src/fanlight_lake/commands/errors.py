"""Why a command did not do what it was asked to."""


class CommandError(Exception):
    """The answer is no; the message says why, and what to do."""


class UsageError(Exception):
    """The options make no sense; the message says why."""
