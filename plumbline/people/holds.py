"""Legal holds: what they keep from erasure and from retention, who answers for each, and which are past due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.errors import NotFound, OnHold, UsageError
from monitor.state import Transaction, holds, people
from monitor.state.holds import Hold
from monitor.store.opening import Store
from monitor.store.removal.age_limits import Held
from monitor.store.removal.held import traces_of
from monitor.wording import minute
from plumbline.api.call import Call, token_owner
from plumbline.api.hold_questions import AddHold, ReleaseHold
from plumbline.people.commands import Commands

LATELY: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Holds:
    """The holds of one data directory."""

    commands: Commands
    store: Store
    _known: dict[int, tuple[datetime, frozenset[str]]] = field(default_factory=dict, repr=False)

    def listed(self) -> list[dict[str, Any]]:
        """Return every hold, with whether it is past due."""
        now = self.commands.record.clock.now()
        with self.commands.record.state.transaction() as txn:
            told = holds.listed(txn)
        return [row | {"past_due": row["released_at"] is None and row["until"] <= now} for row in told]

    def counted(self) -> dict[str, int]:
        """Return how many holds stand, and how many of them are past due."""
        now, standing = self.commands.record.clock.now(), self._standing()
        return {"standing": len(standing), "past_due": sum(hold.until <= now for hold in standing)}

    def add(self, call: Call, asked: AddHold, forms: frozenset[str]) -> dict[str, Any]:
        """Hold what is known by `forms`. Raises `UsageError` for an unknown owner, or an end that is over."""
        now = self.commands.record.clock.now()
        if asked.until <= now:
            raise UsageError("a hold ends after today; write a later date")

        def hold(txn: Transaction) -> dict[str, Any]:
            if asked.owner != token_owner().name and people.named(txn, asked.owner) is None:
                raise UsageError(
                    f"{asked.owner}: there is nobody of this name to own a hold (see `plumbline people list`)"
                )
            return {
                "number": holds.add(
                    txn, asked.kind, forms, asked.owner, asked.reason.strip(), asked.until, call.actor.name, now
                )
            }

        told: dict[str, Any] = self.commands.carry_out(call, asked, hold, asked.reason.strip())
        return told

    def release(self, call: Call, asked: ReleaseHold) -> dict[str, Any]:
        """Let go of one hold. Raises `NotFound`."""

        def let_go(txn: Transaction) -> dict[str, Any]:
            if not holds.release(txn, asked.number, call.actor.name, self.commands.record.clock.now()):
                raise NotFound(f"hold {asked.number}")
            return {"released": asked.number}

        told: dict[str, Any] = self.commands.carry_out(call, asked, let_go)
        return told

    def held(self, *, lately: bool = False) -> Held:
        """Return what is kept whatever its age; with `lately`, traces that are new to a held subject may be missing for a minute."""
        standing, traces = self._standing(), self._lately if lately else self._traces

        def forms(kind: str) -> frozenset[str]:
            return frozenset().union(*(hold.forms for hold in standing if hold.kind == kind))

        return Held(frozenset().union(*map(traces, standing)), forms("user"), forms("session"), forms("app"))

    def allow(self, kind: str, forms: Sequence[str]) -> None:
        """Raise `OnHold` where erasing what is known by `forms` would reach evidence; nothing is erased then."""
        standing = self._standing()
        if not standing:
            return
        reached = traces_of(self.store, kind, forms)
        for hold in standing:
            if (hold.kind == kind and hold.forms & set(forms)) or self._traces(hold) & reached:
                raise OnHold(
                    f"nothing was erased: part of it is on hold {hold.id} until {minute(hold.until)}, owner {hold.owner}: "
                    f"{hold.reason} (plumbline hold release {hold.id} lets it go)"
                )

    def _standing(self) -> list[Hold]:
        with self.commands.record.state.transaction() as txn:
            return holds.standing(txn)

    def _lately(self, hold: Hold) -> frozenset[str]:
        """Looking is a scan, and loading asks several times a second."""
        now = self.commands.record.clock.now()
        known = self._known.get(hold.id)
        if known is None or now - known[0] >= LATELY:
            known = self._known[hold.id] = (now, self._traces(hold))
        return known[1]

    def _traces(self, hold: Hold) -> frozenset[str]:
        return traces_of(self.store, hold.kind, sorted(hold.forms))
