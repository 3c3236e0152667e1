"""The privacy floor: no secret leaves the router thread, whatever field of an event it was in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fanlight.event import Redaction, TelemetryEvent
from fanlight.hookspecs import Detector
from fanlight.pipeline.names import KIND, NAME_HINT, NAMED_SECRETS, is_secret_name, is_secret_value
from fanlight.pipeline.scanner import Hints, Masked, Scanner, mask
from fanlight.pipeline.secrets import VENDOR_SECRETS

UNSCANNED: Final = "unscanned"
"""The kind of what was masked because it could not be looked into."""

_NOT_CONTENT: Final = frozenset({
    "schema_version", "event_id", "type", "run_id", "parent_run_id", "root_run_id", "trace_id", "span_id",
    "parent_span_id", "process", "redacted", "truncated", "rollup", "operation", "status",
})  # fmt: skip
_FIELDS: Final = tuple(name for name in TelemetryEvent.__struct_fields__ if name not in _NOT_CONTENT)
_FEW: Final = 4
"""Events that are no longer looked at together once something is found among them."""
_SHORTEST: Final = 5
"""Characters; nothing shorter is a secret by itself."""


class SecretsFloor:
    """
    Masks API keys, tokens, passwords and private keys in every field of an event, in dict keys too.

    What is found becomes `[redacted:<kind>]`, and a `Redaction` says in which field. A field that cannot be
    scanned is replaced as a whole.

    Args:
        detectors: Further secrets, beyond the built-in ones. With any of them each text is scanned by itself,
            which costs more than the one look at the event's JSON that settles most events otherwise.

    Raises:
        ValueError: a detector's pattern is not valid RE2.
    """

    def __init__(self, detectors: Sequence[Detector] = ()) -> None:
        secrets = (*VENDOR_SECRETS, *NAMED_SECRETS)
        self._scanner = Scanner(secrets, detectors)
        self._hints = None if detectors else Hints([NAME_HINT, *(secret.hint for secret in secrets)])

    def protect(self, event: TelemetryEvent) -> TelemetryEvent:
        """Return *event* without secrets; the very same object where it has none. Never raises."""
        if self._surely_clean(event):
            return event
        changes: dict[str, Any] = {}
        redacted: list[Redaction] = []
        walk = _Walk(self._scanner)
        for field in _FIELDS:
            value = getattr(event, field)
            if value is None or value in ((), {}):
                continue
            found: Counter[str] = Counter()
            masked = walk.field(value, found)
            if found:
                changes[field] = masked
                redacted += [Redaction(field=field, kind=kind, count=count) for kind, count in found.items()]
        return event.replace(**changes, redacted=(*event.redacted, *redacted)) if changes else event

    def protect_all(self, events: Sequence[TelemetryEvent]) -> list[TelemetryEvent]:
        """
        Return *events* without secrets, as `protect` does, with one look at all of them where that settles it.

        Each look releases the interpreter lock, and a thread beside a busy application waits long to get it back.
        """
        if len(events) > 1 and self._surely_clean(*events):
            return list(events)
        if len(events) <= _FEW:
            return [self.protect(event) for event in events]
        half = len(events) // 2
        return [*self.protect_all(events[:half]), *self.protect_all(events[half:])]

    def _surely_clean(self, *events: TelemetryEvent) -> bool:
        if self._hints is None:
            return False
        try:
            return not self._hints.found_in(b"\n".join([event.to_json() for event in events]))
        except Exception:  # not encodable: each field is looked at by itself, and masked where even that fails
            return False


class _Walk:
    """One event's walk; a text that occurs several times is scanned once."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._texts: dict[str, Masked | None] = {}

    def field(self, value: Any, found: Counter[str]) -> Any:
        try:
            return self._masked(value, found)
        except Exception:  # RecursionError too: what cannot be looked into does not pass
            found.clear()
            found[UNSCANNED] += 1
            return _blank(value)

    def _masked(self, value: Any, found: Counter[str]) -> Any:
        if isinstance(value, str):
            return self._text(value, found)
        if value is None or isinstance(value, int | float):
            return value
        if isinstance(value, dict):
            return self._map(value, found)
        if isinstance(value, list | tuple):
            return type(value)(self._masked(item, found) for item in value)
        if isinstance(value, msgspec.Struct):
            return self._part(value, found)
        raise TypeError(type(value).__name__)

    def _text(self, text: str, found: Counter[str]) -> str:
        if len(text) < _SHORTEST:
            return text
        if text not in self._texts:
            self._texts[text] = self._scanner.mask(text)
        masked = self._texts[text]
        if masked is None:
            return text
        found.update(masked.found)
        return masked.text

    def _map(self, value: dict[Any, Any], found: Counter[str]) -> dict[Any, Any]:
        masked: dict[Any, Any] = {}
        for key, item in value.items():
            name = self._text(key, found) if isinstance(key, str) else key
            while name in masked:  # two secrets as keys must not become one entry
                name = f"{name}+"
            masked[name] = self._item(key, item, value, found)
        return masked

    def _item(self, key: Any, item: Any, siblings: dict[Any, Any], found: Counter[str]) -> Any:
        if isinstance(key, str) and is_secret_name(key) and is_secret_value(key, item, siblings):
            if item != mask(KIND):
                found[KIND] += 1
            return mask(KIND)
        return self._masked(item, found)

    def _part(self, part: msgspec.Struct, found: Counter[str]) -> msgspec.Struct:
        changes = {}
        for name in part.__struct_fields__:
            value = getattr(part, name)
            masked = self._masked(value, found)
            if masked is not value:
                changes[name] = masked
        return msgspec.structs.replace(part, **changes) if changes else part


def _blank(value: Any) -> Any:
    if isinstance(value, str):
        return mask(UNSCANNED)
    if isinstance(value, dict):
        return {mask(UNSCANNED): True}
    if isinstance(value, tuple):
        return ()
    return None if isinstance(value, msgspec.Struct) else mask(UNSCANNED)
