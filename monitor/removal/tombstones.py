"""A copy of the tombstones beside the store: what was erased stays erased though the store is lost and filled again.

It holds keyed hashes and times, as the store does, and is written anew with every erasure.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from monitor.errors import StoreError
from monitor.private_file import replace_private
from monitor.store.opening import Store
from monitor.store.removal.erase import remember, tombstones

NAME: Final = "erased.json"


class Stone(msgspec.Struct, frozen=True):
    """One tombstone."""

    kind: str
    hash: str
    until: datetime | None  # naive UTC


def keep_tombstones(store: Store, root: Path) -> None:
    """Write the copy; a kill leaves the old one or the new one, whole. Raises `StoreError`."""
    stones = [Stone(kind, told, until) for (kind, told), until in sorted(tombstones(store).items())]
    path = root / NAME
    try:
        replace_private(path, msgspec.json.encode(stones))
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror} (the erasure goes on at the next start)") from error


def recall_tombstones(store: Store, root: Path) -> int:
    """Give the store the tombstones it lacks; return how many. Raises `StoreError` where the copy cannot be read."""
    path = root / NAME
    try:
        stones = msgspec.json.decode(path.read_bytes(), type=list[Stone])
    except FileNotFoundError:
        return 0
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(
            f"{path}: cannot be read: {error} (restore it from a backup, or erase again and delete it)"
        ) from None
    known = tombstones(store)
    return remember(store, [msgspec.structs.asdict(stone) for stone in stones if (stone.kind, stone.hash) not in known])
