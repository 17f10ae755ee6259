"""The reviews of an agent: the answers to what is asked of them, and what the timetable does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from alerts.acts import the_alert
from monitor.clock import naive_utc
from monitor.errors import NotFound, UsageError
from monitor.state import Transaction, labels, reviews
from monitor.store import verdicts
from monitor.store.subjects import examples_of, kind_of
from plumbline.agent import Agent
from plumbline.api import review_questions, seat_questions
from plumbline.api.call import Actor, Call
from plumbline.api.question import Question
from plumbline.people.register import scopes_of
from plumbline.reviews import tables
from plumbline.reviews.desk import ReviewDesk
from plumbline.reviews.extending import Extension
from plumbline.reviews.seat import Seats
from plumbline.reviews.timetable import missing, waits


def desk_of(agent: Agent) -> ReviewDesk:
    """Return the reviews of an agent, under the policies that are in force now."""
    return ReviewDesk(agent.access.commands, agent.store, agent.policies, agent.settings)


def extension_of(agent: Agent) -> Extension:
    """Return how reviews of an agent grow."""
    return Extension(desk_of(agent))


def seats_of(agent: Agent) -> Seats:
    """Return where people sit down to review."""
    return Seats(desk_of(agent), agent.labels())


def want(agent: Agent, asked: review_questions.WantItems, call: Call) -> dict[str, Any]:
    """Put the answers that a trace, a finding or an alert is about into the next review. Raises `NotFound`."""
    units = _units(agent, asked.id)
    seen = call.actor.apps
    there = agent.labels().units(units, seen)
    if not there:
        raise NotFound(f"{asked.id} among the traces, findings and alerts with answers that are stored")
    now = agent.clock.now()

    def write(txn: Transaction) -> dict[str, Any]:
        return {"new": reviews.wish(txn, sorted(there), call.actor.name, asked.reason.strip(), now), "of": len(there)}

    told: dict[str, Any] = agent.access.commands.carry_out(call, asked, write)
    return told


def close(agent: Agent, asked: review_questions.CloseReview, call: Call) -> dict[str, Any]:
    """End a review; the rates that its labels correct are made anew, since it tells how often people err. Raises as `ReviewDesk.close`."""
    told = desk_of(agent).close(call, asked)
    with agent.desk.state.transaction() as txn:
        days = {
            naive_utc(row["time"]).replace(minute=0, second=0, microsecond=0) for row in labels.in_review(txn, asked.id)
        }
    with agent.store.transaction() as changing:
        verdicts.ask_again(changing, sorted(days))
    return told


def _units(agent: Agent, subject: str) -> list[str]:
    kind = kind_of(agent.store, subject)
    if kind == "trace":
        return [subject]
    if kind == "finding":
        return examples_of(agent.store, subject)
    with agent.desk.state.transaction() as txn:
        signal = the_alert(txn, subject).memory.signal
    return list(signal.examples) if signal else []


def keep_reviews(agent: Agent) -> None:
    """End the reviews that are due, open the one of this week once somebody may review, and say which wait for people."""
    desk, now, call = desk_of(agent), agent.clock.now(), Call(Actor("schedule"))
    for row in desk.listed():
        if row["closed_at"] is None and row["due_at"] <= now:
            close(agent, review_questions.CloseReview(row["id"]), call)
    if _reviewers(agent):
        for at, app in missing(agent.settings.review, desk.listed(), now):
            with suppress(UsageError):  # nothing was answered that week
                desk.open(call, review_questions.OpenReview(app, at=at))
    waiting = [
        row for row in desk.listed() if row["closed_at"] is None and row["n_done"] + row["erased"] < row["n_items"]
    ]
    agent.desk.tell_waiting({row["id"]: waits(row) for row in waiting}, now)


def read_ahead(agent: Agent) -> None:
    """Read the labels and the items of reviews as SQL sees them, so that nobody who asks waits for years of them."""
    agent.labels().read_ahead()
    tables.read_ahead(agent.desk.state)


def _reviewers(agent: Agent) -> bool:
    return any(
        "review" in scopes_of(row["role"]) for row in agent.access.register.people() if row["revoked_at"] is None
    )


ANSWERS: Final[Mapping[type[Question[Any]], Callable[[Agent, Any, Call], Any]]] = {
    review_questions.Reviews: lambda agent, _, __: desk_of(agent).listed(),
    review_questions.Review: lambda agent, asked, _: desk_of(agent).shown(asked.id),
    review_questions.RedrawReview: lambda agent, asked, _: desk_of(agent).redrawn(asked.id),
    review_questions.ReviewResults: lambda agent, asked, _: desk_of(agent).results(asked.id),
    review_questions.OpenReview: lambda agent, asked, call: desk_of(agent).open(call, asked),
    review_questions.AssignReview: lambda agent, asked, call: desk_of(agent).assign(call, asked),
    review_questions.MoreItems: lambda agent, asked, call: extension_of(agent).more(call, asked),
    review_questions.CloseReview: close,
    review_questions.WantItems: want,
    review_questions.SignReview: lambda agent, asked, call: desk_of(agent).sign(call, asked),
    seat_questions.TakeItems: lambda agent, asked, call: seats_of(agent).take(call, asked),
    seat_questions.SkipItem: lambda agent, asked, call: seats_of(agent).skip(call, asked),
    seat_questions.SaveDraft: lambda agent, asked, call: seats_of(agent).draft(call, asked),
    seat_questions.CommitItem: lambda agent, asked, call: seats_of(agent).commit(call, asked),
    seat_questions.UndoItem: lambda agent, asked, call: seats_of(agent).undo(call, asked),
    seat_questions.Disputes: lambda agent, asked, call: seats_of(agent).disputes(call, asked.id),
    seat_questions.DecideItem: lambda agent, asked, call: seats_of(agent).decide(call, asked),
}
"""The part of the answers of the agent that is about reviews."""
