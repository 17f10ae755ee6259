"""What an import says it stored is what it stored, whoever loads it: the command itself, or an agent that runs beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.schema import Settings
from plumbline.opening import open_agent
from tests.cli.plumbline import plumbline
from tests.support.house import a_house

LINES = 3000


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(f'{{"id": "a{n}", "input": "Hi {n}", "output": "Hello {n}"}}\n' for n in range(LINES)))
    return file


def _last_line(file: Path, data: Path) -> str:
    ran = plumbline("import", file, "--data-dir", data, cwd=file.parent)
    assert ran.code == 0, ran.error
    return ran.out.splitlines()[-1]


def test_at_rest(answers: Path, tmp_path: Path) -> None:
    assert _last_line(answers, tmp_path / "data") == f"stored {LINES} new rows, 0 were there already"
    assert _last_line(answers, tmp_path / "data") == f"stored 0 new rows, {LINES} were there already"


def test_beside_an_agent_that_loads_while_we_write(answers: Path, tmp_path: Path) -> None:
    with a_house(tmp_path / "data", "agent"):
        assert _last_line(answers, tmp_path / "data") == f"stored {LINES} new rows, 0 were there already"
        assert _last_line(answers, tmp_path / "data") == f"stored 0 new rows, {LINES} were there already"


def test_the_agent_keeps_count_for_each_door(answers: Path, tmp_path: Path) -> None:
    _last_line(answers, tmp_path / "data")
    agent = open_agent(Settings(), tmp_path / "data")
    try:
        (counts,) = agent.status()["families"].values()
    finally:
        agent.close()
    assert counts == {"stored": LINES, "duplicate": 0, "late": 0}
