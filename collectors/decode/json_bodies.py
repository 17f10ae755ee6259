"""A whole request body as JSON. RFC 8259 asks for UTF-8, and the parser looks at the bytes of a text only where somebody reads it."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from collectors.decode.errors import BadBody

_T = TypeVar("_T")
ANYTHING: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder()


def parsed(body: bytes, what: str) -> Any:
    """Return the value of `body`. Raises `BadBody` ("not `what` in JSON: ..."), for bad UTF-8 too."""
    return parsed_as(ANYTHING, body, what)


def parsed_as(decoder: msgspec.json.Decoder[_T], body: bytes, what: str) -> _T:
    """Return the value of `body` in the shape of `decoder`; the same terms as `parsed`."""
    try:
        if not body.isascii():
            body.decode()
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadBody(f"not {what} in JSON: {error}") from None
