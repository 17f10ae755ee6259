"""`plumbline incidents` as a person types it, from an alert to files that can be checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from plumbline.cli.main import run
from tests.alerts.test_act_commands import alerts, data

__all__ = ["data"]


def incidents(data: Path, *arguments: str) -> int:
    return run(["incidents", *arguments, "--data-dir", str(data)])


def test_from_an_alert_to_a_bundle(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alerts(data, "list", "--format", "json") == 0
    [alert] = json.loads(capsys.readouterr().out)
    assert incidents(data, "open", alert["fingerprint"][:6], "--weighed", "3,2,1") == 0
    assert "incident 1 is open; 4 traces are on hold" in capsys.readouterr().out
    assert incidents(data, "task", "1", "--text", "roll back") == 0
    assert incidents(data, "close", "1", "--review", "known now") == 0
    assert incidents(data, "export", "1", "--out", str(tmp_path / "bundle")) == 0
    for line in (tmp_path / "bundle" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "bundle" / name).read_bytes()).hexdigest() == digest
    assert "\x1b" not in (tmp_path / "bundle" / "incident-1.md").read_text()
    capsys.readouterr()
    assert incidents(data, "list", "--format", "json") == 0
    [told] = json.loads(capsys.readouterr().out)
    assert (told["status"], told["severity"], told["number"]) == ("closed", "warning", 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "x"), "which incident?"),
        (("show", "7"), "nothing here is named incident 7"),
        (("open",), "which alert?"),
        (("open", "ab", "--weighed", "9,1,1"), "1 to 3 each"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    data: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    assert incidents(data, *arguments) == 2
    assert said in capsys.readouterr().err
