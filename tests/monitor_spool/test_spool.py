"""What is appended and synced is read again, whole and in order, whatever the sizes."""

from __future__ import annotations

import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from secrets import token_hex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.errors import StoreError
from monitor.spool import drop_segments, families, read_frames, segments
from monitor.spool_writer import SpoolWriter
from tests.monitor_spool.frames import fill, mode, one_segment, read_all, text_of, texts


def test_a_frame_comes_back_with_all_its_tables(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path)
    writer.append({"spans": b"one", "content": b"\x00\xff", "events": b""})
    writer.sync()
    (frame,) = read_frames(tmp_path, writer.family, 0, 0).frames
    assert frame.tables == {"spans": b"one", "content": b"\x00\xff", "events": b""}
    assert (frame.family, frame.segment, frame.end) == ("c0", 1, one_segment(tmp_path).stat().st_size)
    writer.close()


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path)
    writer.append({"spans": b"one"})
    first = read_frames(tmp_path, "c0", 0, 0)
    assert read_frames(tmp_path, "c0", first.segment, first.byte).frames == []
    writer.append({"spans": b"two"})
    second = read_frames(tmp_path, "c0", first.segment, first.byte)
    assert [text_of(frame) for frame in second.frames] == ["two"]
    writer.close()


def test_an_empty_or_missing_spool_reads_as_nothing_and_stays_in_place(tmp_path: Path) -> None:
    stretch = read_frames(tmp_path / "no", "c0", 3, 7)
    assert (stretch.frames, stretch.damage, stretch.segment, stretch.byte) == ([], [], 3, 7)
    assert families(tmp_path / "no") == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 400), max_size=12),
    segment_bytes=st.integers(1, 900),
    limit=st.integers(1, 1200),
)
def test_any_sizes_any_limit_every_frame_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], segment_bytes: int, limit: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    said = [f"{number}:" + "x" * size for number, size in enumerate(sizes)]
    fill(folder, said, segment_bytes=segment_bytes)
    assert texts(folder, limit) == said


def test_segments_roll_and_an_oversized_frame_gets_one_of_its_own(tmp_path: Path) -> None:
    said = [
        "a" + token_hex(300),
        "b" + token_hex(300),
        "c" + token_hex(5000),
        "d",
    ]  # hex is half as long when compressed
    fill(tmp_path, said, segment_bytes=1000)
    assert segments(tmp_path, "c0") == [1, 2, 3]
    assert texts(tmp_path) == said


def test_a_reader_meets_a_frame_larger_than_its_limit(tmp_path: Path) -> None:
    fill(tmp_path, ["small", "L" * 100_000, "after"])
    assert [text[:5] for text in texts(tmp_path, limit_bytes=64)] == ["small", "LLLLL", "after"]


def test_a_stretch_stays_near_its_limit(tmp_path: Path) -> None:
    fill(tmp_path, ["x" * 1000] * 50)
    stretch = read_frames(tmp_path, "c0", 0, 0, limit_bytes=5_000)
    assert 1 <= len(stretch.frames) <= 5


def test_files_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    fill(folder, ["a"])
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}


def test_two_writers_never_share_a_family(tmp_path: Path) -> None:
    first, second = SpoolWriter(tmp_path), SpoolWriter(tmp_path)
    other = SpoolWriter(tmp_path, "import")
    assert (first.family, second.family, other.family) == ("c0", "c1", "import0")
    first.close()
    third = SpoolWriter(tmp_path)
    assert third.family == "c0"
    for writer in (second, third, other):
        writer.close()


def _hold(folder: str, said: str, ready: Barrier) -> None:
    writer = SpoolWriter(Path(folder))
    writer.append({"spans": said.encode()})
    writer.sync()
    ready.wait()
    writer.close()


def test_processes_take_different_families(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(3)
    children = [spawn.Process(target=_hold, args=(str(tmp_path), name, ready)) for name in ("one", "two")]
    for child in children:
        child.start()
    ready.wait(30)
    for child in children:
        child.join(30)
    assert families(tmp_path) == ["c0", "c1"]
    assert sorted(texts(tmp_path)) == ["one", "two"]


def test_a_writer_that_comes_back_goes_on_in_a_new_segment(tmp_path: Path) -> None:
    fill(tmp_path, ["before"])
    before = read_frames(tmp_path, "c0", 0, 0)
    fill(tmp_path, ["after"])
    assert segments(tmp_path, "c0") == [1, 2]
    passed = read_frames(tmp_path, "c0", before.segment, before.byte)
    assert read_frames(tmp_path, "c0", passed.segment, passed.byte).frames[0].tables == {"spans": b"after"}


def test_what_a_power_cut_took_back_does_not_hide_what_came_later(tmp_path: Path) -> None:
    fill(tmp_path, ["synced", "read, but never synced"])
    reached = read_frames(tmp_path, "c0", 0, 0)
    os.truncate(one_segment(tmp_path), reached.frames[0].end)
    fill(tmp_path, ["after"])
    passed = read_frames(tmp_path, "c0", reached.segment, reached.byte)
    later = read_frames(tmp_path, "c0", passed.segment, passed.byte)
    assert passed.damage == later.damage == []
    assert [text_of(frame) for frame in later.frames] == ["after"]


def test_dropping_spares_the_newest_the_unread_and_the_young(tmp_path: Path) -> None:
    fill(tmp_path, ["x" * 100] * 5, segment_bytes=1)
    now = datetime.now(UTC)
    later = now + timedelta(hours=2)
    assert drop_segments(tmp_path, "c0", 3, timedelta(hours=1), now) == 0
    assert drop_segments(tmp_path, "c0", 3, timedelta(hours=1), later) == 2
    assert segments(tmp_path, "c0") == [3, 4, 5]
    assert drop_segments(tmp_path, "c0", 99, timedelta(hours=1), later) == 2
    assert segments(tmp_path, "c0") == [5]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError) as caught:
        SpoolWriter(tmp_path / "file" / "spool")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_reading_never_creates_anything(tmp_path: Path) -> None:
    read_all(tmp_path, "c0")
    assert list(tmp_path.iterdir()) == []
