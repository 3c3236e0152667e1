"""The command line. Exit codes: 0 fine, 1 the answer is no, 2 wrong usage."""

from fanlight.cli.main import main

__all__ = ["main"]
