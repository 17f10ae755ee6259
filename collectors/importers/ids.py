"""Foreign ids as OpenTelemetry ids: the same id always becomes the same, so that importing twice adds nothing."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

HEX32: Final = re.compile(r"[0-9a-f]{32}")
HEX16: Final = re.compile(r"[0-9a-f]{16}")
UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Tell the dashed form of a UUID."""
    return UUID.fullmatch(text.lower()) is not None


def trace_id_of(text: str) -> str:
    """Return 32 hex digits: a UUID or a trace id as it is, anything else hashed.

    >>> trace_id_of("0192F0C4-0000-7000-8000-000000000001")
    '0192f0c4000070008000000000000001'
    """
    low = text.strip().lower()
    plain = low.replace("-", "") if UUID.fullmatch(low) else low
    return plain if HEX32.fullmatch(plain) and plain.strip("0") else digest("trace", text)[:32]


def span_id_of(text: str) -> str:
    """Return 16 hex digits: a span id as it is, anything else hashed.

    Not the first half of a UUID: in version 7 that is a time, and two steps of one trace begin in one millisecond.
    """
    low = text.strip().lower()
    return low if HEX16.fullmatch(low) and low.strip("0") else digest("span", text)[:16]


def digest(*parts: str) -> str:
    """Return 64 hex digits that depend on the parts only."""
    return hashlib.sha256("\x1f".join(parts).encode(errors="surrogatepass")).hexdigest()


def fingerprint(record: Any) -> str:
    """Return the digest of a whole record: the identity of one that names none."""
    return digest(json.dumps(record, sort_keys=True, default=str))
