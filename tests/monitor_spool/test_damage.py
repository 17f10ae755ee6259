"""Torn tails, flipped bits, full disks, kills: no frame that is still whole is ever lost, and nothing is invented."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.spool_frames import HEADER, MAGIC
from monitor.spool_writer import SpoolWriter
from tests.monitor_spool.frames import fill, one_segment, read_all, text_of, texts

SAID = ["first", "second " + MAGIC.decode() + " in a text", "third"]


def _ends(folder: Path) -> list[int]:
    return [frame.end for frame in read_all(folder, "c0")[0]]


def test_cut_at_every_byte_every_whole_frame_stays_and_the_next_writer_mends(tmp_path: Path) -> None:
    fill(tmp_path / "whole", SAID)
    data, ends = one_segment(tmp_path / "whole").read_bytes(), _ends(tmp_path / "whole")
    for cut in range(len(data)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "c0-00000001.seg").write_bytes(data[:cut])
        kept = SAID[: sum(end <= cut for end in ends)]
        assert texts(folder) == kept
        fill(folder, ["after"])
        frames, damage = read_all(folder, "c0")
        assert [text_of(frame) for frame in frames] == [*kept, "after"]
        assert damage == []


def test_a_flip_at_every_byte_costs_one_frame_and_is_reported_when_good_ones_follow(tmp_path: Path) -> None:
    fill(tmp_path, SAID)
    path, ends = one_segment(tmp_path), _ends(tmp_path)
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :])
        hit = sum(end <= at for end in ends)
        frames, damage = read_all(tmp_path, "c0")
        assert [text_of(frame) for frame in frames] == SAID[:hit] + SAID[hit + 1 :]
        begin = ends[hit - 1] if hit else 0
        assert [(found.start, found.end) for found in damage] == ([(begin, ends[hit])] if hit < 2 else [])


@pytest.mark.parametrize("limit", [1, 40, 100, 1 << 20])
def test_damage_larger_than_what_is_read_at_once_is_stepped_over(tmp_path: Path, limit: int) -> None:
    fill(tmp_path, ["good", "x" * 3000, "also good"])
    path, ends = one_segment(tmp_path), _ends(tmp_path)
    data = bytearray(path.read_bytes())
    data[ends[0] : ends[1]] = b"\0" * (ends[1] - ends[0])
    path.write_bytes(data)
    frames, damage = read_all(tmp_path, "c0", limit)
    assert [text_of(frame) for frame in frames] == ["good", "also good"]
    assert [(found.start, found.end) for found in damage] == [(ends[0], ends[1])]


def test_the_damaged_end_of_an_older_segment_is_reported_and_passed(tmp_path: Path) -> None:
    fill(tmp_path, ["a", "b"], segment_bytes=1)
    older = tmp_path / "c0-00000001.seg"
    older.write_bytes(older.read_bytes()[:-1])
    frames, damage = read_all(tmp_path, "c0")
    assert [text_of(frame) for frame in frames] == ["b"]
    assert [(found.segment, found.start) for found in damage] == [(1, 0)]


def test_an_older_segment_read_in_pieces_is_not_left_before_its_end(tmp_path: Path) -> None:
    fill(tmp_path, ["x" * 50] * 40, segment_bytes=1200)
    frames, damage = read_all(tmp_path, "c0", limit_bytes=150)
    assert (len(frames), damage) == (40, [])


def test_a_header_that_promises_more_than_there_is_hides_nothing_behind_it(tmp_path: Path) -> None:
    fill(tmp_path, ["good"])
    path = one_segment(tmp_path)
    good = path.read_bytes()
    path.write_bytes(HEADER.pack(MAGIC, 1, 0xFFFFFFF0, 0) + good)
    assert texts(tmp_path) == ["good"]


def test_after_a_failed_write_no_half_frame_stays_and_the_next_one_goes_into_a_new_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SpoolWriter(tmp_path)
    writer.append({"spans": b"one"})
    writer.sync()
    real = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return real(file, data[:-10])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match="No space left"):
        writer.append({"spans": b"two"})
    writer.abandon()
    monkeypatch.undo()
    writer.append({"spans": b"three"})
    writer.close()
    frames, damage = read_all(tmp_path, "c0")
    assert [(frame.segment, text_of(frame)) for frame in frames] == [(1, "one"), (2, "three")]
    assert damage == []


def test_a_failed_sync_is_an_error_not_an_acknowledgement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SpoolWriter(tmp_path)
    writer.append({"spans": b"one"})

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", broken)
    with pytest.raises(StoreError, match="Input/output error"):
        writer.sync()
    monkeypatch.undo()
    writer.close()


ENDLESS = """
import sys
from pathlib import Path
from monitor.spool_writer import SpoolWriter
writer = SpoolWriter(Path(sys.argv[1]), segment_bytes=20_000)
number = 0
while True:
    writer.append({"spans": str(number).encode() * 50})
    writer.sync()
    print(number, flush=True)
    number += 1
"""


@pytest.mark.faults
def test_kill_9_at_random_moments_loses_nothing_that_was_synced(tmp_path: Path) -> None:
    for round_ in range(15):
        folder = tmp_path / str(round_)
        child = subprocess.Popen([sys.executable, "-c", ENDLESS, str(folder)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.01 * (round_ + 1))
        child.send_signal(signal.SIGKILL)
        synced = child.stdout.read().split()
        child.wait()
        child.stdout.close()
        fill(folder, ["after"])
        said = texts(folder)
        last = int(synced[-1]) if synced else 0
        assert said[: last + 1] == [str(number) * 50 for number in range(last + 1)]
        assert said[-1] == "after"
        assert len(said) <= last + 3
