"""
What a storage client said, short enough for an operator's line.
"""

import re
from typing import Final

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST: Final = 240


def said(error: BaseException) -> str:
    """
    Return *error*'s own words on one line, without the answer's body.

    The bodies of S3's errors name access keys and echo requests; they begin with the first `<`.
    """
    text = _COLOUR.sub("", str(error)).replace("↳", ":").partition("<")[0]
    line = " ".join(text.partition("Debug source")[0].split())
    return line[:_LONGEST].rstrip(" :") or type(error).__name__
