"""A command, run in this process, with what it printed."""

import textwrap
from typing import NamedTuple

import pytest

from fanlight.cli import main

CONFIG = """
    version: 1
    service: support-bot
    environments: [dev, prod]
    environment: prod
    sinks:
      lake: {type: memory, labels: {region: eu}}
      trace: {type: memory, labels: {region: us}, content: metadata}
    routes:
      - name: everything to the lake
        match: {}
        to: [lake]
      - name: production traces
        match: {environment: prod, tags: [web, mobile], metadata.plan: {not: free}}
        to: [trace]
      - name: EU stays in the EU
        match: {tenant_id: "eu-*"}
        only: ["label:region=eu"]
    tests:
      - name: EU stays at home
        event: {tenant_id: eu-7, tags: [web]}
        expect: {sinks: [lake]}
"""


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def file(tmp_path):
    """The path of a valid configuration, or of another text."""

    def write(text: str = CONFIG) -> str:
        path = tmp_path / "fanlight.yaml"
        path.write_text(textwrap.dedent(text))
        return str(path)

    return write


@pytest.fixture
def fanlight(capsys):
    """Run `fanlight <arguments>`."""

    def run(*arguments: str) -> Ran:
        try:
            code = main(arguments)
        except SystemExit as leaving:  # argparse
            code = leaving.code
        return Ran(code, *capsys.readouterr())

    return run
