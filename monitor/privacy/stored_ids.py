"""Every way in which an id that a person gives may have been written down: as it is, redacted, or as a pseudonym."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from monitor.privacy.keyed import placeholder, pseudonym
from monitor.privacy.pattern import Found
from monitor.privacy.patterns import KINDS, find_personal

_TRACE: Final = re.compile(r"[0-9a-f]{32}")


def stored_forms(key: bytes, given: str, redacted: str | None = None) -> frozenset[str]:
    """Return `given`, its pseudonyms, and the forms redaction gives it where ids stand: with all kinds on, and with each alone.

    `redacted` is what the settings of today make of it, with patterns and dictionaries of one's own.
    """
    found = [find_personal(given), *(find_personal(given, (kind,)) for kind in KINDS)]
    told = [pseudonym(key, "user", given), pseudonym(key, "session", given)]
    now = [] if redacted is None else [redacted]
    return frozenset([given, *told, *now, *("".join(_pieces(key, given, pieces)) for pieces in found)])


def as_trace(given: str) -> str:
    """Return a trace id as the store writes it: digits of a UUID without dashes, lower case; anything else as it is.

    >>> as_trace("0AF76519-16CD-43DD-8448-EB211C80319C")
    '0af7651916cd43dd8448eb211c80319c'
    """
    digits = given.strip().replace("-", "").lower()
    return digits if _TRACE.fullmatch(digits) else given


def _pieces(key: bytes, text: str, found: list[Found]) -> Iterator[str]:
    reached = 0
    for start, end, kind in found:
        yield text[reached:start]
        yield placeholder(key, "", kind, text[start:end])
        reached = end
    yield text[reached:]
