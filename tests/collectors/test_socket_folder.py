"""The folder of the private socket: gone with its owner, and after a kill with the next start; others' folders stay."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.doors.socket_folder import PREFIX, SOCKET, remove_stale, short_folder
from tests.support.house import a_house


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def left_by(parent: Path, name: str = "dead") -> Path:
    """What a killed collector leaves: a folder with a socket that nobody listens at."""
    folder = parent / f"{PREFIX}{name}"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / SOCKET))
    return folder


def test_what_the_dead_left_is_removed_at_the_next_start(short: Path) -> None:
    stale = [left_by(short, "a"), left_by(short, "b")]
    with short_folder(short) as folder:
        assert folder.is_dir()
        assert not any(each.exists() for each in stale)
    assert list(short.iterdir()) == []


def test_the_folder_of_a_living_owner_stays(short: Path) -> None:
    with short_folder(short) as folder:
        assert remove_stale(short) == 0, "empty: its owner is about to listen"
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(folder / SOCKET))
            assert remove_stale(short) == 0, "bound, and not listening yet: only the lock tells"
    assert not folder.exists()


def test_an_owner_that_does_not_lock_is_told_by_its_socket(short: Path) -> None:
    folder = short / f"{PREFIX}old"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / SOCKET))
        bound.listen()
        assert remove_stale(short) == 0
    assert remove_stale(short) == 1


def test_what_is_not_ours_stays(short: Path) -> None:
    backup = left_by(short, "backup")
    (backup / "notes.txt").write_text("mine")
    no_socket = short / f"{PREFIX}file"
    no_socket.mkdir()
    (no_socket / SOCKET).write_text("a file of somebody's")
    elsewhere = left_by(short, "target").rename(short / "elsewhere")
    (short / f"{PREFIX}link").symlink_to(elsewhere)
    (short / f"{PREFIX}plain").write_text("")
    before = sorted(short.rglob("*"))
    assert remove_stale(short) == 0
    assert sorted(short.rglob("*")) == before


def test_the_folder_of_another_user_stays(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_by(short)
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    assert remove_stale(short) == 0


def test_a_killed_collector_leaves_one_folder_until_it_is_started_again(
    short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(short))
    with a_house(tmp_path / "data", "collector") as house:
        (first,) = short.glob(f"{PREFIX}*")
        house.kill("collector")
        (second,) = short.glob(f"{PREFIX}*")
        assert first != second
        house.running["collector"].send_signal(signal.SIGTERM)
        house.running["collector"].wait()
        assert list(short.glob(f"{PREFIX}*")) == []
