"""The fire drill ends as it should: one page, taken up, closed by itself, and an incident that can be checked."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.config.schema import Settings
from plumbline.demo.drill import hold_drill

POLICIES = Path(__file__).parents[2] / "policies"


@pytest.mark.faults
def test_one_page_from_the_swap_to_the_exported_incident(tmp_path: Path) -> None:
    """Minutes: two and a half weeks of the demo are stored, graded and looked at, hour by hour."""
    said: list[str] = []
    settings = Settings(policies=str(POLICIES))
    until = datetime(2026, 11, 28, 15, tzinfo=UTC)
    done = hold_drill(settings, tmp_path, 20260101, until, lambda at, what: said.append(f"{at:%d %b %H:%M} {what}"))
    print("\n" + "\n".join(said))
    assert (done.opened, done.left_open, done.refused) == (1, 0, 0)
    assert any("at PagerDuty the page is acknowledged" in line for line in said)
    assert done.bundle is not None
    sums = (done.bundle / "SHA256SUMS").read_text().split()
    for digest, name in zip(sums[::2], sums[1::2], strict=True):
        assert hashlib.sha256((done.bundle / name).read_bytes()).hexdigest() == digest
