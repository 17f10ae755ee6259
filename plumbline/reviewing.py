"""The reviews of an agent: the answers to what is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from plumbline.agent import Agent
from plumbline.api import review_questions, seat_questions
from plumbline.api.call import Call
from plumbline.api.question import Question
from plumbline.reviews.desk import ReviewDesk
from plumbline.reviews.seat import Seats


def desk_of(agent: Agent) -> ReviewDesk:
    """Return the reviews of an agent, under the policies that are in force now."""
    return ReviewDesk(agent.access.commands, agent.store, agent.policies, agent.settings)


def seats_of(agent: Agent) -> Seats:
    """Return where people sit down to review."""
    return Seats(desk_of(agent), agent.labels())


ANSWERS: Final[Mapping[type[Question[Any]], Callable[[Agent, Any, Call], Any]]] = {
    review_questions.Reviews: lambda agent, _, __: desk_of(agent).listed(),
    review_questions.Review: lambda agent, asked, _: desk_of(agent).shown(asked.id),
    review_questions.RedrawReview: lambda agent, asked, _: desk_of(agent).redrawn(asked.id),
    review_questions.ReviewResults: lambda agent, asked, _: desk_of(agent).results(asked.id),
    review_questions.OpenReview: lambda agent, asked, call: desk_of(agent).open(call, asked),
    review_questions.AssignReview: lambda agent, asked, call: desk_of(agent).assign(call, asked),
    review_questions.CloseReview: lambda agent, asked, call: desk_of(agent).close(call, asked),
    seat_questions.TakeItems: lambda agent, asked, call: seats_of(agent).take(call, asked),
    seat_questions.SkipItem: lambda agent, asked, call: seats_of(agent).skip(call, asked),
    seat_questions.SaveDraft: lambda agent, asked, call: seats_of(agent).draft(call, asked),
    seat_questions.CommitItem: lambda agent, asked, call: seats_of(agent).commit(call, asked),
    seat_questions.UndoItem: lambda agent, asked, call: seats_of(agent).undo(call, asked),
    seat_questions.Disputes: lambda agent, asked, call: seats_of(agent).disputes(call, asked.id),
    seat_questions.DecideItem: lambda agent, asked, call: seats_of(agent).decide(call, asked),
}
"""The part of the answers of the agent that is about reviews."""
