"""`plumbline terms` makes a file that the collector's settings can name, and that holds no name."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.redaction.redact import redactor_for
from monitor.privacy.keyed import install_key
from plumbline.cli.main import run
from plumbline.cli.settings import Given, resolve


def test_from_a_list_to_a_placeholder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "names.txt").write_text("Acme Inc\nBluth Company\n", encoding="utf-8")
    config = tmp_path / "plumbline.yaml"
    config.write_text(
        "data_dir: data\ncollector:\n  redaction:\n    dictionaries: {customer: names.terms}\n", encoding="utf-8"
    )
    assert run(["terms", str(tmp_path / "names.txt"), "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "acme" not in out.lower()
    (tmp_path / "names.terms").write_text(out, encoding="utf-8")
    resolved = resolve(Given(config), tmp_path)
    redactor = redactor_for(resolved.settings.collector, install_key(resolved.places.root))
    assert redactor.text("from ACME, Inc. to Bluth company", "t").count("<CUSTOMER_") == 2


def test_bad_lists_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["terms", str(tmp_path / "none"), "--data-dir", str(tmp_path)]) == 2
    (tmp_path / "long").write_text("a b c d e f g h i\n", encoding="utf-8")
    assert run(["terms", str(tmp_path / "long"), "--data-dir", str(tmp_path)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert "1 to 8 words" in told[1]


@pytest.mark.parametrize(
    ("line", "told"),
    [("kinds: [emial]", "kind that is not known"), ("patern: {}", "did you mean `patterns`")],
)
def test_wrong_settings_name_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, told: str) -> None:
    config = tmp_path / "plumbline.yaml"
    config.write_text(f"collector:\n  redaction:\n    {line}\n", encoding="utf-8")
    assert run(["terms", str(config), "--config", str(config)]) == 2
    err = capsys.readouterr().err
    assert "plumbline.yaml:3" in err
    assert told in err
