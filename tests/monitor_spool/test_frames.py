"""What stands in a frame comes out of it, of now or of before; what is put in its place has exactly its length."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.spool_frames import HEADER, MAGIC, PLAIN, filling, framed, packed, unpacked
from tests.monitor_spool.frames import fill, one_segment, read_all, text_of

TABLES = st.dictionaries(st.sampled_from(["spans", "content", "features"]), st.binary(max_size=400), max_size=3)


def plain(tables: dict[str, bytes]) -> bytes:
    """The payload as it was written until frames were compressed."""
    return msgspec.msgpack.encode(tables)


@given(TABLES, TABLES, st.sampled_from([MAGIC, PLAIN]))
def test_a_frame_is_filled_to_its_length_and_holds_what_fits(
    before: dict[str, bytes], after: dict[str, bytes], magic: bytes
) -> None:
    length = len(packed(before) if magic == MAGIC else plain(before))
    payload = filling(magic, after, length)
    assert len(payload) == length
    held = {name: data for name, data in unpacked(magic, payload).items() if name.strip("_")}
    smallest = len(packed(after) if magic == MAGIC else plain(after))
    assert held == after or (held == {} and smallest > length - 6)


def test_frames_of_before_are_read_between_those_of_now(tmp_path: Path) -> None:
    fill(tmp_path, ["now"])
    path = one_segment(tmp_path)
    path.write_bytes(framed(PLAIN, 1, plain({"spans": b"before"})) + path.read_bytes())
    frames, damage = read_all(tmp_path, "c0")
    assert ([text_of(frame) for frame in frames], damage) == (["before", "now"], [])
    assert [frame.start for frame in frames] == [0, frames[0].end]


@pytest.mark.parametrize("magic", [MAGIC, PLAIN])
def test_a_frame_that_cannot_hold_what_is_wanted_is_emptied(magic: bytes) -> None:
    length = len(packed({}) if magic == MAGIC else plain({})) + 9
    assert unpacked(magic, filling(magic, {"spans": bytes(range(256))}, length)).get("spans") is None


def test_what_repeats_itself_takes_a_tenth_of_the_room(tmp_path: Path) -> None:
    said = "The invoice was sent on Monday. " * 200
    fill(tmp_path, [said])
    assert one_segment(tmp_path).stat().st_size < HEADER.size + len(said) / 10
