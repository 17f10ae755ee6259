"""What goes wrong behind the doors: it costs the body it is in and no other, and the ledger hears of every refusal in the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collectors import intake
from collectors.batch import Batch
from collectors.frames import to_tables
from monitor.errors import StoreError
from tests.collectors.door import opened
from tests.collectors.test_door import a_body


def test_a_body_that_cannot_be_framed_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbles(batch: Batch, *options: Any) -> dict[str, bytes]:
        if any(row["name"] == "stumble" for row in batch.dicts("scores")):
            raise ValueError("not foreseen")
        return to_tables(batch, *options)

    monkeypatch.setattr(intake, "to_tables", stumbles)
    with opened(tmp_path / "spool") as door:
        score = b'{"name": "%s", "value": 1, "trace_id": "%032x"}'
        with door.intake._changed:  # the three wait together, and so become one group
            good = door.intake.submit("traces", "protobuf", a_body())
            bad = door.intake.submit("scores", "json", score % (b"stumble", 1))
            other = door.intake.submit("scores", "json", score % (b"fine", 2))
        assert good.result(20).accepted == 4
        assert other.result(20).accepted == 1
        assert "cannot be framed" in str(bad.exception(20))
        door.intake.close()
        assert (len(door.rows("spans")), [row["name"] for row in door.rows("scores")]) == (4, ["fine"])
        assert [(row["reason"], row["received"]) for row in door.rows("refusals")] == [("cannot be framed", 1)]


@pytest.mark.parametrize("error", [StoreError("full"), RuntimeError("not foreseen")])
def test_refusals_survive_a_disk_that_does_not_take_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with opened(tmp_path / "spool") as door:
        append, failed = door.intake.writer.append, list[int]()

        def full_once(tables: dict[str, bytes]) -> None:
            if not failed:
                failed.append(1)
                raise error
            append(tables)

        monkeypatch.setattr(door.intake.writer, "append", full_once)
        with door.intake._changed:
            door.intake.note_refusal("413: too large")
            turned_away = door.intake.submit("traces", "protobuf", a_body())
        assert "disk" in str(turned_away.exception(20))
        assert door.post(a_body()).status_code == 200
        door.intake.close()
        assert [(row["reason"], row["received"]) for row in door.rows("refusals")] == [("413: too large", 1)]


def test_nothing_is_acknowledged_before_it_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path / "spool") as door:
        at_sync: list[list[bool]] = []
        letters: list[Any] = []
        sync = door.intake.writer.sync

        def watched() -> None:
            at_sync.append([letter.done() for letter in letters])
            sync()
            at_sync.append([letter.done() for letter in letters])

        monkeypatch.setattr(door.intake.writer, "sync", watched)
        with door.intake._changed:  # both wait together, and so become one group
            letters += [door.intake.submit("traces", "protobuf", a_body()) for _ in range(2)]
        assert [letter.result(20).accepted for letter in letters] == [4, 4]
        assert at_sync == [[False, False], [False, False]]
        assert door.rows("spans"), "and then it is there"


def test_what_is_appended_and_not_synced_is_never_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses() -> None:
        raise StoreError("the disk is gone")

    with opened(tmp_path / "spool") as door:
        monkeypatch.setattr(door.intake.writer, "sync", refuses)
        letter = door.intake.submit("traces", "protobuf", a_body())
        assert "disk" in str(letter.exception(20))
        monkeypatch.undo()
