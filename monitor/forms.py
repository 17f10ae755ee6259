"""Every way in which an id that a person gives may have been written down: as it is, redacted, or as a pseudonym."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.keyed import digest, pseudonym
from monitor.pattern import Found
from monitor.patterns import KINDS, find_personal


def stored_forms(key: bytes, given: str, redacted: str | None = None) -> frozenset[str]:
    """Return `given`, its pseudonyms, and the forms redaction gives it where ids stand: with all kinds on, and with each alone.

    `redacted` is what the settings of today make of it, with patterns and dictionaries of one's own.
    """
    found = [find_personal(given), *(find_personal(given, (kind,)) for kind in KINDS)]
    told = [pseudonym(key, "user", given), pseudonym(key, "session", given)]
    now = [] if redacted is None else [redacted]
    return frozenset([given, *told, *now, *("".join(_pieces(key, given, pieces)) for pieces in found)])


def _pieces(key: bytes, text: str, found: list[Found]) -> Iterator[str]:
    reached = 0
    for start, end, kind in found:
        yield text[reached:start]
        yield f"<{kind.upper()}_{digest(key, '', kind, text[start:end])[:8]}>"
        reached = end
    yield text[reached:]
