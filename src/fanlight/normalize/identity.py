"""
Whose run it is: tags, metadata, user, session, tenant, prompt.

The run's own metadata wins over what the context around it adds, key by key. For the three ids it is the other way
round: `fanlight.context(tenant_id=…)` says it outright, while a metadata key is only read as one (`thread_id` is the
session only where nobody names a better one). A run that says nothing has what its parent has, and so has every
event of a tree, also where LangChain lost the metadata or a thread lost the context.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from fanlight.capture.record import CallbackRecord
from fanlight.context import OFF_TAG, ContextValues
from fanlight.normalize.arguments import first_identifier, identifier, mapping, metadata_of, tags_of
from fanlight.normalize.settings import NormalizerSettings
from fanlight.normalize.tree import Lineage, Tree
from fanlight.normalize.values import Reader

LC_TAGS: Final = ("seq:step:", "graph:step:", "map:key:", "retry:attempt:", "langsmith:")
"""How the tags begin that LangChain and LangGraph add."""
_ATTEMPT: Final = "retry:attempt:"
_MAX_TAGS: Final = 128
_NOTHING_SAID: Final = ContextValues()


def is_off(record: CallbackRecord) -> bool:
    """Whether the run asked not to be captured."""
    context = record.context
    return (context is not None and context.suppressed) or OFF_TAG in tags_of(record)


def lineage_of(record: CallbackRecord, tree: Tree, parent: Lineage | None, settings: NormalizerSettings) -> Lineage:
    """Return what a run that starts with *record* has from its context, its parent and its own metadata."""
    context, own = _context(record, parent), metadata_of(record)
    handed_down = parent.handed_down if parent else {}
    if (
        parent is not None
        and context is parent.context
        and not record.configurable
        and _names_nobody(own, settings)
        and _names_nobody(handed_down, settings)
    ):
        return parent  # what is true of most runs: they say nothing that is new
    if context is not None and context.metadata and not (parent and context is parent.context):
        handed_down = {**handed_down, **context.metadata}
    if record.configurable:
        given = mapping(record.configurable)
        taken = {key: given[key] for key in settings.configurable_keys if key in given}
        handed_down = {**handed_down, **taken}
    metadata = {**handed_down, **own} if handed_down else own
    said, above = context or _NOTHING_SAID, parent or Lineage(tree)
    return Lineage(
        tree,
        context,
        handed_down,
        identifier(said.user_id) or first_identifier(metadata, settings.user_keys) or above.user_id,
        identifier(said.session_id) or first_identifier(metadata, settings.session_keys) or above.session_id,
        identifier(said.tenant_id) or first_identifier(metadata, settings.tenant_keys) or above.tenant_id,
    )


def identity_fields(
    reader: Reader, record: CallbackRecord, lineage: Lineage, settings: NormalizerSettings
) -> dict[str, Any]:
    """Return the event fields that say whose run it is."""
    own = metadata_of(record)
    metadata = {**lineage.handed_down, **own} if lineage.handed_down else own
    context = lineage.context
    tags, lc_tags = split_tags((*tags_of(record), *(context.tags if context else ())))
    return {
        "tags": tags,
        "lc_tags": lc_tags,
        "metadata": reader.value("metadata", metadata) if metadata else {},
        "user_id": lineage.user_id,
        "session_id": lineage.session_id,
        "tenant_id": lineage.tenant_id,
        "prompt_name": identifier(metadata.get(settings.prompt_name_key)),
        "prompt_version": identifier(metadata.get(settings.prompt_version_key)),
        "environment": (context and context.environment) or settings.environment,
        "attempt": attempt_of(lc_tags),
    }


def split_tags(tags: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the user's tags and LangChain's, each once, in the order they came."""
    own: dict[str, None] = {}
    others: dict[str, None] = {}
    for tag in tags:
        into = others if tag.startswith(LC_TAGS) else own
        if tag != OFF_TAG and len(into) < _MAX_TAGS:
            into[tag] = None
    return tuple(own), tuple(others)


def attempt_of(lc_tags: Iterable[str]) -> int | None:
    """Return which attempt of `with_retry` the tags say this is; the first one has no tag."""
    for tag in lc_tags:
        number = tag.removeprefix(_ATTEMPT)
        if number is not tag and number.isdecimal() and len(number) < 7:
            return int(number)
    return None


def _names_nobody(metadata: dict[str, Any], settings: NormalizerSettings) -> bool:
    """Whether none of the three ids can come from *metadata*."""
    return not metadata or dict.keys(metadata).isdisjoint(
        (*settings.user_keys, *settings.session_keys, *settings.tenant_keys)
    )


def _context(record: CallbackRecord, parent: Lineage | None) -> ContextValues | None:
    """Return the context that holds for the run: its own on top of its parent's, which a bare thread may have lost."""
    own, inherited = record.context, parent.context if parent else None
    if own is None or own is inherited:
        return inherited
    return own.within(inherited) if inherited is not None else own
