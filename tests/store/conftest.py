"""A home for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.rows import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty data directory with its store."""
    found = Home(tmp_path / "data")
    yield found
    found.store.close()
