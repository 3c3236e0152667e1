"""Secrets that only their name gives away: a key of a map, a header, an assignment in a text."""

from __future__ import annotations

from typing import Any, Final

import re2

from fanlight.pipeline.secrets import Secret

KIND: Final = "named_secret"

_NAME: Final = (
    r"(?:api[_\- ]?key|api[_-]?secret|secret[_-]?(?:access[_-]?)?key|(?:access|account|private|signing|encryption|"
    r"master|subscription|auth|service[_-]?account)[_-]?key|client[_-]?secret|(?:access|auth|refresh|bearer|session|"
    r"api|id|secret|security)[_-]?token|pass[_-]?(?:word|wd|phrase)|pwd|secret)"
)
_ASSIGNED: Final = r"\\?[\"']?\s*[:=]\s*"
_CHAR: Final = r"[^\s\"'&;,(){}<>\\]"

_APART: Final = r"(?:\\+[nrtf]|[\s_.-])*"
"""What may stand between the words of a name, as JSON writes it."""
NAME_HINT: Final = (
    rf"(?i)(?:(?:key|secret|pass{_APART}(?:word|wd|phrase|code)|pwd|authorization|cookie|credential|bearer|jwt|string)"
    rf"(?:{_APART}s)?"
    rf"|token|(?:access|refresh|auth|api|bearer|session|id){_APART}token{_APART}s)(?:\\+[nrtf\"]|[\s\"'\\_.-])*[:=]"
)
"""
What must be found in an event's JSON wherever a name gives a secret away.

`input_tokens` and its like are no hint: every model call has them.
"""

NAMED_SECRETS: Final = (
    Secret(
        "authorization",
        rf"(?i)authorization{_ASSIGNED}\\?[\"']?(?:(?:bearer|basic|token|digest|negotiate|apikey)\s+)?"
        r"(?P<secret>[^\s\"'\\,;]{4,})",
        NAME_HINT,
    ),
    Secret("cookie", r"(?i)\b(?:set-)?cookie:[ \t]*(?P<secret>[^\s=;]+=[^\r\n\"']+)", NAME_HINT),
    Secret(KIND, rf"(?i){_NAME}{_ASSIGNED}\\?\"(?P<secret>[^\"\\\n]{{4,}})", NAME_HINT),
    Secret(KIND, rf"(?i){_NAME}{_ASSIGNED}\\?'(?P<secret>[^'\\\n]{{4,}})", NAME_HINT),
    Secret(KIND, rf"(?i)(?:{_NAME}|\btoken)=(?P<secret>{_CHAR}{{4,}})", NAME_HINT),
    # Without quotes and after a colon it may be prose: some length and a digit are asked for.
    Secret(
        KIND,
        rf"(?i){_NAME}\s*[:=]\s*(?P<secret>(?:{_CHAR}{{4,}}[0-9]|{_CHAR}{{0,3}}[0-9]{_CHAR}{{3,}}){_CHAR}*)",
        NAME_HINT,
    ),
)
"""Secrets that are recognised in a text by the name in front of them."""

_SECRET_NAMES: Final = re2.compile(
    r"(?:^|.*)(?:(?:apikey|apisecret|secretkey|accesskey|accountkey|privatekey|signingkey|encryptionkey|masterkey|"
    r"subscriptionkey|authkey|serviceaccountkey|authorization|password|passwd|passphrase|passcode|pwd|secret|"
    r"credential|cookie|connectionstring)s?|(?:access|refresh|auth|api|bearer|session|id)tokens?|token)"
    r"|jwt|bearer"
)
_TOKENS_OF_TEXT: Final = re2.compile(
    r".*(?:eos|bos|pad|unk|sep|cls|mask|stop|special|first|last|next|new|page|continuation|pagination|cancellation|"
    r"sync|image|text|per)token"
)
_SEPARATORS: Final = str.maketrans("", "", " _-.\t\r\n\f")


def is_secret_name(name: str) -> bool:
    """Whether what a map holds under *name* is taken for a secret: `apiKey`, `X-API-Key`, `db_password`, `Cookie`."""
    compact = name.translate(_SEPARATORS).lower()
    if _SECRET_NAMES.fullmatch(compact) is None:
        return False
    return _TOKENS_OF_TEXT.fullmatch(compact) is None


def is_secret_value(name: str, value: Any, siblings: dict[Any, Any]) -> bool:
    """Whether *value*, found under a secret's *name* beside *siblings*, is worth hiding."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return False
    if name.lower().endswith("token"):
        # A count, or one of a model's own tokens with its probability.
        return isinstance(value, str | list | dict) and "logprob" not in siblings
    return True
