"""
What the models say about their keys: which there are, and the docstring under each.

The docstrings are read from the source when somebody asks, not when the models are imported: that would cost every
start of an application more than reading its configuration does.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel


@cache
def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return the description of each field of *model*, its own `Field(description=)` before its docstring."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            found.update(_docstrings(cls))
    stated = {name: field.description for name, field in model.model_fields.items() if field.description}
    return {name: text for name, text in (found | stated).items() if name in model.model_fields}


def _docstrings(cls: type) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):  # no source: made at run time, or shipped without
        return
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for field, text in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            yield field.target.id, inspect.cleandoc(text.value.value)


def first_sentence(model: type[BaseModel], steps: Sequence[str | int]) -> str:
    """Return the first sentence about the key that *steps* lead to; empty where nothing is said."""
    holder = model_at(model, steps[:-1])
    text = descriptions(holder).get(str(steps[-1]), "") if holder and steps else ""
    sentence = text.replace("\n", " ").partition(". ")[0].rstrip(".")
    return sentence[:1].lower() + sentence[1:]


def known_keys(model: type[BaseModel], steps: Sequence[str | int]) -> list[str]:
    """Return the keys of the model that *steps* lead to; none where there is no model."""
    holder = model_at(model, steps)
    return [field.alias or name for name, field in holder.model_fields.items()] if holder else []


def model_at(model: type[BaseModel], steps: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model that stands at *steps* below *model*."""
    annotation: Any = model
    for step in steps:
        annotation = _below(annotation, step)
    return _model_in(annotation)


def _below(annotation: Any, step: str | int) -> Any:
    model = _model_in(annotation)
    if model is not None:
        field = model.model_fields.get(str(step))
        return field.annotation if field is not None else None
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return parts[1]
    if origin in {tuple, list, set}:
        return parts[0]
    return next((_below(part, step) for part in parts if get_origin(part)), None)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation is: `Model`, `Model | None`, `Annotated[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Annotated, Union, UnionType}:
        return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)
    return None
