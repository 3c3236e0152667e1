"""Pydantic's findings as sentences: what was found, what was expected, what may have been meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from fanlight.config.document import Document
from fanlight.config.fields import first_sentence, known_keys
from fanlight.config.paths import is_list, join
from fanlight.config.placeholders import Placeholders
from fanlight.config.suggest import did_you_mean
from fanlight.errors import Problem

_Context: TypeAlias = Mapping[str, Any]
_PYDANTIC: Final = re.compile(r"^(?:[A-Z]\w+ )+should (?:be |have |match )?")
_PRIVATE: Final = re.compile(r"(?i)key|token|secret|passw|auth|credential|cookie|dsn|header")
_LOGIN: Final = re.compile(r"://[^/\s]*@")
"""A URL with a user and a password."""

_EXPECTED: Final[dict[str, Callable[[_Context], str]]] = {
    "string_type": lambda _: "text",
    "int_type": lambda _: "a whole number",
    "int_parsing": lambda _: "a whole number",
    "int_from_float": lambda _: "a whole number",
    "int_parsing_size": lambda _: "a smaller number",
    "float_type": lambda _: "a number",
    "float_parsing": lambda _: "a number",
    "finite_number": lambda _: "a finite number",
    "bool_type": lambda _: "true or false",
    "bool_parsing": lambda _: "true or false",
    "tuple_type": lambda _: "a list",
    "list_type": lambda _: "a list",
    "set_type": lambda _: "a list",
    "dict_type": lambda _: "a map",
    "mapping_type": lambda _: "a map",
    "model_type": lambda _: "a map",
    "model_attributes_type": lambda _: "a map",
    "literal_error": lambda context: _choice(str(context["expected"])),
    "enum": lambda context: _choice(str(context["expected"])),
    "greater_than_equal": lambda context: f"at least {context['ge']}",
    "greater_than": lambda context: f"more than {context['gt']}",
    "less_than_equal": lambda context: f"at most {context['le']}",
    "less_than": lambda context: f"less than {context['lt']}",
    "string_too_short": lambda context: (
        "some text" if context["min_length"] == 1 else f"at least {context['min_length']} characters"
    ),
    "string_too_long": lambda context: f"at most {context['max_length']} characters",
    "too_short": lambda context: f"at least {context['min_length']} of them",
    "too_long": lambda context: f"at most {context['max_length']} of them",
    "string_pattern_mismatch": lambda context: f"text that matches {context['pattern']}",
    "url_type": lambda _: "a URL",
    "url_parsing": lambda _: "a URL such as https://host:4318",
    "url_scheme": lambda context: f"a URL that begins with {context['expected_schemes']}",
}


class Translator:
    """
    Says in sentences what pydantic found in one piece of a document.

    Args:
        document: The whole; says the line of each problem.
        placeholders: Know which values may not be shown, and which are not known at all.
    """

    def __init__(self, document: Document, placeholders: Placeholders) -> None:
        self._document = document
        self._placeholders = placeholders

    def problems(
        self, error: ValidationError, model: type[BaseModel], data: Any, path: str = "", also_known: Sequence[str] = ()
    ) -> list[Problem]:
        """
        Return *error* as problems, one for each place.

        Args:
            error: What pydantic found.
            model: The model it was looking for.
            data: What was validated, and stands at *path*.
            path: A place in the document.
            also_known: Keys that are allowed beside the model's own.
        """
        found: dict[str, Problem] = {}
        for details in error.errors(include_url=False, include_input=False):
            place = _Place.of(details, data, path)
            if self._is_open(place, details["type"]):
                continue
            problem = self._problem(details, place, model, also_known)
            earlier = found.get(place.path)
            found[place.path] = problem if earlier is None else _either(earlier, problem)
        return list(found.values())

    def required_in_full(self, error: ValidationError, data: Any) -> list[Problem]:
        """Return what *error* misses in *data*, from which the placeholders that were not resolved are left out."""
        paths = dict.fromkeys(_Place.of(details, data, "").path for details in error.errors(include_url=False))
        message, hint = "a placeholder cannot stand for this", "write the value here"
        return [self._document.problem(path, message, hint) for path in paths]

    def _problem(
        self, details: ErrorDetails, place: _Place, model: type[BaseModel], also_known: Sequence[str]
    ) -> Problem:
        kind = details["type"]
        if place.in_key:
            hint = "begin with a letter, then letters, digits and `_`, all lower case"
            return self._document.problem(place.path, "this is no name", hint, key=True)
        if kind == "extra_forbidden":
            known = [*known_keys(model, place.steps[:-1]), *(also_known if len(place.steps) == 1 else ())]
            hint = did_you_mean(str(place.steps[-1]), known)
            return self._document.problem(place.path, "unknown key", hint, key=True)
        if kind == "missing":
            return self._document.problem(place.path, "required, and not there", first_sentence(model, place.steps))
        secret = self._is_secret(place, model)
        message = self._expectation(details, place, secret=secret)
        found = "" if secret else shown(place.value)
        return self._document.problem(place.path, message, _advice(kind, place.value, secret=secret), found=found)

    def _expectation(self, details: ErrorDetails, place: _Place, *, secret: bool) -> str:
        kind, context = details["type"], details.get("ctx", {})
        if kind in _EXPECTED:
            return f"expected {_EXPECTED[kind](context)}"
        if self._placeholders.is_filled(place.path, within=True):
            return "what the placeholder stands for is not accepted here"
        sentence = str(context["error"]) if kind == "value_error" else _PYDANTIC.sub("expected ", details["msg"])
        if secret and isinstance(place.value, str) and place.value in sentence:
            return "this value is not accepted here"
        return sentence

    def _is_secret(self, place: _Place, model: type[BaseModel]) -> bool:
        """Whether the value at *place* may not be shown: it looks private, or a placeholder stood there."""
        return (
            self._placeholders.is_filled(place.path, within=True)
            or _PRIVATE.search(place.path) is not None
            or (isinstance(place.value, str) and _LOGIN.search(place.value) is not None)
            or _is_typed_secret(model, place.steps)
        )

    def _is_open(self, place: _Place, kind: str) -> bool:
        if kind == "extra_forbidden":  # wrong whatever its value is
            return False
        # A validator of the whole may have stumbled over any placeholder within.
        within = kind in {"value_error", "assertion_error"}
        return self._placeholders.is_open(place.path, within=within)


class _Place:
    """Where pydantic means, in the document's terms: union tags and `[key]` are no steps."""

    def __init__(self, path: str, steps: tuple[str | int, ...], value: Any, *, in_key: bool) -> None:
        self.path = path
        self.steps = steps
        self.value = value
        self.in_key = in_key

    @classmethod
    def of(cls, details: ErrorDetails, data: Any, path: str) -> _Place:
        """Return the place of one finding in *data*, which stands at *path*."""
        loc, steps, node = details["loc"], [], data
        for index, step in enumerate(loc):
            last = index == len(loc) - 1
            if (isinstance(node, Mapping) and step in node) or (
                is_list(node) and isinstance(step, int) and step < len(node)
            ):
                node = node[step]
            elif last and details["type"] == "missing":
                node = None
            else:
                continue
            steps.append(step)
        for step in steps:
            path = join(path, step)
        return cls(path, tuple(steps), node, in_key="[key]" in loc)


