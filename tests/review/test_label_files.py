"""Labels out and in again: CSV and JSON lines, ours and those of other tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.errors import UsageError
from plumbline.agent import Agent
from plumbline.api.label_questions import AddLabels
from plumbline.api.rows import rows_of
from plumbline.cli import show
from plumbline.cli.label_files import read_label_file
from tests.review.conftest import RULE, ask, rows

LABEL_STUDIO = (
    "annotation_id,choice,comment,external_id,question\n"
    f'17,Violation,"rude, and ""short""",{"ab" * 16},HELP-01\n'
    f"18,Compliant,,{'cd' * 16},HELP-01\n"
)


def test_what_other_tools_export_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(LABEL_STUDIO)
    assert read_label_file(path) == [
        {"unit_id": "ab" * 16, "rule_id": "HELP-01", "verdict": "violates", "note": 'rude, and "short"', "key": "17"},
        {"unit_id": "cd" * 16, "rule_id": "HELP-01", "verdict": "complies", "key": "18"},
    ]
    argilla = {"external_id": "ab" * 16, "question": "HELP-01", "response": "cannot judge", "response_id": "r1"}
    path.write_text(json.dumps(argilla) + "\n")
    assert read_label_file(path)[0]["verdict"] == "cannot_judge"


@pytest.mark.parametrize(
    ("text", "said"), [("", "holds no label"), ('{"a": 1}\n{', ":2: is no JSON"), ("{}\n[1]", ":2: is no object")]
)
def test_what_is_no_file_of_labels_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_label_file(path)


def test_what_is_printed_is_read_again_by_another_house(
    agent: Agent, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    units = rows(agent, "SELECT trace_id FROM turns ORDER BY trace_id LIMIT 3")
    said = [
        {
            "unit_id": row["trace_id"],
            "rule_id": RULE,
            "verdict": verdict,
            "note": note,
            "plan": "p",
            "inclusion_probability": 0.25,
        }
        for row, verdict, note in zip(
            units, ("violates", "complies", "borderline"), ("a, b", '"c"', "d\te"), strict=True
        )
    ]
    ask(agent, AddLabels(said), "ana")
    told = rows_of(agent.sql("SELECT * FROM labels", 100).table)
    show.print_csv(told.columns, told.rows)
    path = tmp_path / "labels.csv"
    path.write_text(capsys.readouterr().out)
    again = read_label_file(path)
    assert ask(agent, AddLabels(again), "ana") == {"new": 0, "known": 3}
    assert ask(agent, AddLabels(again), "ben") == {"new": 3, "known": 0}
