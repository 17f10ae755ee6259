"""What a replay prints of findings is what people read: the change and its cause, not eighteen columns."""

from __future__ import annotations

import pytest

from plumbline.cli import replay

FOUND = {
    "id": "1d3c0bd",
    "metric": "error",
    "detected_at": "2026-09-20T23:59:59Z",
    "e_value": 1.2e7,
    "reason": "Share of turns with an error in shop went from 1 % to 9 %. How we know: e-value 1.2e+07",
    "cause": "release changed from r1 to r2",
    "state": "open",
}


def test_a_finding_is_its_sentence_and_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    replay._print({"findings": [FOUND], "alerts": []})
    table, rest = capsys.readouterr().out.strip().splitlines()[:3], capsys.readouterr()
    assert table[0] == "findings"
    assert table[1].split() == ["noticed", "what", "changed", "likely", "cause", "state"]
    assert table[2].split("  ")[1] == "Share of turns with an error in shop went from 1 % to 9 %"
    assert "e-value" not in "".join(table)
    assert not rest.err
