"""Standard Webhooks signatures (https://www.standardwebhooks.com): HMAC-SHA256 over "id.timestamp.body".

The package of the standard signs; verifying is ours, since the package judges the age of a stamp by the clock of the machine.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

PREFIX: Final = "whsec_"
TOLERANCE_S: Final = 300
"""How far the timestamp may be from now; a recorded request is no use after that."""


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` header of one request."""
    return Webhook(_key(secret)).sign(message_id, datetime.fromtimestamp(timestamp, UTC), body.decode())


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether a request was signed with `secret` within the last five minutes. `headers` have lower-case names."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return False
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_S:
        return False
    expected = sign(secret, message_id, int(stamp), body).encode()
    given = headers.get("webhook-signature", "").encode("utf-8", "replace")
    return any(hmac.compare_digest(expected, one) for one in given.split(b" "))


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()
