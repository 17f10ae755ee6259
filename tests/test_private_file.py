"""Private files: whole or not at all, private from their first moment, and one winner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from monitor.private_file import create_private, replace_private

WRITER = """
import sys
from pathlib import Path
from monitor.private_file import replace_private
path, n = Path(sys.argv[1]), 0
while True:
    n += 1
    replace_private(path, (str(n % 10) * 200_000).encode())
    if n == 1:
        print("on", flush=True)
"""


def test_it_is_private_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    replace_private(file, b"a")
    replace_private(file, b"b")
    assert not create_private(file, b"c")
    assert create_private(tmp_path / "key", b"d")
    assert {path.name: (path.read_bytes(), path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {
        "token": (b"b", 0o600),
        "key": (b"d", 0o600),
    }


def test_of_many_that_create_one_wins_and_all_read_the_same(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: (create_private(file, str(n).encode()), n), range(8)))
    [winner] = [n for first, n in won if first]
    assert file.read_bytes() == str(winner).encode()


def test_a_kill_leaves_the_old_one_or_the_new_one_whole(tmp_path: Path) -> None:
    file = tmp_path / "stones"
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        data = file.read_bytes()
        assert len(data) == 200_000
        assert len(set(data)) == 1


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    replace_private(file, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            replace_private(file, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
    assert file.read_bytes() == b"old"
