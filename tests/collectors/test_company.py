"""A small group waits a moment where that has brought company lately, and for nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors import intake as rooms
from collectors.company import FEW, HOPE, RECENT_S, TRIED_EVERY, Company
from collectors.intake import Intake
from monitor.clock import SystemClock
from monitor.spool_writer import SpoolWriter

NEAR_S = RECENT_S / 2


def waits(company: Company, groups: int, *, apart_s: float = NEAR_S, came: int = 0, bodies: int = 1) -> int:
    """How many of so many groups wait, when every moment brings `came` bodies."""
    waited = 0
    for _ in range(groups):
        at = max(company.last_s, 0.0) + apart_s
        if company.worth(bodies, at):
            waited += 1
            company.came(came)
    return waited


def test_where_company_comes_every_small_group_waits() -> None:
    assert waits(company := Company(), 1) == 0, "the first has nobody near"
    assert waits(company, 100, came=1) == 100


def test_a_client_that_sends_body_after_body_is_hardly_ever_kept_waiting() -> None:
    waits(company := Company(), 1)
    assert waits(company, 320) <= HOPE + 320 // TRIED_EVERY


def test_one_that_was_given_up_is_found_again_once_others_come() -> None:
    waits(company := Company(), 1)
    waits(company, 100)
    assert waits(company, TRIED_EVERY + 50, came=2) >= 50


def test_neither_large_groups_nor_rare_ones_wait() -> None:
    waits(company := Company(), 1)
    assert waits(company, 50, came=1, bodies=FEW) == 0
    assert waits(company, 50, came=1, apart_s=2 * RECENT_S) == 0
    assert waits(company, 1, bodies=0) == 0


def body(number: int) -> bytes:
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": "chat",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def test_what_comes_in_the_moment_goes_with_the_group_that_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought: list[int] = []

    class Brings(Company):
        """The moment in which another body comes."""

        def worth(self, bodies: int, now_s: float) -> bool:
            if bodies == 1 and not brought:
                intake.submit("traces", "json", body(2))
            return super().worth(bodies, now_s) or not brought

        def came(self, bodies: int) -> None:
            brought.append(bodies)

    monkeypatch.setattr(rooms, "Company", Brings)
    intake = Intake(SpoolWriter(tmp_path), None, SystemClock(), tmp_path, 1 << 20, 0)
    assert intake.submit("traces", "json", body(1)).result(30).accepted == 1
    intake.close()
    assert brought == [1]
    assert {name: intake.counters[name] for name in ("groups", "accepted")} == {"groups": 1, "accepted": 2}
