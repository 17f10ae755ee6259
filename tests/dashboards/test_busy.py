"""An agent that takes longer than a page waits costs the page that part alone; one that is gone is the page's trouble."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from dashboards.client import Busy, Trouble
from dashboards.four_weeks import four_weeks
from dashboards.judge_cards import cards
from dashboards.scope import Context


def asking(trouble: Trouble) -> Context:
    def ask(*_: Any, **__: Any) -> None:
        raise trouble

    return cast("Context", SimpleNamespace(agent=SimpleNamespace(ask=ask)))


def test_what_takes_too_long_is_left_out() -> None:
    assert four_weeks(asking(Busy("busy"))) == {}
    cards(asking(Busy("busy")))


def test_an_agent_that_is_gone_is_told() -> None:
    for part in (four_weeks, cards):
        with pytest.raises(Trouble, match="gone"):
            part(asking(Trouble("gone")))
