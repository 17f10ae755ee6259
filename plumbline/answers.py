"""The answers of the agent, one a question of `plumbline.api.questions`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from collectors.doors.keys import add_key, remove_key
from collectors.redaction.redact import redactor_for
from monitor import backfill
from monitor.clock import naive_utc
from monitor.config.durations import parse_duration
from monitor.datasets import Redacted
from monitor.errors import NotFound
from monitor.labels import read_labels
from monitor.policy.load import given_policy
from monitor.policy.telling import prompt_check, told
from monitor.privacy.keyed import install_key
from monitor.state import Transaction
from monitor.steps import House
from monitor.store.standing import system_prompts
from monitor.store.subjects import apps_of, kind_of
from plumbline import on_call, reviewing
from plumbline.agent import Agent
from plumbline.api import (
    change_questions,
    dataset_questions,
    erasure_questions,
    experiment_questions,
    finding_questions,
    grading_questions,
    hold_questions,
    incident_questions,
    label_questions,
    note_questions,
    policy_questions,
    questions,
)
from plumbline.api import people_questions as asked_of_people
from plumbline.api.agent_protocol import TableAnswer
from plumbline.api.call import Actor, Call
from plumbline.api.question import Question, name_of
from plumbline.experiments import experiment_plan
from plumbline.findings import FindingAnswers, drift_ledger, window_report
from plumbline.incidents import IncidentAnswers
from plumbline.judging import cards_of, rates_of
from plumbline.people.texts import Sight
from plumbline.policies import datasets, grading
from plumbline.policies.activation import Activation, Done
from plumbline.policies.previewing import preview

PROMPTS: Final = timedelta(days=30)
"""How far back the system prompts of applications are looked at."""

Answer = Callable[[Agent, Any, Call], Any]


def sql(agent: Agent, asked: questions.Sql, _: Call) -> TableAnswer:
    """Ask for one row more than is wanted: it tells whether that was all."""
    told = agent.sql(asked.sql, asked.max_rows + 1)
    more = told.table.num_rows > asked.max_rows
    return TableAnswer(told.table.slice(0, asked.max_rows), truncated=more, as_of=told.as_of)


def replay(agent: Agent, asked: questions.Replay, call: Call) -> dict[str, Any]:
    """Run the cycle over stored history."""
    return agent.replay(asked.start, asked.end, parse_duration(asked.step), asked.notify, call.progress)


def note(agent: Agent, asked: note_questions.AddNote, call: Call) -> dict[str, Any]:
    """Write a note on a finding or a trace that is stored."""
    kind = kind_of(agent.store, asked.id)
    return agent.access.notes.add(call, asked, kind, apps_of(agent.store, asked.id))


def ask_erasure(agent: Agent, asked: erasure_questions.AskErasure, call: Call) -> dict[str, Any]:
    """Ask that a trace that is stored be erased."""
    if kind_of(agent.store, asked.id) != "trace":
        raise NotFound(f"{asked.id} among the traces that are stored")
    return agent.access.erasures.ask(call, asked, asked.id, apps_of(agent.store, asked.id))


def grant_erasure(agent: Agent, asked: erasure_questions.GrantErasure, call: Call) -> dict[str, Any]:
    """Erase what a request asks for; it is looked at again when all else waits, so that who refused it meanwhile is heard."""
    return agent.access.erasures.grant(call, asked, partial(agent.erase, "trace"))


def refuse_erasure(agent: Agent, asked: erasure_questions.RefuseErasure, call: Call) -> dict[str, Any]:
    """Refuse a request; what is being erased is waited for, so that nobody is told of a trace that stays and is gone."""
    with agent.keeping:
        return agent.access.erasures.refuse(call, asked)


def hold(agent: Agent, asked: hold_questions.AddHold, call: Call) -> dict[str, Any]:
    """Keep evidence from here on: what is being erased or aged now is waited for."""
    with agent.keeping:
        return agent.access.holds.add(call, asked, agent.forms_of(asked.kind, asked.id))


def me(actor: Actor) -> dict[str, Any]:
    """Tell who asks."""
    apps = None if actor.apps is None else sorted(actor.apps)
    who = {"name": actor.name, "role": actor.role, "session": actor.session}
    return who | {"scopes": sorted(actor.scopes), "apps": apps}


def preview_policy(agent: Agent, asked: policy_questions.PreviewPolicy, call: Call) -> dict[str, Any]:
    """Hold an edited policy against stored traffic; who may see some apps only is told of those."""
    edited, last = given_policy(asked.name, asked.text, agent.clock)[1], parse_duration(asked.last)
    own = activation_of(agent).own(agent.policies)
    found = preview(agent.store, own, edited, last, asked.most, agent.clock, call.progress)
    seen = call.actor.apps
    return found | {"rules": [rule for rule in found["rules"] if seen is None or rule["app"] in seen]}


def prompts_checked(agent: Agent, _: policy_questions.PromptCheck, call: Call) -> list[dict[str, Any]]:
    """Look for the policies in the system prompts that traces show."""
    found = prompt_check(agent.policies, system_prompts(agent.store, naive_utc(agent.clock.now() - PROMPTS)))
    return [one for one in found if call.actor.apps is None or one["app"] in call.actor.apps]


def activation_of(agent: Agent) -> Activation:
    """Return who puts policies in force here."""
    folder = agent.settings.policies
    return Activation(agent.desk.state, None if folder is None else Path(folder), agent.clock)


def put_in_force(agent: Agent, asked: Any, call: Call) -> dict[str, str]:
    """Put a policy in force, or the version before again; the cycle that runs ends under the one before."""
    policies = activation_of(agent)
    put = policies.activate if isinstance(asked, policy_questions.ActivatePolicy) else policies.roll_back
    done: list[Done] = []

    def carried_out(txn: Transaction) -> dict[str, str]:
        done.append(put(txn, asked, call.actor.name))
        return done[0].told

    with agent.cycling:
        told_once: dict[str, str] = agent.access.commands.carry_out(call, asked, carried_out)
        agent.policies = done[0].policies if done else agent.policies
        for put_now in done:
            findings_of(agent).in_force(put_now.told, call.actor.name)
    return told_once


def redacted_for_export(agent: Agent) -> Redacted:
    """Return what redacts texts that leave, also in a house that stores them as they are."""
    collector = agent.settings.collector
    always = msgspec.structs.replace(collector, redaction=msgspec.structs.replace(collector.redaction, enabled=True))
    return redactor_for(always, install_key(agent.places.root)).text


def house_of(agent: Agent) -> House:
    """Return what graders of stored turns work with; nobody is told by it."""
    return House(agent.store, agent.settings, agent.policies, agent.clock, None, agent.health)


def grade_now(agent: Agent, asked: grading_questions.GradeNow, call: Call) -> dict[str, Any]:
    """Grade one turn because somebody wants to know."""
    with agent.cycling:
        done: dict[str, Any] = agent.access.commands.carry_out(
            call, asked, lambda _: backfill.grade_now(house_of(agent), asked.id)
        )
    return done


def findings_of(agent: Agent) -> FindingAnswers:
    """Return what is done to findings of `agent`."""
    return FindingAnswers(agent.store, agent.access.commands, agent.clock)


def incidents_of(agent: Agent) -> IncidentAnswers:
    """Return the book of incidents of `agent`."""
    return IncidentAnswers(agent.desk, agent.access.commands, lambda trace: agent.forms_of("trace", trace))


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
    policy_questions.Policies: lambda agent, _, __: told(agent.policies, agent.clock),
    policy_questions.PromptCheck: prompts_checked,
    policy_questions.PreviewPolicy: preview_policy,
    policy_questions.Versions: lambda agent, asked, _: activation_of(agent).versions(asked.policy),
    policy_questions.PolicyText: lambda agent, asked, _: activation_of(agent).text(asked.policy),
    policy_questions.ActivatePolicy: put_in_force,
    policy_questions.RollBackPolicy: put_in_force,
    dataset_questions.DatasetCases: lambda agent, asked, call: datasets.as_cases(
        agent.store, agent.policies, asked, call.actor, redacted_for_export(agent)
    ),
    dataset_questions.AsExample: lambda agent, asked, call: datasets.as_example(
        agent.store, activation_of(agent), asked, call.actor, agent.policies, redacted_for_export(agent)
    ),
    dataset_questions.AsCase: lambda agent, asked, call: datasets.as_case(
        agent.store, asked, call.actor, agent.policies, redacted_for_export(agent)
    ),
    finding_questions.DriftLedger: lambda agent, _, call: drift_ledger(
        agent.store, agent.settings.drift, agent.clock.now(), call.actor
    ),
    experiment_questions.ExperimentPlan: lambda agent, asked, call: experiment_plan(
        agent.store, agent.settings.experiments, asked, agent.clock.now(), call.actor, house_of(agent).titles
    ),
    change_questions.AddChange: lambda agent, asked, call: findings_of(agent).changed(asked, call),
    finding_questions.WindowReport: lambda agent, asked, call: window_report(
        agent.store, agent.places.root / "reports", asked, call.actor
    ),
    finding_questions.AcceptFinding: lambda agent, asked, call: findings_of(agent).accept(asked, call),
    finding_questions.ReopenFinding: lambda agent, asked, call: findings_of(agent).reopen(asked, call),
    grading_questions.WhyUngraded: lambda agent, asked, _: grading.why(house_of(agent), asked),
    grading_questions.Judges: lambda agent, _, __: agent.judges.told(),
    grading_questions.JudgeCards: lambda agent, _, call: cards_of(agent, call.actor),
    grading_questions.JudgedRates: lambda agent, _, call: rates_of(agent, call.actor),
    grading_questions.GradeNow: grade_now,
    grading_questions.Redraw: lambda agent, asked, _: grading.redraw(house_of(agent), asked),
    grading_questions.BackfillCost: lambda agent, asked, _: grading.cost(house_of(agent), asked),
    grading_questions.Backfill: lambda agent, asked, call: grading.fill(house_of(agent), asked, call, agent.cycling),
    questions.Erase: lambda agent, asked, _: agent.erase(asked.kind, asked.id),
    asked_of_people.People: lambda agent, _, __: agent.access.register.people(),
    asked_of_people.AddPerson: lambda agent, asked, _: agent.access.register.add(asked.name, asked.role, asked.apps),
    asked_of_people.RevokePerson: lambda agent, asked, _: agent.access.register.revoke(asked.name),
    asked_of_people.AddKey: lambda agent, asked, _: agent.access.register.add_key(asked.name, asked.scopes),
    asked_of_people.AddSenderKey: lambda agent, asked, _: add_key(agent.places.keys, asked.name, agent.clock.now()),
    asked_of_people.RemoveSenderKey: lambda agent, asked, _: remove_key(agent.places.keys, asked.name),
    asked_of_people.SignPersonOut: lambda agent, asked, _: agent.access.register.sign_out(asked.name),
    asked_of_people.SetPassword: lambda agent, asked, _: agent.access.sign_in.set_password(asked.name, asked.password),
    asked_of_people.SignInWays: lambda agent, _, __: agent.access.sign_in.ways(),
    asked_of_people.SignInByPassword: lambda agent, asked, _: agent.access.sign_in.by_password(
        asked.name, asked.password
    ),
    asked_of_people.BeginSignIn: lambda agent, _, __: agent.access.sign_in.begin(),
    asked_of_people.FinishSignIn: lambda agent, asked, _: agent.access.sign_in.finish(asked.state, asked.code),
    asked_of_people.Me: lambda _, __, call: me(call.actor),
    asked_of_people.SignOut: lambda agent, _, call: agent.access.sign_out(call.actor),
    asked_of_people.Audit: lambda agent, _, __: TableAnswer(agent.access.record.table()),
    asked_of_people.VerifyAudit: lambda agent, _, __: agent.access.record.verify(),
    label_questions.AddLabels: lambda agent, asked, call: agent.labels().take(
        call.actor.name, read_labels(asked.labels), call.actor.apps
    ),
    **reviewing.ANSWERS,
    incident_questions.Incidents: lambda agent, _, __: incidents_of(agent).listed(),
    incident_questions.Incident: lambda agent, asked, _: incidents_of(agent).shown(asked.number),
    incident_questions.ExportIncident: lambda agent, asked, _: incidents_of(agent).exported(asked.number),
    incident_questions.OpenIncident: lambda agent, asked, call: incidents_of(agent).open(call, asked),
    incident_questions.NoteIncident: lambda agent, asked, call: incidents_of(agent).note(call, asked),
    incident_questions.CloseIncident: lambda agent, asked, call: incidents_of(agent).close(call, asked),
    hold_questions.Holds: lambda agent, _, __: agent.access.holds.listed(),
    hold_questions.AddHold: hold,
    hold_questions.ReleaseHold: lambda agent, asked, call: agent.access.holds.release(call, asked),
    erasure_questions.ErasureRequests: lambda agent, _, call: agent.access.erasures.listed(call.actor),
    erasure_questions.AskErasure: ask_erasure,
    erasure_questions.GrantErasure: grant_erasure,
    erasure_questions.RefuseErasure: refuse_erasure,
    note_questions.Notes: lambda agent, asked, _: agent.access.notes.on(asked.id),
    note_questions.AddNote: note,
    note_questions.RemoveNote: lambda agent, asked, call: agent.access.notes.remove(call, asked),
    **on_call.ANSWERS,
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
        sight = Sight(call.actor, lambda subject: apps_of(self.agent.store, subject))
        sight.demand(question)
        answer = self._answered(answering, question, call)
        if isinstance(answer, TableAnswer):
            return replace(answer, table=sight.veiled(question, answer.table))
        return answer

    def _answered(self, answering: Answer, question: Question[Any], call: Call) -> Any:
        if question.quiet or question.scope == "read" or question.method == "GET":
            return answering(self.agent, question, call)
        return self.agent.access.record.of(call.actor, question, lambda: answering(self.agent, question, call))

    def close(self) -> None:
        """Let go of the data directory."""
        self.agent.close()
