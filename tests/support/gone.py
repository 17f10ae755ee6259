"""Is it really gone? What the bytes of a folder and SQL still hold, and a process that is killed in the middle."""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from pathlib import Path
from typing import Final

import zstandard

from monitor.store.opening import Store
from tests.support.forks import running
from tests.support.waiting import eventually

ZSTD: Final = b"\x28\xb5\x2f\xfd"
"""How every compressed piece begins."""


def holding(folder: Path, text: str) -> list[str]:
    """Files below `folder` whose bytes hold `text`, as they are or compressed."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(folder)) for path in files if _holds(path.read_bytes(), text.encode()))


def _holds(data: bytes, text: bytes) -> bool:
    if text in data:
        return True
    at = -1
    while (at := data.find(ZSTD, at + 1)) >= 0:
        if text in _as_far_as_it_goes(data[at:]):
            return True
    return False


def _as_far_as_it_goes(data: bytes) -> bytes:
    """What can still be read of a compressed frame, damaged or torn."""
    found, inflater = b"", zstandard.ZstdDecompressor().decompressobj()
    with contextlib.suppress(zstandard.ZstdError, EOFError):
        for start in range(0, len(data), 64):
            found += inflater.decompress(data[start : start + 64])
            if inflater.eof:
                break
    return found


def told_by_sql(store: Store, text: str) -> list[str]:
    """Tables and columns in which SQL still finds `text`: bytes of a database may be compressed."""
    columns = store.read(
        "SELECT table_name AS t, column_name AS c FROM information_schema.columns "
        "WHERE table_schema = 'base' AND data_type = 'VARCHAR'"
    ).to_pylist()
    return [
        f"{at['t']}.{at['c']}"
        for at in columns
        if store.read(f"SELECT 1 AS n FROM base.{at['t']} WHERE contains({at['c']}, '{text}')").num_rows
    ]


def killed_while(code: str, *arguments: str, after_s: float) -> None:
    """Run Python `code`, which says "open" when it begins, and kill it about `after_s` seconds later."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        process = running(code, *arguments, out=str(out))
        eventually(lambda: out.exists() and out.read_text() == "open\n", "the process does not begin", 60)
        time.sleep(after_s * random.uniform(0.5, 1.5))
        process.kill()
        process.wait()
