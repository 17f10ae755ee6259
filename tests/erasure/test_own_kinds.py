"""An id that patterns or dictionaries of one's own have hidden is found by whoever gives the id itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.redaction.redact import redactor_for
from collectors.redaction.terms import hashed
from monitor.clock import FakeClock
from monitor.config.schema import CollectorSettings, RedactionSettings, Settings
from monitor.privacy.keyed import install_key
from monitor.spool_writer import SpoolWriter
from plumbline.opening import open_agent
from tests.store.rows import START, a_call, a_span, frame, texts

TRACE = "a1" * 16


@pytest.mark.parametrize(
    ("user", "kind"),
    [
        ("EMP-12345", "pattern"),
        ("team EMP-12345 of kim@example.org", "pattern"),
        ("Zaphod Beeblebrox", "dictionary"),
        ("kim@example.org at 192.0.2.17 or +41 44 668 18 00", "two kinds"),
    ],
)
@pytest.mark.parametrize("column", ["user", "session"])
def test_it_is_found(tmp_path: Path, user: str, kind: str, column: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    key = install_key(folder)
    words = tmp_path / "names.txt"
    words.write_text("\n".join(hashed(key, ["Zaphod Beeblebrox"])) + "\n")
    redaction = {
        "pattern": RedactionSettings(patterns={"employee": r"EMP-\d+"}),
        "dictionary": RedactionSettings(dictionaries={"customer": str(words)}),
        "two kinds": RedactionSettings(kinds=("email", "ip")),
    }[kind]
    settings = Settings(collector=CollectorSettings(redaction=redaction))
    stored = redactor_for(settings.collector, key).text(user, "")
    assert stored != user
    agent = open_agent(settings, folder, FakeClock(START))
    writer = SpoolWriter(folder / "spool")
    writer.append(
        frame(
            spans=[a_span("r1", trace_id=TRACE) | {f"{column}_id": stored}, a_call("c1", trace_id=TRACE)],
            content=[texts("c1", trace_id=TRACE)],
        )
    )
    writer.close()
    agent.load(flush=True)
    removed = agent.erase("user" if column == "user" else "session", user)
    assert (removed["spans"], removed["content"]) == (2, 1)
    agent.close()
