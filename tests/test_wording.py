"""How our sentences say shares and instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from monitor.wording import bare_minute, bare_second, minute, percent

NINE = datetime(2026, 3, 1, 9, 30, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "instant",
    [
        NINE,
        NINE.replace(tzinfo=None),
        NINE.astimezone(timezone(timedelta(hours=5))),
        "2026-03-01T09:30:59Z",
        "2026-03-01T09:30:59",
        "2026-03-01T14:30:59.5+05:00",
    ],
    ids=str,
)
def test_an_instant_is_said_in_utc_however_it_comes(instant: datetime | str) -> None:
    assert minute(instant) == "2026-03-01 09:30 UTC"
    assert bare_minute(instant) == "2026-03-01 09:30"


def test_seconds_are_said_where_minutes_are_too_coarse() -> None:
    assert bare_second(NINE) == "2026-03-01 09:30:59"


@pytest.mark.parametrize(
    ("share", "digits", "said"), [(0.125, 1, "12.5 %"), (0.999, 0, "100 %"), (0, 1, "0.0 %"), (None, 1, "unknown")]
)
def test_a_share_that_is_not_known_is_not_nothing(share: float | None, digits: int, said: str) -> None:
    assert percent(share, digits) == said
