"""One form for one value, however it is written: so that an address in capitals or a number with blanks is known again."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

WIDE: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
"""Full-width forms of ASCII, as East Asian keyboards write them; each stands for one character, so places stay."""

WIDE_HINT: Final = "[０-９＠]"  # noqa: RUF001 full width is meant
"""Stands in every text in which full-width forms could hide an address or a number."""

_AT: Final = re.compile(r"\s*[\[({<]\s*(?:at|ät)\s*[\])}>]\s*|\s+at\s+", re.IGNORECASE)
_DOT: Final = re.compile(r"\s*[\[({<]\s*(?:dot|punkt|punto|point)\s*[\])}>]\s*|\s+(?:dot|punkt)\s+", re.IGNORECASE)
_NATIONAL: Final = 9
"""Last digits that tell telephone numbers apart, with a country code before them, a zero, or neither."""


def narrow(text: str) -> str:
    r"""Return `text` with full-width forms as ASCII; every character stays where it is.

    >>> narrow("\uff41\uff20\uff42")
    'a@b'
    """
    return text if text.isascii() else text.translate(WIDE)


def canonical(kind: str, value: str) -> str:
    """Return the one form of `value`, which is of `kind`; a kind that has no forms is returned as it is.

    >>> canonical("email", "Kim [at] Example (dot) org"), canonical("phone", "+49 171 234-5678")
    ('kim@example.org', '712345678')
    """
    plain = value if value.isascii() else narrow(unicodedata.normalize("NFC", value))
    if kind == "email":
        return (plain if "@" in plain else _DOT.sub(".", _AT.sub("@", plain))).casefold()
    if kind == "phone":
        digits = "".join(filter(str.isdigit, plain.partition("x")[0]))
        return digits[-_NATIONAL:]
    return "".join(filter(str.isalnum, plain)).upper() if kind in {"card", "iban", "ssn", "mac"} else plain
