"""Lists show times as the clock on the wall does; programs get them as they are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from plumbline.cli.lists import print_list
from plumbline.cli.typed import Form

ROW = {"title": "A", "started_at": "2026-11-28T15:16:33.195822+00:00", "silenced_until": "9999-12-31T00:00:00+00:00"}
COLUMNS = ("title", "started_at", "silenced_until")


@pytest.fixture(autouse=True)
def berlin() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def test_a_table_is_in_the_zone_of_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    print_list([ROW], COLUMNS, Form.TABLE)
    said = capsys.readouterr().out
    assert "2026-11-28 16:16 CET" in said
    assert "it is good again" in said


def test_json_is_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_list([ROW], COLUMNS, Form.JSON)
    assert json.loads(capsys.readouterr().out) == [ROW]
