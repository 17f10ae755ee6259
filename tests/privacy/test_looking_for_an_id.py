"""Whoever looks for a user gives the id the application knows, however it was written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.redaction.redact import redactor_for
from monitor.config.schema import CollectorSettings, Settings
from monitor.privacy.keyed import install_key, pseudonym
from plumbline.opening import open_agent
from tests.store.rows import TRACE, Home, a_call, frame, texts

PLAIN = "kim@northwind.example"


@pytest.mark.parametrize("stored", ["plain", "redacted", "pseudonym"])
@pytest.mark.parametrize("who", ["user", "session"])
def test_the_plain_id_finds_what_was_stored(tmp_path: Path, who: str, stored: str) -> None:
    home = Home(tmp_path)
    key = install_key(tmp_path)
    redacted = redactor_for(CollectorSettings(), key).text(PLAIN, "")
    assert redacted != PLAIN
    forms = {"plain": PLAIN, "redacted": redacted, "pseudonym": pseudonym(key, who, PLAIN)}  # type: ignore[arg-type]
    wanted = a_call("c1") | {f"{who}_id": forms[stored]}
    other = a_call("c2", trace_id="cd" * 16) | {f"{who}_id": "somebody else"}
    home.take(frame(spans=[wanted, other], content=[texts("c1")]))
    home.finish()
    home.store.close()
    agent = open_agent(Settings(), tmp_path)
    try:
        assert agent.page("traces", {who: PLAIN})["trace_id"].to_pylist() == [TRACE]
        assert agent.page("traces", {who: forms[stored]})["trace_id"].to_pylist() == [TRACE]
        assert agent.page("traces", {who: "nobody"}).num_rows == 0
        assert agent.page("traces", {}).num_rows == 2
    finally:
        agent.close()
