"""Every row of the table of `../shared/fixtures/reports/README.md`: what people send, and what they expect of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.reports import EXPECTED, REPORTS, differences, reported
from tests.support.shared import needs_shared

pytestmark = needs_shared


def test_no_body_is_forgotten() -> None:
    assert {path.name.split(".")[0] for path in (REPORTS / "otlp").iterdir()} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_body_is_understood_as_people_expect(name: str, tmp_path: Path) -> None:
    wanted = EXPECTED[name]
    with reported(name, tmp_path) as store:
        calls = store.read("SELECT * FROM calls ORDER BY time").to_pylist()
        tools = store.read("SELECT * FROM tool_calls ORDER BY time").to_pylist()
        turns = store.read("SELECT * FROM turns ORDER BY time").to_pylist()
    wrong = differences([row for row in calls if row["operation"] != "embeddings"], wanted.calls)
    embeddings = sum(row["operation"] == "embeddings" for row in calls)
    wrong += [f"{embeddings} embeddings"] if embeddings != wanted.embeddings else []
    wrong += [] if wanted.tools is None else [f"tools: {what}" for what in differences(tools, wanted.tools)]
    wrong += [] if wanted.turns is None else [f"turns: {what}" for what in differences(turns, wanted.turns)]
    assert not wrong
