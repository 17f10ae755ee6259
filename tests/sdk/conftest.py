"""A door for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sdk.door import Door, a_door


@pytest.fixture
def door() -> Iterator[Door]:
    with a_door() as opened:
        yield opened
