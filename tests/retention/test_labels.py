"""What people said is kept no longer than what they said it of, in the control state as in the store."""

from __future__ import annotations

from monitor.labels import read_labels
from tests.retention.keeping import NEW, OLD, Make


def label(unit: str) -> dict[str, str]:
    return {
        "unit_id": unit,
        "rule_id": "HELP-01",
        "verdict": "violates",
        "note": f"about {unit[:4]}",
        "corrected": "Yes.",
    }


def test_labels_and_their_texts_leave_with_their_turn(make: Make) -> None:
    house = make(content="5d", spans="30d")
    house.agent.labels().take("ana", read_labels([label(OLD), label(NEW)]))
    house.agent.cycle()
    house.agent.retain()
    told = {row["unit_id"]: row for row in house.agent.labels().table().to_pylist()}
    assert (told[OLD]["note"], told[OLD]["corrected"], told[OLD]["verdict"]) == (None, None, "violates")
    assert told[NEW]["note"] == f"about {NEW[:4]}"
    assert f"about {OLD[:4]}".encode() not in house.agent.places.control.read_bytes()


def test_labels_of_turns_that_are_too_old_go(make: Make) -> None:
    house = make(spans="10d")
    house.agent.labels().take("ana", read_labels([label(OLD), label(NEW)]))
    house.agent.cycle()
    house.agent.retain()
    assert [row["unit_id"] for row in house.agent.labels().table().to_pylist()] == [NEW]
    assert [row["unit_id"] for row in house.rows("SELECT unit_id FROM base.grades WHERE grader = 'human:ana'")] == [NEW]
    [record] = house.rows("SELECT removed FROM base.retentions")
    assert '"labels": 1' in record["removed"]
