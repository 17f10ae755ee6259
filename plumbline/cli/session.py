"""One way to ask, wherever the store is: through the api of a running agent, or in this process when none runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from monitor.errors import UsageError
from monitor.places import Places, read_run
from plumbline.api.bearer import read_token
from plumbline.api.call import Actor, Call, Progress, silent, token_owner
from plumbline.api.question import Question
from plumbline.cli.deferred import deferred, keep_out
from plumbline.cli.settings import Resolved

if TYPE_CHECKING:
    from plumbline import answers, opening
    from plumbline.api import agent_protocol, client, rows
else:
    answers, opening = deferred("plumbline.answers"), deferred("plumbline.opening")
    agent_protocol, client, rows = (deferred(f"plumbline.api.{name}") for name in ("agent_protocol", "client", "rows"))

A = TypeVar("A")
KEY: Final = "PLUMBLINE_KEY"
"""The variable that holds the key of whoever uses this command line."""


class Session(Protocol):
    """Whoever answers commands; answers are plain values."""

    def ask(self, question: Question[A], progress: Progress = silent) -> A:
        """Return the answer to `question`. Raises `UsageError`, `NotFound`."""


@contextlib.contextmanager
def session(resolved: Resolved, *, create: bool = False, by: str | None = None) -> Iterator[Session]:
    """Hold a session with the owner of the data directory of `resolved`.

    With `create` an absent directory is made and a damaged store begun anew; without, both are errors, and nothing moves.
    `by` is the person for whom an admin acts. Raises `StoreInUse` while another process holds a store at rest, `Unreachable`
    when an agent is there but does not answer, `UsageError` for a person that is not known.
    """
    places = resolved.places
    running = read_run(places, "agent")
    if running is not None:
        yield connect(running.url, places, by)
        return
    if not create and not places.has_data():
        raise UsageError(f"{places.root} holds no data yet (start `plumbline up`, or `plumbline import FILE`)")
    keep_out("pandas")
    opened = opening.open_agent(resolved.settings, places.root, repair=create)
    try:
        actor = token_owner() if by is None else opened.access.register.acting(token_owner(), by)
        yield AtRest(answers.Answers(opened), actor)
    finally:
        opened.close()


def connect(url: str, places: Places, by: str | None = None) -> Session:
    """Return the session with the agent that answers at `url`: under the key of a person where one is given, else the owner's."""
    return client.ApiClient(url, os.environ.get(KEY) or read_token(places.token), by)


@dataclass(frozen=True)
class AtRest:
    """A session in this process; what the agent answers becomes plain values, as it would on its way over HTTP."""

    core: agent_protocol.AgentCore
    actor: Actor = field(default_factory=token_owner)

    def ask(self, question: Question[A], progress: Progress = silent) -> A:
        """Return the answer to `question`."""
        question.check()
        answer: Any = self.core.answer(question, Call(self.actor, progress))
        if question.shape == "table":
            answer = rows.rows_of(answer.table, truncated=answer.truncated, as_of=answer.as_of).as_dict()
        elif question.shape == "file":
            answer = answer.read_text(encoding="utf-8")
        told: A = rows.plain(answer)
        return told
