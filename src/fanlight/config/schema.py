"""The JSON Schema of the configuration, for editors: what completes and explains keys while somebody writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from fanlight.config.fields import descriptions
from fanlight.config.models import CommonSinkConfig, RouterConfig
from fanlight.sinks.base import SinkType
from fanlight.units import ByteSize, Duration, spell_duration, spell_size

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NO_TEXT: Final = ("integer", "number", "boolean")
_PLACEHOLDER: Final = {"type": "string", "pattern": r"\$\{[a-z][a-z0-9_]*:[^{}]+\}"}


class _Generator(GenerateJsonSchema):
    """Adds the docstring under each field, defaults as they are written, and placeholders where no text is due."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        json_schema = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        texts = descriptions(model)
        for name, properties in json_schema.get("properties", {}).items():
            properties.pop("title", None)
            if name in texts:
                properties["description"] = texts[name].replace("\n", " ")
        json_schema.pop("title", None)
        return json_schema

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            return {}
        return spelled(dft) if isinstance(dft, Duration | ByteSize) else super().encode_default(dft)


def spelled(value: Any) -> Any:
    """Return a default as a configuration writes it."""
    if isinstance(value, Duration):
        return spell_duration(value)
    return spell_size(value) if isinstance(value, ByteSize) else value


def json_schema(sink_types: Iterable[SinkType]) -> dict[str, Any]:
    """Return the schema; of *sink_types* it knows every key, of others the common ones."""
    schema = RouterConfig.model_json_schema(schema_generator=_Generator)
    definitions = schema.setdefault("$defs", {})
    common = _definition(CommonSinkConfig, definitions)
    kinds = sorted(sink_types, key=lambda kind: kind.name)
    for kind in kinds:
        definitions[f"sink_{kind.name}"] = _sink(kind, common, definitions)
    definitions["sink_other"] = _other_sink(common, [kind.name for kind in kinds])
    schema["properties"]["sinks"]["additionalProperties"] = {
        "anyOf": [{"$ref": f"#/$defs/sink_{name}"} for name in (*(kind.name for kind in kinds), "other")]
    }
    schema["properties"]["sinks"].pop("patternProperties", None)
    schema["properties"]["sinks"]["propertyNames"] = {"pattern": "^[a-z][a-z0-9_]*$", "maxLength": 64}
    head = {"$schema": DIALECT, "title": "fanlight configuration"}
    return {**head, **_with_placeholders(schema)}


def _definition(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=_Generator)
    definitions.update(schema.pop("$defs", {}))
    return schema


def _sink(kind: SinkType, common: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    own = _definition(kind.config_model, definitions)
    properties = common["properties"] | {"type": {"const": kind.name}} | own.get("properties", {})
    return {
        "type": "object",
        "description": kind.delivered_means,
        "properties": properties,
        "required": ["type", *own.get("required", [])],
        "additionalProperties": False,
    }


def _other_sink(common: dict[str, Any], known: list[str]) -> dict[str, Any]:
    properties = common["properties"] | {"type": {"type": "string", "not": {"enum": known}}}
    return {"type": "object", "properties": properties, "required": ["type"]}


def _with_placeholders(schema: Any) -> Any:
    """Return *schema* with a placeholder allowed wherever a value is no free text."""
    if isinstance(schema, list):
        return [_with_placeholders(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in _NO_TEXT or ("pattern" in schema and "examples" in schema):
        outer = {key: schema[key] for key in ("description", "default") if key in schema}
        inner = {key: value for key, value in schema.items() if key not in outer}
        return outer | {"anyOf": [inner, _PLACEHOLDER]}
    return {key: _within(key, value) for key, value in schema.items()}


def _within(keyword: str, value: Any) -> Any:
    if keyword in {"properties", "$defs"}:
        return {name: _with_placeholders(schema) for name, schema in value.items()}
    return _with_placeholders(value) if keyword in {"items", "anyOf", "additionalProperties"} else value
