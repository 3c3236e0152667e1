"""Broken configurations: each file of corpus/ says on top where which sentence must be found, and that is all."""

import re
import threading
from pathlib import Path

import pytest

import fanlight
from fanlight import ConfigError
from fanlight.plan import load_plan

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.yaml"))
EXPECT = re.compile(r"# expect: (?:line (\d+):(\d+) )?(.*)")
ENV = re.compile(r"# env: (\w+)=(.*)")
UNINSTALLED = re.compile(r"# uninstalled: (\S+)")


def expectations(text):
    return [
        (match[3], int(match[1]) if match[1] else None, int(match[2]) if match[2] else None)
        for match in map(EXPECT.fullmatch, text.splitlines())
        if match
    ]


@pytest.fixture
def broken(request, monkeypatch, tmp_path, uninstall):
    """The path of a corpus file, with the environment it names and an empty folder to work in."""
    path = request.param
    monkeypatch.chdir(tmp_path)
    for match in filter(None, map(ENV.fullmatch, path.read_text().splitlines())):
        monkeypatch.setenv(match[1], match[2])
    for match in filter(None, map(UNINSTALLED.fullmatch, path.read_text().splitlines())):
        uninstall(match[1])
    return path


in_corpus = pytest.mark.parametrize("broken", CORPUS, indirect=True, ids=lambda path: path.stem)


def test_the_corpus_is_there():
    """There are enough broken files, and each of them expects something."""
    assert len(CORPUS) >= 90
    assert all(expectations(path.read_text()) for path in CORPUS)


@in_corpus
def test_every_problem_is_found_at_its_place(broken):
    """A broken file gives exactly the problems that it says, each at its line and column, in a helpful sentence."""
    with pytest.raises(ConfigError) as caught:
        load_plan(broken)

    found = list(caught.value.problems)
    expected = expectations(broken.read_text())
    for sentence, line, column in expected:
        at_place = [problem for problem in found if (problem.line, problem.column) == (line, column) or line is None]
        assert any(sentence in str(problem) for problem in at_place), f"{sentence!r} not in\n{caught.value}"
    assert len(found) == len(expected), str(caught.value)
    assert all(problem.file == str(broken) for problem in found)


@in_corpus
def test_nothing_is_started(broken, tmp_path):
    """A router is not made of a broken file: no thread, no file, and the exception carries no other's text."""
    threads = set(threading.enumerate())

    with pytest.raises(ConfigError, match="Nothing was started") as caught:
        fanlight.Router.from_config(broken)

    assert set(threading.enumerate()) == threads
    assert list(tmp_path.iterdir()) == []
    assert caught.value.__cause__ is None
    assert "pydantic" not in str(caught.value)
