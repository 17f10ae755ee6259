"""The agent: owner of the telemetry store and the control state; loads, runs the cycle, delivers, answers the api.

`Agent` is the same object whether it serves a running installation (`plumbline.service`) or one command on a data
directory at rest (`plumbline.opening`): what the CLI can ask of one, it can ask of the other.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from alerts.desk import AlertDesk
from collectors.redaction.redact import redactor_for
from monitor.backup import backup_due, let_go, take_backup
from monitor.clock import Clock, FakeClock
from monitor.config.durations import parse_duration
from monitor.config.schema import Settings
from monitor.cycle import lags, run_cycle
from monitor.diagnosis.gather import sources
from monitor.drift.evidently_report import render_report
from monitor.errors import NotFound
from monitor.explaining import explain
from monitor.health import Health
from monitor.judges.queue import JudgeQueue
from monitor.places import Places, address_or
from monitor.policy.schema import Policy
from monitor.privacy.keyed import install_key
from monitor.privacy.stored_ids import as_trace, stored_forms
from monitor.recent import Recent
from monitor.removal.erasure import finish_erasure
from monitor.removal.retention import EVERY, Disk, Retained, described, retain
from monitor.replay import Plan, run_replay
from monitor.rolling import FourWeeks
from monitor.state.public import PublicTables
from monitor.steps import House
from monitor.store.finishing.finish import finish
from monitor.store.load import Loaded, came, pump
from monitor.store.maintain import maintain
from monitor.store.opening import Store
from monitor.store.pages import read_page
from monitor.store.prices import shipped
from monitor.store.reads import damaged_lately, holdings, ledger_sums
from monitor.store.removal.age_limits import KEEP_ALL, Limits, limits_at
from monitor.store.removal.erase import Wanted, erase_rows
from monitor.store.removal.retain import gone_before, progress
from monitor.store.user_sql.readers import Answered, Readers
from monitor.store.verify import problems
from plumbline.api.call import Progress
from plumbline.api.questions import ErasedKind
from plumbline.grading_watch import GradingWatch
from plumbline.labels import LabelBook
from plumbline.people.access import Access
from plumbline.reviews.erring import errors_now
from plumbline.reviews.tables import review_tables
from plumbline.rule_files import RuleFiles

_log = logging.getLogger("plumbline.agent")

SQL_TIMEOUT_S = 30.0
MB = 1_000_000


@dataclass
class Agent:
    """One data directory, its rules and its owner. Calls may come from any thread."""

    settings: Settings
    places: Places
    clock: Clock
    store: Store
    desk: AlertDesk
    policies: Sequence[Policy]
    readers: Readers
    health: Health
    access: Access
    files: RuleFiles
    watch: GradingWatch
    judges: JudgeQueue
    rates: FourWeeks
    recent: Recent = field(default_factory=Recent)
    stopping: threading.Event = field(default_factory=threading.Event)
    loading: threading.Lock = field(default_factory=threading.Lock)
    cycling: threading.Lock = field(default_factory=threading.Lock)
    replaying: threading.Lock = field(default_factory=threading.Lock)
    labelling: threading.Lock = field(default_factory=threading.Lock)  # nobody labels what is being erased; taken last
    keeping: threading.Lock = field(default_factory=threading.Lock)  # files are rewritten by one at a time; taken first

    def load(self, *, flush: bool = False) -> dict[str, int]:
        """Bring what the collectors acknowledged into the store and finish the traces that have settled."""
        return {**asdict(self.take()), "turns": self.finish(flush=flush)}

    def take(self) -> Loaded:
        """Bring what the collectors acknowledged into the store."""
        own, listed = self.settings, shipped().models if self.settings.list_prices else {}
        with self.loading:
            return pump(self.store, self.places.spool, own.prices, self._limits(), listed, self.stopping.is_set)

    def finish(self, *, flush: bool = False) -> int:
        """Finish the traces that have settled, with `flush` all; return how many turns were written."""
        own, now, infer = self.settings.agent, self.clock.now(), self.settings.experiments.infer
        bounds = parse_duration(own.settle), parse_duration(own.settle_without_root)
        with self.loading:
            return finish(self.store, now, *bounds, infer, flush=flush, stopping=self.stopping.is_set)

    def cycle(self) -> dict[str, int]:
        """Run the cycle once; a second call waits for the first."""
        with self.cycling:
            self.policies = self.files.look(self.policies)
            self.desk = self.desk.under(self.files.take_mended())
            heard, self.recent.errors = self.labels(), errors_now(self.desk.state, self.clock.now())
            house = self._house(self.store, self.clock, self.desk)
            live = replace(house, health=self.health, stopping=self.stopping.is_set, labels=heard, recent=self.recent)
            with self.watch.cycle(self.policies):
                return run_cycle(live)

    def deliver(self) -> int:
        """Say what of ours is not well, which needs no cycle, and send the notifications that are due."""
        now = self.clock.now()
        self.desk.tell_unwell(self.health.sentences() | damaged_lately(self.store, now) | self.watch.unwell(), now)
        return self.desk.deliver()

    def maintain(self) -> None:
        """Finish erasures, checkpoint, and let go of spool segments that are loaded and old enough."""
        self.finish_erasure()
        with self.keeping:
            maintain(self.store, self.places.spool, parse_duration(self.settings.agent.keep_spool))

    def retain(self) -> Retained:
        """Remove what is older than it may be kept, once an hour however often this is called; other rewriting waits."""
        now, kept = self.clock.now(), self.settings.agent.retention
        with self.keeping:
            if not progress(self.store).due(now, EVERY):
                return Retained()
            salt, book = secrets.token_hex(16), self.labels()
            done = retain(self.store, self.places, kept, now, self._disk(), salt, book.age, self.access.holds.held())
            self.load()  # what is still to come into the store is not gone
            self.access.let_go(self._limits())  # before anybody erases: what is gone now is gone with its age
        if done.removed or done.rewritten:
            self.readers.forget()
        if done.lacking:
            _log.warning("retention: %d MB more free disk are needed to rewrite the store", done.lacking // MB + 1)
        return done

    def _disk(self) -> Disk:
        return Disk(lambda folder: shutil.disk_usage(folder).free, self.settings.collector.min_free_mb * MB)

    def _limits(self, *, gone: bool = False) -> Limits:
        """What is not kept by the settings; with `gone`, also what runs under other settings have removed."""
        limits = limits_at(self.settings.agent.retention, self.clock.now())
        if limits != KEEP_ALL:
            limits = replace(limits, held=self.access.holds.held(lately=True))  # loading looks further itself
        return gone_before(self.store, limits) if gone else limits

    def _house(self, store: Store, clock: Clock, desk: AlertDesk | None) -> House:
        return House(store, self.settings, self.policies, clock, desk)

    def status(self) -> dict[str, Any]:
        """Return how far everything is, ready to be JSON."""
        return {
            "ready": not self.health.unwell(),
            "unwell": self.health.told(),
            "steps": lags(replace(self._house(self.store, self.clock, None), health=self.health)),
            "collector": address_or(self.places, "collector", self.settings.collector.otlp_http),
            **holdings(self.store),
            "ledger": ledger_sums(self.store),
            "families": came(self.store),
            "baseline_first": self.settings.drift.baseline.first,
            "policies": [
                {"id": p.id, "version": p.version, "hash": p.hash, "rules": [r.id for r in p.rules]}
                for p in self.policies
            ],
            "alerts": self.desk.counts(),
            **self.access.counted(),
            "retention": described(self.store, self.places, self.settings.agent.retention, self._disk()),
        }

    def sql(self, text: str, max_rows: int) -> Answered:
        """Return the rows of one SELECT, read by a process of its own from a snapshot. Raises `BadSql`."""
        return self.readers.ask(text, max_rows=max_rows, timeout_s=SQL_TIMEOUT_S, extra=self._tables().read_by(text))

    def _tables(self) -> PublicTables:
        told = self.desk.tables() | review_tables(self.desk.state)
        return told | self.access.record.public() | self.labels().public()

    def labels(self) -> LabelBook:
        """Return what people said of turns, and the door for more."""
        return LabelBook(self.desk.state, self.store, self.policies, self._redacted, self.clock, self.labelling)

    def _redacted(self, text: str, trace_id: str) -> str:
        return redactor_for(self.settings.collector, install_key(self.places.root)).text(text, trace_id)

    def page(self, name: str, params: Mapping[str, str]) -> pa.Table:
        """Return a named read of the dashboard; who looks for a user or session may give the id as the application knows it."""
        return read_page(self.store, name, params, self.desk.tables(), self._forms)

    def _forms(self, given: str) -> frozenset[str]:
        return stored_forms(install_key(self.places.root), given, self._redacted(given, ""))

    def sources(self, params: Mapping[str, str]) -> dict[str, Any]:
        """Return every source of a window with its facts and problems. Raises `UsageError`."""
        return sources(self.store, params, self.clock.now(), self._limits(gone=True).content)

    def settle(self) -> dict[str, int]:
        """Load everything that was acknowledged and finish every trace, without waiting for late spans."""
        return self.load(flush=True)

    def replay(
        self, start: datetime, end: datetime, step: timedelta, notify: bool, progress: Progress
    ) -> dict[str, Any]:
        """Return what the cycle would have told over stored history; merged into the store, told to nobody."""
        self.settle()
        plan = Plan(start, end, step, self._limits(gone=True).content)
        told = self.desk if notify else self.desk.rehearsal()

        def furnish(scratch: Store, clock: FakeClock) -> House:
            return self._house(scratch, clock, told)

        with self.replaying:  # an erasure waits: what was copied out before it must not be merged after it
            findings, added = run_replay(self.store, furnish, plan, progress)
        said = {"messages": [], "held": []} if notify else told.rehearsed()
        return {"findings": findings, "alerts": told.history(), "added": added, **said}

    def explain(self, subject: str) -> list[str]:
        """Return why, in lines, of a finding, an alert or a trace. Raises `NotFound`."""
        if not (lines := self.desk.explain(subject) or explain(self.store, self.policies, subject)):
            raise NotFound(subject)
        return lines

    def report(self, finding_id: str) -> Path:
        """Return the side-by-side report of a finding, rendered by a child process the first time."""
        return render_report(self.store, finding_id, self.places.root / "reports")

    def forms_of(self, kind: ErasedKind, given: str) -> frozenset[str]:
        """Return every way in which the id of a user, session, trace or app may be written down here."""
        if kind in {"user", "session"}:
            return self._forms(given)
        return frozenset([as_trace(given) if kind == "trace" else given])

    def erase(self, kind: ErasedKind, given: str, sure: Callable[[], object] = lambda: None) -> dict[str, int]:
        """Remove everything of one user, session, trace or app, from every file, while all else waits; return rows per table.

        `sure` raises what forbids it, once nobody can change that any more.
        """
        key, forms = install_key(self.places.root), self.forms_of(kind, given)
        self.load()  # what is not loaded yet could not be found
        with self.keeping, self.replaying, self.loading, self.cycling, self.labelling:
            sure()
            self.access.holds.allow(kind, sorted(forms))
            removed = erase_rows(self.store, Wanted(kind, forms), key)
            if kind == "app":
                removed["alerts"] = self.desk.forget(given)
            finish_erasure(self.store, self.places, key, self.desk)
        self.readers.forget()
        return removed

    def backup(self, folder: Path, progress: Progress) -> Path:
        """Take a backup into `folder`; loading, the cycle and whatever rewrites files wait while the stores are copied."""

        @contextmanager
        def still() -> Iterator[None]:
            with self.replaying, self.loading, self.cycling:
                yield

        with self.keeping:
            return take_backup(self.store, self.desk.state, self.places, folder, still, progress)

    def back_up(self) -> None:
        """Take the backup that the settings ask for, when it is due; let go of those beyond the number that is kept."""
        asked = self.settings.agent.backup
        if asked.folder and backup_due(Path(asked.folder), parse_duration(asked.every), self.clock.now()):
            self.backup(Path(asked.folder), lambda _, __: None)
            let_go(Path(asked.folder), asked.keep)

    def finish_erasure(self) -> bool:
        """Go on with an erasure that was interrupted, or that late rows call for; return whether there was one."""
        with self.keeping, self.replaying, self.loading, self.cycling, self.labelling:
            done = finish_erasure(self.store, self.places, install_key(self.places.root), self.desk)
        if done:
            self.readers.forget()
        return done

    def check(self) -> list[str]:
        """Return what is wrong with the store."""
        return problems(self.store)

    def close(self) -> None:
        """Let go of the data directory."""
        self.readers.forget()
        self.desk.close()
        self.store.close()
