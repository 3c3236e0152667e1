"""LangChain's callbacks become `TelemetryEvent`s: with `fanlight.capture` the only part that knows LangChain."""

from __future__ import annotations

from fanlight.normalize.normalizer import Normalizer
from fanlight.normalize.settings import NormalizerSettings

__all__ = ["Normalizer", "NormalizerSettings"]
