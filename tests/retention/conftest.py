"""Houses that are closed after the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.config.schema import RetentionSettings
from tests.retention.keeping import Keeping, Make


@pytest.fixture
def new_house(tmp_path: Path) -> Iterator[Make]:
    made: list[Keeping] = []

    def new(**retention: str) -> Keeping:
        made.append(Keeping(tmp_path / f"data{len(made)}", RetentionSettings(**retention)))
        return made[-1]

    yield new
    for house in made:
        house.close()
