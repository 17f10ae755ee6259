"""Houses that are closed after the test; what fills them is lived through once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.config.schema import RetentionSettings
from tests.retention.keeping import Keeping, Make


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house that was filled and closed. What it keeps is asked only when it removes, which it never did."""
    house = Keeping(tmp_path_factory.mktemp("lived") / "data", RetentionSettings())
    house.fill()
    house.close()
    return house.folder


@pytest.fixture
def new_house(tmp_path: Path) -> Iterator[Make]:
    made: list[Keeping] = []

    def new(**retention: str) -> Keeping:
        made.append(Keeping(tmp_path / f"data{len(made)}", RetentionSettings(**retention)))
        return made[-1]

    yield new
    for house in made:
        house.close()


@pytest.fixture
def make(lived: Path, tmp_path: Path) -> Iterator[Make]:
    """Makes houses that are filled."""
    made: list[Keeping] = []

    def new(**retention: str) -> Keeping:
        made.append(Keeping.filled(lived, tmp_path / f"filled{len(made)}", RetentionSettings(**retention)))
        return made[-1]

    yield new
    for house in made:
        house.close()
