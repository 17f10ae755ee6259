"""The tables of reviews in the control state. Times are UTC; NULL means unknown."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Float, Index, Integer, MetaData, Table, Text

from monitor.state.tables import Instant

OF_REVIEWS: Final = MetaData()

REVIEWS: Final = Table(
    "reviews",
    OF_REVIEWS,
    Column("id", Text, primary_key=True),  # the day it was opened, and a number where there are several
    Column("app", Text),  # NULL: all
    Column("opened_at", Instant, nullable=False),  # the end of the stretch of traffic it is about
    Column("start", Instant, nullable=False),  # the beginning of that stretch
    Column("made_at", Instant, nullable=False),  # what was graded later makes no stratum
    Column("opened_by", Text, nullable=False),
    Column("upto", Integer, nullable=False),  # turns finished later are not in it
    Column("seed", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("closed_by", Text),  # a person, or `schedule` where the due date did it
    Column("strata", Text, nullable=False),  # JSON: with how many, how many were taken, and by which cut
    Column("policies", Text, nullable=False),  # JSON: hash -> policy, version and the words of its rules
    Column("signed_by", Text),
    Column("signed_at", Instant),
    Column("minutes", Text),  # notes and decisions of whoever signed
    Column("reminded", Text),  # which reminder was told last
    Column(
        "results", Text
    ),  # JSON: what followed when it ended, since items and labels may be too old to be kept one day
)

REVIEW_ITEMS: Final = Table(
    "review_items",
    OF_REVIEWS,
    Column("review_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),  # the order in which they are shown
    Column("unit_id", Text),  # NULL once it is erased, or too old to be kept
    Column("time", Instant, nullable=False),  # of the turn
    Column("app", Text, nullable=False),
    Column("stratum", Text, nullable=False),
    Column("inclusion_probability", Float),  # NULL: picked for what it is, stands for nothing else
    Column("pick_probability", Float),  # of a pick, that of being picked; NULL: drawn by lot
    Column("reason", Text, nullable=False),
    Column("need", Integer, nullable=False),  # people who have to look at it
    Column("severe", Integer, nullable=False),  # 1: shown folded
    Column("policy_hash", Text, nullable=False),  # of every policy it is judged by, apart by a space
    Column("rules", Text, nullable=False),  # JSON: the ids of the rules that are asked
    Column("assigned", Text, nullable=False),  # JSON: names; empty: whoever comes
    Index("review_items_of", "unit_id"),
    Index("review_items_in", "review_id", "unit_id"),
)

REVIEW_DESKS: Final = Table(
    "review_desks",
    OF_REVIEWS,
    Column("review_id", Text, primary_key=True),
    Column("unit_id", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("until", Instant, nullable=False),  # nobody else is given the item before
    Column("skipped_at", Instant),
    Column("draft", Text),  # JSON: what the person has written and not yet said
)
"""What lies on whose desk: locks, what was put off, drafts."""

REVIEW_WISHES: Final = Table(
    "review_wishes",
    OF_REVIEWS,
    Column("unit_id", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("review_id", Text),  # the review that took it up
)
"""Turns that somebody wants in the next review."""
