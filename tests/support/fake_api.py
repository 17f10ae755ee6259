"""The agent of the dashboard's tests: the real api and the real named reads, over a generated store.

What it can be asked, and how, follows from the declarations of the product; its status has only what the product's has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from monitor.clock import SystemClock
from monitor.config.schema import DriftSettings
from monitor.diagnosis.gather import sources
from monitor.drift.ledger import ledger
from monitor.errors import NotFound, UsageError
from monitor.policy import policies_in_force
from monitor.policy.telling import told
from plumbline.api import (
    alert_questions,
    erasure_questions,
    experiment_questions,
    finding_questions,
    grading_questions,
    hold_questions,
    incident_questions,
    note_questions,
    people_questions,
    policy_questions,
    questions,
    review_questions,
)
from plumbline.api.agent_protocol import TableAnswer
from plumbline.api.call import Call
from plumbline.api.question import Question
from tests.support import serving as real
from tests.support.generated_store import GeneratedStore

TOKEN = "token-of-the-fake-api"
PROMPTS = [
    {"policy": "starter", "version": "1.0.0", "app": "shop", "missing": ["PRIV-01"], "since": None, "last_seen": None}
]
VERSIONS = [
    {
        "version": "1.0.0",
        "hash": "a" * 64,
        "status": "active",
        "at": "2026-11-01T09:00:00",
        "actor": "olga",
        "approved_by": "legal",
        "act": "activated",
    }
]
FILE = {"policy": "starter", "file": "starter.yaml", "version": "1.0.0", "text": "apiVersion: policy/v1\n"}
PREVIEWED = {
    "turns": 2000,
    "of": 9000,
    "rules": [
        {
            "rule_id": "ROB-02",
            "app": "shop",
            "title": "Never answer with *nothing*",
            "n_before": 2000,
            "n_after": 2000,
            "newly_flagged": ["0" * 31 + "1"],
            "no_longer_flagged": [],
            "rate_before": 0.0,
            "rate_after": 0.0005,
            "interval_before": [0.0, 0.002],
            "interval_after": [0.0001, 0.003],
            "level_before": "within",
            "level_after": "case",
        }
    ],
}
WHY = {
    "draws": ["picked by the plan poisson:1: its number 0.250000 is below the rate 1 of shop"],
    "rules": [{"rule_id": "HARM-01", "title": "Never help with *self-harm*", "why": "it waits for a judge"}],
}
INCIDENT = {
    "number": 1,
    "title": "30 % of answers of shop break *kindness*",
    "status": "open",
    "severity": "error",
    "weighed": {"harm": 2, "reach": 3, "reversibility": 2},
    "playbook": "violation",
    "owner": "mira",
    "opened_at": "2026-11-01T09:00:00+00:00",
    "opened_by": "mira",
    "closed_at": None,
    "closed_by": None,
    "review": None,
    "n_users": 84,
    "n_turns": 93,
    "alerts": [
        {
            "fingerprint": "a1b2c3d4e5f60001",
            "title": "30 % of answers break *kindness*",
            "affected": "84 users got such an answer",
            "change": "",
            "cause": "",
            "examples": ["0" * 32],
        }
    ],
    "timeline": [{"at": "2026-11-01T09:00:00+00:00", "who": "mira", "what": "opened by mira <b>x</b>"}],
    "playbook_text": "# What to do",
}
REPORT = "<html><body><h1>side by side</h1></body></html>"


@dataclass
class FakeAgent:
    """What is served; tests may change it while it runs. `asked` holds the questions that came, oldest first."""

    store: GeneratedStore
    folder: Path
    status: dict[str, Any] = field(default_factory=lambda: {"collector": "127.0.0.1:4318", "baseline_first": 250})
    explain: list[str] = field(default_factory=lambda: ["value 0.121 above 0.02", "fired after 1 evaluation"])
    asked: list[Question[Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    scopes: list[str] = field(default_factory=lambda: ["read", "review", "operate", "admin"])
    refusal: str = ""
    holds: list[dict[str, Any]] = field(default_factory=list)
    judges: list[dict[str, Any]] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    four_weeks: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, question: Question[Any], call: Call) -> Any:
        """Answer as the product would, or as the test says."""
        self.asked.append(question)
        self.keys.append(call.key)
        return ANSWERS[type(question)](self, question)

    def close(self) -> None:
        """Nothing is held."""

    def note(self, asked: note_questions.AddNote) -> dict[str, Any]:
        """Keep a note, or refuse it as the test says."""
        if self.refusal:
            raise UsageError(self.refusal)
        note = {"id": len(self.notes) + 1, "author": "anna", "at": "2026-03-01T12:00:00Z", "text": asked.text}
        self.notes.append(note | {"subject": asked.id})
        return note

    def grade(self, asked: grading_questions.GradeNow) -> dict[str, Any]:
        """Grade a turn, or refuse it as the test says."""
        if self.refusal:
            raise UsageError(self.refusal)
        return {"trace": asked.id, "graded": 1, "violates": []}

    def erased(self, asked: erasure_questions.GrantErasure | erasure_questions.RefuseErasure) -> dict[str, Any]:
        """End a request to erase, or refuse to, as the test says."""
        if self.refusal:
            raise UsageError(self.refusal)
        self.requests = [row for row in self.requests if row["number"] != asked.number]
        return {"number": asked.number, "removed": {"spans": 3}}

    def put(self) -> dict[str, Any]:
        """Put a policy in force, or refuse it as the test says."""
        if self.refusal:
            raise UsageError(self.refusal)
        return {"policy": "starter", "version": "1.0.0", "status": "active", "hash": "a", "file": "starter.yaml"}

    def said_of(self, asked: finding_questions.AcceptFinding) -> dict[str, Any]:
        """Take what a person says of a finding, or refuse it as the test says."""
        if self.refusal:
            raise UsageError(self.refusal)
        return {"id": asked.id, "state": "accepted"}

    def act(self, asked: Any) -> dict[str, Any]:
        """Take an act on an alert, or refuse it as the test says."""
        if self.refusal:
            raise UsageError(self.refusal)
        return {"fingerprint": asked.fingerprint, "title": "", "done": ""}

    def report(self, finding: str) -> Path:
        """Return a report that says nothing; of the finding `missing` there is none."""
        if finding == "missing":
            raise NotFound(finding)
        path = self.folder / "report.html"
        path.write_text(REPORT)
        return path


ANSWERS: Final[Mapping[type[Question[Any]], Callable[[FakeAgent, Any], Any]]] = {
    questions.Status: lambda agent, _: agent.status,
    questions.Page: lambda agent, asked: TableAnswer(agent.store.page(asked.name, asked.parameters)),
    questions.Sources: lambda agent, asked: sources(
        agent.store.store, asked.parameters, agent.store.now.replace(tzinfo=UTC)
    ),
    policy_questions.Policies: lambda *_: told(policies_in_force(None), SystemClock()),
    policy_questions.PromptCheck: lambda *_: PROMPTS,
    policy_questions.Versions: lambda *_: VERSIONS,
    policy_questions.PolicyText: lambda *_: FILE,
    policy_questions.PreviewPolicy: lambda *_: PREVIEWED,
    **dict.fromkeys((policy_questions.ActivatePolicy, policy_questions.RollBackPolicy), lambda agent, _: agent.put()),
    grading_questions.WhyUngraded: lambda *_: WHY,
    grading_questions.Judges: lambda agent, _: agent.judges,
    grading_questions.JudgeCards: lambda agent, _: agent.cards,
    grading_questions.JudgedRates: lambda agent, _: agent.four_weeks,
    grading_questions.GradeNow: lambda agent, asked: agent.grade(asked),
    questions.Explain: lambda agent, _: agent.explain,
    questions.Report: lambda agent, asked: agent.report(asked.id),
    people_questions.Me: lambda agent, _: {"name": "anna", "role": "reviewer", "scopes": agent.scopes, "apps": None},
    note_questions.Notes: lambda agent, asked: [note for note in agent.notes if note["subject"] == asked.id],
    review_questions.Reviews: lambda *_: [],
    review_questions.WantItems: lambda *_: {"new": 1, "of": 1},
    hold_questions.Holds: lambda agent, _: agent.holds,
    erasure_questions.ErasureRequests: lambda agent, _: agent.requests,
    erasure_questions.AskErasure: lambda *_: {"number": 1, "new": True},
    **dict.fromkeys((erasure_questions.GrantErasure, erasure_questions.RefuseErasure), FakeAgent.erased),
    finding_questions.DriftLedger: lambda _, __: ledger({}, DriftSettings(), 0, datetime.now(UTC)),
    experiment_questions.ExperimentPlan: lambda _, asked: {
        "sentence": f"About 12 days for {100 * asked.smallest:g} points"
    },
    note_questions.AddNote: lambda agent, asked: agent.note(asked),
    finding_questions.WindowReport: lambda agent, _: agent.report("windows"),
    **dict.fromkeys(
        (finding_questions.AcceptFinding, finding_questions.ReopenFinding), lambda agent, asked: agent.said_of(asked)
    ),
    **dict.fromkeys(
        (
            alert_questions.AckAlert,
            alert_questions.AssignAlert,
            alert_questions.CommentAlert,
            alert_questions.SnoozeAlert,
            alert_questions.SilenceAlert,
            alert_questions.UnsilenceAlert,
            alert_questions.CloseAlert,
            incident_questions.OpenIncident,
        ),
        FakeAgent.act,
    ),
    alert_questions.WouldSilence: lambda *_: [{"title": "30 % of answers break *kindness*"}],
    alert_questions.SilenceAlerts: lambda *_: {"holds": 1, "done": "silent"},
    incident_questions.Incidents: lambda *_: [INCIDENT],
    incident_questions.Incident: lambda *_: INCIDENT,
    incident_questions.ExportIncident: lambda *_: {"incident-1.json": "{}", "SHA256SUMS": ""},
    **dict.fromkeys(
        (incident_questions.NoteIncident, incident_questions.CloseIncident), lambda *_: {"number": 1, "done": "done"}
    ),
    questions.Questions: lambda _, __: questions.declared(),
}


@contextmanager
def serving(agent: FakeAgent) -> Iterator[str]:
    """Serve `agent` on a free port of loopback; yields the base URL."""
    with real.serving(agent, TOKEN) as url:
        yield url
