"""`plumbline alerts` as a person types it, on a data directory at rest and beside a running api."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.config.schema import Settings
from monitor.places import Places
from monitor.state import ControlState
from plumbline.answers import Answers
from plumbline.api.alert_questions import AckAlert, Alerts
from plumbline.api.call import Call, token_owner
from plumbline.cli.main import run
from plumbline.opening import open_agent
from tests.alerts.builders import BAD, RATE_RULE, Recorder, a_book, a_day, a_rate


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory in which one alert fires."""
    places, clock = Places(tmp_path / "data"), SystemClock()
    open_agent(Settings(), places.root).close()
    day = a_day(
        a_book(RATE_RULE | {"id": "violation-rate"}), Recorder("one"), state=ControlState.open(places.control, clock)
    )
    day.look(a_rate(BAD, app="support\x1b[31m"))
    day.desk.close()
    return places.root


def alerts(data: Path, *arguments: str) -> int:
    return run(["alerts", *arguments, "--data-dir", str(data)])


def test_taken_up_silenced_and_closed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alerts(data, "list", "--format", "json") == 0
    [alert] = json.loads(capsys.readouterr().out)
    assert (alert["title"], alert["state"], alert["acked_by"]) == ("Answers break the policy", "firing", None)
    for arguments in (("ack",), ("silence", "--for", "4h", "--reason", "known"), ("unsilence",)):
        assert alerts(data, arguments[0], alert["fingerprint"][:6], *arguments[1:]) == 0
    assert alerts(data, "close", alert["fingerprint"], "--useful") == 0
    assert "closed by" in capsys.readouterr().out
    assert alerts(data, "list") == 0
    assert "No alert is open" in capsys.readouterr().err


def test_sent_twice_under_one_key_it_is_done_once_and_has_one_line_on_record(data: Path) -> None:
    agent = open_agent(Settings(), data)
    try:
        answers, call = Answers(agent), Call(token_owner(), key="k" * 16)
        [alert] = answers.answer(Alerts(), call)
        told = [answers.answer(AckAlert(alert["fingerprint"]), call) for _ in range(2)]
        assert told[0] == told[1]
        assert [row["act"] for row in agent.access.record.table().to_pylist()] == ["ackalert"]
    finally:
        agent.close()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("ack",), 2, "which alert?"),
        (("ack", "zz"), 2, "nothing here is named 'zz' among the alerts"),
        (("silence", "", "--reason", "x"), 2, "nothing here is named '' among the alerts"),
        (("silence", "0", "--for", "soon", "--reason", "x"), 2, "soon"),
        (("frown",), 2, "frown"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended = alerts(data, *arguments)
    said = capsys.readouterr().err
    assert says in said
    assert len(said.strip().splitlines()) == 1
    assert ended == code
