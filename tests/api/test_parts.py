"""Values, tokens and jobs on their own."""

import stat
import threading
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from monitor.errors import StoreError
from plumbline.api.bearer import ensure_token, read_token
from plumbline.api.call import Progress
from plumbline.api.jobs import KEPT, Jobs
from plumbline.api.rows import plain, rows_of


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (2**80, 2**80),
        (1.5, 1.5),
        (float("nan"), None),
        (float("inf"), None),
        (Decimal(12345678901234567890), 12345678901234567890),
        (Decimal("1.25"), 1.25),
        (Decimal("NaN"), None),
        (datetime(2026, 3, 1, 12, 0, 0, 5), "2026-03-01T12:00:00.000005Z"),  # noqa: DTZ001 - as the store gives it
        (datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=1))), "2026-03-01T11:00:00Z"),
        (date(2026, 3, 1), "2026-03-01"),
        (timedelta(minutes=2), 120.0),
        (b"\x00\xff", "00ff"),
        ({"a": [float("nan"), (1, b"x")]}, {"a": [None, [1, "78"]]}),
    ],
)
def test_plain_values(value: Any, shown: Any) -> None:
    assert plain(value) == shown
    assert type(plain(value)) is type(shown)


def test_columns_of_one_name_are_told_apart() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", "a_2"])
    assert rows_of(table).columns == ["a", "a_2", "a_2_2"]
    assert rows_of(table).records() == [{"a": 1, "a_2": 2, "a_2_2": 3}]


def test_times_beyond_python() -> None:
    nanoseconds = pa.array([1_700_000_000_000_000_001], pa.timestamp("ns"))
    forever = pa.array([2**62], pa.timestamp("us"))
    rows = rows_of(pa.table({"ns": nanoseconds, "forever": forever})).rows
    assert rows[0][0] == "2023-11-14T22:13:20Z"
    assert isinstance(rows[0][1], str)


def test_no_rows_and_no_columns() -> None:
    assert rows_of(pa.table({"a": pa.array([], pa.int64())})).rows == []
    assert rows_of(pa.table({})).columns == []


def test_the_token_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = ensure_token(path)
    assert len(token) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ensure_token(path) == read_token(path) == token


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_token_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match="token"):
        read_token(path)


def test_a_token_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be created"):
        ensure_token(tmp_path / "nowhere" / "token")


def test_old_jobs_are_forgotten_but_never_a_running_one() -> None:
    jobs, hold = Jobs(), threading.Event()

    def wait(_: Progress) -> dict[str, Any]:
        hold.wait(10)
        return {}

    running = jobs.start("long", wait)
    for number in range(KEPT + 5):
        job = jobs.start(f"short {number}", lambda _: {})
        while job.state == "running":
            pass
    assert jobs.get(running.id) is running
    assert jobs.get(job.id) is job
    assert len(jobs._jobs) <= KEPT + 1
    hold.set()
