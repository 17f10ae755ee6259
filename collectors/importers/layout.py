"""How the bytes of a file are laid out, told from the bytes: compression, encoding, and where one record ends."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, Literal

import msgspec
import zstandard

from collectors.importers.files import ImportSource

Layout = Literal["lines", "document", "csv", "parquet", "protobuf", "framed"]

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
PARQUET: Final = b"PAR1"
UTF8_MARK: Final = b"\xef\xbb\xbf"
UTF16_MARKS: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
HEAD: Final = 256_000
ANSWER: Final = re.compile(
    rb'\{\s*"(object"\s*:\s*"list|(data|records|tables|observations|traces|scores|runs|value)"\s*:\s*\[)'
)
FRAME: Final = 4
"""Bytes of the length that the Collector writes before each request, big end first."""


@contextlib.contextmanager
def opened(source: ImportSource) -> Iterator[tuple[IO[bytes], Callable[[], float]]]:
    """Hold the content, unpacked and in UTF-8, and a function that tells which share of the file has been read."""
    size = max(1, source.size)
    with source.open_raw() as raw:
        yield _readable(_unpacked(raw)), lambda: 0.0 if raw.closed else min(1.0, raw.tell() / size)


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    magic = raw.read(4)
    raw.seek(0)
    if magic.startswith(GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if magic == ZSTD:
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=False)
        return io.BufferedReader(reader)
    return raw


def _readable(file: IO[bytes]) -> IO[bytes]:
    """Step over a byte order mark; turn UTF-16 into UTF-8."""
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)  # type: ignore[type-var]
    head = buffered.peek(4)
    if head.startswith(UTF8_MARK):
        buffered.read(3)
    elif head[:2] in UTF16_MARKS:
        return io.BufferedReader(_Utf8(buffered, UTF16_MARKS[head[:2]]))
    return buffered


class _Utf8(io.RawIOBase):
    """Text of another encoding as UTF-8; what is no text becomes the replacement character."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        file.read(2)
        self._text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._left or self._text.read(len(buffer)).encode()
        taken, self._left = data[: len(buffer)], data[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def layout_of(head: bytes) -> Layout:
    r"""Tell the layout from the first bytes of the unpacked content.

    >>> layout_of(b'{"a": 1}\n{"a": 2}\n'), layout_of(b'[{"a": 1}]'), layout_of(b"a,b")
    ('lines', 'document', 'csv')
    """
    if head.startswith(PARQUET):
        return "parquet"
    text = head.lstrip()
    if text[:1] == b"[":
        return "lines" if _is_json(_first_line(text)) and _is_json(_first_line(text, 1)) else "document"
    if text[:1] == b"{":
        return "document" if _goes_on(text) or _is_answer(text, whole=len(head) < HEAD) else "lines"
    if not _is_text(head):
        return "framed" if _is_framed(head) else "protobuf"
    return "lines" if _is_json(_first_line(text, 1)) else "csv"


def _goes_on(text: bytes) -> bool:
    """Tell an object that is spread over lines: its first line is the beginning of JSON, and not the whole of it."""
    line = _first_line(text).strip()
    return (len(line) < len(text.rstrip()) and line == b"{") or (_is_begun(line) and _is_begun(_first_line(text, 1)))


def _is_answer(text: bytes, *, whole: bool) -> bool:
    """Tell what an API answered, on one line: an object with a list in it. Of JSON lines every line is a record."""
    return b"\n" not in text.strip() and (whole or ANSWER.match(text) is not None)


def _is_begun(line: bytes) -> bool:
    return line.rstrip().endswith((b"{", b"[", b",")) and not _is_json(line)


def _first_line(text: bytes, number: int = 0) -> bytes:
    return next(iter(text.split(b"\n", number + 1)[number : number + 1]), b"")


def _is_json(line: bytes) -> bool:
    if line.strip()[:1] not in (b"{", b"["):
        return False
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _is_text(head: bytes) -> bool:
    """Tell text from protobuf, whose lengths and tags are control characters.

    Texts that people and models wrote can hold such characters too (colours of a terminal, a NUL); the names of columns do
    not, and no request in protobuf begins with a line of text: its first byte is a line feed, of a framed one a zero.
    """
    sample = head[:2048]
    return bool(sample) and (_is_plain(sample) or (_is_plain(_first_line(sample)) and b"\n" in sample))


def _is_plain(text: bytes) -> bool:
    return bool(text) and not any(byte < 9 or 13 < byte < 32 for byte in text)


def _is_framed(head: bytes) -> bool:
    """A request in protobuf begins with tag 1 (0x0A); a framed file with the length of such a request, or of JSON or zstd."""
    inner = head[FRAME : FRAME + 4]
    begins = inner[:1] in (b"\x0a", b"{") or inner == ZSTD
    return len(head) > FRAME and head[:1] != b"\x0a" and begins
