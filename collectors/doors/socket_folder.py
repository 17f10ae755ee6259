"""A private folder with a short path for the socket between front and grpcio, and the removal of what dead collectors left.

A Unix socket's path may have about 100 characters, so its folder lies in the folder for temporary files and not in the data
directory. `kill -9` leaves it there, and whoever starts next removes it. Living owners are told by a lock on the folder, which
the kernel drops with the process; and by their socket answering, for owners that are too old to lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = "plumbline-"
SOCKET: Final = "grpc"
KNOCK_S: Final = 1.0


@contextmanager
def short_folder(parent: Path | None = None) -> Iterator[Path]:
    """A new folder in `parent` (None is where temporary files go) as long as the block; those of the dead are removed."""
    parent = parent or Path(tempfile.gettempdir())
    remove_stale(parent)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent) as name:
        owned = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(owned, fcntl.LOCK_EX)  # before there is anything in it, since empty folders are left alone
            yield Path(name)
        finally:
            os.close(owned)


def remove_stale(parent: Path) -> int:
    """Remove the folders in `parent` that are ours, hold nothing but a socket, and have no owner; return how many."""
    return sum(_removed(folder) for folder in parent.glob(f"{PREFIX}*"))


def _removed(folder: Path) -> bool:
    """Whether `folder` was stale and is gone. Whatever is strange about it keeps it: it is not ours, then."""
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        stack.callback(os.close, handle)
        if os.fstat(handle).st_uid != os.getuid() or os.listdir(handle) != [SOCKET]:  # noqa: PTH208 - a handle is no path
            return False
        if not stat.S_ISSOCK(os.stat(SOCKET, dir_fd=handle, follow_symlinks=False).st_mode):
            return False
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _nobody_at(folder / SOCKET):
            return False
        os.unlink(SOCKET, dir_fd=handle)
        folder.rmdir()
        return True
    return False


def _nobody_at(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.settimeout(KNOCK_S)
        try:
            knocking.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
