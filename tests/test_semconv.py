"""The attribute names against those that OpenTelemetry and OpenInference publish."""

import re
from collections.abc import Iterator

import openinference.semconv.resource as openinference_resource
import openinference.semconv.trace as openinference_trace
import pytest
from opentelemetry.semconv._incubating.attributes import (
    deployment_attributes,
    error_attributes,
    exception_attributes,
    gen_ai_attributes,
    host_attributes,
    process_attributes,
    service_attributes,
    session_attributes,
    telemetry_attributes,
    user_attributes,
    vcs_attributes,
)
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

from fanlight import semconv

OTEL = [
    deployment_attributes,
    error_attributes,
    exception_attributes,
    host_attributes,
    process_attributes,
    service_attributes,
    session_attributes,
    telemetry_attributes,
    user_attributes,
    vcs_attributes,
]


def names(holder: object) -> dict[str, str]:
    return {key: value for key, value in vars(holder).items() if key.isupper() and isinstance(value, str)}


def published_by_openinference() -> Iterator[str]:
    for module in (openinference_trace, openinference_resource):
        for holder in vars(module).values():
            if isinstance(holder, type):
                yield from names(holder).values()


def test_genai_names_are_published() -> None:
    """Every GenAI attribute is one of OpenTelemetry's, letter for letter, and none of the deprecated ones."""
    published = set(names(gen_ai_attributes).values())
    assert set(names(semconv.GenAI).values()) <= published
    assert not {"gen_ai.system", "gen_ai.prompt", "gen_ai.completion"} & set(names(semconv.GenAI).values())


def test_the_metrics_that_are_published_have_those_names() -> None:
    """Token usage and duration are named as OpenTelemetry names them."""
    published = set(names(gen_ai_metrics).values())
    assert {semconv.GenAIMetric.TOKEN_USAGE, semconv.GenAIMetric.OPERATION_DURATION} <= published


def test_openinference_names_are_published() -> None:
    """Every OpenInference attribute is in its package."""
    assert set(names(semconv.OpenInference).values()) <= set(published_by_openinference())


def test_general_names_are_published() -> None:
    """Resource, user, session, error and exception attributes are OpenTelemetry's."""
    published = {value for module in OTEL for value in names(module).values()} | {semconv.Otel.EXCEPTION_EVENT}
    assert set(names(semconv.Otel).values()) <= published


def test_fanlights_own_names_are_in_its_own_namespace() -> None:
    """What no convention has a word for can be told from what one has."""
    for name in names(semconv.Fanlight).values():
        assert re.fullmatch(r"fanlight(\.[a-z][a-z_]*)+", name)


@pytest.mark.parametrize(
    "holder",
    [semconv.GenAI, semconv.GenAIEvent, semconv.GenAIMetric, semconv.OpenInference, semconv.Otel, semconv.Fanlight],
)
def test_no_name_is_there_twice(holder: type) -> None:
    """Two constants of one class never spell the same attribute."""
    values = list(names(holder).values())
    assert len(values) == len(set(values))
