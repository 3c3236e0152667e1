"""
The pieces of a message's content: LangChain's standard blocks and what the providers send instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fanlight.event import ContentPart, ToolCall
from fanlight.normalize.arguments import text_of
from fanlight.normalize.text import split_data_uri
from fanlight.normalize.values import Reader

_TEXT: Final = frozenset({"text", "input_text", "output_text"})
_REASONING: Final = frozenset({"reasoning", "thinking", "reasoning_content"})
_CALLS: Final = frozenset({"tool_call", "tool_use", "function_call", "tool_call_chunk", "input_json_delta"})
"""What a message says again in its `tool_calls`."""
_MEDIA: Final = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "audio": "audio",
    "input_audio": "audio",
    "video": "video",
    "file": "file",
    "input_file": "file",
    "document": "file",
    "media": "file",
}
_NESTED: Final = ("source", "image_url", "input_audio", "file", "audio", "video")
"""Where providers put a medium's own description."""


def parts_of(reader: Reader, content: Any, calls: Sequence[ToolCall]) -> tuple[ContentPart, ...]:
    """Return the parts of *content*; blocks that only repeat *calls* are left out."""
    if isinstance(content, str):
        return (ContentPart(type="text", text=reader.text(str.__str__(content))),) if content else ()
    if not isinstance(content, list | tuple):
        return () if content is None else (ContentPart(type="data", data=reader.read(content)),)
    blocks = list(reader.take(content, len(content)))
    reader.left_out(len(content), len(blocks))
    return tuple(_part(reader, block) for block in blocks if not (calls and _kind(block) in _CALLS))


def _kind(block: Any) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    return text_of(kind) or "data"


def _part(reader: Reader, block: Any) -> ContentPart:
    if isinstance(block, str):
        return ContentPart(type="text", text=reader.text(str.__str__(block)))
    kind = _kind(block)
    if kind in _TEXT and isinstance(text := block.get("text"), str):
        return ContentPart(type="text", text=reader.text(str.__str__(text)))
    if kind in _REASONING and (thought := _reasoning(block)):
        return ContentPart(type="reasoning", text=reader.text(thought))
    if kind == "refusal" and isinstance(refusal := block.get("refusal"), str):
        return ContentPart(type="refusal", text=reader.text(str.__str__(refusal)))
    if kind in _MEDIA:
        return _media(reader, _MEDIA[kind], block)
    rest = {key: item for key, item in block.items() if key != "type"} if isinstance(block, dict) else block
    return ContentPart(type=kind, data=reader.read(rest))


def _reasoning(block: dict[str, Any]) -> str:
    for key in ("reasoning", "thinking", "reasoning_content", "text"):
        found = block.get(key)
        if isinstance(found, dict):
            found = found.get("text")
        if isinstance(found, str) and found:
            return str.__str__(found)
    summary = block.get("summary")
    pieces = summary if isinstance(summary, list) else ()
    return "\n".join(
        piece["text"] for piece in pieces if isinstance(piece, dict) and isinstance(piece.get("text"), str)
    )


def _media(reader: Reader, kind: str, block: dict[str, Any]) -> ContentPart:
    """Return an image, a recording or a file: where it is, or how large it is and its digest. Never itself."""
    nested: dict[str, Any] = next((block[key] for key in _NESTED if isinstance(block.get(key), dict)), {})
    mime = _first(block, nested, ("mime_type", "media_type", "mimeType"))
    uri = _first(block, nested, ("url", "image_url", "uri", "file_uri", "file_id"))
    if uri and (split := split_data_uri(uri)) is not None:
        return ContentPart(type=kind, mime_type=mime or split[0] or None, data=reader.base64(split[1]))
    if uri:
        return ContentPart(type=kind, mime_type=mime, uri=reader.text(uri))
    for source in (block, nested):
        for key in ("base64", "data", "file_data", "bytes"):
            if held := source.get(key):
                return ContentPart(type=kind, mime_type=mime, data=_held(reader, held))
    if isinstance(text := nested.get("text") or block.get("text"), str):
        return ContentPart(type=kind, mime_type=mime, text=reader.text(text))
    return ContentPart(type=kind, mime_type=mime, data=reader.read({k: v for k, v in block.items() if k != "type"}))


def _held(reader: Reader, held: Any) -> Any:
    if not isinstance(held, str):
        return reader.read(held)
    split = split_data_uri(held)
    return reader.base64(split[1], split[0]) if split else reader.base64(held)


def _first(block: dict[str, Any], nested: dict[str, Any], keys: Sequence[str]) -> str | None:
    for source in (block, nested):
        for key in keys:
            if isinstance(found := source.get(key), str) and found:
                return found
    return None
