"""Streams that live on from batch to batch say what streams say that are written and read between any two."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from monitor.clock import aware_utc
from monitor.config.schema import DriftSettings
from monitor.drift import Feeding, Living, decide_drift, live_drift
from monitor.drift.stored_states import Changed
from tests.drift.test_together import BASELINE, traffic
from tests.drift.traffic import START

ASKED = DriftSettings(baseline=BASELINE)
NOW = aware_utc(START + timedelta(days=400))


def test_living_streams_are_those_that_were_written_and_read() -> None:
    rows = traffic(7, 900, timedelta(minutes=7))
    states: dict[str, str] = {}
    living, found = Living(), []
    for at in range(0, rows.height, 6):
        part = rows[at : at + 6]
        written = decide_drift(states, part, ASKED, NOW)
        states |= written.states
        lived = live_drift(living, part, ASKED, NOW)
        assert (lived.states, lived.behind, lived.returned) == ({}, written.behind, written.returned)
        assert [finding.reason for finding in lived.findings] == [finding.reason for finding in written.findings]
        found += lived.findings
    assert found  # the swap two thirds in was seen
    assert Changed(living.streams, living.wordings, living.memory).states == states


def test_of_a_batch_that_feeds_nothing_nothing_changes() -> None:
    living = Living()
    rows = traffic(7, 300, timedelta(minutes=7))
    live_drift(living, rows, ASKED, NOW)
    before = Changed(living.streams, living.wordings, living.memory).states
    live_drift(living, rows.with_columns(app=pl.lit(None, pl.String)), ASKED, NOW, Feeding())
    assert Changed(living.streams, living.wordings, living.memory).states == before
