"""Whatever is done to a valid configuration, the answer is a plan or a ConfigError."""

import copy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight import ConfigError
from fanlight.config.document import read
from fanlight.config.yaml import parse
from fanlight.plan import Plan, build_plan
from fanlight.plugins import PluginRegistry

VALID = (Path(__file__).parents[2] / "config" / "fanlight.yaml").read_text(encoding="utf-8")
BUILTIN = PluginRegistry.builtin()
DATA = parse(VALID).data

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["${env:HOME}", "${file:/dev/null}", "${", "$${x}", "eu-*", "type:x", "label:a=b", "5s", "1MiB"]),
)  # fmt: skip
KEYS = st.one_of(
    st.text(max_size=8), st.sampled_from(["match", "to", "type", "not", "any_of", "sample", "regex", "<<"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


def problems(document, *, secrets=True):
    """Return the problems of a document, none for a plan; anything but a ConfigError fails the test."""
    try:
        found = build_plan(document() if callable(document) else document, BUILTIN, secrets=secrets)
    except ConfigError as error:
        return error.problems or pytest.fail("an error without a problem")
    assert isinstance(found, Plan)
    return ()


def places(value, path=()):
    """Yield the steps to every value of a document."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


PLACES = [place for place in places(DATA) if place]


@pytest.fixture(scope="module", autouse=True)
def environment():
    """Make the valid file valid."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APP_ENV", "prod")
        yield


def test_the_valid_file_is_valid():
    """What is mutated below is right before."""
    assert problems(parse(VALID)) == ()


@relaxed
@given(place=st.sampled_from(PLACES), value=VALUES, secrets=st.booleans())
def test_another_value_anywhere(place, value, secrets):
    """Any value in the place of another gives a plan or a ConfigError."""
    data = copy.deepcopy(DATA)
    holder = data
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value

    problems(read(data), secrets=secrets)


@relaxed
@given(place=st.sampled_from([place for place in PLACES if isinstance(place[-1], str)]), key=KEYS)
def test_another_key_anywhere(place, key):
    """Any key in the place of another gives a plan or a ConfigError."""
    data = copy.deepcopy(DATA)
    holder = data
    for step in place[:-1]:
        holder = holder[step]
    holder[key] = holder.pop(place[-1])

    problems(read(data))


@relaxed
@given(data=st.data())
def test_another_text(data):
    """Any piece of the file cut out or replaced gives a plan or a ConfigError with a place in the file."""
    start = data.draw(st.integers(0, len(VALID)))
    end = data.draw(st.integers(start, min(len(VALID), start + 40)))
    piece = data.draw(st.one_of(st.text(max_size=10), st.text(alphabet="{}[]:,\"'*&!|>%@`$#-\n\t ", max_size=6)))
    text = VALID[:start] + piece + VALID[end:]

    lines = text.count("\n") + 2
    found = problems(lambda: parse(text, "fuzzed.yaml"))
    assert all(problem.line is not None and 1 <= problem.line <= lines for problem in found)


@relaxed
@given(text=st.text(alphabet="ab{}[]:,\"'*&!|>%@`$#-\n\t <~", max_size=60))
def test_any_text(text):
    """Any text at all gives a plan or a ConfigError."""
    problems(lambda: parse(text))
