"""`plumbline receivers`: who can be told, and a test that begins and ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plumbline.cli.main import run
from plumbline.demo.stubs.kit import Stub, a_stub

RULES = """
version: 1
receivers:
- {{kind: console, name: log}}
- {{kind: pagerduty, name: pager, routing_key: 0123456789abcdef0123456789abcdef, url: "{url}", allow_http: true, allow_private: true}}
rules: []
routes: [{{to: [log]}}]
"""


def receivers(folder: Path, stub: Stub, *arguments: str, rules: str = RULES) -> int:
    (folder / "alerts.yaml").write_text(rules.format(url=stub.url("/v2/enqueue")))
    (folder / "plumbline.yaml").write_text("alerts: alerts.yaml\n")
    return run(["receivers", *arguments, "--config", str(folder / "plumbline.yaml")])


def test_a_test_opens_a_page_and_closes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with a_stub(None) as stub:
        assert receivers(tmp_path, stub, "test", "pager") == 0
        assert stub.model.closed == ["plumbline/plumbline.test"]
        assert not stub.model.pages
        assert receivers(tmp_path, stub, "list", "--format", "json") == 0
    assert {"name": "pager", "kind": "pagerduty"} in json.loads(capsys.readouterr().out)


def test_one_that_does_not_take_it_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_stub(None) as stub:
        stub.mode = "500"
        assert receivers(tmp_path, stub, "test", "pager") == 1
        assert "pager did not take the test: HTTP 500" in capsys.readouterr().err
        assert receivers(tmp_path, stub, "test", "nobody") == 2
        assert "there are: log, pager" in capsys.readouterr().err


def test_one_that_shows_changes_is_sent_one_that_says_it_is_a_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_stub(None) as stub:
        asking = RULES.replace("allow_http: true", 'changes: ["*"], allow_http: true')
        assert receivers(tmp_path, stub, "test", "pager", rules=asking) == 0
        [shown] = stub.model.changes
    assert "a test of Plumbline; nothing was changed" in shown["payload"]["summary"]
    assert "It took a change as well." in capsys.readouterr().err