def shown(value: Any) -> str:
    """Return a short spelling of what was found."""
    if isinstance(value, Mapping):
        return "{...}" if value else "{}"
    if is_list(value):
        return "[...]" if value else "[]"
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 40 else f"{value[:37]}...", ensure_ascii=False)
    return json.dumps(value) if value is None or isinstance(value, bool | int | float) else type(value).__name__


def _is_typed_secret(model: type[BaseModel], steps: Sequence[str | int]) -> bool:
    field = model.model_fields.get(str(steps[0])) if steps else None
    text = repr(field.annotation) if field is not None else ""
    return SecretStr.__name__ in text or SecretBytes.__name__ in text


def _advice(kind: str, value: Any, *, secret: bool) -> str:
    if kind in {"tuple_type", "list_type"} and isinstance(value, str) and not secret:
        return f"write [{value}]"
    return "put it in quotes" if kind == "string_type" and isinstance(value, bool | int | float) else ""


def _choice(expected: str) -> str:
    return expected.replace("'", "`")


def _either(first: Problem, second: Problem) -> Problem:
    if first.message == second.message or not second.message.startswith("expected "):
        return first
    return Problem(
        message=f"{first.message} or {second.message.removeprefix('expected ')}",
        path=first.path, hint=first.hint or second.hint, found=first.found,
        file=first.file, line=first.line, column=first.column,
    )  # fmt: skip
