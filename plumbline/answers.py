"""The answers of the agent, one a question of `plumbline.api.questions`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monitor.config.durations import parse_duration
from monitor.errors import NotFound
from plumbline.agent import Agent
from plumbline.api import people_questions, questions
from plumbline.api.agent_protocol import TableAnswer
from plumbline.api.call import Call
from plumbline.api.question import Question, name_of

Answer = Callable[[Agent, Any, Call], Any]


def sql(agent: Agent, asked: questions.Sql, _: Call) -> TableAnswer:
    """Ask for one row more than is wanted: it tells whether that was all."""
    told = agent.sql(asked.sql, asked.max_rows + 1)
    more = told.table.num_rows > asked.max_rows
    return TableAnswer(told.table.slice(0, asked.max_rows), truncated=more, as_of=told.as_of)


def replay(agent: Agent, asked: questions.Replay, call: Call) -> dict[str, Any]:
    """Run the cycle over stored history."""
    return agent.replay(asked.start, asked.end, parse_duration(asked.step), asked.notify, call.progress)


ANSWERS: Final[Mapping[type[Question[Any]], Answer]] = {
    questions.Status: lambda agent, _, __: agent.status(),
    questions.Check: lambda agent, _, __: agent.check(),
    questions.Sql: sql,
    questions.Page: lambda agent, asked, _: TableAnswer(agent.page(asked.name, asked.parameters)),
    questions.Sources: lambda agent, asked, _: agent.sources(asked.parameters),
    questions.Settle: lambda agent, _, __: agent.settle(),
    questions.Explain: lambda agent, asked, _: agent.explain(asked.id),
    questions.Report: lambda agent, asked, _: agent.report(asked.id),
    questions.Replay: replay,
    questions.Erase: lambda agent, asked, _: agent.erase(asked.kind, asked.id),
    people_questions.People: lambda agent, _, __: agent.register().people(),
    people_questions.AddPerson: lambda agent, asked, _: agent.register().add(asked.name, asked.role),
    people_questions.RevokePerson: lambda agent, asked, _: agent.register().revoke(asked.name),
    people_questions.Audit: lambda agent, _, __: TableAnswer(agent.register().audit_table()),
    people_questions.VerifyAudit: lambda agent, _, __: agent.register().verify(),
    questions.Backup: lambda agent, asked, call: {"backup": str(agent.backup(Path(asked.folder), call.progress))},
    questions.Questions: lambda _, __, ___: questions.declared(),
}


@dataclass(frozen=True)
class Answers:
    """The agent as the api and the sessions see it: questions in, answers out."""

    agent: Agent

    def answer(self, question: Question[Any], call: Call) -> Any:
        """Return the answer to `question`. Raises `NotFound` where nobody answers it."""
        answering = ANSWERS.get(type(question))
        if answering is None:
            raise NotFound(name_of(type(question)))
        call.actor.demand(question.scope)
        if question.scope == "read" or question.method == "GET":
            return answering(self.agent, question, call)
        with self.agent.register().on_record(call.actor, question):
            return answering(self.agent, question, call)

    def close(self) -> None:
        """Let go of the data directory."""
        self.agent.close()
