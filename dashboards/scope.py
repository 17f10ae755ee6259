"""The bar on top of every page: which time, which app, which environment. It lives in the URL, so a link says it all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import streamlit as st

from dashboards.client import AgentReads, Given, Row
from dashboards.numbers import utc, when
from dashboards.sharing import copy_link

RANGES: Final = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "14d": timedelta(days=14),
    "30d": timedelta(days=30),
    "all": None,
}
DEFAULT_RANGE: Final = "14d"
STEPS: Final = tuple(
    timedelta(seconds=s) for s in (60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 2592000)
)
AIM: Final = 84
"""Steps on a time axis that can still be told apart."""

DEMO: Final = "demo"


@dataclass(frozen=True)
class Scope:
    """What the bar chose. `start` is None for all of history; `first` and `last` are the bounds of the traffic there is."""

    name: str
    start: datetime | None
    end: datetime
    app: str | None
    environment: str | None
    first: datetime | None = None
    last: datetime | None = None

    @property
    def params(self) -> dict[str, Given]:
        """The parameters every scoped read takes."""
        return {**self.within, "environment": self.environment}

    @property
    def within(self) -> dict[str, Given]:
        """The same for reads that know no environment."""
        return {"start": self.start, "end": self.end, "app": self.app}

    @property
    def step(self) -> timedelta:
        """The width of one step on a time axis."""
        start = self.start or self.first or self.end - timedelta(days=1)
        return step_for(self.end - start)

    @property
    def bucket(self) -> int:
        """The same in seconds."""
        return int(self.step.total_seconds())

    @property
    def misses(self) -> bool:
        """Whether there is traffic, but none of it in the range."""
        return self.last is not None and self.start is not None and self.last < self.start


def _words(_page: str, _params: dict[str, str], words: str) -> None:
    """Draw the words of a link that leads nowhere: a page that is drawn by itself."""
    st.markdown(words)


@dataclass(frozen=True)
class Context:
    """What a page works with: whom to ask, about what, when now is, and how to get to another page.

    `link` draws a real link (one entry of the history, its own tab where somebody wants that); its words go through `label` first.
    `go` opens a page from within a run, and costs two entries: only where nothing can be linked.
    """

    agent: AgentReads
    scope: Scope
    now: datetime
    go: Callable[[str, dict[str, str]], None]
    link: Callable[[str, dict[str, str], str], None] = _words


def step_for(span: timedelta) -> timedelta:
    """Return the finest step that cuts `span` into at most `AIM` pieces."""
    return next((step for step in STEPS if span / step <= AIM), STEPS[-1])


def choose(name: str, now: datetime) -> tuple[datetime | None, datetime]:
    """Return start and end of a named range; the end is rounded up so that quick redraws ask the same question."""
    end = now.replace(microsecond=0) + timedelta(seconds=10 - now.second % 10)
    span = RANGES.get(name, RANGES[DEFAULT_RANGE])
    return (None if span is None else end - span), end


def bar(agent: AgentReads, now: datetime) -> Scope:
    """Draw the bar and return what it says."""
    known = agent.read("scopes")
    arrivals = next(iter(agent.read("arrivals")), {})
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="bar"):
        name = (
            st.segmented_control(
                "Time range",
                list(RANGES),
                default=DEFAULT_RANGE,
                required=True,
                key="range",
                bind="query-params",
                label_visibility="collapsed",
            )
            or DEFAULT_RANGE
        )
        app = _choice("app", "All apps", _values(known, "app"))
        environment = _choice("environment", "All environments", _values(known, "environment"))
        st.space("stretch")
        if any(row["environment"] == DEMO for row in known):
            st.badge("demo data", color="orange", icon=":material/science:", help=DEMO_HELP)
        last = arrivals.get("last_received")
        with st.container(key="muted-bar", width="content"):
            st.text("no data yet" if last is None else f"last span {when(last)}")
        copy_link()
    start, end = choose(name, now)
    first, newest = (arrivals.get(key) for key in ("first_turn", "last_turn"))
    return Scope(name, start, end, app, environment, first and utc(first), newest and utc(newest))


DEMO_HELP: Final = "Some of this traffic was made up by `plumbline demo`; its environment is called demo."


def _values(rows: Sequence[Row], column: str) -> list[str]:
    return list(dict.fromkeys(row[column] for row in rows if row[column] is not None))


def _choice(key: str, everything: str, values: list[Any]) -> str | None:
    chosen: str | None = st.selectbox(
        everything,
        values,
        index=None,
        placeholder=everything,
        key=key,
        bind="query-params",
        label_visibility="collapsed",
        accept_new_options=True,
        width=180,
    )
    return chosen


def say_if_missed(scope: Scope) -> bool:
    """Say it when all traffic is older than the range; returns whether it was said."""
    if scope.misses:
        st.info(f"No traffic in this time range. The newest turn is from {when(scope.last)}: choose a longer range.")
    return scope.misses
