"""Reviews of one data directory: opened on a frozen list, drawn again for who doubts, shared out, ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from monitor.clock import naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import Settings
from monitor.errors import NotFound, UsageError
from monitor.policy.schema import Policy
from monitor.review.draw import items
from monitor.state import Transaction, labels, people, reviews
from monitor.store.opening import Store
from monitor.store.reads import newest_turn
from monitor.store.review_units import Stretch, review_units
from plumbline.api.call import Actor, Call, token_owner
from plumbline.api.review_questions import AssignReview, CloseReview, OpenReview, SignReview
from plumbline.people.commands import Commands
from plumbline.reviews.erring import LOOK_BACK, errors_until
from plumbline.reviews.freezing import asking, frozen, mattering, read_strata, seed_of, told_strata
from plumbline.reviews.learning import Teacher, Verdicts, marked
from plumbline.reviews.outcome import Outcome, Words
from plumbline.reviews.progress import left_over, progress, second_looks, shared
from plumbline.reviews.tables import reviews_listed

Row = dict[str, Any]
PUBLIC: Final = (
    *("id", "app", "opened_at", "due_at", "closed_at", "n_items", "n_done", "seed"),
    *("start", "opened_by", "closed_by", "erased", "signed_by", "signed_at", "minutes"),
)
"""What is told of a review in a list."""

LESSONS: Final = 2_000
"""Labels that are learned from at most, over all rules."""


@dataclass(frozen=True)
class ReviewDesk:
    """The reviews of one data directory, under the policies that are in force now."""

    commands: Commands
    store: Store
    policies: Sequence[Policy]
    settings: Settings

    def listed(self) -> list[Row]:
        """Return every review, newest first."""
        return [{name: row[name] for name in PUBLIC} for row in reviews_listed(self.commands.record.state)]

    def named(self, txn: Transaction, review_id: str) -> Row:
        """Return one review with all that was frozen. Raises `NotFound`."""
        found = reviews.named(txn, review_id)
        if found is None:
            raise NotFound(f"{review_id} among the reviews (see `plumbline review list`)")
        return found

    def shown(self, review_id: str) -> Row:
        """Return one review with its strata and how far everybody is. Raises `NotFound`."""
        with self.commands.record.state.transaction() as txn:
            review = self.named(txn, review_id)
            kept, said = reviews.items(txn, review_id), labels.in_review(txn, review_id)
        return {
            **next(row for row in self.listed() if row["id"] == review_id),
            "strata": review["strata"]["strata"],
            "policies": [
                {"hash": hash_, "policy": one["policy"], "version": one["version"], "rules": sorted(one["rules"])}
                for hash_, one in review["policies"].items()
            ],
            "people": progress(kept, said),
            "second_looks_missing": second_looks(kept, said),
        }

    def redrawn(self, review_id: str) -> Row:
        """Return the list of a review, drawn again. Raises `NotFound`."""
        with self.commands.record.state.transaction() as txn:
            review = self.named(txn, review_id)
        units = self.whole(review)
        drawn = items(units, read_strata(review["strata"]["strata"]), review["seed"])
        names = ("unit_id", "stratum", "inclusion_probability")
        return {
            "id": review_id,
            "seed": review["seed"],
            "items": [{n: getattr(one, n) for n in names} for one in drawn],
        }

    def open(self, call: Call, asked: OpenReview) -> Row:
        """Open a review. Raises `UsageError` where there is nothing to look at."""
        now = self.commands.record.clock.now()
        opened_at = asked.at or now
        if opened_at > now:
            raise UsageError(f"--at {opened_at.isoformat()}: a review looks back, and this lies ahead")
        self._demand(call.actor, asked)
        review = self._review(asked, opened_at, now, call.actor.name)
        with self.commands.record.state.transaction() as txn:
            wishes = reviews.wishes(txn)
            gold = {unit for unit, _ in labels.adjudicated(txn, review["start"], now)}
            earlier = lessons(txn, now)
        matters: Row = mattering(self.policies)
        units = self._units(review, matters, wishes, gold)
        if not units["inside"].any():
            about = f"of {asked.app} " if asked.app else ""
            raise UsageError(
                f"no answer {about}is stored from the {_days(self.window)} before {opened_at:%Y-%m-%d %H:%M}"
            )
        matters["marks"] = Teacher(self.store, units, review["seed"], earlier).marks()
        units = marked(units, matters["marks"], review["seed"])
        asks = asking(self.policies, units, asked.rules)
        strata, chosen = frozen(units, review["size"], review["seed"], asks)
        words = asks.words({item["app"] for item in chosen})
        if not words:
            raise UsageError(f"{', '.join(asked.rules)}: no such rule is in force there (see `plumbline policy show`)")
        whole = {**review, "strata": {"strata": told_strata(strata), **matters}, "policies": words}

        def write(txn: Transaction) -> Row:
            whole["id"] = _free(txn, opened_at)
            reviews.add(txn, whole, chosen)
            taken = {item["unit_id"] for item in chosen}
            reviews.grant(txn, whole["id"], [unit for unit in wishes if unit in taken])
            return {
                "id": whole["id"],
                "n_items": len(chosen),
                "seed": whole["seed"],
                "due_at": whole["due_at"].isoformat(),
            }

        told: Row = self.commands.carry_out(call, asked, write)
        return told

    def assign(self, call: Call, asked: AssignReview) -> Row:
        """Share the items of an open review out. Raises `NotFound`, `UsageError`."""

        def write(txn: Transaction) -> Row:
            self.opened(txn, asked.id)
            for name in asked.people:
                if name != token_owner().name and people.named(txn, name) is None:
                    raise UsageError(f"{name}: there is nobody of this name (see `plumbline people list`)")
            whose = shared(reviews.items(txn, asked.id), asked.people)
            reviews.assign(txn, asked.id, whose)
            counts = {name: sum(name in names for _, names in whose) for name in asked.people}
            return {"id": asked.id, "items": counts}

        told: Row = self.commands.carry_out(call, asked, write)
        return told

    def close(self, call: Call, asked: CloseReview) -> Row:
        """End a review. Raises `NotFound`, `UsageError` where it has ended."""
        with self.commands.record.state.transaction() as txn:
            self.opened(txn, asked.id)
        followed = self.results(asked.id)

        def write(txn: Transaction) -> Row:
            self.opened(txn, asked.id)
            now = self.commands.record.clock.now()
            left = left_over(reviews.items(txn, asked.id), labels.in_review(txn, asked.id))
            reviews.close(txn, asked.id, call.actor.name, now, followed)
            reviews.wish(txn, left, call.actor.name, f"left over from review {asked.id}", now)
            return {"id": asked.id, **followed}

        told: Row = self.commands.carry_out(call, asked, write)
        return told

    def sign(self, call: Call, asked: SignReview) -> Row:
        """Sign a review off. Raises `NotFound`, `UsageError` while it is open."""
        now = self.commands.record.clock.now()

        def write(txn: Transaction) -> Row:
            if self.named(txn, asked.id)["closed_at"] is None:
                raise UsageError(f"review {asked.id} is open (close it first: plumbline review close {asked.id})")
            reviews.sign(txn, asked.id, call.actor.name, asked.minutes.strip(), now)
            return {"id": asked.id, "signed_by": call.actor.name}

        told: Row = self.commands.carry_out(call, asked, write)
        return told

    def results(self, review_id: str) -> Row:
        """Return what follows from a review; of one that has ended, what did when it ended. Raises `NotFound`."""
        with self.commands.record.state.transaction() as txn:
            review = self.named(txn, review_id)
        if review["results"] is not None:
            return dict(review["results"])
        outcome = self.outcome(review)
        own = outcome.errors
        return {"review_id": review_id, "own_errors": own and asdict(own), "rules": outcome.rules()}

    def outcome(self, review: Row, units: pl.DataFrame | None = None) -> Outcome:
        """Return what a review is held against so far; `units` are its answers, where they have been read."""
        with self.commands.record.state.transaction() as txn:
            kept, said = reviews.items(txn, review["id"]), labels.in_review(txn, review["id"])
            own = errors_until(txn, review["opened_at"], review["start"], review["made_at"])
            earlier = lessons(txn, review["opened_at"])
        words = [rule for one in review["policies"].values() for rule in one["rules"].items()]
        limits = {rule.id: rule.text.thresholds.warn_rate for policy in self.policies for rule in policy.rules}
        units = self.units_of(review, (), set()) if units is None else units
        return Outcome(
            kept,
            Words.of(said),
            units,
            own,
            {rule: told["title"] for rule, told in words},
            {rule: limit for rule, limit in limits.items() if limit is not None},
            Teacher(self.store, units, review["seed"], earlier).guesses,
            frozenset(rule for rule, told in words if told.get("unit") == "session"),
        )

    def whole(self, review: Row) -> pl.DataFrame:
        """Return the answers that a review was drawn from, those of other weeks that are wanted or gold among them."""
        with self.commands.record.state.transaction() as txn:
            wishes = reviews.wishes(txn, review["id"])
            gold = {unit for unit, _ in labels.adjudicated(txn, review["start"], review["made_at"])}
        return self.units_of(review, wishes, gold)

    def units_of(self, review: Row, wishes: Sequence[str], gold: set[str]) -> pl.DataFrame:
        """Return the answers of a review as they were when it was opened."""
        return self._units(review, review["strata"], wishes, gold)

    def opened(self, txn: Transaction, review_id: str) -> Row:
        """Return one review that is open. Raises `NotFound`, and `UsageError` where it has ended."""
        review = self.named(txn, review_id)
        if review["closed_at"] is not None:
            raise UsageError(f"review {review_id} was closed on {review['closed_at']:%Y-%m-%d %H:%M} UTC")
        return review

    @property
    def window(self) -> timedelta:
        """The stretch of traffic that a review is about."""
        return parse_duration(self.settings.review.window)

    def _demand(self, actor: Actor, asked: OpenReview) -> None:
        if actor.apps is not None and asked.app not in actor.apps:
            seen = ", ".join(sorted(actor.apps)) or "no application"
            raise UsageError(f"{actor.name} sees texts of {seen} only: open a review of one of those (--app)")

    def _review(self, asked: OpenReview, opened_at: datetime, now: datetime, person: str) -> Row:
        return {
            "app": asked.app,
            "opened_at": opened_at,
            "start": opened_at - self.window,
            "made_at": now,
            "opened_by": person,
            "upto": newest_turn(self.store),
            "seed": seed_of(self.settings.sampling.seed, asked.app, opened_at),
            "size": asked.size or self.settings.review.size,
            "due_at": now + parse_duration(self.settings.review.due),
        }

    def _units(self, review: Row, matters: Row, wishes: Sequence[str], gold: set[str]) -> pl.DataFrame:
        stretch = Stretch(
            naive_utc(review["start"]),
            naive_utc(review["opened_at"]),
            review["upto"],
            naive_utc(review["made_at"]),
            review["app"],
        )
        found = review_units(self.store, stretch, matters["severe"], matters["helpful"], wishes, gold)
        found = found.with_columns(pl.col("time").dt.replace_time_zone("UTC"))
        return marked(found, matters.get("marks", {}), review["seed"])


def _free(txn: Transaction, opened_at: datetime) -> str:
    """The day it was opened, and a number where there are several."""
    day, number = f"{opened_at:%Y-%m-%d}", 1
    while reviews.named(txn, name := day if number == 1 else f"{day}-{number}") is not None:
        number += 1
    return name


def _days(stretch: timedelta) -> str:
    return f"{stretch.days} days" if stretch.days >= 2 else f"{stretch}"


def lessons(txn: Transaction, until: datetime) -> dict[str, Verdicts]:
    """Return what people said in the months before `until` and after, by rule: unit -> whether it violates."""
    told: dict[str, dict[str, bool]] = {}
    for unit, rule, verdict in labels.lessons(txn, until - LOOK_BACK, LESSONS):
        told.setdefault(rule, {}).setdefault(unit, verdict == "violates")
    return dict(told)
