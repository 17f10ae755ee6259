"""An agent that takes longer than a page waits costs the page that part alone; one that is gone is the page's trouble."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from dashboards.client import Busy, Refused, Trouble
from dashboards.four_weeks import four_weeks
from dashboards.judge_cards import cards
from dashboards.judges import judges
from dashboards.rules import rules_of
from dashboards.scope import Context


def asking(trouble: Trouble) -> Context:
    def ask(*_: Any, **__: Any) -> None:
        raise trouble

    return cast("Context", SimpleNamespace(agent=SimpleNamespace(ask=ask, policies=ask)))


def test_what_takes_too_long_is_left_out_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("streamlit.caption", lambda text, **_: said.append(text))
    context = asking(Busy("busy"))
    assert four_weeks(context) == {}
    cards(context)
    judges(context, {})
    assert len(said) == 3
    assert said[1] == "How far judges can be trusted is still being reckoned. Look again in a minute."
    assert said[2] == "What judges do is still being read. Look again in a minute."


def test_an_agent_that_is_gone_is_told() -> None:
    for part in (four_weeks, cards, lambda context: judges(context, {}), lambda context: rules_of(context.agent)):
        with pytest.raises(Trouble, match="gone"):
            part(asking(Trouble("gone")))


def test_rules_that_are_not_told_are_none() -> None:
    assert rules_of(asking(Refused("not yours")).agent) == {}
