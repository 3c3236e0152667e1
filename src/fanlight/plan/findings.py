"""Problems on their way into one list: placed in the file, and silent about what placeholders stand for."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from fanlight.config.document import Document
from fanlight.config.placeholders import Placeholders
from fanlight.errors import Problem


class Findings:
    """
    Collects what is found out about one document.

    Args:
        document: Says the line of each problem.
        placeholders: Know which values may not be shown, and which are not known at all.
    """

    def __init__(self, document: Document, placeholders: Placeholders) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self._document = document
        self._placeholders = placeholders

    def error(self, path: str, message: str, hint: str = "", *, found: str = "") -> None:
        """Note an error at *path*."""
        self.add([Problem(path=path, message=message, hint=hint, found=found)])

    def warn(self, path: str, message: str, hint: str = "") -> None:
        """Note a warning at *path*."""
        if self._placeholders.is_filled(path):  # the sentence may name the value
            message, hint = "what the placeholder stands for has no effect here", ""
        if not self._placeholders.is_open(path):
            self.warnings.append(self._document.warning(path, message, hint))

    def add(self, problems: Iterable[Problem]) -> None:
        """Note errors that have a path and no place yet. Of a value that is not known, nothing is wrong."""
        self.errors += [self._placed(problem) for problem in problems if not self._placeholders.is_open(problem.path)]

    def add_placed(self, problems: Iterable[Problem]) -> None:
        """Note errors that know their line."""
        self.errors += problems

    def _placed(self, problem: Problem) -> Problem:
        if self._placeholders.is_filled(problem.path):  # the sentence may name the value
            message = "what the placeholder stands for is not accepted here"
            problem = msgspec.structs.replace(problem, message=message, found="", hint="")
        return self._document.place(problem, key=not problem.found)
