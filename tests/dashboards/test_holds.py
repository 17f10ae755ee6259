"""Holds past their date are told on the first page, with who answers for them and why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dashboards.conftest import Served
from tests.dashboards.one_view import run

HOLD: dict[str, Any] = {
    "id": 3,
    "kind": "user",
    "owner": "lea",
    "reason": "case <b>7</b>",
    "until": "2026-03-01T00:00:00Z",
    "past_due": True,
}


def test_the_first_page_lists_those_past_due(full: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not run("overview", full.url, full.token).warning
    monkeypatch.setitem(full.agent.status, "holds", {"standing": 2, "past_due": 1})
    monkeypatch.setattr(full.agent, "holds", [HOLD, HOLD | {"id": 4, "past_due": False}])
    fresh = full.url.replace("127.0.0.1", "localhost")
    [said] = run("overview", fresh, full.token).warning
    plain = said.value.replace("\\", "")
    assert "Hold 3 on the evidence of a user was to end on 1 Mar 2026" in plain
    assert "lea answers for it: case" in plain
    assert "<b>" not in said.value
    assert "Hold 4" not in plain
