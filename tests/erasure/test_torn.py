"""What a killed writer left unfinished in the spool is text too."""

from __future__ import annotations

from pathlib import Path

import msgspec

from monitor.spool import segment_path, segments
from monitor.spool_frames import HEADER, PLAIN, framed
from monitor.spool_writer import SpoolWriter, mend_idle
from tests.erasure.case import Case


def torn(case: Case) -> Path:
    """Leave half a frame with the mark behind, as a kill in the middle of a write does."""
    spool = case.folder / "spool"
    family = case.writer.family
    path = segment_path(spool, family, segments(spool, family)[-1])
    with path.open("ab") as file:
        file.write(b"PLF1" + bytes(8) + case.mark.encode())
    return path


def test_a_torn_tail_goes_with_an_erasure(case: Case) -> None:
    case.send()
    case.writer.close()
    path = torn(case)
    case.writer = SpoolWriter(case.folder / "spool", "import")
    case.agent.load()
    assert case.mark.encode() in path.read_bytes()
    case.agent.erase("user", case.user)
    assert case.holding(case.mark) == []
    assert case.agent.load()["damaged"] == 0


def test_a_tail_that_somebody_is_writing_is_left_alone(case: Case) -> None:
    case.send()
    path = torn(case)
    before = path.read_bytes()
    mend_idle(case.folder / "spool")
    assert path.read_bytes() == before


def test_what_was_acknowledged_and_not_loaded_yet_stays(case: Case) -> None:
    case.writer.append(case.batch())
    case.writer.sync()
    case.writer.close()
    torn(case)
    mend_idle(case.folder / "spool")
    case.writer = SpoolWriter(case.folder / "spool", "import")
    assert case.agent.load(flush=True)["stored"] == 7


def test_frames_of_before_they_were_compressed_are_erased_where_they_lie(case: Case) -> None:
    payload = msgspec.msgpack.encode(case.batch())
    path = segment_path(case.folder / "spool", "old0", 1)
    path.write_bytes(framed(PLAIN, 1, payload))
    case.agent.load(flush=True)
    assert case.mark.encode() in path.read_bytes()
    case.agent.erase("user", case.user)
    assert case.holding(case.mark) == []
    assert path.stat().st_size == HEADER.size + len(payload)


def test_an_empty_spool_is_nothing_to_mend(tmp_path: Path) -> None:
    mend_idle(tmp_path / "none")
    (tmp_path / "spool").mkdir()
    mend_idle(tmp_path / "spool")
    assert list((tmp_path / "spool").iterdir()) == []
