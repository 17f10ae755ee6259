"""More answers for a review that is open: drawn by lot behind the cuts of its strata, as many of each as narrow a rate most.

What was taken stays taken, and every probability grows to that of the larger draw, also that of labels that were given before: the list
is the one that as large a draw would have made at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitor.errors import UsageError
from monitor.review.draw import extended, items
from monitor.state import Transaction, labels, reviews
from plumbline.api.call import Call
from plumbline.api.review_questions import MoreItems
from plumbline.reviews.desk import ReviewDesk
from plumbline.reviews.freezing import like, read_strata, told_strata

Row = dict[str, Any]


@dataclass(frozen=True)
class Extension:
    """How the reviews of a desk grow."""

    desk: ReviewDesk

    def more(self, call: Call, asked: MoreItems) -> Row:
        """Draw more answers into an open review. Raises `NotFound`, `UsageError` where there are none, or they would tell nothing."""
        with self.desk.commands.record.state.transaction() as txn:
            review = self.desk.opened(txn, asked.id)
        units = self.desk.whole(review)
        planned = self.desk.outcome(review, units).planned(asked.size, asked.rule)
        app, rule, given = planned or ("", "", {})
        before = read_strata(review["strata"]["strata"])
        strata = extended(units, before, given, review["seed"])
        if strata == before:
            about = f"under {asked.rule} " if asked.rule else ""
            raise UsageError(f"review {asked.id}: no answer {about}is left that would tell more of a rate")
        there = {row["unit_id"]: row for row in units.iter_rows(named=True)}
        drawn = [one for one in items(units, strata, review["seed"]) if one.inclusion_probability is not None]

        def write(txn: Transaction) -> Row:
            self.desk.opened(txn, asked.id)
            kept = reviews.items(txn, asked.id)
            panel = [item for item in kept if item["inclusion_probability"] is not None]
            models = {item["app"]: item for item in sorted(panel, key=lambda item: len(item["rules"]))}
            rows = [
                like(one, there[one.unit_id], review["seed"], review["policies"], models[there[one.unit_id]["app"]])
                for one in drawn
                if there[one.unit_id]["app"] in models
            ]
            new, moved = _apart(rows, kept)
            reviews.grow(txn, asked.id, {**review["strata"], "strata": told_strata(strata)}, moved, new)
            chances = {(row["unit_id"], name): row["inclusion_probability"] for row in moved for name in row["rules"]}
            again = labels.reweigh(txn, asked.id, f"review {asked.id}", chances, self.desk.commands.record.clock.now())
            grown = {one.name: one.n_taken - old.n_taken for one, old in zip(strata, before, strict=True)}
            return {
                "id": asked.id,
                "app": app,
                "rule": rule,
                "new": len(new),
                "strata": {name: n for name, n in grown.items() if n},
                "said_again": again,
            }

        told: Row = self.desk.commands.carry_out(call, asked, write)
        return told


def _apart(drawn: Sequence[Row], kept: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Return what is new of `drawn`, and what stands elsewhere now; whoever has a moved one keeps it."""
    before = {item["unit_id"]: item for item in kept}
    new = [row for row in drawn if row["unit_id"] not in before]
    moved = [
        {**row, **{name: before[row["unit_id"]][name] for name in ("assigned", "need", "severe")}}
        for row in drawn
        if row["unit_id"] in before and row["inclusion_probability"] != before[row["unit_id"]]["inclusion_probability"]
    ]
    return new, moved
