"""kill -9 of the agent after every label of a review: nothing is lost, nothing counts twice."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.traffic import START, records, spooled
from tests.review.conftest import RULE
from tests.support.house import House, a_house
from tests.support.waiting import becomes

pytestmark = pytest.mark.faults

LABELS = 8
END = START.replace(month=9, day=15)


def post(house: House, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    token = (house.root / "token").read_text().strip()
    headers = {"authorization": f"Bearer {token}", "idempotency-key": key}
    answer = httpx.post(f"http://{house.api}/v1/reviews{path}", json=body, headers=headers, timeout=60, trust_env=False)
    told: dict[str, Any] = answer.raise_for_status().json()
    return told


def test_a_kill_after_every_label_loses_and_doubles_nothing(tmp_path: Path) -> None:
    spooled(tmp_path / "data" / "spool", records(300, swap=None))
    with a_house(tmp_path / "data", "agent", agent={"cycle_every": "1s"}) as house:
        turns = "SELECT count(*) FROM turns WHERE time < '2026-09-15'"
        assert becomes(lambda: house.sql(turns)[0][0] == 300, 60, 0.2)
        opened = post(house, "", {"size": 40, "at": END.astimezone(UTC).isoformat(), "rules": [RULE]}, "open")
        review = opened["id"]
        said: list[str] = []
        for number in range(LABELS):
            item = post(house, "/take", {"id": review, "most": 1}, "")["items"][0]
            begun = {"id": review, "unit_id": item["unit_id"], "draft": {"note": "begun"}}
            post(house, "/draft", begun, "")
            house.kill("agent")
            again = post(house, "/take", {"id": review, "most": 1}, "")["items"][0]
            assert (again["unit_id"], again["draft"]) == (item["unit_id"], {"note": "begun"})
            commit = {"id": review, "unit_id": item["unit_id"], "verdicts": {RULE: "complies"}}
            first = post(house, "/commit", commit, f"k{number}")
            house.kill("agent")
            assert post(house, "/commit", commit, f"k{number}")["new"] == first["new"] == 1
            said.append(item["unit_id"])
        assert sorted(row[0] for row in house.sql("SELECT unit_id FROM labels")) == sorted(said)
        graded = "SELECT unit_id FROM grades WHERE starts_with(grader, 'human:')"
        assert becomes(lambda: sorted(row[0] for row in house.sql(graded)) == sorted(said), 30, 0.2)
        assert house.sql("SELECT n_done FROM reviews") == [[LABELS]]
