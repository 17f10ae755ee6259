"""Answers about what is graded: why a turn is not, grading it now, samples drawn again, and what is missing of a time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from monitor import backfill
from monitor.clock import naive_utc
from monitor.explaining import draws, redrawn, ungraded
from monitor.steps import House
from plumbline.api.call import Call
from plumbline.api.grading_questions import Backfill, BackfillCost, Redraw, WhyUngraded


def why(house: House, asked: WhyUngraded) -> dict[str, Any]:
    """Tell what was drawn of a turn and which rules have no verdict on it."""
    return {"draws": draws(house.store, asked.id), "rules": ungraded(house.store, house.policies, asked.id)}


def redraw(house: House, asked: Redraw) -> dict[str, Any]:
    """Draw the samples of a time again."""
    return redrawn(house.store, naive_utc(asked.start), naive_utc(asked.end))


def cost(house: House, asked: BackfillCost) -> dict[str, Any]:
    """Tell what a backfill would take."""
    return backfill.cost(house, _gap(asked))


def fill(house: House, asked: Backfill, call: Call, alone: AbstractContextManager[Any]) -> dict[str, Any]:
    """Grade what is missing."""
    return backfill.backfill(house, _gap(asked), call.progress, alone)


def _gap(asked: Backfill | BackfillCost) -> backfill.Gap:
    rules = tuple(rule.strip() for rule in asked.rules.split(",") if rule.strip())
    return backfill.Gap(naive_utc(asked.start), naive_utc(asked.end), rules, asked.again)
