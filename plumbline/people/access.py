"""Everything about people that one agent has: who they are, how they sign in, and the record of what they did."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.clock import Clock
from monitor.config.durations import parse_duration
from monitor.config.schema import Settings
from monitor.state import ControlState
from monitor.store.opening import Store
from monitor.store.removal.age_limits import Limits
from plumbline.api.call import Actor
from plumbline.people.addresses import guard_of, redirect_of
from plumbline.people.commands import Commands
from plumbline.people.erasures import Requests
from plumbline.people.holds import Holds
from plumbline.people.notes import Notes
from plumbline.people.provider import Provider
from plumbline.people.record import Record
from plumbline.people.register import Register
from plumbline.people.sign_in import SignIn


@dataclass(frozen=True)
class Access:
    """The people of one data directory."""

    register: Register
    record: Record
    sign_in: SignIn
    commands: Commands
    holds: Holds

    @property
    def notes(self) -> Notes:
        """What people wrote beside findings and traces."""
        return Notes(self.commands)

    @property
    def erasures(self) -> Requests:
        """What people ask to be erased."""
        return Requests(self.commands, self.holds.store)

    def counted(self) -> dict[str, dict[str, int]]:
        """Return how many holds stand and are past due, and how many requests to erase wait."""
        return {"holds": self.holds.counted(), "erasures": {"waiting": self.erasures.waiting()}}

    def let_go(self, limits: Limits) -> None:
        """Take away what people wrote of traces and findings that are no longer kept."""
        self.notes.let_go(limits)
        self.erasures.let_go(limits)

    def sign_out(self, actor: Actor) -> dict[str, bool]:
        """End the session that `actor` shows, on record. Raises `UsageError` where it shows something else."""
        with self.record.state.transaction() as txn:
            ended = self.register.end_session(txn, actor)
            self.record.within(txn, actor, "signout", "", change=({"sessions": 1}, {"sessions": 0}))
        return ended


def access_of(settings: Settings, state: ControlState, store: Store, key: bytes, clock: Clock) -> Access:
    """Return who has access to what is behind `state`; `key` is the key of the installation."""
    asked = settings.people
    record = Record(state, key, clock)
    commands = Commands(record)
    sign_in = SignIn(state, record, clock, asked, parse_duration(asked.session), _provider(settings, clock))
    return Access(Register(state, clock, parse_duration(asked.idle)), record, sign_in, commands, Holds(commands, store))


def _provider(settings: Settings, clock: Clock) -> Provider | None:
    if settings.people.oidc.issuer is None:
        return None
    return Provider(settings.people.oidc, redirect_of(settings), guard_of(settings), clock)
