"""What the agent answers about findings as people ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.clock import Clock, naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import DriftSettings
from monitor.drift.evidently_report import render_windows
from monitor.drift.ledger import ledger
from monitor.errors import Forbidden, NotFound, UsageError
from monitor.state import Transaction
from monitor.store import outcomes, reads
from monitor.store.opening import Store
from monitor.store.report_rows import Stretch
from monitor.wording import plain_line
from plumbline.api.call import Actor, Call
from plumbline.api.change_questions import AddChange
from plumbline.api.finding_questions import AcceptFinding, ReopenFinding, WindowReport
from plumbline.people.commands import Commands


def drift_ledger(store: Store, settings: DriftSettings, now: datetime, actor: Actor) -> dict[str, Any]:
    """Return the ledger of the false-alarm budget; who may see some apps only is told of their streams."""
    since = naive_utc(now - parse_duration(settings.budget.per))
    raised = reads.recent_findings(store, since)
    told = ledger(outcomes.tracker_states(store), settings, raised.filter(raised["origin"] == "live").height, now)
    if actor.apps is None:
        return told
    streams = [line for line in told["streams"] if line["app"] in actor.apps]
    unwatched = [row for row in told["not_watched"] if row.get("app") is None or row["app"] in actor.apps]
    return told | {"streams": streams, "not_watched": unwatched}


def window_report(store: Store, folder: Path, asked: WindowReport, actor: Actor) -> Path:
    """Return the report of two windows. Raises `Forbidden` where the actor may not see the app, `PluginError`."""
    if actor.apps is not None and asked.app not in actor.apps:
        raise Forbidden("name one of your own applications (--app)")
    reference = Stretch(asked.against_start, asked.against_end, asked.app, asked.segment)
    return render_windows(store, reference, Stretch(asked.start, asked.end, asked.app, asked.segment), folder)


@dataclass(frozen=True)
class FindingAnswers:
    """What people say of findings; each act is one transaction with its line of the audit."""

    store: Store
    commands: Commands
    clock: Clock

    def accept(self, asked: AcceptFinding, call: Call) -> dict[str, Any]:
        """Call an open change the new normal. Raises `NotFound`, `UsageError`."""
        return self._move(asked, call, "open", "accepted")

    def reopen(self, asked: ReopenFinding, call: Call) -> dict[str, Any]:
        """Take an acceptance back. Raises `NotFound`, `UsageError`."""
        return self._move(asked, call, "accepted", "open")

    def changed(self, asked: AddChange, call: Call) -> dict[str, Any]:
        """Keep that something was changed."""

        def carried_out(_: Transaction) -> dict[str, Any]:
            now = self.clock.now()
            at = asked.time or now
            row = {"kind": asked.kind, "app": asked.app, "what": plain_line(asked.what), "told_by": call.actor.name}
            with self.store.transaction() as txn:
                outcomes.add_change(txn, row, at, now)
            return {**row, "time": at.isoformat()}

        told: dict[str, Any] = self.commands.carry_out(call, asked, carried_out)
        return told

    def in_force(self, told: Mapping[str, str], by: str) -> None:
        """Keep that a policy was put in force: what rules say may change with it."""
        what = " ".join(filter(None, (told.get("policy"), told.get("version"), "is in force")))
        now = self.clock.now()
        with self.store.transaction() as txn:
            outcomes.add_change(txn, {"kind": "policy", "app": None, "what": plain_line(what), "told_by": by}, now, now)

    def _move(self, asked: AcceptFinding, call: Call, known: str, wanted: str) -> dict[str, Any]:
        def carried_out(_: Transaction) -> dict[str, Any]:
            found = self._state(asked.id)
            if found != known:
                raise UsageError(f"finding {asked.id} is {found}; only one that is {known} can become {wanted}")
            with self.store.transaction() as txn:
                now = self.clock.now()
                outcomes.set_finding_state(txn, asked.id, wanted, call.actor.name, asked.reason.strip(), now)
            return {"id": asked.id, "state": wanted}

        told: dict[str, Any] = self.commands.carry_out(call, asked, carried_out, asked.reason.strip())
        return told

    def _state(self, finding: str) -> str:
        rows = self.store.frame("SELECT coalesce(state, 'expired') AS state FROM base.findings WHERE id = ?", [finding])
        if rows.is_empty():
            raise NotFound(finding)
        return str(rows["state"][0])
