"""While a part of Plumbline fails, every page says so; texts of errors are hostile as all others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.pages import PAGES
from dashboards.troubles import sentences
from tests.dashboards.conftest import Served

APP = Path(__file__).parents[2] / "dashboards" / "app.py"
PART: dict[str, Any] = {
    "part": "step grade",
    "failures": 4,
    "error": "ZeroDivisionError: <b>poisoned</b> [x](http://evil.example)",
    "since": "2026-11-20T10:02:00Z",
}


def page(served: Served, monkeypatch: pytest.MonkeyPatch, path: str) -> AppTest:
    monkeypatch.setattr("sys.argv", ["app.py", "--api", served.url, "--token-file", str(served.token)])
    test = AppTest.from_file(APP, default_timeout=60)
    test.query_params["page"] = path
    return test.run()


def test_it_names_the_part_since_when_and_what_is_missing() -> None:
    first, more, last = sentences([PART, PART, PART, PART])[0], *sentences([PART, PART, PART, PART])[-2:]
    assert "step grade has failed 4 times in a row" in first.replace("\\", "")
    assert "2026-11-20 10:02 UTC" in first.replace("\\", "")
    assert "<b>" not in first
    assert "](http" not in first
    assert more == "and 1 more"
    assert "plumbline doctor" in last


@pytest.mark.parametrize("path", [each.path for each in PAGES])
def test_every_page_carries_it_while_it_lasts(path: str, empty: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not page(empty, monkeypatch, path).error
    monkeypatch.setitem(empty.agent.status, "unwell", [PART])
    fresh = Served(
        empty.agent, empty.url.replace("127.0.0.1", "localhost"), empty.token
    )  # another client, no kept answer
    [said] = page(fresh, monkeypatch, path).error
    assert "step grade" in said.value.replace("\\", "")
