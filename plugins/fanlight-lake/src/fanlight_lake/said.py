"""
What a storage client said, short enough for an operator's line.
"""

import re
from typing import Final

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST: Final = 240
_METADATA: Final = re.compile(r"/latest/(api/token|meta-data/)|//169\.254\.170\.2\b")
"""Where clients ask for a role when nobody gave them keys."""


def said(error: BaseException) -> str:
    """
    Return *error*'s own words on one line, without the answer's body.

    The bodies of S3's errors name access keys and echo requests; they begin with the first `<`.
    """
    if _METADATA.search(str(error)):
        return "no credentials found: give keys in the YAML or in AWS_… variables, or give the machine a role"
    text = without_colour(str(error)).replace("↳", ":").partition("<")[0]
    line = " ".join(text.partition("Debug source")[0].split())
    return line[:_LONGEST].rstrip(" :") or type(error).__name__


def without_colour(text: str) -> str:
    """Return *text* without what the storage clients' errors colour a terminal with."""
    return _COLOUR.sub("", text)
